/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/activation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <utlist.h>

#include "daemon/bus.h"
#include "daemon/emit.h"
#include "daemon/starter.h"
#include "daemon/systemd.h"
#include "wire/name.h"

/* ---- who waits --------------------------------------------------------------------------------------- */

static uint32_t n_fds(const struct postern_waiting *waiting)
{
    return waiting->message.fds != NULL ? waiting->message.fds->n : 0;
}

/* The sender pays, not the service: with its own limits for what has come in and is not dealt with, so that nobody can fill up another's
 * place. One message always has room, however large. */
static bool has_room(const struct postern_conn *conn, const struct postern_waiting *waiting)
{
    const struct postern_limits *limits = &conn->bus->config->limits;

    if (conn->waiting_bytes > 0 && conn->waiting_bytes + waiting->charged > limits->max_incoming_bytes)
        return false;
    if (conn->waiting_fds > 0 && conn->waiting_fds + n_fds(waiting) > limits->max_incoming_unix_fds)
        return false;
    if ((uint64_t)conn->n_waiting + conn->n_calls >= limits->max_replies_per_connection)
        return false;
    return postern_account_fits(conn->container, POSTERN_CHARGE_BYTES, waiting->charged) &&
           postern_account_fits(conn->container, POSTERN_CHARGE_FDS, n_fds(waiting));
}

static void charge(struct postern_waiting *waiting)
{
    struct postern_conn *conn = waiting->conn;

    conn->n_waiting++;
    conn->waiting_bytes += waiting->charged;
    conn->waiting_fds += n_fds(waiting);
    postern_account_charge(conn->user, POSTERN_CHARGE_BYTES, waiting->charged);
    postern_account_charge(conn->container, POSTERN_CHARGE_BYTES, waiting->charged);
    postern_account_charge(conn->user, POSTERN_CHARGE_FDS, n_fds(waiting));
    postern_account_charge(conn->container, POSTERN_CHARGE_FDS, n_fds(waiting));
}

static void discharge(struct postern_waiting *waiting)
{
    struct postern_conn *conn = waiting->conn;

    conn->n_waiting--;
    conn->waiting_bytes -= waiting->charged;
    conn->waiting_fds -= n_fds(waiting);
    postern_account_discharge(conn->user, POSTERN_CHARGE_BYTES, waiting->charged);
    postern_account_discharge(conn->container, POSTERN_CHARGE_BYTES, waiting->charged);
    postern_account_discharge(conn->user, POSTERN_CHARGE_FDS, n_fds(waiting));
    postern_account_discharge(conn->container, POSTERN_CHARGE_FDS, n_fds(waiting));
}

static void waiting_free(struct postern_waiting *waiting)
{
    postern_fdset_unref(waiting->message.fds);
    free(waiting->bytes);
    free(waiting);
}

static struct postern_waiting *waiting_new(struct postern_conn *from, uint32_t serial)
{
    struct postern_waiting *waiting = calloc(1, sizeof(*waiting));

    if (waiting == NULL)
        return NULL;
    waiting->conn = from;
    waiting->serial = serial;
    waiting->charged = sizeof(*waiting);
    return waiting;
}

/* A message that outlives the buffer that it came in. */
static struct postern_waiting *waiting_copy(struct postern_conn *from, const struct postern_incoming *message)
{
    const struct postern_header *header = &message->header;
    uint32_t len = header->body_start + header->body_len;
    struct postern_waiting *waiting = waiting_new(from, header->serial);

    if (waiting == NULL)
        return NULL;
    waiting->bytes = malloc(len);
    if (waiting->bytes == NULL || postern_header_parse(memcpy(waiting->bytes, message->bytes, len), len, &waiting->message.header) < 0) {
        waiting_free(waiting);
        return NULL;
    }
    waiting->message.bytes = waiting->bytes;
    waiting->message.fds = message->fds != NULL ? postern_fdset_ref(message->fds) : NULL;
    waiting->charged += len;
    return waiting;
}

static void enqueue(struct postern_activation *activation, struct postern_waiting *waiting)
{
    waiting->activation = activation;
    DL_APPEND(activation->waiting, waiting);
    DL_APPEND2(waiting->conn->waiting, waiting, conn_prev, conn_next);
    charge(waiting);
}

/* Takes it off both lists; it is the caller's then. */
static void dequeue(struct postern_waiting *waiting)
{
    discharge(waiting);
    DL_DELETE(waiting->activation->waiting, waiting);
    DL_DELETE2(waiting->conn->waiting, waiting, conn_prev, conn_next);
}

void postern_activation_leave(struct postern_conn *conn)
{
    struct postern_waiting *waiting;

    while ((waiting = conn->waiting) != NULL) {
        dequeue(waiting);
        waiting_free(waiting);
    }
}

/* ---- beginning and end of a start --------------------------------------------------------------------- */

static struct postern_activation *find(const struct postern_bus *bus, const char *name)
{
    struct postern_activation *activation;

    HASH_FIND_STR(bus->activations.table, name, activation);
    return activation;
}

/* The table does not have it any more, and nobody waits. */
static void activation_free(struct postern_activation *activation)
{
    postern_child_forget(activation->child);
    free(activation->name);
    free(activation->program);
    free(activation->unit);
    free(activation);
}

static void take_out(struct postern_activation *activation)
{
    struct postern_bus *bus = activation->bus;

    HASH_DEL(bus->activations.table, activation);
    postern_timeout_clear(&bus->activations.timeouts, &activation->timeout);
}

static struct postern_activation *activation_new(struct postern_bus *bus, const char *name)
{
    struct postern_activation *activation = calloc(1, sizeof(*activation));

    if (activation == NULL)
        return NULL;
    activation->bus = bus;
    activation->name = strdup(name);
    if (activation->name != NULL)
        HASH_ADD_KEYPTR(hh, bus->activations.table, activation->name, strlen(activation->name), activation);
    if (activation->hh.tbl == NULL) {
        activation_free(activation);
        return NULL;
    }
    postern_timeout_set(&bus->activations.timeouts, &activation->timeout);
    return activation;
}

/* Outside of containers every sender is told what became of its message, as by other daemons; from a container only calls are answered.
 * Why a service does not start is nothing that a container should learn. */
static void tell_failure(struct postern_waiting *waiting, const char *name, const char *text)
{
    struct postern_conn *conn = waiting->conn;

    if (waiting->bytes == NULL ? !waiting->wants_reply : conn->contained && waiting->message.header.type != POSTERN_MESSAGE_METHOD_CALL)
        return;
    postern_emit_error(conn, waiting->serial, name, "%s", conn->contained ? "The service could not be started" : text);
}

void postern_activation_fail(struct postern_activation *activation, const char *error, const char *format, ...)
{
    struct postern_bus *bus = activation->bus;
    char name[POSTERN_NAME_MAX + 1], text[1024];
    struct postern_waiting *waiting;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(name, sizeof(name), "%s", error); /* it may be part of a message that the first answer frees */
    if (postern_lograte_allows(&bus->activations.lines, &bus->log, "starts of services"))
        postern_log(&bus->log, LOG_WARNING, "the service %s did not start: %s (%s)", activation->name, text, name);
    take_out(activation);
    while ((waiting = activation->waiting) != NULL) {
        dequeue(waiting);
        tell_failure(waiting, name, text);
        waiting_free(waiting);
    }
    activation_free(activation);
}

static void expired(struct postern_timeout *timeout)
{
    struct postern_activation *activation = (struct postern_activation *)(void *)((char *)timeout - offsetof(struct postern_activation, timeout));

    postern_child_kill(activation->child);
    activation->child = NULL;
    postern_activation_fail(activation, POSTERN_ERROR_PREFIX "TimedOut", "nobody owned the name %s within %llu ms (service_start_timeout)", activation->name,
                            (unsigned long long)activation->bus->activations.timeouts.length);
}

void postern_activations_init(struct postern_bus *bus)
{
    bus->activations.timeouts.expired = expired;
}

void postern_activations_finish(struct postern_bus *bus)
{
    struct postern_activation *activation, *next;

    HASH_ITER(hh, bus->activations.table, activation, next) {
        take_out(activation);
        activation_free(activation);
    }
}

/* ---- asking for a start -------------------------------------------------------------------------------- */

static void show(struct postern_forward *forward)
{
    if (forward != NULL)
        postern_monitors_show(forward, NULL);
}

/* The limits that a new one meets. NULL: it may wait. */
static const char *refusal(const struct postern_waiting *waiting, bool starts_one)
{
    const struct postern_bus *bus = waiting->conn->bus;

    if (!has_room(waiting->conn, waiting))
        return "Too much of this connection is waiting for services to start";
    if (starts_one && HASH_COUNT(bus->activations.table) >= bus->config->limits.max_pending_service_starts)
        return "As many services are being started as may be (max_pending_service_starts)";
    return NULL;
}

/* Lets it wait for the service; takes it over in every case. forward: of the message; NULL: there is none to be shown. */
static void wait_for(struct postern_waiting *waiting, struct postern_forward *forward, const struct postern_service *service)
{
    struct postern_conn *conn = waiting->conn;
    struct postern_activation *activation = find(conn->bus, service->name);
    bool is_new = activation == NULL, through_systemd = is_new && postern_starter_uses_systemd(conn->bus, service);
    const char *why_not = refusal(waiting, is_new), *error = POSTERN_ERROR_PREFIX "LimitsExceeded";

    if (!through_systemd || why_not != NULL)
        show(forward);
    if (why_not == NULL && is_new) {
        activation = activation_new(conn->bus, service->name);
        if (activation == NULL) {
            why_not = "Out of memory";
            error = POSTERN_ERROR_PREFIX "NoMemory";
        }
    }
    if (why_not != NULL) {
        postern_emit_error(conn, waiting->serial, error, "%s", why_not);
        waiting_free(waiting);
        return;
    }
    enqueue(activation, waiting);
    if (is_new)
        postern_starter_run(activation, service, conn);
    if (through_systemd)
        show(forward);
}

void postern_activation_message(struct postern_forward *forward, const struct postern_service *service)
{
    struct postern_waiting *waiting = waiting_copy(forward->from, forward->message);

    if (waiting != NULL) {
        wait_for(waiting, forward, service);
        return;
    }
    show(forward);
    postern_emit_error(forward->from, forward->message->header.serial, POSTERN_ERROR_PREFIX "NoMemory", "Out of memory");
}

void postern_activation_call(struct postern_conn *from, uint32_t serial, bool wants_reply, const struct postern_service *service)
{
    struct postern_waiting *waiting = waiting_new(from, serial);

    if (waiting == NULL) {
        postern_emit_error(from, serial, POSTERN_ERROR_PREFIX "NoMemory", "Out of memory");
        return;
    }
    waiting->wants_reply = wants_reply;
    wait_for(waiting, NULL, service);
}

/* ---- the name is there ---------------------------------------------------------------------------------- */

static void answer(const struct postern_waiting *waiting)
{
    struct postern_writer w;

    if (!waiting->wants_reply)
        return;
    postern_writer_init(&w);
    postern_writer_u32(&w, POSTERN_START_REPLY_SUCCESS);
    if (postern_writer_finish(&w) == 0)
        postern_emit_reply(waiting->conn, waiting->serial, &w, NULL);
    else
        postern_emit_error(waiting->conn, waiting->serial, POSTERN_ERROR_PREFIX "NoMemory", "Out of memory");
    postern_writer_free(&w);
}

static void answer_calls(struct postern_activation *activation)
{
    struct postern_waiting *waiting, *next;

    DL_FOREACH_SAFE(activation->waiting, waiting, next)
    {
        if (waiting->bytes != NULL)
            continue;
        dequeue(waiting);
        answer(waiting);
        waiting_free(waiting);
    }
}

void postern_activation_done(struct postern_bus *bus, const char *name, struct postern_conn *owner)
{
    struct postern_activation *activation = find(bus, name);
    struct postern_waiting *waiting;

    postern_systemd_arrived(bus, name);
    if (activation == NULL)
        return;
    if (postern_lograte_allows(&bus->activations.lines, &bus->log, "starts of services"))
        postern_log(&bus->log, LOG_INFO, "the service %s is there", name);
    take_out(activation); /* what is delivered may lead to errors and signals, and none of them may find it */
    answer_calls(activation);
    while ((waiting = activation->waiting) != NULL) {
        dequeue(waiting);
        postern_router_deliver(waiting->conn, &waiting->message, owner);
        waiting_free(waiting);
    }
    activation_free(activation);
}

void postern_activation_unit_failed(struct postern_bus *bus, const char *unit, const char *error_name, const char *text)
{
    struct postern_activation *activation, *next;

    HASH_ITER(hh, bus->activations.table, activation, next)
        if (activation->unit != NULL && strcmp(activation->unit, unit) == 0)
            postern_activation_fail(activation, error_name, "%s", text);
}
