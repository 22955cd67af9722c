# System tests: a posternd of its own for each test, real clients, everything through the socket.
# `make check-system` runs all; PYTEST_ARGS narrows it. POSTERN_TEST_DAEMON=/usr/bin/dbus-daemon runs those that hold for both.
PYTHON3 = /usr/bin/python3
PYTEST_ARGS =

SYSTEM_TESTS = \
	tests/system/bus.py \
	tests/system/conftest.py \
	tests/system/ctl.py \
	tests/system/fakebus.py \
	tests/system/helpers.py \
	tests/system/mediator1.py \
	tests/system/order_model.py \
	tests/system/order_player.py \
	tests/system/sleeper.py \
	tests/system/wirebus.py \
	tests/system/watch.py \
	tests/system/world.py \
	tests/system/test_accounts.py \
	tests/system/test_activation.py \
	tests/system/test_attack.py \
	tests/system/test_auth.py \
	tests/system/test_bench.py \
	tests/system/test_check.py \
	tests/system/test_clients.py \
	tests/system/test_container_fds.py \
	tests/system/test_containers.py \
	tests/system/test_cookie.py \
	tests/system/test_ctl.py \
	tests/system/test_ctl_answers.py \
	tests/system/test_ctl_line.py \
	tests/system/test_ctl_watch.py \
	tests/system/test_door.py \
	tests/system/test_door_fds.py \
	tests/system/test_driver.py \
	tests/system/test_examples.py \
	tests/system/test_explain.py \
	tests/system/test_facts.py \
	tests/system/test_fairness.py \
	tests/system/test_grants.py \
	tests/system/test_header.py \
	tests/system/test_hostile.py \
	tests/system/test_limits.py \
	tests/system/test_log.py \
	tests/system/test_mediator1.py \
	tests/system/test_messages.py \
	tests/system/test_monitor.py \
	tests/system/test_monitor_denials.py \
	tests/system/test_names.py \
	tests/system/test_options.py \
	tests/system/test_order.py \
	tests/system/test_reload.py \
	tests/system/test_replies.py \
	tests/system/test_run.py \
	tests/system/test_services.py \
	tests/system/test_stats.py \
	tests/system/test_system.py \
	tests/system/test_tcp.py \
	tests/system/test_unfinished.py \
	tests/system/test_visibility.py \
	tests/system/test_watching.py
EXTRA_DIST += $(SYSTEM_TESTS)

# A manager and its client written with sd-bus; not in check_PROGRAMS, since only these tests need libsystemd, whatever
# posternd was configured with.
EXTRA_PROGRAMS = addserver
addserver_SOURCES = tests/system/addserver.c
addserver_LDADD = -lsystemd
CLEANFILES += $(EXTRA_PROGRAMS)

# A directory service that can be slow or down, loaded by the C library.
EXTRA_LTLIBRARIES = tests/system/nss.la
tests_system_nss_la_SOURCES = tests/system/nss.c
tests_system_nss_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
CLEANFILES += $(EXTRA_LTLIBRARIES)

check-system: $(bin_PROGRAMS) $(pkglib_LTLIBRARIES) $(EXTRA_LTLIBRARIES) addserver$(EXEEXT) tests/mocks/mock-flags.la tests/mocks/mock-odd.la tests/mocks/mock-older.la tests/mocks/mock-older-4.la bench-load$(EXEEXT) bench-relay$(EXEEXT) $(EXAMPLES_BUILT)
	POSTERND="$(abs_top_builddir)/posternd$(EXEEXT)" POSTERN_BUILD="$(abs_top_builddir)" PYTHONDONTWRITEBYTECODE=1 \
	$(PYTHON3) -m pytest -q -p no:cacheprovider --rootdir=$(abs_top_srcdir)/tests/system $(PYTEST_ARGS) \
	$(abs_top_srcdir)/tests/system
.PHONY: check-system
