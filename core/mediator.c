/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/mediator.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "core/audit.h"
#include "core/console.h"
#include "core/recall.h"
#include "core/figures.h"
#include "core/grant.h"

/* The same for every reason, also for names that do not exist: it tells a container nothing. */
static const char denied_text[] = "The policy of this bus does not allow this";

void postern_mediator_init(struct postern_mediator *mediator, const struct postern_host *host, uint32_t flags,
                           struct postern_settings *settings)
{
    *mediator = (struct postern_mediator){.host = host, .flags = flags, .settings = *settings};
    *settings = (struct postern_settings){0};
    mediator->doors[POSTERN_PLACE_CONTAINER] = (struct postern_door_slot){.fn = postern_door_container, .door = mediator, .fix = postern_door_container_fix};
    postern_cache_init(&mediator->cache);
    postern_writer_init(&mediator->reply);
    postern_writer_init(&mediator->facts);
}

void postern_mediator_finish(struct postern_mediator *mediator)
{
    struct postern_instance *instance, *next;

    HASH_ITER(hh, mediator->instances, instance, next)
    postern_instance_free(instance);
    postern_settings_finish(&mediator->settings);
    postern_services_free(mediator->services);
    postern_cache_finish(&mediator->cache);
    postern_writer_free(&mediator->reply);
    postern_writer_free(&mediator->facts);
}

void postern_mediator_reconfigure(struct postern_mediator *mediator, struct postern_settings *settings)
{
    struct postern_settings old = mediator->settings;
    struct postern_instance *instance, *next;

    mediator->settings = *settings;
    *settings = (struct postern_settings){0};
    HASH_ITER(hh, mediator->instances, instance, next)
    instance->site_rules = postern_settings_rules(&mediator->settings, instance->type, instance->name);
    for (struct postern_party *party = mediator->parties; party != NULL; party = party->hh.next)
        if (party->authenticated)
            party->at_console = postern_console_has(mediator, party->uid);
    postern_cache_flush(&mediator->cache);
    /* Whoever loses a name is told, and others are: those messages are already for the new rules to decide. */
    HASH_ITER(hh, mediator->instances, instance, next)
    postern_instance_enforce_names(instance);
    postern_settings_finish(&old);
}

void postern_mediator_log(const struct postern_mediator *mediator, int priority, const char *format, ...)
{
    struct postern_error line; /* whose setter keeps control characters out of the log */
    char text[sizeof(line.text)];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    postern_error_set(&line, 0, "%s", text);
    mediator->host->log(mediator->host->data, priority, line.text);
}

/* A unicast message from outside makes its sender visible to the container that gets it. */
static bool is_news(const struct postern_request *request)
{
    const struct postern_party *from = request->from, *to = request->to;

    return request->action == POSTERN_ACTION_SEND && from != NULL && to != NULL &&
           (request->flags & POSTERN_REQUEST_BROADCAST) == 0 && postern_instance_is_ruled(to->instance) &&
           from->instance != to->instance && !postern_instance_was_contacted(to->instance, from);
}

/* What goes into the header, besides what the sender wrote and its name: nothing, nothing but its container, or who knows what. */
static inline uint32_t header_flags(const struct postern_request *request)
{
    const struct postern_party *from = request->from, *to = request->to;

    if (from == NULL || to == NULL || to->facts_asked != 0)
        return 0;
    if (from->instance != NULL && !from->mediator->settings.header_on_request)
        return POSTERN_VERDICT_NO_FACTS | POSTERN_VERDICT_INSTANCE;
    return POSTERN_VERDICT_NO_FACTS | (to->wants_header ? 0 : POSTERN_VERDICT_PLAIN);
}

static const char *or_none(const struct postern_view *view)
{
    return view->data != NULL ? view->data : "(none)";
}

/* Apart from mediate(), of which it would be the larger part. */
static const char *denial_text(struct postern_mediator *mediator, const struct postern_request *request, const struct postern_decision *decision)
    __attribute__((noinline));

/* An uncontained sender is told what was refused, and by which line of the configuration: it could read the file as well. Of a
 * security module it hears that it was so, and looks into the records for the rest. */
static const char *denial_text(struct postern_mediator *mediator, const struct postern_request *request,
                               const struct postern_decision *decision)
{
    const struct postern_rule_ref *rule = &decision->opinion.rule;
    const struct postern_message *m = request->message;
    char *text = mediator->reply_error, where[300] = "no rule allows it";

    if (request->from == NULL || request->from->instance != NULL || decision->door == POSTERN_DOOR_CONTAINER || decision->door == POSTERN_DOOR_NONE)
        return denied_text;
    if (decision->door == POSTERN_DOOR_LSM)
        snprintf(where, sizeof(where), "%s", decision->opinion.why);
    if (rule->kind == POSTERN_RULE_FILE)
        snprintf(where, sizeof(where), "%s:%u", rule->file, rule->line);
    if (m != NULL)
        snprintf(text, sizeof(mediator->reply_error), "%s: destination=%s interface=%s member=%s (%s)", denied_text,
                 or_none(&m->destination), or_none(&m->interface), or_none(&m->member), where);
    else if (request->name.data != NULL)
        snprintf(text, sizeof(mediator->reply_error), "%s: name=%s (%s)", denied_text, request->name.data, where);
    else
        snprintf(text, sizeof(mediator->reply_error), "%s (%s)", denied_text, where);
    return text;
}

/* Does somebody hear of it, be it the log, or who watches? Of nearly everything that passes nobody wants to. */
static bool is_told(const struct postern_mediator *mediator, const struct postern_decision *decision)
{
    return !decision->quiet || (mediator->flags & POSTERN_OPTION_LOG_ALL) != 0 || postern_watch_wants(&mediator->watching, false);
}

/* Answers with what was decided before; NULL: with what is decided now. */
static int answer(struct postern_mediator *mediator, const struct postern_request *request, const struct postern_decision *decision,
                  struct postern_verdict *verdict) __attribute__((noinline));

static int answer(struct postern_mediator *mediator, const struct postern_request *request, const struct postern_decision *decision,
                  struct postern_verdict *verdict)
{
    struct postern_decision room;

    if (decision == NULL)
        decision = postern_decide_anew(mediator, request, &room);
    postern_figures_count(request, decision);
    if (is_told(mediator, decision))
        postern_audit_decision(mediator, request, decision);
    *verdict = (struct postern_verdict){.size = verdict->size, .allowed = decision->allowed};
    if (decision->allowed) {
        verdict->flags = (is_news(request) ? POSTERN_VERDICT_TELL_DELIVERED : 0) | header_flags(request);
    } else {
        verdict->door = decision->door;
        verdict->error_name = "org.freedesktop.DBus.Error.AccessDenied";
        verdict->error_text = denial_text(mediator, request, decision);
    }
    return 0;
}

/* A message passes that comes out of a container, or goes into one. */
static int pass_contained(const struct postern_request *request, struct postern_verdict *verdict) __attribute__((noinline));

static int pass_contained(const struct postern_request *request, struct postern_verdict *verdict)
{
    struct postern_instance *from = request->from != NULL ? request->from->instance : NULL;
    struct postern_instance *to = request->to != NULL ? request->to->instance : NULL;

    if (from != NULL)
        postern_figures_sent(&from->figures, request->message);
    if (to != NULL)
        postern_figures_received(&to->figures, request->message);
    *verdict = (struct postern_verdict){.size = verdict->size, .allowed = 1, .flags = header_flags(request)};
    if (to != NULL && is_news(request))
        verdict->flags |= POSTERN_VERDICT_TELL_DELIVERED;
    return 0;
}

/* Nearly every message passes as the one before, and nobody is to be told: that is what stands here. */
int postern_mediator_mediate(struct postern_mediator *mediator, const struct postern_request *request,
                             struct postern_verdict *verdict)
{
    const struct postern_decision *kept;
    int r = postern_request_check(request);

    if (postern_abi_check(verdict, verdict->size, sizeof(*verdict)) == -EINVAL)
        return -EINVAL;
    if (r < 0)
        return r;
    if (mediator->lost_grants != NULL && request->from != NULL)
        postern_grants_settle(mediator); /* whoever had to be told of the names has been */
    kept = postern_recall(mediator, request);
    if (kept == NULL || is_told(mediator, kept))
        return answer(mediator, request, kept, verdict);
    if ((request->from != NULL && request->from->instance != NULL) || (request->to != NULL && request->to->instance != NULL))
        return pass_contained(request, verdict);
    *verdict = (struct postern_verdict){.size = verdict->size, .allowed = 1, .flags = header_flags(request)};
    return 0;
}
