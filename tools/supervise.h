/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of the sandboxed command: started, signalled, waited for. */
#ifndef POSTERN_TOOLS_SUPERVISE_H
#define POSTERN_TOOLS_SUPERVISE_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "tools/sandbox.h"
#include "util/error.h"

struct postern_outcome {
    bool started; /* bubblewrap ran the command; else `status` means nothing */
    int status;   /* exit status as a shell tells it: 128 + n for signal n */
};

/* A pipe for bubblewrap's reports: fds[1] is its end. 0 or a negative errno. */
int postern_supervise_pipe(int fds[2]);

/* Runs bwrap with the sandbox and waits for its end; meanwhile hands INT, TERM, HUP, QUIT, USR1 and USR2 on to the command, and answers
 * on the bus. Takes both ends of the pipe over. 0 with *outcome, or a negative errno with *error. */
int postern_supervise_run(const char *bwrap, const struct postern_sandbox *sandbox, int status_fds[2], sd_bus *bus,
                          struct postern_outcome *outcome, struct postern_error *error);

#endif
