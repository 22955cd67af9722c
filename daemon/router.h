/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who gets a message: the driver, one connection, or everybody with a fitting match rule; and what happens when names or
 * connections come and go. */
#ifndef POSTERN_DAEMON_ROUTER_H
#define POSTERN_DAEMON_ROUTER_H

#include <stdint.h>

#include "daemon/conn.h"
#include "daemon/fdset.h"
#include "daemon/name.h"
#include "wire/header.h"

/* A whole message that a client sent: header and body are valid. Lives while it is dispatched. */
struct postern_incoming {
    const uint8_t *bytes;
    struct postern_header header;
    struct postern_fdset *fds; /* NULL: none */
};

/* Is it for the bus itself: addressed to it, or a call to nobody in particular, which the bus answers? */
bool postern_router_is_for_bus(const struct postern_header *header);

/* Does all that the message asks for. Nothing fails: whoever sent it may get an error, or be doomed. */
void postern_router_dispatch(struct postern_conn *from, struct postern_incoming *message);

/* The same for a message that waited for the service that is its receiver now. */
void postern_router_deliver(struct postern_conn *from, struct postern_incoming *message, struct postern_conn *to);

/* Takes a doomed connection off the bus: its names, rules and pending calls end, and whom it concerns is told. */
void postern_router_leave(struct postern_conn *conn);
/* The same for one that stays connected, to become a monitor: it is told of the names that it loses. */
void postern_router_retire(struct postern_conn *conn);

#endif
