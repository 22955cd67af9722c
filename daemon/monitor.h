/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Monitors: connections that have left the bus and are shown what passes on it. D-Bus Specification, "BecomeMonitor".
 *
 * A message is shown before anything that it causes, once, whoever receives it in the end; so is what was refused, followed by the
 * error that says so. Who may monitor is root or the user of the bus, and nothing is hidden from them. What a monitor does not read is
 * kept for it up to max_outgoing_bytes and max_outgoing_unix_fds; then it is disconnected: a picture with gaps would be taken for a whole
 * one. Nobody but the monitor pays for that: no sender is charged for the copy, and none is told.
 */
#ifndef POSTERN_DAEMON_MONITOR_H
#define POSTERN_DAEMON_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/conn.h"
#include "daemon/forward.h"
#include "daemon/matchset.h"
#include "util/buf.h"

struct postern_bus;

struct postern_monitor {
    struct postern_conn *conn;
    struct postern_match_owner rules; /* in bus->monitors.rules */
    struct postern_monitor *prev, *next;
};

struct postern_monitors {
    struct postern_monitor *list;
    struct postern_matchset *rules;
    uint32_t n;
    struct postern_buf refusal; /* an error that only monitors see */
};

/* A monitor that is none yet, with rules[0..n), which it takes over, also when it fails. NULL: out of memory. */
struct postern_monitor *postern_monitor_new(struct postern_conn *conn, struct postern_match **rules, uint32_t n);
/* Shows it everything from now on. Its connection must have left the bus; one that was doomed on the way is shown nothing. */
void postern_monitor_begin(struct postern_monitor *monitor);
/* Ends it, for a connection that is being closed. */
void postern_monitor_end(struct postern_monitor *monitor);

/* Shows a message of a client. to: to whom it goes; NULL: to the driver, to everybody, or to a name that nobody owns. */
void postern_monitors_show(struct postern_forward *forward, const struct postern_conn *to);
/* Shows a message that the driver has built, with the descriptors that go with it (NULL: none). to as above; the driver itself may be what
 * it is addressed to. */
void postern_monitors_show_own(struct postern_bus *bus, const struct postern_buf *message, struct postern_fdset *fds, const struct postern_conn *to);

#endif
