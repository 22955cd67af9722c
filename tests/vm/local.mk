# SPDX-License-Identifier: LGPL-2.1-or-later
# Emulated machines with SELinux, AppArmor or neither. `make check-vm` boots them; the packages it needs are those of `scripts/deps vm`, and
# it is not part of `make check`. VM_ARGS='--guests=selinux-new' narrows it; see run.py. Where it cannot be run, it fails.
VM_ARGS =

EXTRA_DIST += \
	tests/vm/initramfs.py \
	tests/vm/kernels.py \
	tests/vm/machine.py \
	tests/vm/run.py \
	tests/vm/guest/child.py \
	tests/vm/guest/domain.py \
	tests/vm/guest/lsm.py \
	tests/vm/guest/main.py \
	tests/vm/guest/marks.py \
	tests/vm/guest/records.py \
	tests/vm/guest/test_apparmor_changes.py \
	tests/vm/guest/test_apparmor_old.py \
	tests/vm/guest/test_attacks.py \
	tests/vm/guest/test_modes.py \
	tests/vm/guest/test_selinux_changes.py \
	tests/vm/guest/test_smoke.py \
	tests/vm/policy/apparmor-v8-profiles \
	tests/vm/policy/apparmor-v9-features \
	tests/vm/policy/apparmor-bus-profiles \
	tests/vm/policy/apparmor-bus-profiles.bin \
	tests/vm/policy/apparmor-change-profiles \
	tests/vm/policy/apparmor-change-profiles.bin \
	tests/vm/policy/apparmor-less-profiles \
	tests/vm/policy/apparmor-less-profiles.bin \
	tests/vm/policy/apparmor-query-profiles \
	tests/vm/policy/apparmor-query-profiles.bin \
	tests/vm/policy/domains.cil

check-vm: $(bin_PROGRAMS) $(pkglib_LTLIBRARIES)
	$(PYTHON3) -B $(srcdir)/tests/vm/run.py $(VM_ARGS) '$(abs_top_builddir)' '$(abs_top_srcdir)'
clean-local: clean-vm
clean-vm:
	rm -rf vm vm-cache
.PHONY: check-vm clean-vm
