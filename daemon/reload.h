/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the configuration, the first time and again. Users and groups are looked up by a process of its own (daemon/resolver.h) while the bus
 * goes on; when all answers are there, the mediator reads the files with them, and either everything changes at once or nothing does.
 *
 *   read, collecting names -> look them up -> services, mediator -> all is new
 *   any fault on the way                                         -> all is as before
 *
 * What could not be looked up is asked for again from time to time. Folders of service files and of configuration files are watched.
 */
#ifndef POSTERN_DAEMON_RELOAD_H
#define POSTERN_DAEMON_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "config/busconfig.h"
#include "daemon/dirwatch.h"
#include "daemon/lookups.h"
#include "daemon/resolver.h"

struct postern_bus;
struct postern_conn;

#define POSTERN_RELOAD_RETRY 10000 /* milliseconds after which failed look-ups are tried again */
#define POSTERN_RELOAD_CALLS_MAX 1024u /* callers of ReloadConfig that wait at a time */

/* A caller of ReloadConfig that waits for the answer. */
struct postern_reload_call {
    struct postern_conn *conn;
    uint32_t serial;
    bool wants_reply;
    bool next; /* it came when a reload was under way, so that its answer is that of the one after */
    struct postern_reload_call *prev_call, *next_call;
};

struct postern_reload {
    bool running;      /* a reload is under way */
    bool again;        /* and another one is to follow */
    bool started_over; /* the files have changed between two looks at them */
    bool missed;       /* the mediator asked for a name that was not in the files before */
    struct postern_busconfig *config; /* read, not yet in force */
    struct postern_lookups next;      /* for it */
    struct postern_lookups in_force;  /* for bus->config */
    struct postern_lookups *answering; /* which of them the mediator is answered from */
    struct postern_reload_call *calls;
    unsigned n_calls;
    struct postern_resolver resolver;
    bool refresh_again; /* somebody came to the console while the resolver was busy */
    struct postern_timeouts retries;
    struct postern_timeout retry; /* set while some look-up has failed */
    struct postern_dirwatch watch;
};

/* Prepares bus->reload. */
void postern_reload_init(struct postern_bus *bus);
void postern_reload_finish(struct postern_bus *bus);

/* Reads bus->config_file into bus->config, for the start; waits for users and groups, but not for ever. Does not need the loop yet. 0, or a
 * negative errno with *error. */
int postern_reload_first(struct postern_bus *bus, struct postern_error *error);
/* Says what in a configuration the administrator should hear. With a mediator, that is who tells: it reads the same files. */
void postern_reload_log_warnings(struct postern_bus *bus, const struct postern_busconfig *config);
/* Reads the service files and begins to watch; for the start of serving. 0 or negative errno. */
int postern_reload_serve(struct postern_bus *bus);

/* The configuration is to be read again, now, or when the reload that is under way is done. Any fault leaves all as it was, and the log says so. */
void postern_reload_request(struct postern_bus *bus);
/* The same for a call of ReloadConfig, which is answered when it is done: with an error when it was refused. 0; -ENOBUFS when too many wait
 * already, or -ENOMEM. */
int postern_reload_call(struct postern_conn *conn, uint32_t serial, bool wants_reply);
/* A connection goes: it needs no answer any more. */
void postern_reload_leave(struct postern_conn *conn);

/* account() of the host's table. */
int32_t postern_reload_account(struct postern_bus *bus, uint32_t kind, const char *name, uint32_t *id);

#endif
