/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The suites of test-cgroup. */
#ifndef POSTERN_TESTS_UNIT_CGROUP_H
#define POSTERN_TESTS_UNIT_CGROUP_H

#include <check.h>

Suite *cgroup_path_suite(void);
Suite *cgroup_peer_suite(void);
Suite *cgroup_shipped_suite(void);

#endif
