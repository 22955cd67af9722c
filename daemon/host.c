/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/host.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>
#include <utlist.h>

#include "daemon/bus.h"
#include "daemon/emit.h"
#include "daemon/naming.h"

/* Of signals that the mediator sends to one connection. What it sends is a service; who does not keep up misses some. */
#define POSTERN_HOST_UNREAD_MAX (1u << 20)

static void host_log(void *data, int32_t priority, const char *text)
{
    struct postern_bus *bus = data;

    postern_log(&bus->log, priority, "%s", text);
}

static void host_log_fields(void *data, int32_t priority, const char *text, uint32_t n, const char *const *keys, const char *const *values)
{
    struct postern_bus *bus = data;

    postern_log_fields(&bus->log, priority, text, n, keys, values);
}

/* ---- watches ---------------------------------------------------------------------------------------- */

static void watch_ready(void *data, uint32_t events)
{
    struct postern_watch *watch = data;

    /* On Linux the bits of epoll(7) and poll(2) are the same. */
    watch->fn(watch->fn_data, watch->source.fd, events);
}

static int32_t host_watch_add(void *data, int32_t fd, uint32_t events, postern_watch_fn *fn, void *fn_data, uint64_t *id)
{
    struct postern_bus *bus = data;
    struct postern_watch *watch = calloc(1, sizeof(*watch));
    int r;

    if (watch == NULL)
        return -ENOMEM;
    watch->fn = fn;
    watch->fn_data = fn_data;
    watch->source = (struct postern_source){.fd = fd, .events = events, .ready = watch_ready, .data = watch};
    r = postern_loop_add(&bus->loop, &watch->source);
    if (r < 0) {
        free(watch);
        return r;
    }
    watch->id = ++bus->next_watch;
    DL_APPEND(bus->watches, watch);
    *id = watch->id;
    return 0;
}

static void host_watch_remove(void *data, uint64_t id)
{
    struct postern_bus *bus = data;
    struct postern_watch *watch;

    DL_SEARCH_SCALAR(bus->watches, watch, id, id);
    if (watch == NULL)
        return;
    postern_loop_remove(&bus->loop, &watch->source);
    DL_DELETE(bus->watches, watch);
    DL_APPEND(bus->dead_watches, watch);
}

/* ---- listeners ---------------------------------------------------------------------------------------- */

static int32_t host_listener_add(void *data, int32_t fd, uint64_t *id)
{
    struct postern_bus *bus = data;
    int r = postern_bus_listen(bus, fd, bus->next_listener + 1, NULL);

    if (r < 0)
        return r;
    *id = ++bus->next_listener;
    return 0;
}

static void host_listener_remove(void *data, uint64_t id)
{
    struct postern_bus *bus = data;
    struct postern_listener *listener;
    int fd;

    DL_SEARCH_SCALAR(bus->listeners, listener, id, id);
    if (listener == NULL || id == 0)
        return;
    fd = listener->source.fd;
    postern_loop_remove(&bus->loop, &listener->source);
    close(fd);
    DL_DELETE(bus->listeners, listener);
    DL_APPEND(bus->dead_listeners, listener);
}

/* ---- connections and names ------------------------------------------------------------------------------ */

static struct postern_conn *find_conn(struct postern_bus *bus, uint64_t id)
{
    struct postern_conn *conn;

    HASH_FIND(hh_id, bus->by_id, &id, sizeof(id), conn);
    return conn;
}

static void host_disconnect(void *data, uint64_t id, const char *why)
{
    struct postern_conn *conn = find_conn(data, id);

    if (conn != NULL)
        postern_conn_doom(conn, why);
}

static int32_t host_emit(void *data, const struct postern_signal *signal)
{
    struct postern_message_parts parts = {
        .type = POSTERN_MESSAGE_SIGNAL,
        .path = "/org/freedesktop/DBus",
        .interface = signal->interface,
        .member = signal->member,
        .signature = signal->signature,
        .body = signal->body,
        .body_len = signal->body_len,
    };
    struct postern_conn *to;

    if (signal->to == 0) {
        postern_emit_broadcast(data, &parts);
        return 0;
    }
    to = find_conn(data, signal->to);
    if (to == NULL)
        return -ENOTCONN;
    if (to->out.bytes > POSTERN_HOST_UNREAD_MAX)
        return -ENOBUFS;
    postern_emit_unicast(to, &parts, NULL);
    return 0;
}

static void host_release_name(void *data, uint64_t id, const char *name)
{
    struct postern_conn *conn = find_conn(data, id);

    if (conn != NULL)
        postern_naming_release(conn, name);
}

static int32_t host_account(void *data, uint32_t kind, const char *name, uint32_t *id)
{
    return postern_reload_account(data, kind, name, id);
}

/* ---- the table ------------------------------------------------------------------------------------------- */

void postern_host_init(struct postern_bus *bus)
{
    bus->host = (struct postern_host){
        .abi = {.size = sizeof(bus->host), .major = POSTERN_ABI_MAJOR, .minor = POSTERN_ABI_MINOR},
        .data = bus,
        .log = host_log,
        .watch_add = host_watch_add,
        .watch_remove = host_watch_remove,
        .listener_add = host_listener_add,
        .listener_remove = host_listener_remove,
        .disconnect = host_disconnect,
        .emit = host_emit,
        .release_name = host_release_name,
        .log_fields = host_log_fields,
        .account = host_account,
    };
}

void postern_host_reap(struct postern_bus *bus)
{
    struct postern_watch *watch, *next_watch;
    struct postern_listener *listener, *next_listener;

    DL_FOREACH_SAFE(bus->dead_watches, watch, next_watch)
    {
        DL_DELETE(bus->dead_watches, watch);
        free(watch);
    }
    DL_FOREACH_SAFE(bus->dead_listeners, listener, next_listener)
    {
        DL_DELETE(bus->dead_listeners, listener);
        free(listener);
    }
}

void postern_host_finish(struct postern_bus *bus)
{
    struct postern_watch *watch, *next;

    DL_FOREACH_SAFE(bus->watches, watch, next)
        host_watch_remove(bus, watch->id);
    postern_host_reap(bus);
}
