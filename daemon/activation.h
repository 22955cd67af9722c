/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Services that are being started, and who waits for them: D-Bus Specification, "Message Bus Starting Services". A message to a name
 * that nobody owns waits here, with its sender charged for it, until somebody owns the name; then it goes the way of any message, and is
 * asked about again. Whether it may wait at all, the router has asked before.
 */
#ifndef POSTERN_DAEMON_ACTIVATION_H
#define POSTERN_DAEMON_ACTIVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/forward.h"
#include "daemon/launch.h"
#include "daemon/lograte.h"
#include "daemon/router.h"
#include "daemon/service.h"
#include "daemon/timeout.h"
#include "util/hash.h"

/* Results of StartServiceByName as they go over the wire. */
#define POSTERN_START_REPLY_SUCCESS 1u
#define POSTERN_START_REPLY_ALREADY_RUNNING 2u

/* A message, or a call of StartServiceByName, that waits for a service. */
struct postern_waiting {
    struct postern_activation *activation;
    struct postern_conn *conn;       /* who sent it */
    uint8_t *bytes;                  /* NULL: a call of StartServiceByName */
    struct postern_incoming message; /* of bytes */
    uint32_t serial;
    bool wants_reply; /* only asked of StartServiceByName */
    uint64_t charged; /* bytes */
    struct postern_waiting *prev, *next;           /* in the order of arrival */
    struct postern_waiting *conn_prev, *conn_next; /* those of one connection */
};

/* One service that is being started. It outlives a reload of the service files. */
struct postern_activation {
    struct postern_bus *bus;
    char *name;
    char *program; /* its first word, for messages; NULL: systemd starts it */
    char *unit;    /* of systemd; NULL: the bus starts it by itself */
    bool asked;    /* systemd has been told */
    uint32_t serial; /* of the signal by which it is told; 0: not made yet */
    bool helped;   /* the child is the set-user-id helper, with exit codes of its own */
    struct postern_child *child; /* NULL: none, or it has ended well and left a daemon behind */
    struct postern_waiting *waiting;
    struct postern_timeout timeout;
    UT_hash_handle hh; /* in the order in which they began */
};

struct postern_activations {
    struct postern_activation *table;
    struct postern_timeouts timeouts;
    struct postern_lograte lines;
};

/* Sets up what is called when a start takes too long. */
void postern_activations_init(struct postern_bus *bus);
/* Drops all; nobody is told. */
void postern_activations_finish(struct postern_bus *bus);

/* Lets a message that nobody owns the destination of wait, and starts the service unless that is under way. What goes wrong, now or later,
 * its sender is told. Monitors are shown the message; behind what systemd is asked for its sake, as by dbus-daemon. */
void postern_activation_message(struct postern_forward *forward, const struct postern_service *service);
/* The same for a call of StartServiceByName with this serial, which gets its answer when the name has an owner. */
void postern_activation_call(struct postern_conn *from, uint32_t serial, bool wants_reply, const struct postern_service *service);

/* Somebody owns the name now, and the signals tell of it: answers those who called StartServiceByName, and delivers what waited. */
void postern_activation_done(struct postern_bus *bus, const char *name, struct postern_conn *owner);

/* The start has failed: tells all who wait, and forgets it. error_name: a full, valid one. */
void postern_activation_fail(struct postern_activation *activation, const char *error_name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The activations that wait for this unit have failed, says systemd: with this error, whose name must be valid. */
void postern_activation_unit_failed(struct postern_bus *bus, const char *unit, const char *error_name, const char *text);
/* A connection goes: what it waits for does not interest it any more. */
void postern_activation_leave(struct postern_conn *conn);

#endif
