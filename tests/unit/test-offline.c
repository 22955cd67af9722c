/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/offline.h"
#include "tests/unit/suite.h"

#ifdef HAVE_LIBSEPOL
SUITE_MAIN(offline_queries_suite, offline_broken_suite, offline_selinux_suite)
#else
SUITE_MAIN(offline_queries_suite, offline_broken_suite)
#endif
