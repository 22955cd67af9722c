/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/lsm.h"
#include "tests/unit/suite.h"

SUITE_MAIN(lsm_cgroup_suite, lsm_instances_suite, lsm_trail_suite,
#ifdef HAVE_LIBAPPARMOR
           lsm_apparmor_suite, lsm_ask_suite,
#endif
#ifdef HAVE_LIBSELINUX
           lsm_selinux_suite,
#endif
)
