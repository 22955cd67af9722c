# SPDX-License-Identifier: LGPL-2.1-or-later
if HAVE_CHECK
check_PROGRAMS += test-loader
TESTS += test-loader
endif
test_loader_SOURCES = tests/unit/test-loader.c
test_loader_CPPFLAGS = $(AM_CPPFLAGS) -DMOCKS_DIR='"$(abs_top_builddir)/tests/mocks/.libs"'
test_loader_CFLAGS = $(UNIT_CFLAGS)
test_loader_LDADD = libdaemon.la libutil.la $(CHECK_LIBS)
