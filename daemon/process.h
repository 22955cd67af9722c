/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a daemon does with its own process: standard streams, going to the background, pid file, limits. */
#ifndef POSTERN_DAEMON_PROCESS_H
#define POSTERN_DAEMON_PROCESS_H

#include <stdbool.h>

#include "util/error.h"

/* Makes sure that descriptors 0 to 2 are open, on /dev/null where they were not: else a socket could become somebody's standard error. */
int postern_process_hold_streams(void);

/* Goes to the background. In the parent this returns only by _exit(): with status 0 once the child has called
 * postern_process_ready(), with the child's status when that ends before. In the child, *ready_fd is what to give to
 * postern_process_ready(); it is in a session of its own, in the root folder and, unless keep_umask is set, has the umask 022. 0 or
 * negative errno. */
int postern_process_fork(bool keep_umask, int *ready_fd);
/* Tells the waiting parent that all is well and lets go of the standard streams. ready_fd -1: there is no parent, nothing is done. */
void postern_process_ready(int ready_fd);

/* Creates the pid file, which must not exist. 0 or negative errno with a reason. */
int postern_process_write_pidfile(const char *path, struct postern_error *error);

/* Writes line and a newline to fd in one piece, as readers of --print-address expect. 0 or negative errno. */
int postern_process_print(int fd, const char *line);

/* Raises the limits of open descriptors: every connection takes one. The soft limit becomes the hard one; for root, that is at
 * least 65536 afterwards. 0, or negative errno when that could not be: then there are as many as the hard limit allowed before. */
int postern_process_raise_fds(void);

#endif
