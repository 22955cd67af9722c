/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The variables that UpdateActivationEnvironment has set: what services that the bus starts will get besides the daemon's own. */
#ifndef POSTERN_DAEMON_ENVIRONMENT_H
#define POSTERN_DAEMON_ENVIRONMENT_H

#include <stdint.h>

#include "util/hash.h"

#define POSTERN_ENVIRONMENT_MAX (1u << 20) /* bytes of all names and values: what execve() takes is not much more */

struct postern_variable {
    char *name;
    char *value;
    UT_hash_handle hh;
};

struct postern_environment {
    struct postern_variable *table;
    uint64_t bytes;
};

/* Sets one. 0; -EINVAL: the name is empty or has a '='; -ENOBUFS: too many bytes; -ENOMEM. Nothing changes on failure. */
int postern_environment_set(struct postern_environment *environment, const char *name, const char *value);
void postern_environment_finish(struct postern_environment *environment);

#endif
