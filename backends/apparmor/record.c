/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of AppArmor's answers, in the words that aa-logprof(8) learns rules from. */
#include <string.h>

#include "backends/apparmor/state.h"
#include "core/decide.h"
#include "wire/name.h"

static const char *operation_of(const struct postern_request *request)
{
    if (request->action == POSTERN_ACTION_OWN)
        return "dbus_bind";
    if (request->action == POSTERN_ACTION_MONITOR)
        return "dbus_eavesdrop";
    return request->message->type == POSTERN_MESSAGE_METHOD_CALL ? "dbus_method_call" : "dbus_signal";
}

static const char *mask_name(uint32_t mask)
{
    return mask == AA_DBUS_SEND ? "send" : mask == AA_DBUS_RECEIVE ? "receive" : mask == AA_DBUS_BIND ? "bind" : "eavesdrop";
}

static void add_text(struct postern_buf *record, const char *key, const char *value)
{
    postern_trail_add(record, key, value, value != NULL ? strlen(value) : 0, true);
}

static void add_field(struct postern_buf *record, const char *key, const struct postern_view *view)
{
    postern_trail_add(record, key, view->data, view->len, true);
}

static void add_label(struct postern_buf *record, const char *key, const struct postern_apparmor_label *label)
{
    postern_trail_add(record, key, label->data, label->len, true);
}

/* Whose permission it was, and who was at the other end. */
static void add_ends(struct postern_apparmor *apparmor, struct postern_buf *record, const struct postern_request *request, uint8_t end)
{
    const struct postern_party *self = end == POSTERN_END_SENDER ? request->from : request->to;
    const struct postern_party *peer = end == POSTERN_END_SENDER ? request->to : request->from;
    struct postern_view assumed = postern_request_assumed_label(request);
    struct postern_apparmor_label label = postern_apparmor_label_of(apparmor, self), other = postern_apparmor_label_of(apparmor, peer);

    if (self != NULL && self->facts.pid > 0)
        postern_trail_add_number(record, "pid", self->facts.pid);
    add_label(record, "label", &label);
    if (request->action == POSTERN_ACTION_OWN || request->action == POSTERN_ACTION_MONITOR)
        return; /* there is no other end */
    if (request->action == POSTERN_ACTION_ACTIVATE)
        other = (struct postern_apparmor_label){.data = assumed.data, .len = assumed.len};
    if (peer != NULL && peer->facts.pid > 0)
        postern_trail_add_number(record, "peer_pid", peer->facts.pid);
    add_label(record, "peer_label", &other);
}

void postern_apparmor_report(void *data, const struct postern_request *request, const struct postern_finding *finding)
{
    struct postern_apparmor *apparmor = data;
    bool about_message = request->action != POSTERN_ACTION_OWN && request->action != POSTERN_ACTION_MONITOR;
    const struct postern_message *m = about_message ? request->message : NULL;
    const struct postern_view *destination = m != NULL ? &m->destination : NULL;
    struct postern_buf record = {0};

    (void)postern_buf_printf(&record, "apparmor=\"%s\" operation=\"%s\"", finding->allowed ? "ALLOWED" : "DENIED", operation_of(request));
    add_text(&record, "bus", apparmor->mediator->settings.bus_type != NULL ? apparmor->mediator->settings.bus_type : "unknown");
    if (m != NULL) {
        add_field(&record, "path", &m->path);
        add_field(&record, "interface", &m->interface);
        add_field(&record, "member", &m->member);
    }
    if (request->action == POSTERN_ACTION_OWN)
        add_field(&record, "name", &request->name);
    add_text(&record, "mask", mask_name(finding->permission));
    if (destination != NULL && finding->end == POSTERN_END_SENDER)
        add_text(&record, "name", destination->data != NULL ? destination->data : POSTERN_DRIVER_NAME);
    else if (destination != NULL)
        add_text(&record, "name", request->from->unique_name != NULL ? request->from->unique_name : POSTERN_DRIVER_NAME);
    add_ends(apparmor, &record, request, finding->end);
    if (finding->error != 0)
        add_text(&record, "info", strerrorname_np(-finding->error));
    if (postern_buf_append(&record, "", 1) == 0)
        postern_trail_write(&apparmor->trail, apparmor->mediator, (const char *)record.data);
    postern_buf_finish(&record);
}
