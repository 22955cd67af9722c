/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns by which containers are recognised that nobody announced. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/pattern.h"
#include "policy/mediatorconf_reader.h"
#include "wire/name.h"

#define NO_CONTAINER POSTERN_SETTINGS_NO_CONTAINER

/* What Postern knows without any file; data/mediator.conf says the same. */
static const struct {
    enum postern_provider provider;
    const char *pattern, *type;
} shipped[] = {
    {POSTERN_PROVIDER_APPARMOR, "snap.{name}.hook.{app}", "io.snapcraft"},
    {POSTERN_PROVIDER_APPARMOR, "snap.{name}.{app}", "io.snapcraft"},
    {POSTERN_PROVIDER_SELINUX, "{*}:{*}:container_t:{instance}", "org.selinuxproject.container"},
    {POSTERN_PROVIDER_SELINUX, "{*}:{*}:container_init_t:{instance}", "org.selinuxproject.container"},
    {POSTERN_PROVIDER_SELINUX, "{*}:{*}:container_kvm_t:{instance}", "org.selinuxproject.container"},
    {POSTERN_PROVIDER_SELINUX, "{*}:{*}:svirt_lxc_net_t:{instance}", "org.selinuxproject.container"},
    {POSTERN_PROVIDER_SELINUX, "{*}:{*}:spc_t:{*}", NO_CONTAINER}, /* a privileged container, which is meant to be none */
    /* Monitors, which live beside the container that they watch. */
    {POSTERN_PROVIDER_CGROUP, "libpod-conmon-{*}.scope", NO_CONTAINER},
    {POSTERN_PROVIDER_CGROUP, "crio-conmon-{*}.scope", NO_CONTAINER},
    {POSTERN_PROVIDER_CGROUP, "app-flatpak-{name}-{instance}.scope", "org.flatpak"},
    {POSTERN_PROVIDER_CGROUP, "snap.{name}.{app}-{*}.scope", "io.snapcraft"},
    {POSTERN_PROVIDER_CGROUP, "snap.{name}.{app}.{*}.scope", "io.snapcraft"},
    {POSTERN_PROVIDER_CGROUP, "snap.{name}.{app}.service", "io.snapcraft"},
    {POSTERN_PROVIDER_CGROUP, "freezer:/snap.{name}", "io.snapcraft"},
    {POSTERN_PROVIDER_CGROUP, "libpod-{name}.scope", "io.podman"},
    {POSTERN_PROVIDER_CGROUP, "libpod-payload-{name}", "io.podman"},
    {POSTERN_PROVIDER_CGROUP, "/libpod_parent/libpod-{name}", "io.podman"},
    {POSTERN_PROVIDER_CGROUP, "/libpod_parent/{*}/libpod-{name}", "io.podman"},
    {POSTERN_PROVIDER_CGROUP, "docker-{name}.scope", "com.docker"},
    {POSTERN_PROVIDER_CGROUP, "/docker/{name}", "com.docker"},
    {POSTERN_PROVIDER_CGROUP, "cri-containerd-{name}.scope", "io.kubernetes.cri"},
    {POSTERN_PROVIDER_CGROUP, "{*}:cri-containerd:{name}", "io.kubernetes.cri"},
    {POSTERN_PROVIDER_CGROUP, "crio-{name}.scope", "io.kubernetes.cri"},
    {POSTERN_PROVIDER_CGROUP, "/kubepods/pod{*}/{name}", "io.kubernetes.cri"},
    {POSTERN_PROVIDER_CGROUP, "/kubepods/{*}/pod{*}/{name}", "io.kubernetes.cri"},
    {POSTERN_PROVIDER_CGROUP, "machine-{name}.scope", "org.freedesktop.machine1"},
    {POSTERN_PROVIDER_CGROUP, "systemd-nspawn@{name}.service", "org.freedesktop.machine1"},
    {POSTERN_PROVIDER_CGROUP, "lxc.payload.{name}", "org.linuxcontainers.lxc"},
    {POSTERN_PROVIDER_CGROUP, "/lxc/{name}", "org.linuxcontainers.lxc"},
    {POSTERN_PROVIDER_CGROUP, "crun-{name}.scope", "org.opencontainers.runtime"},
    {POSTERN_PROVIDER_CGROUP, "runc-{name}.scope", "org.opencontainers.runtime"},
};

static int append(struct postern_mediatorconf *conf, enum postern_provider provider, const char *pattern, const char *type,
                  const struct postern_location *where)
{
    struct postern_mediatorconf_match *grown = reallocarray(conf->matches, conf->n_matches + 1, sizeof(*grown));
    struct postern_mediatorconf_match *match;

    if (grown == NULL)
        return -ENOMEM;
    conf->matches = grown;
    match = &grown[conf->n_matches++];
    *match = (struct postern_mediatorconf_match){.provider = provider, .pattern = strdup(pattern), .type = strdup(type)};
    if (where != NULL)
        match->where = *where;
    return match->pattern != NULL && match->type != NULL ? 0 : -ENOMEM;
}

int postern_mediatorconf_shipped(struct postern_mediatorconf *conf)
{
    unsigned given = 0;

    for (size_t i = 0; i < conf->n_matches; i++)
        given |= 1u << conf->matches[i].provider;
    for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++)
        if (!(given & 1u << shipped[i].provider) && append(conf, shipped[i].provider, shipped[i].pattern, shipped[i].type, NULL) < 0)
            return -ENOMEM;
    return 0;
}

/* In a group's path "/" is the separator, and a pattern for all of it says so at its beginning. */
static bool has_stray_slash(const char *pattern)
{
    size_t slash = strcspn(pattern, "/");

    return pattern[slash] != '\0' && slash > 0 && (slash == 1 || pattern[slash - 1] != ':' || strcspn(pattern, "{") < slash);
}

static int check_pattern(const struct postern_markup_node *node, enum postern_provider provider, const char *pattern, const char *type,
                         struct postern_error *error)
{
    const struct postern_location *where = postern_markup_where(node, "match");
    struct postern_error fault;

    if (postern_pattern_check(pattern, &fault) < 0)
        return postern_location_error(where, error, "match=\"%s\": %s", pattern, fault.text);
    if (provider == POSTERN_PROVIDER_CGROUP && has_stray_slash(pattern))
        return postern_location_error(where, error, "match=\"%s\": a pattern with \"/\" begins with it, or with CONTROLLER:/", pattern);
    if (strcmp(type, NO_CONTAINER) != 0 && strstr(pattern, "{name}") == NULL && strstr(pattern, "{instance}") == NULL)
        return postern_location_error(where, error, "match=\"%s\" needs {name} or {instance}, or all it matches would be one container",
                                      pattern);
    return 0;
}

/* A label or group may be said to be no container's. */
static bool is_type(const char *type)
{
    return postern_name_is_interface(type, strlen(type)) || strcmp(type, NO_CONTAINER) == 0;
}

static int take(struct postern_mediatorconf_reader *reader, const struct postern_markup_node *node, enum postern_provider provider,
                struct postern_error *error)
{
    const char *pattern = postern_markup_value(node, "match"), *type = postern_markup_value(node, "type");

    if (pattern == NULL || type == NULL)
        return postern_location_error(&node->where, error, "<%s> needs the attributes \"match\" and \"type\"", node->name);
    if (!is_type(type))
        return postern_location_error(postern_markup_where(node, "type"), error,
                                      "type=\"%s\": expected a reversed domain name such as \"org.flatpak\"", type);
    if (check_pattern(node, provider, pattern, type, error) < 0)
        return -EINVAL;
    if (reader->conf->n_matches == POSTERN_MEDIATORCONF_MATCHES_MAX)
        return postern_location_error(&node->where, error, "more than %u patterns", POSTERN_MEDIATORCONF_MATCHES_MAX);
    if (append(reader->conf, provider, pattern, type, &node->where) < 0)
        return postern_error_set(error, -ENOMEM, "out of memory");
    return 0;
}

int postern_mediatorconf_label(void *reader, const struct postern_markup_node *node, struct postern_error *error)
{
    static const char *const words[] = {"selinux", "apparmor"};
    int lsm = postern_mediatorconf_word(node, "lsm", words, 2, error);

    if (lsm < 0)
        return -EINVAL;
    if (lsm == 2)
        return postern_location_error(&node->where, error, "<label> needs lsm=\"selinux\" or lsm=\"apparmor\"");
    return take(reader, node, lsm == 0 ? POSTERN_PROVIDER_SELINUX : POSTERN_PROVIDER_APPARMOR, error);
}

int postern_mediatorconf_cgroup(void *reader, const struct postern_markup_node *node, struct postern_error *error)
{
    return take(reader, node, POSTERN_PROVIDER_CGROUP, error);
}
