/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the policy of SELinux says of a request: class dbus, permissions send_msg and acquire_svc; and the records of it, in the words
 * that audit2allow(1) learns rules from. */
#include <string.h>

#include "backends/selinux/state.h"
#include "core/fields.h"
#include "wire/name.h"

const char *postern_selinux_context_of_name(const struct postern_selinux *selinux, const struct postern_view *name)
{
    const struct postern_settings *settings = &selinux->mediator->settings;

    for (size_t i = settings->n_contexts; i > 0; i--) { /* of two, the last one counts */
        const struct postern_settings_context *context = &settings->contexts[i - 1];

        if (strlen(context->name) == name->len && memcmp(context->name, name->data, name->len) == 0)
            return context->context;
    }
    return selinux->own;
}

/* The context of a party; of the bus itself, for NULL. NULL: of a peer on another machine the kernel says nothing. */
static const char *context_of(const struct postern_selinux *selinux, const struct postern_party *party)
{
    return party == NULL ? selinux->own : party->facts.label;
}

/* ---- the opinion ---------------------------------------------------------------------------------------------- */

static const char *const rules[POSTERN_SELINUX_PERMISSIONS] = {
    [POSTERN_SELINUX_SEND_MSG] = "selinux:send_msg",
    [POSTERN_SELINUX_ACQUIRE_SVC] = "selinux:acquire_svc",
};

static void ask(struct postern_selinux *selinux, const char *source, const char *target, enum postern_selinux_permission permission,
                struct postern_opinion *opinion)
{
    struct postern_selinux_answer answer = {.audit = true};
    struct postern_finding *finding = &opinion->findings[opinion->n_findings];

    *finding = (struct postern_finding){.permission = permission, .end = POSTERN_END_SENDER};
    finding->error = postern_selinux_ask(&selinux->server, source, target, permission, &answer);
    finding->lenient = answer.lenient;
    finding->allowed = answer.allowed && (finding->error == 0 || answer.lenient);
    if (answer.audit)
        opinion->n_findings++;
    opinion->rule = (struct postern_rule_ref){.kind = POSTERN_RULE_LABELS, .file = rules[permission]};
    opinion->kind = finding->allowed ? POSTERN_OPINION_ALLOW : POSTERN_OPINION_DENY;
    if (!finding->allowed)
        opinion->why = finding->error != 0                      ? "SELinux cannot be asked about these contexts"
                       : permission == POSTERN_SELINUX_SEND_MSG ? "SELinux does not let the sender send to this receiver"
                                                                : "SELinux does not let it own the name";
}

static void check_message(struct postern_selinux *selinux, const struct postern_request *request, struct postern_opinion *opinion)
{
    const char *from = context_of(selinux, request->from), *to = context_of(selinux, request->to);

    if (from != NULL && to != NULL) {
        ask(selinux, from, to, POSTERN_SELINUX_SEND_MSG, opinion);
        return;
    }
    opinion->end = from == NULL ? POSTERN_END_SENDER : POSTERN_END_RECEIVER;
    opinion->why = "SELinux knows no context of it";
}

static void check_name(struct postern_selinux *selinux, const struct postern_request *request, struct postern_opinion *opinion)
{
    const char *from = context_of(selinux, request->from);

    if (from != NULL)
        ask(selinux, from, postern_selinux_context_of_name(selinux, &request->name), POSTERN_SELINUX_ACQUIRE_SVC, opinion);
    else
        opinion->why = "SELinux knows no context of it";
}

/* A change that began and has not ended is one. */
bool postern_selinux_current(void *data)
{
    struct postern_selinux *selinux = data;
    uint32_t now = postern_selinux_sequence(&selinux->server);
    bool current = now == selinux->current && (now & 1) == 0;

    selinux->current = (now & 1) == 0 ? now : 1;
    return current;
}

/* Replies are messages to SELinux like any other: its policies allow both directions. What the bus itself says is not asked about, nor who
 * may monitor; of a service that does not run nobody knows the context yet, and the message is asked about when it does. */
void postern_selinux_check(void *data, const struct postern_request *request, struct postern_opinion *opinion)
{
    struct postern_selinux *selinux = data;
    bool is_message = request->action == POSTERN_ACTION_SEND || request->action == POSTERN_ACTION_RECEIVE;

    opinion->kind = POSTERN_OPINION_ABSTAIN;
    opinion->ignores = POSTERN_LOOKS_ALL;
    if (!selinux->active)
        return;
    if (is_message && request->from != NULL && (request->to != NULL || (request->flags & POSTERN_REQUEST_TO_DRIVER) != 0)) {
        opinion->kind = POSTERN_OPINION_DENY;
        opinion->ignores = (uint8_t)(POSTERN_LOOKS_ALL & ~POSTERN_LOOKS_POLICY); /* of the message nothing matters, only both contexts */
        check_message(selinux, request, opinion);
    } else if (request->action == POSTERN_ACTION_OWN && (request->flags & POSTERN_REQUEST_RELEASE) == 0) {
        opinion->kind = POSTERN_OPINION_DENY;
        check_name(selinux, request, opinion);
    }
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

static void add_field(struct postern_buf *record, const char *key, const struct postern_view *view)
{
    postern_trail_add(record, key, view->data, view->len, false);
}

static void add_text(struct postern_buf *record, const char *key, const char *value)
{
    if (value != NULL)
        postern_trail_add(record, key, value, strlen(value), false);
}

static void add_message(struct postern_buf *record, const struct postern_message *m)
{
    add_text(record, "msgtype", postern_fields_type(m));
    add_field(record, "path", &m->path);
    add_field(record, "interface", &m->interface);
    add_field(record, "member", &m->member);
    add_field(record, "error_name", &m->error);
    add_text(record, "dest", m->destination.data != NULL ? m->destination.data : POSTERN_DRIVER_NAME);
}

void postern_selinux_report(void *data, const struct postern_request *request, const struct postern_finding *finding)
{
    struct postern_selinux *selinux = data;
    bool owning = finding->permission == POSTERN_SELINUX_ACQUIRE_SVC;
    bool denied = !finding->allowed || finding->lenient;
    struct postern_buf record = {0};

    (void)postern_buf_printf(&record, "avc:  %s  { %s } for ", denied ? "denied" : "granted",
                             postern_selinux_permission_name((enum postern_selinux_permission)finding->permission));
    if (owning)
        add_field(&record, "service", &request->name);
    else
        add_message(&record, request->message);
    if (request->from->facts.pid > 0)
        postern_trail_add_number(&record, "spid", request->from->facts.pid);
    if (!owning && request->to != NULL && request->to->facts.pid > 0)
        postern_trail_add_number(&record, "tpid", request->to->facts.pid);
    add_text(&record, "scontext", context_of(selinux, request->from));
    add_text(&record, "tcontext", owning ? postern_selinux_context_of_name(selinux, &request->name) : context_of(selinux, request->to));
    add_text(&record, "tclass", "dbus");
    if (denied)
        postern_trail_add_number(&record, "permissive", finding->lenient);
    if (finding->error != 0)
        add_text(&record, "info", strerrorname_np(-finding->error));
    if (postern_buf_append(&record, "", 1) == 0)
        postern_trail_write(&selinux->trail, selinux->mediator, (const char *)record.data);
    postern_buf_finish(&record);
}
