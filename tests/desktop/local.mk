# SPDX-License-Identifier: LGPL-2.1-or-later
# A desktop: real services that the bus starts, used by their own clients, in private namespaces. Needs root, or sudo without a password.
# `make check-desktop` runs all, in this order; PYTEST_ARGS narrows it; POSTERN_TEST_DAEMON=/usr/bin/dbus-daemon proves the tests.
DESKTOP_TESTS = test_system.py test_session.py test_end.py
EXTRA_DIST += \
	tests/desktop/buses.py \
	tests/desktop/clients/chooser.py \
	tests/desktop/clients/document.py \
	tests/desktop/clients/journal.py \
	tests/desktop/clients/keyring.py \
	tests/desktop/clients/late.py \
	tests/desktop/clients/thumbnail.py \
	tests/desktop/clients/windows.py \
	tests/desktop/conftest.py \
	tests/desktop/needs.py \
	tests/desktop/stage.py \
	tests/desktop/test_end.py \
	tests/desktop/test_session.py \
	tests/desktop/test_system.py

check-desktop: $(bin_PROGRAMS) $(pkglib_LTLIBRARIES)
	$(PYTHON3) -B $(abs_top_srcdir)/tests/desktop/stage.py "$${POSTERN_TEST_DAEMON:-$(abs_top_builddir)/posternd$(EXEEXT)}" \
	$(PYTHON3) -m pytest -q -p no:cacheprovider --rootdir=. $(PYTEST_ARGS) $(DESKTOP_TESTS)
.PHONY: check-desktop
