/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the configuration says about containers: one immutable snapshot, replaced as a whole by a reload. */
#ifndef POSTERN_CORE_SETTINGS_H
#define POSTERN_CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/ruleset.h"
#include "postern/module.h"

/* A <container> of mediator.conf: rules for every instance of this type and name. */
struct postern_settings_container {
    char *type;
    char *name;
    uint32_t mode; /* enum postern_container_mode, for implicit instances; NONE: the default */
    struct postern_ruleset *rules;
};

/* The type of patterns of labels and groups that are no container's. */
#define POSTERN_SETTINGS_NO_CONTAINER "none"

/* A pattern (core/pattern.h) that tells a container by a label or control group. */
struct postern_settings_pattern {
    const char *provider; /* static: "selinux", "apparmor" or "cgroup" */
    char *pattern;
    char *type;
};

/* <associate> of busconfig: the context that stands for owning a name under SELinux. */
struct postern_settings_context {
    char *name;
    char *context;
    const char *file; /* of the element; lives as long as the configuration */
    uint32_t line, column;
};

/* <apparmor mode=>. */
enum postern_settings_apparmor {
    POSTERN_SETTINGS_APPARMOR_ENABLED = 0, /* where it can be */
    POSTERN_SETTINGS_APPARMOR_DISABLED,
    POSTERN_SETTINGS_APPARMOR_REQUIRED,
};

struct postern_settings {
    char *bus_type; /* <type>, as security modules know the bus; NULL: none given */
    enum postern_settings_apparmor apparmor;
    char *apparmor_where; /* file:line:column of <apparmor>; NULL: there is none */
    struct postern_settings_context *contexts;
    size_t n_contexts;
    struct postern_settings_pattern *patterns; /* in the order in which they are tried */
    size_t n_patterns;
    bool unpinned_identifies; /* what can only be looked up by a process id may identify */
    uint32_t implicit_mode;   /* of containers that nobody announced */
    uint32_t default_mode;  /* of an instance that gave neither Allow nor Mode */
    bool broadcasts_inside; /* broadcasts="instance": they do not leave it */
    bool header_on_request; /* instance-header="requested" */
    uint64_t max_containers;
    uint64_t max_containers_per_user;
    uint64_t max_metadata_bytes;
    uint64_t max_rules;  /* of an instance's own */
    uint64_t max_grants; /* rules that one connection grants */
    struct postern_quota quota; /* of one instance; Limits of AddServer can only lower it */
    char *socket_dir;           /* where to make sockets; NULL: nowhere, and then socket_dir_missing says why */
    const char *socket_dir_missing;
    mode_t socket_dir_mode; /* of the directory, when it has to be made */
    struct postern_settings_container *containers;
    size_t n_containers;
    bool asks_console; /* some rule depends on who is at the console */
};

/* Are there containers that nobody announced and that are to be held to rules? */
bool postern_settings_rule_implicit(const struct postern_settings *settings);
/* The mode of containers of this type and name that nobody announced. */
uint32_t postern_settings_implicit_mode(const struct postern_settings *settings, const char *type, const char *name);
/* The rules for instances of this type and name, or NULL. They live as long as the settings. */
const struct postern_ruleset *postern_settings_rules(const struct postern_settings *settings, const char *type, const char *name);
/* Frees what the settings hold and zeroes them. */
void postern_settings_finish(struct postern_settings *settings);

#endif
