/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The suites of test-lsm, and a mediator with a host that only remembers. */
#ifndef POSTERN_TESTS_UNIT_LSM_H
#define POSTERN_TESTS_UNIT_LSM_H

#include <check.h>

#include "core/mediator.h"

Suite *lsm_apparmor_suite(void);
Suite *lsm_ask_suite(void);
Suite *lsm_cgroup_suite(void);
Suite *lsm_instances_suite(void);
Suite *lsm_selinux_suite(void);
Suite *lsm_trail_suite(void);

struct lsm_scene {
    struct postern_host host;
    struct postern_mediator mediator;
    unsigned n_lines;
    char line[4096]; /* the last one of the log */
    unsigned n_signals;
};

/* A mediator of a bus of type "session", without rules or doors but the container's. */
void lsm_scene_open(struct lsm_scene *scene);
void lsm_scene_close(struct lsm_scene *scene);
/* Adds a pattern to its settings. */
void lsm_scene_pattern(struct lsm_scene *scene, const char *provider, const char *pattern, const char *type);

#endif
