/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs that the bus starts: fork and exec with clean hands, and the watch over how they end. */
#ifndef POSTERN_DAEMON_LAUNCH_H
#define POSTERN_DAEMON_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/loop.h"
#include "util/error.h"

struct postern_bus;

/* How a program ended. */
struct postern_ending {
    int exec_errno; /* not 0: it never ran, execve(2) failed so */
    bool killed;    /* by a signal, whose number is the status */
    int status;
};

typedef void postern_ended_fn(void *data, const struct postern_ending *ending);

/* One running program; the bus's own until it has ended. */
struct postern_child {
    struct postern_source source; /* its pidfd */
    struct postern_bus *bus;
    pid_t pid;
    int exec_fd; /* where a failed execve() tells its errno; -1: it is no program */
    postern_ended_fn *ended; /* NULL: nobody wants to know */
    void *data;
    struct postern_child *prev, *next;
};

/* Starts words[0], which must be an absolute path, with these arguments and this environment. name is the service's, for the journal.
 * The program gets nothing of the bus: no descriptor but the standard streams (input from /dev/null), no signal mask or disposition, not
 * its raised limit of descriptors, not its protection from the out-of-memory killer. ended is called once, later. 0 with the new *child,
 * or a negative errno with *error. */
int postern_launch(struct postern_bus *bus, const char *name, char *const words[], char *const environment[], postern_ended_fn *ended, void *data,
                   struct postern_child **child, struct postern_error *error);
/* Nobody wants to know any more how it ends; it is still waited for. NULL is allowed. */
void postern_child_forget(struct postern_child *child);
/* Kills it, unless it has become another user, and forgets it. NULL is allowed. */
void postern_child_kill(struct postern_child *child);

typedef void postern_work_fn(void *data, int fd);

/* Makes a process that does work of the bus's own which may take long, and writes what comes of it to fd: it has the memory of the bus as it
 * is now, but of its descriptors only the standard streams, and no signal handler. It ends when work() returns, or with the bus. The pid, and in
 * *fd the end to read from, which does not block; or a negative errno. */
pid_t postern_work_begin(postern_work_fn *work, void *data, int *fd);
/* Has the process waited for once it ends, which is told to ended; to be killed or forgotten as any other. 0 with the new *child, or a negative
 * errno: then it has been killed. */
int postern_work_watch(struct postern_bus *bus, pid_t pid, postern_ended_fn *ended, void *data, struct postern_child **child);

/* Frees those that ended in this round. */
void postern_children_reap(struct postern_bus *bus);
/* For the end of the bus: what runs goes on without it. */
void postern_children_finish(struct postern_bus *bus);

#endif
