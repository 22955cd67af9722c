# SPDX-License-Identifier: LGPL-2.1-or-later
# House rules that make check enforces.
GUARDS = \
	tests/guards/hardening.sh \
	tests/guards/headers.sh \
	tests/guards/layers.py \
	tests/guards/pkgconfig.sh \
	tests/guards/planted.py \
	tests/guards/sources.py \
	tests/guards/symbols.sh \
	tests/guards/tour.py \
	tests/guards/units.sh
TESTS += $(GUARDS)
EXTRA_DIST += $(GUARDS) \
	tests/guards/folders.py \
	tests/guards/grant-cost.sh \
	tests/guards/installed.sh \
	tests/guards/tree.py \
	build-aux/layers.txt

check_PROGRAMS += test-abi
TESTS += test-abi
test_abi_SOURCES = tests/guards/test-abi.c

# What tests/guards/grant-cost.sh counts the instructions of.
if HAVE_CHECK
check_PROGRAMS += grant-cost
TESTS += tests/guards/grant-cost.sh
endif
grant_cost_SOURCES = tests/guards/grant-cost.c tests/unit/door-fixture.c tests/unit/door-fixture.h module/backends.c module/config.c module/module.c
grant_cost_CFLAGS = $(UNIT_CFLAGS)
grant_cost_LDADD = libpolicy.la libbackends.la libcore.la libconfig.la libwire.la libutil.la $(CHECK_LIBS)

# The client that tests/guards/message-cost.py counts instructions and system calls with.
check_PROGRAMS += message-cost
message_cost_SOURCES = tests/guards/message-cost.c $(BENCH_LINK) bench/scene.c bench/scene.h
message_cost_LDADD = libwire.la libutil.la
TESTS += tests/guards/costs-selftest.py tests/guards/message-cost.py
EXTRA_DIST += \
	tests/guards/callgrind.py \
	tests/guards/costs.py \
	tests/guards/costs-selftest.py \
	tests/guards/message-cost.py \
	tests/guards/message-cost.txt

if SANITIZERS
GUARD_SANITIZERS = yes
else
GUARD_SANITIZERS = no
endif
GUARD_ENVIRONMENT = \
	top_srcdir='$(top_srcdir)'; CC='$(CC)'; CPPFLAGS='$(CPPFLAGS)'; CFLAGS='$(CFLAGS)'; \
	LIBRARY_CFLAGS='$(EXPAT_CFLAGS) $(CHECK_CFLAGS) $(LIBSYSTEMD_CFLAGS) $(LIBSELINUX_CFLAGS)'; \
	PROGRAMS='$(bin_PROGRAMS)'; SANITIZERS='$(GUARD_SANITIZERS)'; PKG_CONFIG='$(PKG_CONFIG)'; VERSION='$(VERSION)'; \
	PKGLIBDIR='$(pkglibdir)'; INCLUDEDIR='$(includedir)'; LIBDIR='$(libdir)'; BINDIR='$(bindir)'; DATADIR='$(datadir)'; DESTDIR='$(DESTDIR)'; \
	export top_srcdir CC CPPFLAGS CFLAGS LIBRARY_CFLAGS PROGRAMS SANITIZERS PKG_CONFIG VERSION PKGLIBDIR INCLUDEDIR LIBDIR \
	BINDIR DATADIR DESTDIR;
# A busy machine is no failure: Check's own bound of 4 s for a test is too near.
AM_TESTS_ENVIRONMENT = $(GUARD_ENVIRONMENT) CK_DEFAULT_TIMEOUT=60; export CK_DEFAULT_TIMEOUT;

installcheck-local:
	$(AM_V_at)$(GUARD_ENVIRONMENT) $(SHELL) $(top_srcdir)/tests/guards/installed.sh

# The figures of this build become those that tests/guards/message-cost.py compares with.
record-message-cost: message-cost$(EXEEXT) posternd$(EXEEXT) mediator.la
	$(AM_V_at)$(GUARD_ENVIRONMENT) $(PYTHON3) -B $(top_srcdir)/tests/guards/message-cost.py --record
.PHONY: record-message-cost
