/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/daemon.h"
#include "tests/unit/suite.h"

SUITE_MAIN(command_suite, keyring_suite, listen_suite, lookups_suite, loop_suite, matchset_suite, name_suite, oom_suite, options_suite, sasl_suite,
           service_suite, tcp_suite)
