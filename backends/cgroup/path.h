/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which container does a control group stand for? Looks at text alone: what /proc/PID/cgroup says, see cgroups(7). */
#ifndef POSTERN_BACKENDS_CGROUP_PATH_H
#define POSTERN_BACKENDS_CGROUP_PATH_H

#include <stddef.h>

#include "core/settings.h"
#include "util/error.h"

#define POSTERN_CGROUP_TEXT_MAX 65536u /* of /proc/PID/cgroup */
#define POSTERN_CGROUP_PATH_MAX 4096u  /* of the path of one group */
#define POSTERN_CGROUP_NAME_MAX 255u   /* of a container's name or instance key */

/* Both strings are the caller's. */
struct postern_cgroup_pattern {
    const char *pattern; /* it has passed postern_pattern_check() */
    const char *type;
};

/* Nothing in it is allocated. */
struct postern_cgroup_container {
    const char *type; /* the pattern's own string, not a copy */
    char name[POSTERN_CGROUP_NAME_MAX + 1];     /* "" when the pattern has no {name} */
    char instance[POSTERN_CGROUP_NAME_MAX + 1]; /* "" when it has no {instance} */
};

/* Is this what the kernel writes, and are all groups in it told whole? 0, or -EPERM with what is wrong in *error: paths outside the
 * reader's cgroup namespace ("/.."), removed groups, control characters, what is cut off or too long. */
int postern_cgroup_check(const char *text, size_t len, struct postern_error *error);

/*
 * text: the peer's. own: that of the bus itself, or NULL. Neither needs a NUL.
 *
 * The hierarchies are looked at in the order unified, name=systemd, freezer, the others as they stand; the first with a container
 * counts. In its path the outermost group counts that a pattern matches, so that nothing inside a container can say that it is
 * another; for one group the first pattern. A pattern without "/" is compared with one component, one that begins with "/" with the
 * path from the root to the group; "CONTROLLER:/..." only in the hierarchy of that controller; another with "/" matches nothing.
 * Groups that the bus is in too are skipped, and so are those whose type is POSTERN_SETTINGS_NO_CONTAINER.
 *
 * 1 with *container: found, name and key unescaped as those of systemd's units. 0: in no container. -EPERM with *error: either
 * text fails postern_cgroup_check(), or a name is not valid UTF-8, too long or wrongly escaped; that is never "in no container".
 * *container is untouched unless 1 is returned.
 */
int postern_cgroup_find(const char *text, size_t len, const char *own, size_t own_len, const struct postern_cgroup_pattern *patterns,
                        size_t n_patterns, struct postern_cgroup_container *container, struct postern_error *error);

#endif
