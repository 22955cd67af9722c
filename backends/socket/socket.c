/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/socket.h"

#include <errno.h>

#include "core/mediator.h"

static int open_socket(struct postern_mediator *mediator, void **data, struct postern_error *error)
{
    *data = mediator; /* the listeners are the mediator's: AddServer makes them */
    return 0;
}

static void close_socket(void *data)
{
}

static int identify(void *data, const struct postern_peer *peer, const struct postern_peer_facts *facts,
                    struct postern_instance **instance, struct postern_error *error)
{
    struct postern_instance *found;

    if (peer->listener == 0)
        return 0; /* one of the bus's own sockets */
    found = postern_instance_of_listener(data, peer->listener);
    /* It was accepted just before the listener ended. */
    if (found == NULL)
        return postern_error_set(error, -EPERM, "the container of this socket is gone");
    *instance = found;
    return 1;
}

const struct postern_backend postern_socket_backend = {
    .name = "socket",
    .open = open_socket,
    .close = close_socket,
    .identify = identify,
};
