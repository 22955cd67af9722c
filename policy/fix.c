/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/xml.h"

#include "wire/name.h"

/* Values of these attributes have no character that XML would want escaped. */
static int add(struct postern_buf *text, bool send, const char *attribute, const struct postern_view *value)
{
    if (value->data == NULL)
        return 0;
    return postern_buf_printf(text, " %s_%s=\"%.*s\"", send ? "send" : "receive", attribute, (int)value->len, value->data);
}

/* By which well-known name the rules can speak of the other end; absent: by none. */
static struct postern_view name_of(const struct postern_party *party, const struct postern_view *written)
{
    if (written->data != NULL && written->data[0] != ':')
        return *written;
    for (size_t i = 0; party != NULL && i < party->n_names; i++)
        if (party->names[i].primary)
            return (struct postern_view){.data = party->names[i].name->name, .len = party->names[i].name->len};
    return (struct postern_view){.data = NULL};
}

static int add_message(const struct postern_request *request, bool send, struct postern_buf *text)
{
    static const char *const types[] = {"", "method_call", "method_return", "error", "signal"};
    static const struct postern_view driver = {.data = POSTERN_DRIVER_NAME, .len = sizeof(POSTERN_DRIVER_NAME) - 1}, none = {.data = NULL};
    const struct postern_message *m = request->message;
    bool reply = m->type == POSTERN_MESSAGE_METHOD_RETURN || m->type == POSTERN_MESSAGE_ERROR;
    struct postern_view name = send ? name_of(request->to, &m->destination) : name_of(request->from, request->from == NULL ? &driver : &none);
    int r = add(text, send, send ? "destination" : "sender", &name);

    if (r == 0 && (reply || name.data == NULL))
        r = postern_buf_printf(text, " %s_type=\"%s\"", send ? "send" : "receive", types[m->type]);
    if (r < 0 || reply)
        return r;
    r = add(text, send, "interface", &m->interface);
    if (r == 0)
        r = add(text, send, "member", &m->member);
    return r == 0 ? add(text, send, "path", &m->path) : r;
}

int postern_xml_fix(void *door, const struct postern_request *request, const struct postern_opinion *opinion, struct postern_buf *text)
{
    bool is_message = request->message != NULL && request->action != POSTERN_ACTION_OWN;
    int r;

    (void)door;
    if (request->action != POSTERN_ACTION_OWN && (request->action == POSTERN_ACTION_MONITOR || !is_message))
        return 0;
    r = postern_buf_printf(text, "<allow");
    if (r == 0 && is_message)
        r = add_message(request, opinion->end == POSTERN_END_SENDER, text);
    else if (r == 0)
        r = postern_buf_printf(text, " own=\"%.*s\"", (int)request->name.len, request->name.data);
    return r == 0 ? postern_buf_printf(text, "/>") : r;
}
