# SPDX-License-Identifier: LGPL-2.1-or-later
# Policies of LSMs, evaluated without a kernel.
if HAVE_CHECK
check_PROGRAMS += test-offline
TESTS += test-offline
endif
OFFLINE_POLICIES = \
	tests/unit/data/apparmor-v8-profiles tests/unit/data/apparmor-v8-profiles.bin \
	tests/unit/data/apparmor-v9-profiles tests/unit/data/apparmor-v9-profiles.bin \
	tests/unit/data/container-permissive.cil tests/unit/data/container-permissive.policy \
	tests/unit/data/container-test.cil tests/unit/data/container-test.policy
EXTRA_DIST += $(OFFLINE_POLICIES)
test_offline_SOURCES = \
	tests/unit/test-offline.c \
	tests/unit/offline.h \
	tests/unit/offline-blob.c tests/unit/offline-blob.h \
	tests/unit/offline-broken.c \
	tests/unit/offline-queries.c
test_offline_CPPFLAGS = $(AM_CPPFLAGS) -DOFFLINE_DATA='"$(abs_top_srcdir)/tests/unit/data/"'
test_offline_CFLAGS = $(UNIT_CFLAGS)
test_offline_LDADD = liboffline.la libutil.la $(CHECK_LIBS)
if HAVE_LIBSEPOL
test_offline_SOURCES += tests/unit/offline-selinux.c
test_offline_CPPFLAGS += -DHAVE_LIBSEPOL
endif
