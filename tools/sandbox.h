/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of the machine the app gets to see, as a bubblewrap command line and an environment. */
#ifndef POSTERN_TOOLS_SANDBOX_H
#define POSTERN_TOOLS_SANDBOX_H

#include "tools/buses.h"
#include "tools/list.h"
#include "tools/runopts.h"
#include "util/error.h"

struct postern_sandbox {
    struct postern_list argv; /* of bwrap, the command behind "--" */
    struct postern_list env;
};

/* Composes the sandbox: the whole file system read-only, without the folders in which a bus can be reached, with `socket` as the
 * session bus. bwrap reports on status_fd. 0, or a negative errno with *error; then *sandbox is empty. */
int postern_sandbox_compose(struct postern_sandbox *sandbox, const struct postern_runopts *options, const struct postern_buses *buses,
                            const char *socket, int status_fd, struct postern_error *error);
void postern_sandbox_finish(struct postern_sandbox *sandbox);

#endif
