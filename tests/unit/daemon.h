/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The suites of test-daemon. */
#ifndef POSTERN_TESTS_UNIT_DAEMON_H
#define POSTERN_TESTS_UNIT_DAEMON_H

#include <check.h>

Suite *command_suite(void);
Suite *keyring_suite(void);
Suite *listen_suite(void);
Suite *lookups_suite(void);
Suite *loop_suite(void);
Suite *matchset_suite(void);
Suite *name_suite(void);
Suite *oom_suite(void);
Suite *options_suite(void);
Suite *sasl_suite(void);
Suite *service_suite(void);
Suite *tcp_suite(void);

#endif
