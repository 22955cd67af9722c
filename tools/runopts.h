/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of postern-run. */
#ifndef POSTERN_TOOLS_RUNOPTS_H
#define POSTERN_TOOLS_RUNOPTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/rule.h"
#include "tools/list.h"
#include "util/error.h"

struct postern_runopts_rule {
    struct postern_rule rule;
    const char *option; /* the argument that it was written as */
};

struct postern_runopts {
    struct postern_runopts_rule *rules; /* in the order written: their indexes in Allow */
    size_t n_rules;
    const char *type;    /* of the container */
    const char *name;
    const char *mode;    /* NULL: restrict, because Allow is given */
    const char *address; /* of the bus; NULL: the session bus */
    struct postern_list binds;    /* paths that the app may write to */
    struct postern_list ro_binds; /* paths that it may see although their folder is empty inside */
    bool share_net;
    bool help, version; /* print and exit 0 */
    char **command;     /* NULL-terminated; NULL with help or version */
};

/* Reads argv. 0, or a negative errno with *error naming the argument; then *options is empty. Strings point into argv. Options end
 * at the first argument that is none, or behind "--": nothing of the command is ever taken for an option. */
int postern_runopts_parse(int argc, char **argv, struct postern_runopts *options, struct postern_error *error);
void postern_runopts_finish(struct postern_runopts *options);
/* The text of --help. */
const char *postern_runopts_help(void);

#endif
