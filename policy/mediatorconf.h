/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Postern's own settings: mediator.conf(5). Read whole, with shipped defaults for what no file says. */
#ifndef POSTERN_POLICY_MEDIATORCONF_H
#define POSTERN_POLICY_MEDIATORCONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/location.h"
#include "core/rule.h"
#include "core/settings.h"
#include "postern/module.h"
#include "util/error.h"

/* Who can tell which container a connection belongs to. */
enum postern_provider {
    POSTERN_PROVIDER_SOCKET,
    POSTERN_PROVIDER_SELINUX,
    POSTERN_PROVIDER_APPARMOR,
    POSTERN_PROVIDER_CGROUP,
    POSTERN_PROVIDERS,
};

/* A limit that mediator.conf does not set: that of the busconfig files holds. */
#define POSTERN_LIMIT_UNSET UINT64_MAX

/* A pattern of a <label> or <cgroup> and the type of the containers it recognises. Placeholders: {name}, {instance}, {app}, {*}. */
struct postern_mediatorconf_match {
    enum postern_provider provider; /* SELINUX, APPARMOR or CGROUP */
    char *pattern;
    char *type;
    struct postern_location where;
};

/* All <container> elements of one type and name together. */
struct postern_mediatorconf_container {
    char *type;
    char *name;
    enum postern_container_mode mode; /* NONE: implicit_mode holds */
    struct postern_rule *rules;
    size_t n_rules;
};

struct postern_mediatorconf {
    enum postern_provider order[POSTERN_PROVIDERS]; /* the socket is always the first */
    size_t n_order;
    bool unpinned_identifies; /* unpinned="identify" */
    enum postern_container_mode default_mode, implicit_mode;
    bool broadcasts_inside; /* broadcasts="instance" */
    bool header_on_request; /* instance-header="requested" */
    uint64_t max_total, max_per_user, max_connections, max_metadata;
    uint64_t max_rules, max_grants;
    struct postern_mediatorconf_match *matches; /* in the order written: the first that matches counts */
    size_t n_matches;
    struct postern_mediatorconf_container *containers;
    size_t n_containers;
    char **files; /* every file read, NULL-terminated; NULL when there was none. Owns the strings of locations and rule references. */
};

/*
 * Reads the settings. path: that file alone, which must exist. NULL: the default places, of which any may be missing - with
 * system_bus SYSCONFDIR/postern/mediator.conf and then mediator.conf.d beside it; else the same two in $XDG_CONFIG_HOME/postern (or
 * ~/.config/postern), and when the user has neither, the system's. 0 and a new *conf, or a negative errno with *error as
 * file:line:column.
 */
int postern_mediatorconf_read(const char *path, bool system_bus, struct postern_mediatorconf **conf, struct postern_error *error);
void postern_mediatorconf_free(struct postern_mediatorconf *conf); /* NULL is allowed */

#endif
