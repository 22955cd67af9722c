/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/driver.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/bus.h"
#include "daemon/emit.h"
#include "daemon/mediation.h"
#include "wire/name.h"

static bool field_is(struct postern_field_view field, const char *text)
{
    return field.s != NULL && strcmp(field.s, text) == 0;
}

int postern_driver_fail(struct postern_driver_call *call, const char *error, const char *format, ...)
{
    char name[POSTERN_NAME_MAX + 1], text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* A full name, as the mediator gives, has a dot; the driver's own are written short. */
    snprintf(name, sizeof(name), "%s%s", strchr(error, '.') == NULL ? POSTERN_ERROR_PREFIX : "", error);
    if (!call->answered && (call->message->header.flags & POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED) == 0)
        postern_emit_error(call->conn, call->message->header.serial, name, "%s", text);
    call->answered = true;
    return -EINVAL;
}

int postern_driver_no_memory(struct postern_driver_call *call)
{
    return postern_driver_fail(call, "NoMemory", "Out of memory");
}

bool postern_driver_is_privileged(const struct postern_conn *conn)
{
    return !conn->contained && (conn->uid == 0 || conn->uid == conn->bus->self.uid);
}

/* ---- calling one method ----------------------------------------------------------------------------- */

static void call_init(struct postern_driver_call *call, struct postern_conn *conn, const struct postern_incoming *message)
{
    const struct postern_header *header = &message->header;

    /* One by one: reader and writer are large, and set themselves up. */
    call->bus = conn->bus;
    call->conn = conn;
    call->message = message;
    call->reply_fd = -1;
    call->answered = false;
    postern_reader_init(&call->in, header->order, header->signature.s != NULL ? header->signature.s : "",
                        message->bytes + header->body_start, header->body_len);
    postern_writer_init(&call->out);
}

/* Sends the reply, unless the method or an error has been there before, or nobody wants one. */
static void call_finish(struct postern_driver_call *call, int r)
{
    struct postern_fdset *fds = NULL;

    if (r == 0 && !call->answered)
        r = postern_writer_finish(&call->out);
    if (r == -EMSGSIZE)
        postern_driver_fail(call, "LimitsExceeded", "The answer would be longer than a message may be");
    else if (r < 0)
        postern_driver_no_memory(call); /* unless the method has failed, and said why */
    if (r == 0 && call->reply_fd >= 0) {
        fds = postern_fdset_new(&call->bus->fdsets, &call->reply_fd, 1);
        if (fds == NULL)
            r = postern_driver_no_memory(call);
        else
            call->reply_fd = -1;
    }
    if (r == 0 && !call->answered && (call->message->header.flags & POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED) == 0)
        postern_emit_reply(call->conn, call->message->header.serial, &call->out, fds);
    postern_fdset_unref(fds);
    if (call->reply_fd >= 0)
        close(call->reply_fd);
    postern_writer_free(&call->out);
}

static int call_method(struct postern_driver_call *call, const struct postern_driver_method *method)
{
    const struct postern_header *header = &call->message->header;
    const char *signature = header->signature.s != NULL ? header->signature.s : "";

    if (method->privileged && !postern_driver_is_privileged(call->conn))
        return postern_driver_fail(call, "AccessDenied", "Only root and the user of this bus may call %s", method->name);
    if (strcmp(signature, method->in) != 0)
        return postern_driver_fail(call, "InvalidArgs", "Call to %s has wrong args (%s, expected %s)", method->name, signature, method->in);
    return method->fn(call);
}

static const struct postern_driver_method *find_method(const struct postern_driver_interface *interface, const char *name)
{
    for (const struct postern_driver_method *const *table = interface->methods; *table != NULL; table++)
        for (const struct postern_driver_method *method = *table; method->name != NULL; method++)
            if (strcmp(method->name, name) == 0)
                return method;
    return NULL;
}

/* ---- the mediator's interfaces ------------------------------------------------------------------------- */

bool postern_driver_module_has(const struct postern_bus *bus, const char *interface)
{
    const struct postern_interface *list;
    uint32_t n = bus->module != NULL ? bus->module->interfaces(&list) : 0;

    for (uint32_t i = 0; i < n; i++)
        if (strcmp(list[i].name, interface) == 0)
            return true;
    return false;
}

static int call_module(struct postern_driver_call *call)
{
    struct postern_bus *bus = call->bus;
    const struct postern_incoming *message = call->message;
    struct postern_message view;
    struct postern_reply reply = {.size = sizeof(reply)};
    struct postern_call question = {
        .size = sizeof(question),
        .n_fds = message->fds != NULL ? message->fds->n : 0,
        .caller = call->conn->party,
        .message = &view,
        .fds = message->fds != NULL ? message->fds->fds : NULL,
    };
    struct postern_message_parts parts = {.type = POSTERN_MESSAGE_METHOD_RETURN, .reply_serial = message->header.serial};
    int r;

    postern_mediation_view(&view, &message->header, message->bytes + message->header.body_start);
    r = bus->module->driver_call(bus->mediator, &question, &reply);
    if (r == -ENOMEM)
        return postern_driver_no_memory(call);
    if (r < 0)
        return postern_driver_fail(call, "Failed", "The mediator could not answer: %s", strerror(-r));
    if (reply.error_name != NULL)
        return postern_driver_fail(call, reply.error_name, "%s", reply.error_text != NULL ? reply.error_text : "");
    call->answered = true;
    if ((message->header.flags & POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED) != 0)
        return 0;
    /* The reply lives until the next question, which sending it asks: the writer keeps it. */
    snprintf(call->out.signature, sizeof(call->out.signature), "%s", reply.signature);
    parts.signature = call->out.signature;
    if (postern_buf_append(&call->out.buf, reply.body, reply.body_len) < 0) {
        call->answered = false;
        return postern_driver_no_memory(call);
    }
    parts.body = call->out.buf.data;
    parts.body_len = (uint32_t)call->out.buf.len;
    postern_emit_unicast(call->conn, &parts, NULL);
    return 0;
}

/* ---- dispatch ---------------------------------------------------------------------------------------------- */

/* Calls a method that was addressed with an interface. */
static int call_interface(struct postern_driver_call *call, const char *interface, const char *member)
{
    bool home = field_is(call->message->header.path, POSTERN_DRIVER_PATH);

    for (const struct postern_driver_interface *const *at = postern_driver_interfaces; *at != NULL; at++) {
        const struct postern_driver_method *method;

        if (strcmp((*at)->name, interface) != 0)
            continue;
        if (!home && !(*at)->any_path)
            break;
        method = find_method(*at, member);
        if (method == NULL)
            return postern_driver_fail(call, "UnknownMethod", "%s has no method %s", interface, member);
        return call_method(call, method);
    }
    if (home && postern_driver_module_has(call->bus, interface))
        return call_module(call);
    return postern_driver_fail(call, "UnknownInterface", "org.freedesktop.DBus has no interface %s at %s", interface,
                               call->message->header.path.s);
}

/* Without an interface the first that has the method counts. Those of the mediator do not: they are younger than this habit. */
static int call_any(struct postern_driver_call *call, const char *member)
{
    bool home = field_is(call->message->header.path, POSTERN_DRIVER_PATH);

    for (const struct postern_driver_interface *const *at = postern_driver_interfaces; *at != NULL; at++) {
        const struct postern_driver_method *method = home || (*at)->any_path ? find_method(*at, member) : NULL;

        if (method != NULL)
            return call_method(call, method);
    }
    return postern_driver_fail(call, "UnknownMethod", "org.freedesktop.DBus has no method %s", member);
}

int postern_driver_call(struct postern_conn *conn, const struct postern_incoming *message)
{
    const struct postern_header *header = &message->header;
    struct postern_driver_call call;
    int r;

    call_init(&call, conn, message);
    if (header->interface.s != NULL)
        r = call_interface(&call, header->interface.s, header->member.s);
    else
        r = call_any(&call, header->member.s);
    call_finish(&call, r);
    return r;
}

void postern_driver_peer_call(struct postern_conn *conn, const struct postern_incoming *message)
{
    const struct postern_header *header = &message->header;
    const struct postern_driver_method *method = NULL;
    struct postern_driver_call call;
    int r;

    call_init(&call, conn, message);
    if (field_is(header->interface, postern_driver_peer_interface.name))
        method = find_method(&postern_driver_peer_interface, header->member.s);
    if (method != NULL)
        r = call_method(&call, method);
    else
        r = postern_driver_fail(&call, "UnknownMethod", "A message without a destination goes to the bus, which has no method %s there", header->member.s);
    call_finish(&call, r);
}

/* ---- Hello ------------------------------------------------------------------------------------------------- */

struct fault {
    const char *error, *text; /* NULL: none */
};

/* What is wrong with a connection's first call; nothing, when it may have its name. */
static struct fault hello_fault(const struct postern_conn *conn, const struct postern_header *header)
{
    const struct postern_limits *limits = &conn->bus->config->limits;

    if (!field_is(header->member, "Hello") || (header->interface.s != NULL && !field_is(header->interface, POSTERN_DRIVER_NAME)))
        return (struct fault){"AccessDenied", "The first message on a connection must be Hello"};
    if (header->signature.len != 0)
        return (struct fault){"InvalidArgs", "Hello takes no arguments"};
    if (conn->bus->n_completed >= limits->max_completed_connections)
        return (struct fault){"LimitsExceeded", "The bus has as many connections as it may have (max_completed_connections)"};
    if (conn->user->complete >= limits->max_connections_per_user)
        return (struct fault){"LimitsExceeded", "This user has as many connections as a user may have (max_connections_per_user)"};
    return (struct fault){0};
}

/* Gives the connection its name and its place among the complete ones. 0 or -ENOMEM. */
static int give_name(struct postern_conn *conn)
{
    struct postern_bus *bus = conn->bus;

    conn->unique_len = (uint32_t)snprintf(conn->unique, sizeof(conn->unique), ":1.%llu", (unsigned long long)bus->next_unique);
    HASH_ADD(hh_unique, bus->by_unique, unique, conn->unique_len, conn);
    if (conn->hh_unique.tbl == NULL || postern_mediation_hello(conn) < 0) {
        if (conn->hh_unique.tbl != NULL)
            HASH_DELETE(hh_unique, bus->by_unique, conn);
        conn->unique_len = 0;
        return -ENOMEM;
    }
    bus->next_unique++;
    postern_stats_unique_name(conn, 1);
    postern_conn_complete(conn);
    return 0;
}

/* Policy has no words for who has no name yet, but a security module knows the label. */
static struct fault hello_refused(struct postern_conn *conn, const struct postern_header *header)
{
    struct postern_message view;
    struct postern_mediation question = {.action = POSTERN_ACTION_SEND, .flags = POSTERN_REQUEST_TO_DRIVER, .from = conn, .message = &view};
    struct postern_verdict verdict;

    postern_mediation_view(&view, header, NULL);
    if (postern_mediation_may(conn->bus, &question, &verdict))
        return (struct fault){0};
    return (struct fault){"AccessDenied", "The policy of this bus does not let this connection say Hello"};
}

int postern_driver_first_call(struct postern_forward *forward)
{
    struct postern_conn *conn = forward->from;
    struct fault fault = hello_fault(conn, &forward->message->header);
    struct postern_driver_call call;
    int r = 0;

    call_init(&call, conn, forward->message);
    if (fault.error == NULL)
        fault = hello_refused(conn, &forward->message->header);
    if (fault.error == NULL && give_name(conn) < 0)
        fault = (struct fault){"NoMemory", "Out of memory"};
    postern_monitors_show(forward, NULL);
    if (fault.error != NULL)
        r = postern_driver_fail(&call, fault.error, "%s", fault.text);
    else
        postern_writer_string(&call.out, conn->unique);
    call_finish(&call, r);
    if (r == 0) {
        postern_emit_name_owner_changed(conn->bus, conn->unique, NULL, conn);
        postern_emit_name_signal(conn, "NameAcquired", conn->unique);
    }
    return r;
}
