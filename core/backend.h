/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seam to a source of facts that tells which container a connection belongs to. */
#ifndef POSTERN_CORE_BACKEND_H
#define POSTERN_CORE_BACKEND_H

#include "core/door.h"
#include "core/instance.h"
#include "util/error.h"

struct postern_backend {
    const char *name; /* as in <identity order="..."> and in org.postern.IdentitySource */
    /* Prepares it. 0 with *data, or a negative errno with the reason in *error: then the mediator does not open. */
    int (*open)(struct postern_mediator *mediator, void **data, struct postern_error *error);
    void (*close)(void *data);
    /* Whose is the connection? 1 with *instance; 0: nothing to say, the next provider is asked; a negative errno with *error: the
     * connection is refused, because an error never means "uncontained". */
    int (*identify)(void *data, const struct postern_peer *peer, const struct postern_peer_facts *facts,
                    struct postern_instance **instance, struct postern_error *error);
    /* Its opinion on requests, as the LSM door; NULL: it has none. */
    postern_door_fn *check;
    /* The system's policy or the configuration has changed; NULL: it keeps nothing. */
    void (*refresh)(void *data);
};

#endif
