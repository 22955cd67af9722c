/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What AppArmor's D-Bus rules say of a request: apparmor.d(5), "DBus rules". */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#include "backends/apparmor/state.h"
#include "core/decide.h"
#include "util/hash.h"
#include "wire/name.h"

/* ---- one question ------------------------------------------------------------------------------------- */

/* Says once that D-Bus rules mean nothing for this profile. */
static void tell_unmediated(struct postern_apparmor *apparmor, const struct postern_apparmor_label *label)
{
    uint64_t hash = postern_hash(label->data, label->len);

    for (size_t i = 0; i < apparmor->n_told; i++)
        if (apparmor->told[i] == hash)
            return;
    if (apparmor->n_told == sizeof(apparmor->told) / sizeof(apparmor->told[0]))
        return; /* so many profiles have the same cause, which the log has by now */
    apparmor->told[apparmor->n_told++] = hash;
    postern_mediator_log(apparmor->mediator, LOG_WARNING,
                         "AppArmor does not mediate D-Bus for the profile \"%.*s\", whatever its rules say: the policy was compiled without "
                         "what this kernel mediates D-Bus by (docs/lsm.md)",
                         (int)label->len, label->data);
}

/* Do D-Bus rules hold for this label at all? In mode required an unmediated profile may do nothing. */
static bool is_mediated(struct postern_apparmor *apparmor, const struct postern_apparmor_label *label, struct postern_opinion *opinion)
{
    int r = postern_apparmor_mediates(apparmor, label);

    if (r != 0)
        return true; /* an error meets the question itself, too */
    tell_unmediated(apparmor, label);
    if (apparmor->mediator->settings.apparmor != POSTERN_SETTINGS_APPARMOR_REQUIRED)
        return true;
    opinion->why = "AppArmor is required, and does not mediate D-Bus for this profile";
    return false;
}

static bool is_reply(const struct postern_request *request)
{
    const struct postern_message *m = request->message;

    return m != NULL && (m->type == POSTERN_MESSAGE_METHOD_RETURN || m->type == POSTERN_MESSAGE_ERROR);
}

/* Asks one question and adds its finding; false: it is a deny. */
static bool ask(struct postern_apparmor *apparmor, const struct postern_request *request, struct postern_apparmor_query *query,
                const struct postern_apparmor_label *label, uint8_t end, struct postern_opinion *opinion)
{
    bool allow = false, audit = true;
    struct postern_finding *finding = &opinion->findings[opinion->n_findings];

    if (!is_mediated(apparmor, label, opinion))
        return false;
    *finding = (struct postern_finding){.permission = query->mask, .end = end};
    finding->error = postern_apparmor_ask(apparmor, query, &allow, &audit);
    /* A profile in complain mode passes whatever its policy says, and the record tells what it would have said. */
    finding->lenient = finding->error == 0 && !allow && label->mode == POSTERN_LABEL_COMPLAINING;
    finding->allowed = finding->error == 0 && (allow || finding->lenient);
    /* The policy has no word for replies, hence no record either: it would teach wrong rules. */
    if ((audit || finding->error != 0) && !is_reply(request))
        opinion->n_findings++;
    return finding->allowed;
}

/* ---- the actions ------------------------------------------------------------------------------------------ */

static void deny(struct postern_opinion *opinion, uint8_t end, const char *rule, const char *why)
{
    opinion->kind = POSTERN_OPINION_DENY;
    opinion->end = end;
    opinion->rule = (struct postern_rule_ref){.kind = POSTERN_RULE_LABELS, .file = rule};
    if (opinion->why == NULL)
        opinion->why = why;
}

static void allow_it(struct postern_opinion *opinion, const char *rule)
{
    opinion->kind = POSTERN_OPINION_ALLOW;
    opinion->rule = (struct postern_rule_ref){.kind = POSTERN_RULE_LABELS, .file = rule};
}

static void add_view(struct postern_apparmor_query *query, const struct postern_view *view)
{
    postern_apparmor_query_add(query, view->data, view->len);
}

/* May the one end send to, or receive from, the other, which is known by `name` and `other`? */
static bool ask_message(struct postern_apparmor *apparmor, const struct postern_request *request, uint32_t mask,
                        const struct postern_apparmor_label *label, const struct postern_view *name,
                        const struct postern_apparmor_label *other, struct postern_opinion *opinion)
{
    static const struct postern_view bus = {.data = POSTERN_DRIVER_NAME, .len = sizeof(POSTERN_DRIVER_NAME) - 1};
    struct postern_apparmor_query query;

    postern_apparmor_query_begin(&query, mask, label, apparmor->mediator->settings.bus_type);
    add_view(&query, name->data != NULL ? name : &bus); /* a broadcast is sent to the bus */
    postern_apparmor_query_add(&query, other->data, other->len);
    add_view(&query, &request->message->path);
    add_view(&query, &request->message->interface);
    add_view(&query, &request->message->member);
    return ask(apparmor, request, &query, label, mask == AA_DBUS_SEND ? POSTERN_END_SENDER : POSTERN_END_RECEIVER, opinion);
}

/* What the questions of a message are made of, besides the labels; everything, when the answers cannot be kept. */
static uint8_t ignored(const struct postern_apparmor *apparmor, const struct postern_apparmor_label *from, const struct postern_apparmor_label *to)
{
    uint8_t looked = POSTERN_LOOKS_POLICY | POSTERN_LOOKS_PATH | POSTERN_LOOKS_INTERFACE | POSTERN_LOOKS_MEMBER;

    if (!postern_apparmor_can_keep(apparmor, from->data, from->len) || !postern_apparmor_can_keep(apparmor, to->data, to->len))
        return 0;
    if (from->mode == POSTERN_LABEL_UNCONFINED && to->mode == POSTERN_LABEL_UNCONFINED)
        return POSTERN_LOOKS_ALL;
    looked |= from->mode != POSTERN_LABEL_UNCONFINED ? POSTERN_LOOKS_DESTINATION : 0;
    looked |= to->mode != POSTERN_LABEL_UNCONFINED ? POSTERN_LOOKS_SENDER : 0;
    return (uint8_t)(POSTERN_LOOKS_ALL & ~looked);
}

/* Both ends are asked even when the first denies: whoever learns rules from the records learns both at once. */
static void check_message(struct postern_apparmor *apparmor, const struct postern_request *request, struct postern_opinion *opinion)
{
    struct postern_apparmor_label from = postern_apparmor_label_of(apparmor, request->from), to = postern_apparmor_label_of(apparmor, request->to);
    const char *unique = request->from->unique_name;
    const struct postern_view sender = {.data = unique, .len = unique != NULL ? (uint32_t)strlen(unique) : 0};
    const char *why_not_send;
    bool may_send = true, may_receive = true;

    if (from.data == NULL || to.data == NULL) {
        deny(opinion, from.data == NULL ? POSTERN_END_SENDER : POSTERN_END_RECEIVER, "apparmor:label", "AppArmor knows no label of it");
        return;
    }
    opinion->ignores = ignored(apparmor, &from, &to);
    /* Who is unconfined is not asked: there is no policy that could answer. */
    if (from.mode != POSTERN_LABEL_UNCONFINED)
        may_send = ask_message(apparmor, request, AA_DBUS_SEND, &from, &request->message->destination, &to, opinion);
    why_not_send = opinion->why;
    opinion->why = NULL;
    if (to.mode != POSTERN_LABEL_UNCONFINED)
        may_receive = ask_message(apparmor, request, AA_DBUS_RECEIVE, &to, &sender, &from, opinion);
    if (!may_send)
        opinion->why = why_not_send;
    if (!may_send)
        deny(opinion, POSTERN_END_SENDER, "apparmor:send", "AppArmor does not let the sender send this");
    else if (!may_receive)
        deny(opinion, POSTERN_END_RECEIVER, "apparmor:receive", "AppArmor does not let the receiver receive this");
    else
        allow_it(opinion, "apparmor");
}

/* A service that does not run yet: it is taken to have the label that its file says. Whether it may receive is asked when it is there. */
static void check_activation(struct postern_apparmor *apparmor, const struct postern_request *request,
                             const struct postern_apparmor_label *from, struct postern_opinion *opinion)
{
    struct postern_view assumed = postern_request_assumed_label(request);
    const struct postern_apparmor_label to = {.data = assumed.data, .len = assumed.len};

    if (ask_message(apparmor, request, AA_DBUS_SEND, from, &request->message->destination, &to, opinion))
        allow_it(opinion, "apparmor:send");
    else
        deny(opinion, POSTERN_END_SENDER, "apparmor:send", "AppArmor does not let the sender send this to the service");
}

static void check_name(struct postern_apparmor *apparmor, const struct postern_request *request, const struct postern_apparmor_label *label,
                       struct postern_opinion *opinion)
{
    struct postern_apparmor_query query;

    postern_apparmor_query_begin(&query, AA_DBUS_BIND, label, apparmor->mediator->settings.bus_type);
    add_view(&query, &request->name);
    if (ask(apparmor, request, &query, label, POSTERN_END_SENDER, opinion))
        allow_it(opinion, "apparmor:bind");
    else
        deny(opinion, POSTERN_END_SENDER, "apparmor:bind", "AppArmor does not let it own the name");
}

static void check_monitor(struct postern_apparmor *apparmor, const struct postern_request *request,
                          const struct postern_apparmor_label *label, struct postern_opinion *opinion)
{
    struct postern_apparmor_query query;

    postern_apparmor_query_begin(&query, AA_DBUS_EAVESDROP, label, apparmor->mediator->settings.bus_type);
    if (ask(apparmor, request, &query, label, POSTERN_END_SENDER, opinion))
        allow_it(opinion, "apparmor:eavesdrop");
    else
        deny(opinion, POSTERN_END_SENDER, "apparmor:eavesdrop", "AppArmor does not let it eavesdrop");
}

/* Is there anything in the request that AppArmor has a say in? */
static bool is_mediated_action(const struct postern_request *request)
{
    switch (request->action) {
    case POSTERN_ACTION_SEND:
    case POSTERN_ACTION_RECEIVE:
        /* What the bus itself says, and what goes to nobody, has no two ends. Who may call may be answered: the one reply that the
         * caller waits for is not asked about, but for copies of it. */
        return request->from != NULL && (request->action != POSTERN_ACTION_SEND || (request->flags & POSTERN_REQUEST_REPLY) == 0) &&
               (request->to != NULL || (request->flags & POSTERN_REQUEST_TO_DRIVER) != 0);
    case POSTERN_ACTION_OWN:
        return (request->flags & POSTERN_REQUEST_RELEASE) == 0;
    case POSTERN_ACTION_ACTIVATE:
        return request->message != NULL; /* StartServiceByName has been asked about as a call to the bus */
    case POSTERN_ACTION_MONITOR:
        return true;
    default:
        return false;
    }
}

void postern_apparmor_check(void *data, const struct postern_request *request, struct postern_opinion *opinion)
{
    struct postern_apparmor *apparmor = data;
    struct postern_apparmor_label label;

    opinion->kind = POSTERN_OPINION_ABSTAIN;
    opinion->ignores = POSTERN_LOOKS_ALL;
    if (!apparmor->active || apparmor->mediator->settings.apparmor == POSTERN_SETTINGS_APPARMOR_DISABLED || !is_mediated_action(request))
        return;
    opinion->kind = POSTERN_OPINION_DENY;
    opinion->ignores = 0;
    if (request->action == POSTERN_ACTION_SEND || request->action == POSTERN_ACTION_RECEIVE) {
        check_message(apparmor, request, opinion);
        return;
    }
    label = postern_apparmor_label_of(apparmor, request->from);
    if (label.data == NULL)
        deny(opinion, POSTERN_END_SENDER, "apparmor:label", "AppArmor knows no label of it");
    else if (label.mode == POSTERN_LABEL_UNCONFINED)
        allow_it(opinion, "apparmor"); /* no policy applies to it */
    else if (request->action == POSTERN_ACTION_OWN)
        check_name(apparmor, request, &label, opinion);
    else if (request->action == POSTERN_ACTION_ACTIVATE)
        check_activation(apparmor, request, &label, opinion);
    else
        check_monitor(apparmor, request, &label, opinion);
}
