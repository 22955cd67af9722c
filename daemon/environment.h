/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The variables that UpdateActivationEnvironment has set: what services that the bus starts will get besides the daemon's own. */
#ifndef POSTERN_DAEMON_ENVIRONMENT_H
#define POSTERN_DAEMON_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/hash.h"

#define POSTERN_ENVIRONMENT_MAX (1u << 20) /* bytes of all variables: what execve() takes is not much more */
#define POSTERN_VARIABLE_MAX (128u << 10)  /* of one, where execve() has a bound of its own */

struct postern_variable {
    char *name;
    char *value;
    bool passed_on; /* systemd has been told of this value */
    UT_hash_handle hh;
};

struct postern_environment {
    struct postern_variable *table;
    uint64_t bytes;
    bool kept; /* there is something that systemd is to be told when it comes */
};

/* Sets one. 0; -EINVAL: the name is empty or has a '='; -ENOBUFS: too many bytes; -ENOMEM. Nothing changes on failure. */
int postern_environment_set(struct postern_environment *environment, const char *name, const char *value);
/* The environment of a service, as execve() takes it: what is in base, less what concerns the bus alone (its sockets, its readiness, its
 * streams), then the table, then own, whose end is a NULL name and where a NULL value leaves the variable away; the later wins. NULL: out
 * of memory. */
char **postern_environment_build(const struct postern_environment *environment, char *const *base, const struct postern_variable *own);
void postern_environment_free(char **built); /* NULL is allowed */
void postern_environment_finish(struct postern_environment *environment);

#endif
