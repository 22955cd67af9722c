/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What SELinux's door is like here, and the rule that the policy lacks. */
#include <stdio.h>
#include <string.h>

#include "backends/selinux/state.h"
#include "core/backend.h"

const char *postern_selinux_status(void *data, char text[POSTERN_BACKEND_STATUS_MAX])
{
    const struct postern_selinux *selinux = data;

    if (!selinux->active)
        return "absent: SELinux is off on this machine, or cannot be asked from here";
    snprintf(text, POSTERN_BACKEND_STATUS_MAX, "on, %s%s", selinux->server.page != NULL && selinux->server.page->enforcing != 0 ? "enforcing" : "permissive",
             selinux->server.class_number == 0 ? "; its policy knows no class dbus" : "");
    return text;
}

/* The type in "user:role:type:level". */
static bool find_type(const char *context, struct postern_view *type)
{
    const char *start = context != NULL ? strchr(context, ':') : NULL;

    start = start != NULL ? strchr(start + 1, ':') : NULL;
    if (start == NULL)
        return false;
    *type = (struct postern_view){.data = start + 1, .len = (uint32_t)strcspn(start + 1, ":")};
    return true;
}

int postern_selinux_fix(void *data, const struct postern_request *request, const struct postern_opinion *opinion, struct postern_buf *text)
{
    const struct postern_selinux *selinux = data;
    bool owning = request->action == POSTERN_ACTION_OWN;
    const char *target = owning ? postern_selinux_context_of_name(selinux, &request->name) : request->to != NULL ? request->to->facts.label : selinux->own;
    struct postern_view from, to;

    (void)opinion;
    if (request->from == NULL || !find_type(request->from->facts.label, &from) || !find_type(target, &to))
        return 0;
    return postern_buf_printf(text, "allow %.*s %.*s:dbus %s;", (int)from.len, from.data, (int)to.len, to.data, owning ? "acquire_svc" : "send_msg");
}
