/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/environment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct postern_variable *variable_new(const char *name, const char *value)
{
    struct postern_variable *variable = calloc(1, sizeof(*variable));

    if (variable == NULL)
        return NULL;
    variable->name = strdup(name);
    variable->value = strdup(value);
    return variable;
}

static void variable_free(struct postern_variable *variable)
{
    free(variable->name);
    free(variable->value);
    free(variable);
}

int postern_environment_set(struct postern_environment *environment, const char *name, const char *value)
{
    uint64_t bytes = environment->bytes + strlen(name) + strlen(value) + 2;
    struct postern_variable *old, *variable;

    if (name[0] == '\0' || strchr(name, '=') != NULL)
        return -EINVAL;
    HASH_FIND_STR(environment->table, name, old);
    if (old != NULL)
        bytes -= strlen(old->name) + strlen(old->value) + 2;
    if (bytes > POSTERN_ENVIRONMENT_MAX)
        return -ENOBUFS;
    variable = variable_new(name, value);
    if (variable == NULL)
        return -ENOMEM;
    if (variable->name != NULL && variable->value != NULL)
        HASH_ADD_KEYPTR(hh, environment->table, variable->name, strlen(variable->name), variable);
    if (variable->hh.tbl == NULL) {
        variable_free(variable);
        return -ENOMEM;
    }
    if (old != NULL) {
        HASH_DEL(environment->table, old);
        variable_free(old);
    }
    environment->bytes = bytes;
    return 0;
}

void postern_environment_finish(struct postern_environment *environment)
{
    struct postern_variable *variable, *next;

    HASH_ITER(hh, environment->table, variable, next) {
        HASH_DEL(environment->table, variable);
        variable_free(variable);
    }
    environment->bytes = 0;
}
