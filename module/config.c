/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "module/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "core/console.h"

#define SYSTEM_SOCKET_DIR "/run/dbus/containers"

/* On a session bus all programs are one user's, and a service may have to grant something to each of ten thousand containers. */
#define SESSION_MAX_RULES 10000u
#define SESSION_MAX_GRANTS 20000u
#define SYSTEM_MAX_RULES 1024u
#define SYSTEM_MAX_GRANTS 1024u

static uint64_t first_set(uint64_t of_mediator, uint64_t of_bus)
{
    return of_mediator != POSTERN_LIMIT_UNSET ? of_mediator : of_bus;
}

static void set_limits(struct postern_settings *settings, const struct postern_limits *limits,
                       const struct postern_mediatorconf *conf, bool system_bus)
{
    settings->max_containers = first_set(conf->max_total, limits->max_containers);
    settings->max_containers_per_user = first_set(conf->max_per_user, limits->max_containers_per_user);
    settings->max_metadata_bytes = first_set(conf->max_metadata, limits->max_container_metadata_bytes);
    settings->max_rules = first_set(conf->max_rules, system_bus ? SYSTEM_MAX_RULES : SESSION_MAX_RULES);
    settings->max_grants = first_set(conf->max_grants, system_bus ? SYSTEM_MAX_GRANTS : SESSION_MAX_GRANTS);
    /* What one connection outside may have, all connections of an instance may have together. */
    settings->quota = (struct postern_quota){
        .connections = first_set(conf->max_connections, limits->max_connections_per_container),
        .names = limits->max_names_per_connection,
        .matches = limits->max_match_rules_per_connection,
        .bytes = limits->max_outgoing_bytes,
        .fds = limits->max_outgoing_unix_fds,
        .pending_replies = limits->max_replies_per_connection,
    };
}

/* Where the sockets of containers live. */
static int set_socket_dir(struct postern_settings *settings, bool system_bus)
{
    const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
    char *dir = NULL;

    if (system_bus) {
        settings->socket_dir_mode = 0755;
        dir = strdup(SYSTEM_SOCKET_DIR);
    } else if (runtime_dir != NULL && runtime_dir[0] == '/') {
        settings->socket_dir_mode = 0700;
        if (asprintf(&dir, "%s/dbus-1/containers", runtime_dir) < 0)
            dir = NULL;
    } else {
        settings->socket_dir_missing = "XDG_RUNTIME_DIR is not set in the environment of the bus";
        return 0;
    }
    settings->socket_dir = dir;
    return dir != NULL ? 0 : -ENOMEM;
}

/* The rules go over from the reader's container to the settings'. */
static int take_container(struct postern_settings_container *to, struct postern_mediatorconf_container *from)
{
    int r;

    to->mode = from->mode;
    to->type = strdup(from->type);
    to->name = strdup(from->name);
    if (to->type == NULL || to->name == NULL)
        return -ENOMEM;
    r = postern_ruleset_new(from->rules, from->n_rules, &to->rules);
    from->rules = NULL;
    from->n_rules = 0;
    return r;
}

/* What the security modules are to know of the bus's own configuration. */
static int take_bus(struct postern_settings *settings, const struct postern_busconfig *bus)
{
    settings->apparmor = (enum postern_settings_apparmor)bus->apparmor;
    settings->bus_type = bus->type != NULL ? strdup(bus->type) : NULL;
    if (bus->type != NULL && settings->bus_type == NULL)
        return -ENOMEM;
    if (bus->apparmor_given && asprintf(&settings->apparmor_where, "%s:%u:%u", bus->apparmor_where.file, bus->apparmor_where.line,
                                        bus->apparmor_where.column) < 0) {
        settings->apparmor_where = NULL;
        return -ENOMEM;
    }
    settings->contexts = calloc(bus->n_associates + 1, sizeof(*settings->contexts));
    if (settings->contexts == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < bus->n_associates; i++) {
        const struct postern_busconfig_associate *from = &bus->associates[i];
        struct postern_settings_context *to = &settings->contexts[settings->n_contexts++];

        *to = (struct postern_settings_context){.name = strdup(from->name), .context = strdup(from->context), .file = from->where.file,
                                                .line = from->where.line, .column = from->where.column};
        if (to->name == NULL || to->context == NULL)
            return -ENOMEM;
    }
    return 0;
}

static int take_patterns(struct postern_settings *settings, const struct postern_mediatorconf *conf)
{
    static const char *const providers[POSTERN_PROVIDERS] = {
        [POSTERN_PROVIDER_SELINUX] = "selinux", [POSTERN_PROVIDER_APPARMOR] = "apparmor", [POSTERN_PROVIDER_CGROUP] = "cgroup"};

    settings->patterns = calloc(conf->n_matches + 1, sizeof(*settings->patterns));
    if (settings->patterns == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < conf->n_matches; i++) {
        struct postern_settings_pattern *to = &settings->patterns[settings->n_patterns++];

        to->provider = providers[conf->matches[i].provider];
        to->pattern = strdup(conf->matches[i].pattern);
        to->type = strdup(conf->matches[i].type);
        if (to->pattern == NULL || to->type == NULL)
            return -ENOMEM;
    }
    return 0;
}

static int make_settings(struct postern_settings *settings, const struct postern_busconfig *bus,
                         struct postern_mediatorconf *conf)
{
    bool system_bus = bus->type != NULL && strcmp(bus->type, "system") == 0;
    int r;

    settings->default_mode = conf->default_mode;
    settings->implicit_mode = conf->implicit_mode;
    settings->unpinned_identifies = conf->unpinned_identifies;
    settings->broadcasts_inside = conf->broadcasts_inside;
    settings->header_on_request = conf->header_on_request;
    settings->asks_console = bus->at_console;
    set_limits(settings, &bus->limits, conf, system_bus);
    r = set_socket_dir(settings, system_bus);
    if (r == 0)
        r = take_bus(settings, bus);
    if (r == 0)
        r = take_patterns(settings, conf);
    if (r == 0 && conf->n_containers > 0) {
        settings->containers = calloc(conf->n_containers, sizeof(*settings->containers));
        if (settings->containers == NULL)
            return -ENOMEM;
    }
    for (size_t i = 0; r == 0 && i < conf->n_containers; i++) {
        settings->n_containers++;
        r = take_container(&settings->containers[i], &conf->containers[i]);
    }
    return r;
}

static int ask_host(void *data, enum postern_lookup_kind kind, const char *name, uint32_t *id)
{
    const struct postern_host *host = data;

    return host->account(host->data, kind == POSTERN_LOOKUP_GROUP ? POSTERN_ACCOUNT_GROUP : POSTERN_ACCOUNT_USER, name, id);
}

static int read_bus_config(const struct postern_config_order *order, struct postern_busconfig **bus, struct postern_error *error)
{
    struct postern_busconfig_source source = {.in_force = order->in_force != NULL ? postern_xml_config(order->in_force) : NULL};

    if (postern_host_has_account(order->host)) {
        source.lookup = ask_host;
        source.lookup_data = (void *)(uintptr_t)order->host;
    }
    return postern_busconfig_read(order->bus_config, &source, bus, error);
}

static int read_files(const struct postern_config_order *order, struct postern_config *config, struct postern_error *error)
{
    struct postern_busconfig *bus;
    int r = read_bus_config(order, &bus, error);

    if (r < 0)
        return r;
    r = postern_mediatorconf_read(order->mediator_config, bus->type != NULL && strcmp(bus->type, "system") == 0, &config->conf, error);
    if (r < 0) {
        postern_busconfig_free(bus);
        return r;
    }
    r = postern_xml_new(bus, order->generation, &config->xml);
    if (r < 0) {
        postern_busconfig_free(bus);
        return postern_error_set(error, r, "out of memory");
    }
    r = make_settings(&config->settings, bus, config->conf);
    return r < 0 ? postern_error_set(error, r, "out of memory") : 0;
}

int postern_config_read(const struct postern_config_order *order, struct postern_config *config, struct postern_error *error)
{
    struct postern_config made = {.xml = NULL};
    int r = read_files(order, &made, error);

    if (r < 0) {
        postern_config_finish(&made);
        return r;
    }
    for (char **warning = postern_xml_config(made.xml)->warnings; warning != NULL && *warning != NULL; warning++)
        order->host->log(order->host->data, LOG_ERR, *warning);
    *config = made;
    return 0;
}

void postern_config_finish(struct postern_config *config)
{
    postern_settings_finish(&config->settings);
    postern_mediatorconf_free(config->conf);
    postern_xml_free(config->xml);
    *config = (struct postern_config){.xml = NULL};
}
