/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <utlist.h>

#include "daemon/bus.h"
#include "daemon/mediation.h"
#include "wire/name.h"

/* ---- coming and going ----------------------------------------------------------------------------------- */

struct postern_monitor *postern_monitor_new(struct postern_conn *conn, struct postern_match **rules, uint32_t n)
{
    struct postern_monitor *monitor = calloc(1, sizeof(*monitor));
    struct postern_matchset *set = conn->bus->monitors.rules;
    uint32_t i = 0;

    if (monitor != NULL)
        monitor->conn = conn;
    for (i = 0; monitor != NULL && i < n; i++) {
        rules[i]->eavesdrop = true; /* whether it says so or not: hence all of them are found where the eavesdropping ones stand */
        if (postern_matchset_add(set, &monitor->rules, rules[i]) < 0) {
            postern_matchset_remove_all(set, &monitor->rules);
            free(monitor);
            monitor = NULL;
            break;
        }
    }
    while (i < n)
        postern_match_free(rules[i++]);
    return monitor;
}

void postern_monitor_begin(struct postern_monitor *monitor)
{
    struct postern_conn *conn = monitor->conn;
    struct postern_monitors *monitors = &conn->bus->monitors;

    conn->monitor = monitor;
    DL_APPEND(monitors->list, monitor);
    monitors->n++;
    if (conn->state == POSTERN_CONN_DOOMED)
        return; /* it is shown nothing, and ends with its connection */
    conn->state = POSTERN_CONN_MONITOR;
    conn->out.whole = true;
    postern_log(&conn->bus->log, LOG_INFO, "connection %s of pid %d, uid %u became a monitor", conn->unique, (int)conn->facts.pid,
                (unsigned)conn->facts.uid);
}

void postern_monitor_end(struct postern_monitor *monitor)
{
    struct postern_monitors *monitors = &monitor->conn->bus->monitors;

    postern_matchset_remove_all(monitors->rules, &monitor->rules);
    DL_DELETE(monitors->list, monitor);
    monitors->n--;
    monitor->conn->monitor = NULL;
    free(monitor);
}

/* ---- showing ---------------------------------------------------------------------------------------------- */

/* One message. forward NULL: of the driver, all of it in item. */
struct sight {
    struct postern_bus *bus;
    struct postern_forward *forward;
    const struct postern_conn *from, *to;
    const struct postern_header *header;
    struct postern_outq_item item;
};

static bool is_sender(void *data, const char *name, uint32_t len)
{
    const struct sight *sight = data;

    return postern_bus_bears(sight->from, name, len);
}

/* A message on its way to nobody, or to the bus, is matched by the destination as it stands there. */
static bool is_destination(void *data, const char *name, uint32_t len)
{
    const struct sight *sight = data;
    const struct postern_field_view *destination = &sight->header->destination;

    if (destination->s == NULL)
        return false;
    if (sight->to != NULL)
        return postern_bus_bears(sight->to, name, len);
    return destination->len == len && memcmp(destination->s, name, len) == 0;
}

static bool has_room(const struct postern_conn *conn, const struct postern_outq_item *item)
{
    return postern_conn_has_room(conn, item->header_len + item->body_len, item->fds != NULL ? item->fds->n : 0);
}

static void found(void *data, struct postern_match_owner *owner)
{
    struct sight *sight = data;
    const struct postern_monitor *monitor = (struct postern_monitor *)(void *)((char *)owner - offsetof(struct postern_monitor, rules));
    struct postern_conn *conn = monitor->conn;
    int r = 0;

    if (conn->state != POSTERN_CONN_MONITOR)
        return; /* not yet, or not any more */
    if (sight->forward != NULL)
        r = postern_forward_to(sight->forward, conn, 0);
    if (r == -EMSGSIZE)
        return; /* with its sender's name; it goes nowhere, and the error that says so is shown */
    if (r == 0 && sight->forward != NULL)
        sight->item = sight->forward->item;
    /* The message says that descriptors are with it; without them it would be malformed. */
    if (r == 0 && sight->item.fds != NULL && !conn->can_fds)
        return;
    /* One round can bring more than a queue may hold, however fast the monitor reads: so what it has so far is written before it is
     * judged. */
    if (r == 0 && !has_room(conn, &sight->item))
        postern_conn_flush(conn);
    if (r == 0 && !has_room(conn, &sight->item))
        postern_conn_doom(conn, "it does not read what it monitors (max_outgoing_bytes, max_outgoing_unix_fds)");
    else if (r < 0 || postern_conn_queue(conn, &sight->item, NULL) < 0)
        postern_conn_doom(conn, "out of memory");
}

static void show(struct sight *sight, const uint8_t *body)
{
    const struct postern_conn *from = sight->from;
    struct postern_match_route route = {
        .is_sender = is_sender,
        .is_destination = is_destination,
        .found = found,
        .data = sight,
        .sender = {.s = POSTERN_DRIVER_NAME, .len = sizeof(POSTERN_DRIVER_NAME) - 1},
    };
    struct postern_match_args args;

    if (from != NULL) {
        route.sender = (struct postern_field_view){.s = from->unique, .len = from->unique_len};
        route.sender_names = &from->names;
    }
    postern_match_args_init(&args, sight->header, body);
    postern_matchset_find(sight->bus->monitors.rules, sight->header, &args, true, &route);
}

void postern_monitors_show(struct postern_forward *forward, const struct postern_conn *to)
{
    const struct postern_incoming *message = forward->message;
    struct sight sight = {.bus = forward->from->bus, .forward = forward, .from = forward->from, .to = to, .header = &message->header};

    if (sight.bus->monitors.list != NULL)
        show(&sight, message->bytes + message->header.body_start);
}

void postern_monitors_show_own(struct postern_bus *bus, const struct postern_buf *message, struct postern_fdset *fds, const struct postern_conn *to)
{
    struct postern_header header;
    struct sight sight = {.bus = bus, .to = to, .header = &header, .item = {.header = message->data, .header_len = message->len, .fds = fds}};

    if (bus->monitors.list != NULL && postern_header_parse(message->data, (uint32_t)message->len, &header) == 0)
        show(&sight, message->data + header.body_start);
}
