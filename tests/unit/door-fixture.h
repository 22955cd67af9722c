/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mediator opened through its own interface, with a host that only remembers what it was asked for: what the tests of the doors
 * stand on. Everything goes through the table that a bus daemon gets; nothing looks inside. */
#ifndef POSTERN_TESTS_UNIT_DOOR_FIXTURE_H
#define POSTERN_TESTS_UNIT_DOOR_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/module.h"
#include "wire/writer.h"

#define FIXTURE_LISTENERS 64

struct fixture {
    bool quiet;                      /* set before fixture_open(): only denials are logged */
    char dir[64];                    /* temporary; XDG_RUNTIME_DIR */
    const struct postern_module *module;
    struct postern_mediator *mediator;
    struct postern_host host;
    struct {
        uint64_t id;
        int fd; /* -1: removed */
    } listeners[FIXTURE_LISTENERS];
    unsigned n_listeners;
    unsigned n_watches;              /* alive */
    struct {
        postern_watch_fn *fn;
        void *data;
        int fd;
        short events;
        uint64_t id;
    } watches[FIXTURE_LISTENERS];
    unsigned n_removed;              /* InstanceRemoved signals */
    unsigned n_disconnects;
    uint64_t disconnected;           /* host_id of the last one */
    unsigned n_released;             /* release_name() calls */
    char released[256];              /* the name of the last one */
    unsigned n_lines;                /* of the log */
    unsigned n_suppressed;           /* the sum of what its lines say of that */
    char log[4096];                  /* the last line */
    char reply_error[128];           /* of the last call; empty: it succeeded */
    char reply_text[1024];
    uint64_t next_id;
};

/* A container made by AddServer. */
struct fixture_container {
    char instance[128];
    char socket[108]; /* as long as a socket path may be */
    uint64_t listener;
};

struct fixture_rule {
    uint32_t flags;
    const char *name, *path, *interface;
};

/* Opens a mediator with this content of the bus configuration's <policy context="default"> (NULL: everything is allowed) and this
 * mediator.conf (NULL: <mediator/>). */
void fixture_open(struct fixture *fixture, const char *policy, const char *mediator_conf);
/* Opens another mediator in place of the closed one, with the same files. */
void fixture_reopen(struct fixture *fixture);
/* Writes another mediator.conf. */
void fixture_configure(struct fixture *fixture, const char *mediator_conf);
void fixture_close(struct fixture *fixture);

/* A connection from outside any container: authenticated, with the unique name ":1.N". */
struct postern_party *fixture_outside(struct fixture *fixture, unsigned n);
/* One that came through the container's socket. */
struct postern_party *fixture_inside(struct fixture *fixture, const struct fixture_container *container, unsigned n);
/* Names it owns from now on. */
/* May somebody who came by the container's socket and authenticated as uid stay? */
bool fixture_may_connect_as(struct fixture *fixture, const struct fixture_container *container, unsigned n, uint32_t uid);
void fixture_own(struct fixture *fixture, struct postern_party *party, const char *name);

/* Calls a method of the mediator's interfaces with what the writer holds (NULL: no arguments). True: it succeeded; false: see reply_error
 * and reply_text. */
bool fixture_call(struct fixture *fixture, struct postern_party *caller, const char *interface, const char *member, struct postern_writer *args,
                  const int *fds, uint32_t n_fds, struct postern_reply *reply);
/* AddServer(type, "app", {}, {"Allow": rules, "Mode": mode}); mode NULL: not given. */
bool fixture_add_server(struct fixture *fixture, struct postern_party *caller, const char *type, const char *name, const char *mode,
                        const struct fixture_rule *rules, size_t n_rules, struct fixture_container *container);

/* One message, as a row of a table. Absent strings NULL. */
struct fixture_message {
    uint8_t type;
    uint32_t flags; /* POSTERN_REQUEST_... */
    uint32_t fds;
    uint32_t reply_serial;
    const char *path, *interface, *member, *destination;
};

/* May it go? */
bool fixture_send(struct fixture *fixture, const struct postern_party *from, struct postern_party *to, const struct fixture_message *message,
                  struct postern_verdict *verdict);
bool fixture_ask(struct fixture *fixture, uint32_t action, const struct postern_party *from, const char *name, uint32_t flags);

#endif
