/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "core/decide.h"
#include "core/fields.h"
#include "core/watch.h"
#include "core/words.h"
#include "wire/name.h"

/* ---- a line --------------------------------------------------------------------------------------------- */

/* What does not fit is cut: the longest path a message can have is no reason to fill the disk. */
struct line {
    char text[2048];
    size_t len;
};

static void put_char(struct line *line, char c)
{
    if (line->len + 1 < sizeof(line->text))
        line->text[line->len++] = c;
    line->text[line->len] = '\0';
}

static void put_text(struct line *line, const char *text)
{
    while (*text != '\0')
        put_char(line, *text++);
}

static bool is_plain(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] >= 0x7f || s[i] == '"' || s[i] == '\\' || s[i] == '=')
            return false;
    return len > 0;
}

/* key=value; a value of other than plain characters is quoted, with \xNN for what a terminal or a parser could misread. */
static void put_bytes(struct line *line, const char *key, const char *s, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    bool plain = is_plain(s, len);

    if (line->len > 0)
        put_char(line, ' ');
    put_text(line, key);
    put_char(line, '=');
    if (!plain)
        put_char(line, '"');
    for (size_t i = 0; i < len && i < 256; i++) {
        unsigned char c = (unsigned char)s[i];

        if (plain || (c >= ' ' && c < 0x7f && c != '"' && c != '\\')) {
            put_char(line, (char)c);
        } else {
            put_text(line, "\\x");
            put_char(line, hex[c >> 4]);
            put_char(line, hex[c & 15]);
        }
    }
    if (!plain)
        put_char(line, '"');
}

static void put(struct line *line, const char *key, const char *value)
{
    if (value != NULL)
        put_bytes(line, key, value, strlen(value));
}

static void put_view(struct line *line, const char *key, const struct postern_view *view)
{
    if (view->data != NULL)
        put_bytes(line, key, view->data, view->len);
}

static void put_number(struct line *line, const char *key, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    put(line, key, text);
}

/* ---- what is in it ------------------------------------------------------------------------------------------ */

static void put_party(struct line *line, const char *key, const struct postern_party *party)
{
    char text[32];

    if (party->unique_name != NULL) {
        put(line, key, party->unique_name);
    } else {
        snprintf(text, sizeof(text), "uid:%" PRIu32, party->uid); /* before Hello */
        put(line, key, text);
    }
}

static void put_message(struct line *line, const struct postern_message *m)
{
    put(line, "type", postern_fields_type(m));
    put_view(line, "destination", &m->destination);
    put_view(line, "path", &m->path);
    put_view(line, "interface", &m->interface);
    put_view(line, "member", &m->member);
    put_view(line, "error", &m->error);
    if (m->reply_serial != 0)
        put_number(line, "reply_serial", m->reply_serial);
    if (m->fds > 0)
        put_number(line, "fds", m->fds);
}

static void put_request(struct line *line, const struct postern_request *request)
{
    const struct postern_instance *from = request->from != NULL ? request->from->instance : NULL;
    const struct postern_instance *to = request->to != NULL ? request->to->instance : NULL;

    put(line, "action", postern_words_action(request));
    if (request->from != NULL)
        put_party(line, "from", request->from);
    else
        put(line, "from", POSTERN_DRIVER_NAME);
    if (request->to != NULL)
        put_party(line, "to", request->to);
    else if ((request->flags & POSTERN_REQUEST_TO_DRIVER) != 0)
        put(line, "to", POSTERN_DRIVER_NAME);
    put(line, "from_instance", from != NULL ? from->path : NULL);
    put(line, "to_instance", to != NULL ? to->path : NULL);
    put_view(line, "name", &request->name);
    if (request->message != NULL)
        put_message(line, request->message);
}

static void put_labels(struct line *line, const struct postern_request *request)
{
    put(line, "from_label", request->from != NULL ? request->from->facts.label : NULL);
    put(line, "to_label", request->to != NULL ? request->to->facts.label : NULL);
}

/* ---- how often -------------------------------------------------------------------------------------------------- */

/* Takes one line out of the budget. The count of those that it did not cover goes with the next that it does. */
static bool may_write(struct postern_audit_budget *budget, struct line *line, struct postern_audit_event *event)
{
    if (!postern_budget_take(budget, &event->suppressed))
        return false;
    if (event->suppressed > 0)
        put_number(line, "suppressed", event->suppressed);
    return true;
}

struct budgets {
    struct postern_audit_budget *lines, *records; /* NULL: nobody's */
};

/* Whoever caused the line pays for it: the container, or the connection that is in none. */
static struct budgets budgets_of(const struct postern_request *request, const struct postern_decision *decision)
{
    const struct postern_party *party = request->from != NULL ? request->from : request->to;
    struct postern_party *paying;

    if (decision->opinion.end == POSTERN_END_RECEIVER && request->to != NULL && request->from == NULL)
        party = request->to;
    if (party == NULL)
        return (struct budgets){NULL, NULL};
    if (party->instance != NULL)
        return (struct budgets){&party->instance->budget, &party->instance->records};
    HASH_FIND(hh, party->mediator->parties, &party->host_id, sizeof(party->host_id), paying);
    return paying != NULL ? (struct budgets){&paying->budget, &paying->records} : (struct budgets){NULL, NULL};
}

/* Has this missing rule been reported in this second? */
static bool is_new_complaint(struct postern_instance *instance, const char *rule)
{
    if (rule == NULL)
        rule = "";
    if (instance->complaints == NULL)
        instance->complaints = calloc(1, sizeof(*instance->complaints));
    return instance->complaints != NULL && postern_budget_is_new(instance->complaints, postern_hash(rule, strlen(rule)));
}

/* ---- what is written ---------------------------------------------------------------------------------------------------- */

/* Hosts of version 1.0 have no fields. */
static bool takes_fields(const struct postern_host *host)
{
    return host->abi.size >= offsetof(struct postern_host, log_fields) + sizeof(host->log_fields) && host->log_fields != NULL;
}

static void write_line(const struct postern_mediator *mediator, int priority, const struct line *line, const struct postern_audit_event *event)
{
    const struct postern_host *host = mediator->host;
    struct postern_fields fields;

    if (!takes_fields(host)) {
        host->log(host->data, priority, line->text);
        return;
    }
    postern_fields_collect(&fields, event);
    host->log_fields(host->data, priority, line->text, fields.n, fields.keys, fields.values);
}

static void write_complaint(struct postern_instance *instance, const struct postern_request *request, uint8_t end)
{
    struct postern_audit_event event = {
        .verdict = "complained", .door = "container", .rule = "none", .action = postern_words_action(request), .end = end, .request = request};
    struct line line = {.len = 0};
    struct postern_buf rule = {.len = 0};

    /* Without memory the line says less. */
    if (postern_words_needed_rule(request, end, &rule) == 0 && rule.len > 0 && postern_buf_append(&rule, "", 1) == 0)
        event.needs = (const char *)rule.data;
    postern_watch_tell(instance->mediator, &event, true);
    if (is_new_complaint(instance, event.needs)) {
        put(&line, "verdict", "complained");
        put(&line, "door", "container");
        put(&line, "rule", "none");
        put(&line, "end", postern_words_end(end));
        put(&line, "instance", instance->path);
        put(&line, "needs", event.needs);
        put_request(&line, request);
        write_line(instance->mediator, LOG_NOTICE, &line, &event);
    }
    postern_buf_finish(&rule);
}

static void write_complaints(const struct postern_request *request, const struct postern_decision *decision)
{
    if ((decision->complaints & (1u << POSTERN_END_SENDER)) != 0)
        write_complaint(request->from->instance, request, POSTERN_END_SENDER);
    if ((decision->complaints & (1u << POSTERN_END_RECEIVER)) != 0)
        write_complaint(request->to->instance, request, POSTERN_END_RECEIVER);
}

void postern_audit_shown(const struct postern_party *observer, const char *name)
{
    char rule[POSTERN_NAME_MAX + 8];
    const struct postern_audit_event event = {
        .verdict = "complained", .door = "container", .rule = "none", .needs = rule, .action = "see", .name = name, .from = observer};
    struct line line = {.len = 0};

    if (name == NULL)
        return;
    snprintf(rule, sizeof(rule), "see=%s", name);
    postern_watch_tell(observer->mediator, &event, true);
    if (!is_new_complaint(observer->instance, rule))
        return;
    put(&line, "verdict", "complained");
    put(&line, "door", "container");
    put(&line, "rule", "none");
    put(&line, "instance", observer->instance->path);
    put(&line, "needs", rule);
    put(&line, "action", "see");
    put_party(&line, "from", observer);
    put(&line, "name", name);
    write_line(observer->mediator, LOG_NOTICE, &line, &event);
}

void postern_audit_refused(struct postern_mediator *mediator, struct postern_instance *instance,
                           const struct postern_peer_facts *facts, const char *why)
{
    struct postern_audit_event event = {
        .verdict = "refused", .door = "none", .why = why, .action = "connect", .to_instance = instance, .facts = facts};
    struct line line = {.len = 0};

    put(&line, "verdict", "refused");
    put(&line, "door", "none");
    put(&line, "why", why);
    put(&line, "action", "connect");
    if (facts->uid != POSTERN_PEER_UNKNOWN) {
        put_number(&line, "uid", facts->uid);
        put_number(&line, "pid", (uint64_t)facts->pid);
    }
    put(&line, "to_instance", instance != NULL ? instance->path : NULL);
    postern_watch_tell(mediator, &event, true);
    if (may_write(instance != NULL ? &instance->budget : &mediator->budget, &line, &event))
        write_line(mediator, LOG_WARNING, &line, &event);
}

/* Receivers that are not let near a broadcast are the normal case, not news. */
static bool is_worth_a_line(const struct postern_request *request, const struct postern_decision *decision)
{
    if (decision->allowed)
        return decision->log;
    return decision->log || ((request->flags & POSTERN_REQUEST_BROADCAST) == 0 && request->action != POSTERN_ACTION_RECEIVE);
}

/* A question that was faulty: nothing in it can be relied on. */
static void write_fault(struct postern_mediator *mediator, const struct postern_decision *decision)
{
    struct postern_audit_event event = {.verdict = "denied", .door = "none", .why = decision->opinion.why};
    struct line line = {.len = 0};

    if (!may_write(&mediator->budget, &line, &event))
        return;
    put(&line, "verdict", "denied");
    put(&line, "door", "none");
    put(&line, "why", decision->opinion.why);
    write_line(mediator, LOG_WARNING, &line, &event);
}

/* The line and the fields of a decision, but for how many others were suppressed. */
static void describe(const struct postern_request *request, const struct postern_decision *decision, char rule[POSTERN_WORDS_RULE_MAX],
                     struct postern_audit_event *event, struct line *line)
{
    *event = (struct postern_audit_event){
        .verdict = decision->allowed ? "allowed" : "denied",
        .door = postern_words_door(decision->door),
        .rule = postern_words_rule(&decision->opinion.rule, rule),
        .why = decision->opinion.why,
        .action = postern_words_action(request),
        .end = decision->opinion.end,
        .request = request,
    };
    put(line, "verdict", event->verdict);
    put(line, "door", event->door);
    put(line, "rule", event->rule);
    put(line, "end", postern_words_end(event->end));
    put(line, "why", event->why);
    put_request(line, request);
    if (decision->opinion.rule.kind == POSTERN_RULE_LABELS)
        put_labels(line, request);
}

/* What the tools of a security module are to find goes where they look, and has a budget of its own: lines in the log take nothing from it. */
static void report_findings(struct postern_mediator *mediator, const struct postern_request *request, const struct postern_decision *decision)
{
    struct postern_audit_budget *budget = decision->n_findings > 0 ? budgets_of(request, decision).records : NULL;

    for (uint8_t i = 0; i < decision->n_findings; i++) {
        const struct postern_finding *finding = &decision->findings[i];
        const struct postern_door_slot *slot = &mediator->doors[finding->place];
        uint64_t suppressed = 0;

        if (slot->report == NULL || (budget != NULL && !postern_budget_take(budget, &suppressed)))
            continue;
        slot->report(slot->door, request, finding);
        if (suppressed > 0)
            postern_mediator_log(mediator, LOG_NOTICE, "%" PRIu64 " records of security modules about what %s caused were suppressed", suppressed,
                                 request->from != NULL && request->from->unique_name != NULL ? request->from->unique_name : "the bus");
    }
}

/* Who watches is also told which rule of a container would have let it pass. */
static void tell_watchers(struct postern_mediator *mediator, const struct postern_decision *decision, struct postern_audit_event *event, bool news)
{
    struct postern_buf needs = {.len = 0};

    if (!decision->allowed && decision->door == POSTERN_DOOR_CONTAINER &&
        postern_door_container_fix(mediator, event->request, &decision->opinion, &needs) == 0 && needs.len > 0 &&
        postern_buf_append(&needs, "", 1) == 0)
        event->needs = (const char *)needs.data;
    postern_watch_tell(mediator, event, news);
    event->needs = NULL;
    postern_buf_finish(&needs);
}

/* A function of its own, because most decisions are no news, and a line is large. */
static void write_decision(struct postern_mediator *mediator, const struct postern_request *request, const struct postern_decision *decision,
                           bool watched, bool news)
{
    bool all = (mediator->flags & POSTERN_OPTION_LOG_ALL) != 0;
    struct postern_audit_budget *budget;
    struct postern_audit_event event;
    struct line line = {.len = 0};
    char rule[POSTERN_WORDS_RULE_MAX];

    describe(request, decision, rule, &event, &line);
    if (watched)
        tell_watchers(mediator, decision, &event, news);
    if (!all && !news)
        return;
    budget = budgets_of(request, decision).lines;
    if (!all && budget != NULL && !may_write(budget, &line, &event))
        return;
    /* What a rule asks for is wanted in the log also when nobody watches every verdict. */
    write_line(mediator, !decision->allowed ? LOG_NOTICE : decision->log ? LOG_INFO : LOG_DEBUG, &line, &event);
}

void postern_audit_decision(struct postern_mediator *mediator, const struct postern_request *request,
                            const struct postern_decision *decision)
{
    bool all = (mediator->flags & POSTERN_OPTION_LOG_ALL) != 0, news, watched;

    if (decision->faulty) {
        write_fault(mediator, decision);
        return;
    }
    write_complaints(request, decision);
    report_findings(mediator, request, decision);
    news = is_worth_a_line(request, decision);
    watched = postern_watch_wants(&mediator->watching, news);
    if (news || watched || all)
        write_decision(mediator, request, decision, watched, news);
}
