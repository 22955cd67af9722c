/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.freedesktop.DBus: the bus's own object. Methods stand in tables, one for each interface; what the mediator implements is handed
 * to it. */
#ifndef POSTERN_DAEMON_DRIVER_H
#define POSTERN_DAEMON_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/conn.h"
#include "daemon/forward.h"
#include "daemon/router.h"
#include "wire/reader.h"
#include "wire/writer.h"

/* One call while it is answered. */
struct postern_driver_call {
    struct postern_bus *bus;
    struct postern_conn *conn;
    const struct postern_incoming *message;
    struct postern_reader in;
    struct postern_writer out;
    int reply_fd;  /* goes with the reply and is closed after it; -1: none */
    bool answered; /* the method has sent its reply itself */
};

/* Answers a call: writes to call->out and returns 0, or returns what postern_driver_fail() gave. */
typedef int postern_driver_fn(struct postern_driver_call *call);

struct postern_driver_method {
    const char *name;
    const char *in;  /* signature */
    const char *out;
    bool privileged; /* only for root and the user of the bus, and never from a container */
    postern_driver_fn *fn;
};

struct postern_driver_signal {
    const char *name;
    const char *signature;
};

struct postern_driver_property {
    const char *name;
    const char *signature;
    void (*write)(struct postern_bus *bus, struct postern_writer *w); /* one value of that type */
};

/* Tables end with an entry without a name. */
struct postern_driver_interface {
    const char *name;
    bool optional;  /* not every bus has it: it stands in the property Interfaces */
    bool any_path;  /* answered at every object path, as clients expect of the oldest interfaces */
    const struct postern_driver_method *const *methods; /* one or more tables; ends with NULL */
    const struct postern_driver_signal *signals;
    const struct postern_driver_property *properties;
};

extern const struct postern_driver_interface postern_driver_bus_interface;        /* org.freedesktop.DBus */
extern const struct postern_driver_interface postern_driver_peer_interface;
extern const struct postern_driver_interface postern_driver_introspectable_interface;
extern const struct postern_driver_interface postern_driver_properties_interface;
extern const struct postern_driver_interface postern_driver_monitoring_interface;
extern const struct postern_driver_interface postern_driver_stats_interface;
extern const struct postern_driver_interface postern_driver_verbose_interface; /* only in builds with POSTERN_VERBOSE_MODE */

/* All of them; ends with NULL. */
extern const struct postern_driver_interface *const postern_driver_interfaces[];

/* For interfaces that have none. */
extern const struct postern_driver_signal postern_driver_no_signals[];
extern const struct postern_driver_property postern_driver_no_properties[];

/* Methods of org.freedesktop.DBus, by subject. */
extern const struct postern_driver_method postern_driver_name_methods[];
extern const struct postern_driver_method postern_driver_peer_methods[];
extern const struct postern_driver_method postern_driver_match_methods[];

/* Does the mediator implement this interface? */
bool postern_driver_module_has(const struct postern_bus *bus, const char *interface);

/* A call to the driver that the mediator has allowed. 0: it was carried out; negative: it was answered with an error. */
int postern_driver_call(struct postern_conn *conn, const struct postern_incoming *message);
/* A call to the driver before Hello: only Hello will do. Monitors are shown it here. 0: the connection has a name now. */
int postern_driver_first_call(struct postern_forward *forward);
/* A call without a destination: only org.freedesktop.DBus.Peer is answered. */
void postern_driver_peer_call(struct postern_conn *conn, const struct postern_incoming *message);

/* Answers with an error; name without its common prefix. Always returns a negative value. */
int postern_driver_fail(struct postern_driver_call *call, const char *error, const char *format, ...) __attribute__((format(printf, 3, 4)));
int postern_driver_no_memory(struct postern_driver_call *call);

/* Is the caller root or the user of the bus, and in no container? */
bool postern_driver_is_privileged(const struct postern_conn *conn);

#endif
