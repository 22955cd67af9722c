/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arguments of Containers1.AddServer, read and checked before anything is made of them: docs/containers.md, "Named arguments". */
#ifndef POSTERN_CORE_SERVERARGS_H
#define POSTERN_CORE_SERVERARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/listen.h"
#include "core/mediator.h"
#include "core/rulelist.h"
#include "util/error.h"

struct postern_server_args {
    uint8_t *body; /* of the message, in the machine's byte order; the strings point into it */
    const char *type;
    const char *name;
    const uint8_t *metadata; /* the entries of the a{sv} */
    size_t metadata_len;
    bool has_allow;
    struct postern_rulelist rules;
    uint32_t mode;                     /* NONE: not given */
    int listen_fd, ready_fd, close_fd; /* our duplicates; -1: not given */
    struct postern_quota quota;
    struct postern_socket_place place; /* of listen_fd */
};

/* The names of the named arguments, NULL-terminated. */
extern const char *const postern_server_arg_names[];

/* 0, or with *error naming the argument: -EINVAL (InvalidArgs), -EDQUOT (LimitsExceeded), -ENOMEM, or another errno value when a
 * descriptor cannot be duplicated. On failure nothing is kept. */
int postern_server_args_read(const struct postern_mediator *mediator, const struct postern_call *call,
                             struct postern_server_args *args, struct postern_error *error);
/* Frees and closes what is still in them. */
void postern_server_args_finish(struct postern_server_args *args);

#endif
