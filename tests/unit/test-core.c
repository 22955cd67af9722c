/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/core.h"
#include "tests/unit/suite.h"

SUITE_MAIN(core_rule_suite, core_ruleset_suite, core_decide_suite, core_server_suite, core_facts_suite, core_fields_suite, core_life_suite, core_open_suite,
           core_audit_suite, core_pattern_suite, core_services_suite)
