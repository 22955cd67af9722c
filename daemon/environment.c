/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/environment.h"

#include <errno.h>
#include <stdio.h>
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

/* What execve(2) will count: "name=value" with its end, and a pointer to it. */
static uint64_t charge(const char *name, const char *value)
{
    return strlen(name) + strlen(value) + 2 + sizeof(char *);
}

int postern_environment_set(struct postern_environment *environment, const char *name, const char *value)
{
    uint64_t size = charge(name, value), bytes = environment->bytes + size;
    struct postern_variable *old, *variable;

    if (name[0] == '\0' || strchr(name, '=') != NULL)
        return -EINVAL;
    HASH_FIND_STR(environment->table, name, old);
    if (old != NULL)
        bytes -= charge(old->name, old->value);
    if (size > POSTERN_VARIABLE_MAX || bytes > POSTERN_ENVIRONMENT_MAX)
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

/* ---- for a service -------------------------------------------------------------------------------------- */

/* What systemd gave to the bus, for the bus. */
static bool is_private(const char *name, size_t len)
{
    static const char *const names[] = {
        "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "MAINPID", "MANAGERPID",
        "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "CREDENTIALS_DIRECTORY", "FDSTORE",
        "LISTEN_PIDFDID", "MANAGERPIDFDID", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE",
        "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return true;
    return false;
}

struct building {
    char **strings;
    size_t n;
    bool failed;
};

static void add_string(struct building *building, char *string)
{
    if (string == NULL)
        building->failed = true;
    else
        building->strings[building->n++] = string;
}

static void add_variable(struct building *building, const char *name, const char *value)
{
    char *string;

    add_string(building, asprintf(&string, "%s=%s", name, value) < 0 ? NULL : string);
}

static const struct postern_variable *find_own(const struct postern_variable *own, const char *name, size_t len)
{
    for (; own->name != NULL; own++)
        if (strlen(own->name) == len && memcmp(own->name, name, len) == 0)
            return own;
    return NULL;
}

static void add_base(struct building *building, const struct postern_environment *environment, const char *string,
                     const struct postern_variable *own)
{
    size_t len = strcspn(string, "=");
    struct postern_variable *later;

    HASH_FIND(hh, environment->table, string, len, later);
    if (later == NULL && find_own(own, string, len) == NULL && !is_private(string, len))
        add_string(building, strdup(string));
}

char **postern_environment_build(const struct postern_environment *environment, char *const *base, const struct postern_variable *own)
{
    struct building building = {0};
    size_t n = HASH_COUNT(environment->table) + 1;

    for (char *const *at = base; *at != NULL; at++)
        n++;
    for (const struct postern_variable *at = own; at->name != NULL; at++)
        n++;
    building.strings = calloc(n, sizeof(char *));
    if (building.strings == NULL)
        return NULL;
    for (; *base != NULL; base++)
        add_base(&building, environment, *base, own);
    for (const struct postern_variable *at = environment->table; at != NULL; at = at->hh.next)
        if (find_own(own, at->name, strlen(at->name)) == NULL)
            add_variable(&building, at->name, at->value);
    for (; own->name != NULL; own++)
        if (own->value != NULL)
            add_variable(&building, own->name, own->value);
    if (!building.failed)
        return building.strings;
    postern_environment_free(building.strings);
    return NULL;
}

void postern_environment_free(char **built)
{
    for (char **at = built; at != NULL && *at != NULL; at++)
        free(*at);
    free(built);
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
