/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mediator that plays to an empty house: opened through its own interface by a host that does nothing. Whatever goes wrong ends the program. */
#ifndef POSTERN_BENCH_STAGE_H
#define POSTERN_BENCH_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "postern/module.h"
#include "wire/writer.h"

struct stage {
    char dir[64]; /* temporary; also the module's runtime directory */
    void *library;
    const struct postern_module *module;
    struct postern_mediator *mediator;
    struct postern_host host;
    int *listeners; /* fds by number, which is the id less one; -1: removed */
    size_t n_listeners;
    struct postern_party **parties;
    size_t n_parties;
};

/* A container that is made by AddServer. */
struct stage_container {
    char instance[128], socket[108];
    uint64_t listener;
};

/* library: the module's file. kind, rules: further XML rules, as in bench/config.py, or "path". settings: attributes of <containers> in
 * mediator.conf. flags: POSTERN_OPTION_... */
void stage_open(struct stage *stage, const char *library, const char *kind, unsigned rules, const char *settings, uint32_t flags);
/* Frees the parties, too. */
void stage_close(struct stage *stage);

/* Authenticated, with a unique name of its own; container NULL: from outside. */
struct postern_party *stage_enter(struct stage *stage, const struct stage_container *container);
/* The same in another security domain: a process that connects writes text to the file first. */
struct postern_party *stage_enter_as(struct stage *stage, const struct stage_container *container, const char *file, const char *text);
void stage_own(struct stage *stage, struct postern_party *party, const char *name);

/* Calls a method of the mediator, which must succeed. The answer is valid until the next call. Frees what the writer holds. */
void stage_call(struct stage *stage, struct postern_party *caller, const char *interface, const char *member, struct postern_writer *args,
                struct postern_reply *reply);
/* A container with `rules` rules about other names and then one about BENCH_SERVICE (needed false: without that one). */
void stage_add_container(struct stage *stage, struct postern_party *manager, unsigned rules, bool needed, struct stage_container *container);
/* Writes an a(usos) of such rules. */
void stage_write_rules(struct postern_writer *w, unsigned rules, bool needed);

#endif
