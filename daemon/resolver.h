/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks the system for users and groups, in a process of its own: the bus goes on, whatever a directory service does. */
#ifndef POSTERN_DAEMON_RESOLVER_H
#define POSTERN_DAEMON_RESOLVER_H

#include "daemon/launch.h"
#include "daemon/lookups.h"
#include "daemon/timeout.h"
#include "util/error.h"

#define POSTERN_RESOLVER_PATIENCE 15000 /* milliseconds for all names together */

/* r: 0 when all that was wanted is known or has failed; else a negative errno with the reason: not all was asked for. */
typedef void postern_resolved_fn(struct postern_bus *bus, int r, const struct postern_error *error);

struct postern_resolver {
    struct postern_bus *bus;
    struct postern_source source; /* where the process writes; fd -1: nothing is being asked */
    struct postern_child *child;
    struct postern_lookups_entry **wanted;
    size_t n_wanted, n_answered;
    uint32_t record[2]; /* being read: result and id of the next one wanted */
    size_t n_record;
    struct postern_timeouts timeouts;
    struct postern_timeout timeout;
    postern_resolved_fn *done;
};

void postern_resolver_init(struct postern_resolver *resolver, struct postern_bus *bus);
bool postern_resolver_is_busy(const struct postern_resolver *resolver);

/* Asks for all that is wanted in the table, which must stay as it is until done() is called, once, or the resolver is stopped. 1: that is
 * under way; 0: nothing was wanted, and done() is not called; or a negative errno with *error. */
int postern_resolver_start(struct postern_resolver *resolver, const struct postern_lookups *lookups, postern_resolved_fn *done,
                           struct postern_error *error);
/* Ends what is under way, without a call of done(). */
void postern_resolver_stop(struct postern_resolver *resolver);

/* Asks, and waits, for POSTERN_RESOLVER_PATIENCE at most; for the start, before there is a loop. What is not known by then has failed. 0, or a
 * negative errno when there could be no process. */
int postern_resolver_wait(struct postern_lookups *lookups);

#endif
