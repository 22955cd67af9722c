# Differential tests: the same operations on posternd and on the dbus-daemon that is installed, everything compared.
# `make check-differential` runs all; PYTEST_ARGS narrows it, and says how many random sequences: --seed=N --count=N --ops=N.
# POSTERN_TEST_STOCK=PROGRAM compares with that dbus-daemon.
DIFFERENTIAL_TESTS = \
	tests/differential/compare.py \
	tests/differential/conftest.py \
	tests/differential/daemons.py \
	tests/differential/generate.py \
	tests/differential/known.py \
	tests/differential/ops.py \
	tests/differential/records.py \
	tests/differential/service.py \
	tests/differential/test_activation.py \
	tests/differential/test_driver.py \
	tests/differential/test_known.py \
	tests/differential/test_limits.py \
	tests/differential/test_match.py \
	tests/differential/test_messages.py \
	tests/differential/test_monitor.py \
	tests/differential/test_names.py \
	tests/differential/test_policy.py \
	tests/differential/test_random.py
EXTRA_DIST += $(DIFFERENTIAL_TESTS)

check-differential: $(bin_PROGRAMS) $(pkglib_LTLIBRARIES)
	POSTERND="$(abs_top_builddir)/posternd$(EXEEXT)" PYTHONDONTWRITEBYTECODE=1 \
	$(PYTHON3) -m pytest -q -p no:cacheprovider --rootdir=$(abs_top_srcdir)/tests/differential --tb=short $(PYTEST_ARGS) \
	$(abs_top_srcdir)/tests/differential
.PHONY: check-differential
