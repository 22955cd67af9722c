/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"

#define LATER UINT64_MAX /* the default depends on <type> */

/* dbus-daemon's defaults; a session bus raises most of them in its configuration file. */
static const struct limit {
    const char *name;
    size_t offset;
    uint64_t normal;
    uint64_t max;     /* the largest value accepted */
    uint64_t system, session; /* with LATER */
} limits_known[] = {
    {"max_incoming_bytes", offsetof(struct postern_limits, max_incoming_bytes), 127u << 20, LONG_MAX, 0, 0},
    {"max_incoming_unix_fds", offsetof(struct postern_limits, max_incoming_unix_fds), 64, LONG_MAX, 0, 0},
    {"max_outgoing_bytes", offsetof(struct postern_limits, max_outgoing_bytes), 127u << 20, LONG_MAX, 0, 0},
    {"max_outgoing_unix_fds", offsetof(struct postern_limits, max_outgoing_unix_fds), 64, LONG_MAX, 0, 0},
    {"max_message_size", offsetof(struct postern_limits, max_message_size), 32u << 20, LONG_MAX, 0, 0},
    {"max_message_unix_fds", offsetof(struct postern_limits, max_message_unix_fds), 16, LONG_MAX, 0, 0},
    {"service_start_timeout", offsetof(struct postern_limits, service_start_timeout), 25000, INT_MAX, 0, 0},
    {"auth_timeout", offsetof(struct postern_limits, auth_timeout), 30000, INT_MAX, 0, 0},
    {"pending_fd_timeout", offsetof(struct postern_limits, pending_fd_timeout), 150000, INT_MAX, 0, 0},
    {"max_completed_connections", offsetof(struct postern_limits, max_completed_connections), 2048, INT_MAX, 0, 0},
    {"max_incomplete_connections", offsetof(struct postern_limits, max_incomplete_connections), 64, INT_MAX, 0, 0},
    {"max_connections_per_user", offsetof(struct postern_limits, max_connections_per_user), 256, INT_MAX, 0, 0},
    {"max_pending_service_starts", offsetof(struct postern_limits, max_pending_service_starts), 512, INT_MAX, 0, 0},
    {"max_names_per_connection", offsetof(struct postern_limits, max_names_per_connection), 512, INT_MAX, 0, 0},
    {"max_match_rules_per_connection", offsetof(struct postern_limits, max_match_rules_per_connection), 512, INT_MAX, 0, 0},
    {"max_replies_per_connection", offsetof(struct postern_limits, max_replies_per_connection), 128, INT_MAX, 0, 0},
    {"reply_timeout", offsetof(struct postern_limits, reply_timeout), 0, INT_MAX, 0, 0},
    {"max_containers", offsetof(struct postern_limits, max_containers), LATER, INT_MAX, 512, 10000},
    {"max_containers_per_user", offsetof(struct postern_limits, max_containers_per_user), LATER, INT_MAX, 16, 10000},
    {"max_connections_per_container", offsetof(struct postern_limits, max_connections_per_container), LATER, INT_MAX, 8, 128},
    {"max_container_metadata_bytes", offsetof(struct postern_limits, max_container_metadata_bytes), LATER, INT_MAX, 4096, 1u << 20},
};

#define N_LIMITS (sizeof(limits_known) / sizeof(limits_known[0]))

static uint64_t *limit_at(struct postern_limits *limits, const struct limit *limit)
{
    void *place = (char *)limits + limit->offset;

    return place;
}

void postern_busconfig_limits_init(struct postern_limits *limits)
{
    for (size_t i = 0; i < N_LIMITS; i++)
        *limit_at(limits, &limits_known[i]) = limits_known[i].normal;
}

void postern_busconfig_limits_finish(struct postern_limits *limits, const char *type)
{
    bool system = type != NULL && strcmp(type, "system") == 0;

    for (size_t i = 0; i < N_LIMITS; i++)
        if (*limit_at(limits, &limits_known[i]) == LATER)
            *limit_at(limits, &limits_known[i]) = system ? limits_known[i].system : limits_known[i].session;
}

int postern_busconfig_limit(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig_reader *reader = data;
    const char *name = postern_markup_value(node, "name");
    const struct limit *limit = limits_known;
    char *end;
    long value;

    if (name == NULL)
        return postern_location_error(&node->where, error, "<limit> needs the attribute \"name\"");
    while (limit < limits_known + N_LIMITS && strcmp(limit->name, name) != 0)
        limit++;
    if (limit == limits_known + N_LIMITS)
        return postern_location_error(postern_markup_where(node, "name"), error, "there is no limit \"%s\"", name);
    errno = 0;
    value = strtol(node->text, &end, 0);
    /* A negative number is a very large one here. */
    if (errno != 0 || *end != '\0' || (uint64_t)value > limit->max)
        return postern_location_error(&node->where, error, "limit %s is \"%s\"; expected a whole number from 0 to %llu", name, node->text,
                                      (unsigned long long)limit->max);
    *limit_at(&reader->config->limits, limit) = (uint64_t)value;
    return 0;
}
