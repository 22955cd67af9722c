# System tests: a posternd of its own for each test, real clients, everything through the socket.
# `make check-system` runs all; PYTEST_ARGS narrows it. POSTERN_TEST_DAEMON=/usr/bin/dbus-daemon runs those that hold for both.
PYTHON3 = /usr/bin/python3
PYTEST_ARGS =

SYSTEM_TESTS = \
	tests/system/bus.py \
	tests/system/conftest.py \
	tests/system/helpers.py \
	tests/system/wirebus.py \
	tests/system/test_auth.py \
	tests/system/test_hostile.py \
	tests/system/test_run.py
EXTRA_DIST += $(SYSTEM_TESTS)

check-system: $(bin_PROGRAMS) $(pkglib_LTLIBRARIES)
	POSTERND="$(abs_top_builddir)/posternd$(EXEEXT)" POSTERN_BUILD="$(abs_top_builddir)" PYTHONDONTWRITEBYTECODE=1 \
	$(PYTHON3) -m pytest -q -p no:cacheprovider --rootdir=$(abs_top_srcdir)/tests/system $(PYTEST_ARGS) \
	$(abs_top_srcdir)/tests/system
.PHONY: check-system
