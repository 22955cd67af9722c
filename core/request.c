/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is the question one that can be answered? What is not understood is not guessed at. */
#include <errno.h>
#include <stddef.h>

#include "core/decide.h"

int postern_abi_check_size(const void *made, uint32_t size, uint32_t known)
{
    const uint8_t *bytes = made;

    /* These structs are those of version 1.0. */
    if (size < known)
        return -EINVAL;
    for (uint32_t i = known; i < size; i++)
        if (bytes[i] != 0)
            return -E2BIG;
    return 0;
}

int postern_request_check_size(const struct postern_request *request)
{
    if (request->size == offsetof(struct postern_request, assumed_label) || request->size == offsetof(struct postern_request, kind))
        return 0;
    return postern_abi_check(request, request->size, sizeof(*request));
}

static bool has_label(const struct postern_request *request)
{
    return request->size >= offsetof(struct postern_request, kind);
}

struct postern_view postern_request_assumed_label(const struct postern_request *request)
{
    return has_label(request) ? request->assumed_label : (struct postern_view){.data = NULL};
}

static bool view_is_faulty(const struct postern_view *view)
{
    return view->data == NULL && view->len != 0;
}

/* The specification's required header fields, per type. */
static const char *missing_field(const struct postern_message *m)
{
    switch (m->type) {
    case POSTERN_MESSAGE_METHOD_CALL:
        return m->path.data == NULL || m->member.data == NULL ? "a call without path or member" : NULL;
    case POSTERN_MESSAGE_METHOD_RETURN:
        return m->reply_serial == 0 ? "a reply to no call" : NULL;
    case POSTERN_MESSAGE_ERROR:
        return m->reply_serial == 0 || m->error.data == NULL ? "an error without a name, or to no call" : NULL;
    case POSTERN_MESSAGE_SIGNAL:
        return m->path.data == NULL || m->interface.data == NULL || m->member.data == NULL
                   ? "a signal without path, interface or member"
                   : NULL;
    default:
        return "an unknown message type";
    }
}

static const char *message_fault(const struct postern_message *m)
{
    if (m == NULL)
        return "no message";
    if (postern_abi_check(m, m->size, sizeof(*m)) < 0)
        return "a message of another version";
    if (view_is_faulty(&m->path) || view_is_faulty(&m->interface) || view_is_faulty(&m->member) || view_is_faulty(&m->error) ||
        view_is_faulty(&m->destination) || view_is_faulty(&m->signature))
        return "a text without bytes";
    return missing_field(m);
}

/* Who sends, and who receives, a message. */
static const char *ends_fault(const struct postern_request *request)
{
    bool to_driver = (request->flags & POSTERN_REQUEST_TO_DRIVER) != 0;
    bool from_driver = (request->flags & POSTERN_REQUEST_FROM_DRIVER) != 0;
    bool broadcast = (request->flags & POSTERN_REQUEST_BROADCAST) != 0;

    if (from_driver != (request->from == NULL))
        return "a sender who is and is not the bus";
    if (to_driver && (from_driver || request->to != NULL))
        return "a receiver who is and is not the bus";
    if (request->to == NULL && (from_driver || broadcast || request->action == POSTERN_ACTION_RECEIVE))
        return "no receiver";
    if (request->to == NULL && !to_driver && request->message->destination.data == NULL)
        return "no destination";
    if (broadcast && request->message->type != POSTERN_MESSAGE_SIGNAL)
        return "a broadcast that is no signal";
    return NULL;
}

const char *postern_request_fault(const struct postern_mediator *mediator, const struct postern_request *request)
{
    const char *fault;

    if (postern_request_check(request) < 0)
        return "a request of another version";
    if ((request->flags & ~0xffu) != 0 || request->reserved != 0)
        return "an unknown flag";
    if (!postern_request_ends_known(mediator, request))
        return "a party that has not authenticated";
    switch (request->action) {
    case POSTERN_ACTION_SEND:
    case POSTERN_ACTION_RECEIVE:
        fault = message_fault(request->message);
        return fault != NULL ? fault : ends_fault(request);
    case POSTERN_ACTION_OWN:
    case POSTERN_ACTION_ACTIVATE:
        if (request->from == NULL)
            return "nobody asks";
        if (request->name.data == NULL || request->name.len == 0)
            return "no name";
        if (has_label(request) && view_is_faulty(&request->assumed_label))
            return "a text without bytes";
        return request->message != NULL ? message_fault(request->message) : NULL;
    case POSTERN_ACTION_CONNECT:
    case POSTERN_ACTION_MONITOR:
        return request->from == NULL ? "nobody asks" : NULL;
    default:
        return "an unknown action";
    }
}
