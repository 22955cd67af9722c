# SPDX-License-Identifier: LGPL-2.1-or-later
# What needs no kernel of the doors and providers of security modules: labels, questions, records, and instances that nobody announced.
if HAVE_CHECK
check_PROGRAMS += test-lsm
TESTS += test-lsm
endif
test_lsm_SOURCES = tests/unit/test-lsm.c tests/unit/lsm.h tests/unit/lsm-host.c \
	tests/unit/lsm-cgroup.c tests/unit/lsm-instances.c tests/unit/lsm-trail.c
if HAVE_LIBAPPARMOR
test_lsm_SOURCES += tests/unit/lsm-apparmor.c tests/unit/lsm-ask.c
endif
if HAVE_LIBSELINUX
test_lsm_SOURCES += tests/unit/lsm-selinux.c
endif
test_lsm_CFLAGS = $(UNIT_CFLAGS) $(LIBAPPARMOR_CFLAGS) $(LIBSELINUX_CFLAGS)
# To be the kernel's policy, and to be in any group.
test_lsm_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=aa_query_label -Wl,--wrap=postern_cgroup_of_peer
test_lsm_LDADD = libpolicy.la libbackends.la libcore.la libconfig.la libwire.la libutil.la $(CHECK_LIBS)
