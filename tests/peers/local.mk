# Peers: the test suites that the distribution's packages install for D-Bus' clients and libraries, with posternd and with dbus-daemon.
# `make check-peers` runs all, as root also as an ordinary user; PEERS_ARGS narrows it. POSTERN_TEST_DAEMON=... tests another daemon.
PEERS_ARGS =
PEERS = \
	tests/peers/clients.py \
	tests/peers/compare.py \
	tests/peers/exceptions.py \
	tests/peers/floors.py \
	tests/peers/report.py \
	tests/peers/results.py \
	tests/peers/run.py \
	tests/peers/runner.py \
	tests/peers/suites.py
EXTRA_DIST += $(PEERS)

TESTS += tests/peers/selftest.py
EXTRA_DIST += tests/peers/selftest.py

check-peers: $(bin_PROGRAMS) $(pkglib_LTLIBRARIES)
	POSTERND="$(abs_top_builddir)/posternd$(EXEEXT)" $(PYTHON3) -B $(abs_top_srcdir)/tests/peers/run.py \
	$$(grep -q 'define POSTERN_VERBOSE_MODE' config.h && echo --verbose-mode) $(PEERS_ARGS)
.PHONY: check-peers
