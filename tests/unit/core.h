/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The suites of test-core. */
#ifndef POSTERN_TESTS_UNIT_CORE_H
#define POSTERN_TESTS_UNIT_CORE_H

#include <check.h>

Suite *core_audit_suite(void);
Suite *core_decide_suite(void);
Suite *core_facts_suite(void);
Suite *core_fields_suite(void);
Suite *core_life_suite(void);
Suite *core_open_suite(void);
Suite *core_pattern_suite(void);
Suite *core_rule_suite(void);
Suite *core_ruleset_suite(void);
Suite *core_server_suite(void);
Suite *core_services_suite(void);

#endif
