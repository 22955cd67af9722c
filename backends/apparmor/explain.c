/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What AppArmor's door is like here, and the rule that a profile lacks: apparmor.d(5), "DBus rules". */
#include <stdio.h>

#include "backends/apparmor/state.h"
#include "core/backend.h"
#include "wire/name.h"

const char *postern_apparmor_status(void *data, char text[POSTERN_BACKEND_STATUS_MAX])
{
    const struct postern_apparmor *apparmor = data;

    if (apparmor->active && apparmor->mediator->settings.apparmor == POSTERN_SETTINGS_APPARMOR_DISABLED)
        return "off: <apparmor mode=\"disabled\"/> in the configuration of the bus";
    if (!apparmor->enabled)
        return "absent: AppArmor confines nothing on this machine";
    if (!apparmor->active)
        snprintf(text, POSTERN_BACKEND_STATUS_MAX, "absent: AppArmor confines processes, but its D-Bus rules are not enforced: %s", apparmor->why_not);
    else if (apparmor->n_told > 0)
        snprintf(text, POSTERN_BACKEND_STATUS_MAX, "on; but for %zu profiles that were asked about D-Bus rules mean nothing, see the log", apparmor->n_told);
    else
        snprintf(text, POSTERN_BACKEND_STATUS_MAX, "on");
    return text;
}

static int add(struct postern_buf *text, const char *key, const struct postern_view *value)
{
    return value->len == 0 ? 0 : postern_buf_printf(text, " %s=%.*s", key, (int)value->len, value->data);
}

static int add_message(const struct postern_apparmor *apparmor, const struct postern_request *request, bool send, struct postern_buf *text)
{
    static const struct postern_view bus = {.data = POSTERN_DRIVER_NAME, .len = sizeof(POSTERN_DRIVER_NAME) - 1};
    const struct postern_message *m = request->message;
    struct postern_apparmor_label other = postern_apparmor_label_of(apparmor, send ? request->to : request->from);
    int r = add(text, "path", &m->path);

    if (r == 0)
        r = add(text, "interface", &m->interface);
    if (r == 0)
        r = add(text, "member", &m->member);
    if (r < 0 || (request->action == POSTERN_ACTION_ACTIVATE && send))
        return r;
    r = postern_buf_printf(text, " peer=(");
    if (r == 0 && send && (m->destination.data == NULL || m->destination.data[0] != ':'))
        r = postern_buf_printf(text, "name=%s%s", m->destination.data != NULL ? m->destination.data : bus.data, other.data != NULL ? ", " : "");
    if (r == 0 && other.data != NULL)
        r = postern_buf_printf(text, "label=\"%.*s\"", (int)other.len, other.data);
    return r == 0 ? postern_buf_printf(text, ")") : r;
}

int postern_apparmor_fix(void *data, const struct postern_request *request, const struct postern_opinion *opinion, struct postern_buf *text)
{
    const struct postern_apparmor *apparmor = data;
    bool send = opinion->end == POSTERN_END_SENDER;
    struct postern_apparmor_label label = postern_apparmor_label_of(apparmor, send ? request->from : request->to);
    const char *bus = apparmor->mediator->settings.bus_type;
    const char *word = request->action == POSTERN_ACTION_OWN ? "bind" : request->action == POSTERN_ACTION_MONITOR ? "eavesdrop" : send ? "send" : "receive";
    int r;

    if (label.data == NULL)
        return 0;
    r = postern_buf_printf(text, "in profile \"%.*s\": dbus (%s) bus=%s", (int)label.len, label.data, word, bus != NULL ? bus : "session");
    if (r == 0 && request->action == POSTERN_ACTION_OWN)
        r = add(text, "name", &request->name);
    else if (r == 0 && request->message != NULL)
        r = add_message(apparmor, request, send, text);
    return r == 0 ? postern_buf_printf(text, ",") : r;
}
