# SPDX-License-Identifier: LGPL-2.1-or-later
# The control group of a peer, and whose it is.
if HAVE_CHECK
check_PROGRAMS += test-cgroup
TESTS += test-cgroup
endif
test_cgroup_SOURCES = tests/unit/test-cgroup.c tests/unit/cgroup.h \
	tests/unit/cgroup-client.c tests/unit/cgroup-path.c tests/unit/cgroup-peer.c tests/unit/cgroup-shipped.c
# Rows of a table say only what differs from the common case.
test_cgroup_CFLAGS = $(UNIT_CFLAGS) -Wno-missing-field-initializers -DTEST_SRCDIR='"$(abs_top_srcdir)"'
# To be an older kernel, and one whose peer has been reaped.
test_cgroup_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=postern_peer_pidfd
test_cgroup_LDADD = libpolicy.la libbackends.la libcore.la libconfig.la libwire.la libutil.la $(CHECK_LIBS)
