/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The suites of test-offline. OFFLINE_DATA is the folder of their policies. */
#ifndef POSTERN_TESTS_UNIT_OFFLINE_H
#define POSTERN_TESTS_UNIT_OFFLINE_H

#include <check.h>

Suite *offline_queries_suite(void);
Suite *offline_broken_suite(void);
Suite *offline_selinux_suite(void);

#endif
