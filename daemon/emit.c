/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/emit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemon/bus.h"
#include "daemon/mediation.h"
#include "wire/name.h"

static void view_parts(struct postern_message *view, const struct postern_message_parts *parts)
{
    *view = (struct postern_message){
        .size = sizeof(*view),
        .type = parts->type,
        .flags = parts->flags,
        .order = (uint8_t)postern_native_order(),
        .serial = parts->serial,
        .reply_serial = parts->reply_serial,
        .fds = parts->fds,
        .body_len = parts->body_len,
        .path = postern_mediation_text(parts->path),
        .interface = postern_mediation_text(parts->interface),
        .member = postern_mediation_text(parts->member),
        .error = postern_mediation_text(parts->error),
        .destination = postern_mediation_text(parts->destination),
        .signature = postern_mediation_text(parts->signature),
    };
}

/* Who does not read the driver's signals would hold a wrong picture of the bus if some were left out, and unbounded memory if none
 * were: it is disconnected. */
static bool keeps_up(struct postern_conn *to, const struct postern_buf *bytes)
{
    if (postern_conn_has_room(to, bytes->len, 0))
        return true;
    postern_conn_doom(to, "it does not read the signals of the bus (max_outgoing_bytes)");
    return false;
}

static void queue_bytes(struct postern_conn *to, const struct postern_buf *bytes, struct postern_fdset *fds)
{
    struct postern_outq_item item = {.header = bytes->data, .header_len = bytes->len, .fds = fds};

    if (postern_conn_queue(to, &item, NULL) < 0)
        postern_conn_doom(to, "out of memory");
}

static const char *name_of(const struct postern_conn *conn)
{
    return conn->unique_len > 0 ? conn->unique : POSTERN_NAME_NOT_ACTIVE;
}

void postern_emit_announce(struct postern_bus *bus, struct postern_message_parts *parts)
{
    parts->flags |= POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED;
    parts->serial = postern_bus_serial(bus);
    parts->sender = POSTERN_DRIVER_NAME;
    bus->driver_message.len = 0;
    if (bus->monitors.list == NULL)
        return;
    if (postern_message_build(&bus->driver_message, parts) == 0)
        postern_monitors_show_own(bus, &bus->driver_message, NULL, NULL);
    else
        postern_log(&bus->log, LOG_ERR, "out of memory: monitors are not shown %s", parts->member);
}

/* Who has left the bus is told nothing more; that it was to be told, monitors see. */
static bool is_told(const struct postern_conn *to)
{
    return to->state != POSTERN_CONN_MONITOR && (to->state != POSTERN_CONN_DOOMED || to->bus->monitors.list != NULL);
}

void postern_emit_unicast(struct postern_conn *to, struct postern_message_parts *parts, struct postern_fdset *fds)
{
    struct postern_bus *bus = to->bus;
    struct postern_mediation question = {.action = POSTERN_ACTION_SEND, .flags = POSTERN_REQUEST_FROM_DRIVER, .to = to};
    struct postern_message view;
    struct postern_verdict verdict;
    bool may, announced = parts->serial != 0;

    if (!is_told(to))
        return;
    parts->flags |= POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED;
    if (!announced)
        parts->serial = postern_bus_serial(bus);
    parts->sender = POSTERN_DRIVER_NAME;
    if (parts->destination == NULL)
        parts->destination = name_of(to);
    parts->fds = fds != NULL ? fds->n : 0;
    if (parts->reply_serial != 0)
        question.flags |= POSTERN_REQUEST_REPLY;
    view_parts(&view, parts);
    question.message = &view;
    /* Before Hello there is no party that a policy could know; all it gets is an error or the answer to Hello. */
    may = to->state != POSTERN_CONN_ACTIVE || postern_mediation_may(bus, &question, &verdict);
    if (!may && bus->monitors.list == NULL)
        return;
    bus->driver_message.len = 0;
    if (postern_message_build(&bus->driver_message, parts) < 0) {
        postern_conn_doom(to, "out of memory");
        return;
    }
    if (!announced)
        postern_monitors_show_own(bus, &bus->driver_message, fds, to);
    if (!may)
        postern_emit_refusal(bus, NULL, parts->serial, &verdict);
    else if (parts->type != POSTERN_MESSAGE_SIGNAL || keeps_up(to, &bus->driver_message))
        queue_bytes(to, &bus->driver_message, fds);
}

void postern_emit_reply(struct postern_conn *to, uint32_t reply_serial, const struct postern_writer *w, struct postern_fdset *fds)
{
    struct postern_message_parts parts = {.type = POSTERN_MESSAGE_METHOD_RETURN, .reply_serial = reply_serial};

    if (w != NULL) {
        parts.signature = w->signature;
        parts.body = w->buf.data;
        parts.body_len = (uint32_t)w->buf.len;
    }
    postern_emit_unicast(to, &parts, fds);
}

/* An error with text in w as its body. 0 or -ENOMEM. */
static int error_parts(struct postern_message_parts *parts, struct postern_writer *w, uint32_t reply_serial, const char *name, const char *text)
{
    int r;

    postern_writer_init(w);
    postern_writer_string(w, text);
    r = postern_writer_finish(w);
    *parts = (struct postern_message_parts){
        .type = POSTERN_MESSAGE_ERROR,
        .reply_serial = reply_serial,
        .error = name,
        .signature = w->signature,
        .body = w->buf.data,
        .body_len = (uint32_t)w->buf.len,
    };
    return r;
}

static void emit_error_text(struct postern_conn *to, uint32_t reply_serial, const char *name, const char *text)
{
    struct postern_message_parts parts;
    struct postern_writer w;

    if (error_parts(&parts, &w, reply_serial, name, text) == 0)
        postern_emit_unicast(to, &parts, NULL);
    else
        postern_conn_doom(to, "out of memory");
    postern_writer_free(&w);
}

void postern_emit_error(struct postern_conn *to, uint32_t reply_serial, const char *name, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* Cutting may have split a character; the text must stay valid UTF-8. */
    for (size_t len = strlen(text); len > 0 && !postern_utf8_is_valid(text, len); len--)
        text[len - 1] = '\0';
    emit_error_text(to, reply_serial, name, text);
}

void postern_emit_denied(struct postern_conn *to, uint32_t reply_serial, const struct postern_verdict *verdict)
{
    char name[POSTERN_NAME_MAX + 1];

    /* The verdict's strings end with the next question, and sending asks one. */
    snprintf(name, sizeof(name), "%s", verdict->error_name);
    postern_emit_error(to, reply_serial, name, "%s", verdict->error_text);
}

/* It has a buffer of its own: the refused message may be one of the driver, which others are still to get. */
void postern_emit_refusal(struct postern_bus *bus, const struct postern_conn *from, uint32_t serial, const struct postern_verdict *verdict)
{
    struct postern_buf *message = &bus->monitors.refusal;
    struct postern_message_parts parts;
    struct postern_writer w;
    int r;

    if (bus->monitors.list == NULL)
        return;
    r = error_parts(&parts, &w, serial, verdict->error_name, verdict->error_text);
    parts.flags = POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED;
    parts.serial = postern_bus_serial(bus);
    parts.sender = POSTERN_DRIVER_NAME;
    parts.destination = from != NULL ? name_of(from) : POSTERN_DRIVER_NAME;
    message->len = 0;
    if (r == 0)
        r = postern_message_build(message, &parts);
    if (r == 0)
        postern_monitors_show_own(bus, message, NULL, from);
    else
        postern_log(&bus->log, LOG_ERR, "out of memory: monitors are not shown that a message was refused");
    postern_writer_free(&w);
}

/* ---- broadcasts -------------------------------------------------------------------------------- */

struct broadcast {
    struct postern_bus *bus;
    const char *subject; /* NameOwnerChanged: the name it is about */
    const struct postern_conn *old_owner, *new_owner;
    bool tells_old, tells_new; /* whom of them this message tells */
    struct postern_request request; /* what the mediator is asked about each receiver */
    uint32_t serial;           /* one for all views of the same change: each receiver gets one of them, and monitors see the whole */
};

static bool is_driver(void *data, const char *name, uint32_t len)
{
    (void)data;
    return len == sizeof(POSTERN_DRIVER_NAME) - 1 && memcmp(name, POSTERN_DRIVER_NAME, len) == 0;
}

static bool is_nobody(void *data, const char *name, uint32_t len)
{
    (void)data;
    (void)name;
    (void)len;
    return false;
}

/* Does this message tell what the receiver may know of an owner? Nobody is told anyway of one who is not there. */
static bool fits_view(const struct broadcast *broadcast, const struct postern_conn *to, const struct postern_conn *owner, bool tells)
{
    return owner == NULL || tells == (postern_mediation_see(to, owner, broadcast->subject) != POSTERN_SEE_HIDDEN);
}

static void broadcast_found(void *data, struct postern_match_owner *owner)
{
    struct broadcast *broadcast = data;
    struct postern_conn *to = postern_conn_of_matches(owner);
    struct postern_verdict verdict;

    if (to->state != POSTERN_CONN_ACTIVE)
        return;
    if (broadcast->subject != NULL && (!fits_view(broadcast, to, broadcast->old_owner, broadcast->tells_old) ||
                                       !fits_view(broadcast, to, broadcast->new_owner, broadcast->tells_new)))
        return;
    if (!postern_mediation_may_reach(to, &broadcast->request, &verdict)) {
        to->bus->work++;
        postern_emit_refusal(broadcast->bus, NULL, broadcast->serial, &verdict);
    } else if (keeps_up(to, &broadcast->bus->driver_message)) {
        queue_bytes(to, &broadcast->bus->driver_message, NULL);
    }
}

static void emit_broadcast(struct broadcast *broadcast, struct postern_message_parts *parts)
{
    struct postern_bus *bus = broadcast->bus;
    struct postern_match_route route = {
        .is_sender = is_driver,
        .is_destination = is_nobody,
        .found = broadcast_found,
        .data = broadcast,
        .sender = {.s = POSTERN_DRIVER_NAME, .len = sizeof(POSTERN_DRIVER_NAME) - 1},
    };
    struct postern_match_args args;
    struct postern_header header;
    struct postern_message view;
    struct postern_mediation question = {
        .action = POSTERN_ACTION_SEND, .flags = POSTERN_REQUEST_FROM_DRIVER | POSTERN_REQUEST_BROADCAST, .message = &view};
    bool first = broadcast->serial == 0;

    parts->type = POSTERN_MESSAGE_SIGNAL;
    parts->flags |= POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED;
    if (first)
        broadcast->serial = postern_bus_serial(bus);
    parts->serial = broadcast->serial;
    parts->path = POSTERN_DRIVER_PATH;
    parts->sender = POSTERN_DRIVER_NAME;
    view_parts(&view, parts);
    postern_mediation_prepare(bus, &question, &broadcast->request);
    bus->driver_message.len = 0;
    if (postern_message_build(&bus->driver_message, parts) < 0 ||
        postern_header_parse(bus->driver_message.data, (uint32_t)bus->driver_message.len, &header) < 0)
        return;
    if (first)
        postern_monitors_show_own(bus, &bus->driver_message, NULL, NULL);
    postern_match_args_init(&args, &header, bus->driver_message.data + header.body_start);
    postern_matchset_find(bus->matches, &header, &args, false, &route);
}

void postern_emit_broadcast(struct postern_bus *bus, struct postern_message_parts *parts)
{
    struct broadcast broadcast = {.bus = bus};

    emit_broadcast(&broadcast, parts);
}

static void emit_view(struct broadcast *broadcast)
{
    struct postern_message_parts parts = {.interface = POSTERN_DRIVER_NAME, .member = "NameOwnerChanged"};
    struct postern_writer w;

    postern_writer_init(&w);
    postern_writer_string(&w, broadcast->subject);
    postern_writer_string(&w, broadcast->tells_old ? broadcast->old_owner->unique : "");
    postern_writer_string(&w, broadcast->tells_new ? broadcast->new_owner->unique : "");
    if (postern_writer_finish(&w) == 0) {
        parts.signature = w.signature;
        parts.body = w.buf.data;
        parts.body_len = (uint32_t)w.buf.len;
        emit_broadcast(broadcast, &parts);
    }
    postern_writer_free(&w);
}

#define FIELD(text) {.s = (text), .len = sizeof(text) - 1}

/* Most names come and go without anybody who wants to know. */
static bool is_wanted(const struct postern_bus *bus, const char *name)
{
    static const struct postern_header header = {
        .path = FIELD(POSTERN_DRIVER_PATH), .interface = FIELD(POSTERN_DRIVER_NAME), .member = FIELD("NameOwnerChanged")};

    return bus->monitors.list != NULL || postern_matchset_may_find(bus->matches, &header, name);
}

void postern_emit_name_owner_changed(struct postern_bus *bus, const char *name, struct postern_conn *old_owner, struct postern_conn *new_owner)
{
    struct broadcast broadcast = {.bus = bus, .subject = name, .old_owner = old_owner, .new_owner = new_owner};

    if (!is_wanted(bus, name)) {
        postern_bus_serial(bus); /* the numbers of what follows do not tell whether somebody listens */
        return;
    }
    broadcast.tells_old = old_owner != NULL;
    broadcast.tells_new = new_owner != NULL;
    emit_view(&broadcast);
    if (old_owner == NULL || new_owner == NULL || bus->containers.by_key == NULL)
        return;
    /* To a container that may see only one of the two, the name comes or goes. */
    broadcast.tells_old = false;
    emit_view(&broadcast);
    broadcast.tells_old = true;
    broadcast.tells_new = false;
    emit_view(&broadcast);
}

void postern_emit_name_signal(struct postern_conn *to, const char *member, const char *name)
{
    struct postern_message_parts parts = {
        .type = POSTERN_MESSAGE_SIGNAL, .path = POSTERN_DRIVER_PATH, .interface = POSTERN_DRIVER_NAME, .member = member};
    struct postern_writer w;

    if (!is_told(to))
        return;
    postern_writer_init(&w);
    postern_writer_string(&w, name);
    if (postern_writer_finish(&w) == 0) {
        parts.signature = w.signature;
        parts.body = w.buf.data;
        parts.body_len = (uint32_t)w.buf.len;
        postern_emit_unicast(to, &parts, NULL);
    }
    postern_writer_free(&w);
}
