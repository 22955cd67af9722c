/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches folders for files that come, change and go: inotify(7). A folder that is not there yet is noticed when it comes, since the folders
 * above it are watched, too. Whoever may write to a folder could do so all the time: however much happens, it is told once in a while.
 */
#ifndef POSTERN_DAEMON_DIRWATCH_H
#define POSTERN_DAEMON_DIRWATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/loop.h"
#include "daemon/timeout.h"

#define POSTERN_DIRWATCH_DELAY 200 /* milliseconds between two things that are told, and from the first event to the first of them */

struct postern_log;

/* What a folder is for; bits, so that several can be told at once. */
#define POSTERN_DIRWATCH_SERVICES 1u /* *.service files count */
#define POSTERN_DIRWATCH_CONFIG 2u   /* *.conf files count */
#define POSTERN_DIRWATCH_CONSOLE 4u  /* all files count */

typedef void postern_dirwatch_fn(void *data, unsigned sorts);

struct postern_dirwatch {
    struct postern_source source; /* inotify; fd -1: not open */
    struct postern_loop *loop;
    const struct postern_log *log;
    struct postern_dirwatch_place *places; /* what is watched now */
    size_t n_places;
    struct postern_dirwatch_dir *dirs; /* what was asked for */
    size_t n_dirs;
    bool warned;
    struct postern_timeouts timeouts;
    struct postern_timeout timeout;
    postern_dirwatch_fn *fn;
    void *data;
};

/* Prepares a zeroed one. fn is called from the loop, never from a function below. */
void postern_dirwatch_init(struct postern_dirwatch *watch, struct postern_loop *loop, const struct postern_log *log, postern_dirwatch_fn *fn,
                           void *data);

/* Says what to watch, one sort after the other, from nothing on; then begins. Folders that have no absolute path are not watched. What cannot be
 * watched is logged, once: then those changes are noticed by a reload only. */
void postern_dirwatch_clear(struct postern_dirwatch *watch);
void postern_dirwatch_add(struct postern_dirwatch *watch, unsigned sort, char *const *dirs); /* NULL-terminated array; NULL: none */
void postern_dirwatch_begin(struct postern_dirwatch *watch);

void postern_dirwatch_finish(struct postern_dirwatch *watch);

#endif
