/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bus: everything that exists once in the daemon. */
#ifndef POSTERN_DAEMON_BUS_H
#define POSTERN_DAEMON_BUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "config/busconfig.h"
#include "daemon/activation.h"
#include "daemon/conn.h"
#include "daemon/environment.h"
#include "daemon/keyring.h"
#include "daemon/listen.h"
#include "daemon/loader.h"
#include "daemon/log.h"
#include "daemon/lograte.h"
#include "daemon/loop.h"
#include "daemon/monitor.h"
#include "daemon/reload.h"
#include "daemon/reply.h"
#include "daemon/service.h"
#include "wire/memo.h"

#define POSTERN_READ_MAX (256u << 10)      /* how much one read takes at most */
/* A client with more than this to read, or than max_outgoing_bytes, is not listened to until it has read: its calls cannot pile up answers
 * without end. Large enough for clients that write all their calls before they read the first answer. */
#define POSTERN_OUTPUT_PAUSE (16u << 20)

struct postern_listener {
    struct postern_source source;
    struct postern_bus *bus;
    uint64_t id; /* 0: the daemon's own; else given to the module */
    const uint8_t *nonce; /* what clients begin with, in bus->listen; NULL: with authentication */
    bool plain; /* what is accepted has none of the options that drop_options() in bus.c is about */
    int accepts;       /* how many connections are taken in a round */
    uint64_t ready_in; /* the last round in which somebody waited */
    struct postern_listener *prev, *next;
};

struct postern_watch {
    struct postern_source source;
    uint64_t id;
    postern_watch_fn *fn;
    void *fn_data;
    struct postern_watch *prev, *next;
};

struct postern_bus {
    struct postern_loop loop;
    struct postern_log log;
    struct postern_busconfig *config;
    const char *config_file;
    char guid[33];  /* of the servers */
    char id[33];    /* of the bus: GetId */
    uint32_t sasl_mechanisms;
    struct postern_sasl_keyring sasl_keyring; /* for DBUS_COOKIE_SHA1 */
    struct postern_keyring keyring;
    struct postern_peer_facts self;

    struct postern_loader loader;
    const struct postern_module *module; /* NULL: --module=none */
    struct postern_mediator *mediator;
    uint32_t hints; /* POSTERN_REQUEST_..., those of them that tell the module what it need not find out */
    bool tells_kinds; /* of what kind a message is */
    struct postern_host host;

    struct postern_listen listen;
    struct postern_listener *listeners;
    struct postern_watch *watches, *dead_watches;
    struct postern_listener *dead_listeners;
    uint64_t next_listener, next_watch;
    int spare_fd; /* closed to accept and refuse a connection when descriptors run out */

    struct postern_conn *conns, *conns_last; /* all */
    struct postern_conn *by_id;
    struct postern_conn *by_unique;
    struct postern_conn *to_flush, *doomed;
    uint64_t next_conn, next_unique;
    uint32_t n_incomplete, n_completed;
    uint32_t serial; /* of the driver's messages */
    struct postern_lograte closings;

    struct postern_accounts users, containers;
    bool received; /* something, or a new round has begun, since the mediator was asked last */
    struct postern_names names;
    struct postern_matchset *matches;
    struct postern_monitors monitors;
    struct postern_replies replies;
    struct postern_bus_stats stats;
    struct postern_services services;
    struct postern_reload reload;
    struct postern_activations activations;
    bool systemd_activation; /* services that have a unit are started by systemd */
    const char *launch_unit; /* NAME@.service, from which systemd runs the helper of a system bus; NULL: the bus runs it */
    uint64_t launches;       /* of that unit */
    struct postern_child *children, *dead_children;
    struct rlimit fd_limit; /* before it was raised: what services get; rlim_max 0: not known */
    struct postern_environment environment;
    struct postern_timeouts auth_timeouts, fd_timeouts;

    struct postern_outq_pool pool;
    struct postern_fdset_pool fdsets;
    uint64_t work;                /* what was done so far, in units of about one delivery; see input.c */
    uint32_t sights;              /* how often the mediator was asked what a container may see */
    uint8_t *scratch;             /* where input is read to: POSTERN_READ_MAX bytes */
    struct postern_buf rewritten;      /* the header of the message being delivered, and its body when that is short */
    struct postern_buf driver_message; /* the message of the driver being sent */
    struct postern_memo memo;          /* headers that came lately */
};

/* Prepares a zeroed bus. 0 or negative errno; either way it needs postern_bus_finish(). */
int postern_bus_init(struct postern_bus *bus);

/* Starts serving the sockets in bus->listen, under bus->config. 0 or negative errno. */
int postern_bus_serve(struct postern_bus *bus);

/* Accepts connections on a listening socket; id 0: one of the daemon's own. nonce: what clients have to begin with, which must outlive the
 * listener; NULL: nothing. Takes the socket over on success. 0 or negative errno. */
int postern_bus_listen(struct postern_bus *bus, int fd, uint64_t id, const uint8_t *nonce);

/* The connection with this unique name, or that owns this well-known name; NULL: none. */
struct postern_conn *postern_bus_find(struct postern_bus *bus, const char *name, uint32_t len);
/* The same, for a message of `from`, which is likely for whom the one before was for. */
struct postern_conn *postern_bus_find_for(struct postern_conn *from, const char *name, uint32_t len);

/* Does the connection (NULL: the driver) bear this name: is it its unique name, or a well-known one that it owns? */
bool postern_bus_bears(const struct postern_conn *conn, const char *name, uint32_t len);

/* A serial for a message of the driver: never 0. */
uint32_t postern_bus_serial(struct postern_bus *bus);

/* Puts the limits of bus->config in force. */
void postern_bus_use_limits(struct postern_bus *bus);

/* Closes all and frees all. */
void postern_bus_finish(struct postern_bus *bus);

#endif
