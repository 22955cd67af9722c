/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/cgroup.h"
#include "tests/unit/suite.h"

SUITE_MAIN(cgroup_path_suite, cgroup_shipped_suite, cgroup_peer_suite)
