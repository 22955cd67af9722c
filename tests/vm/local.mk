# SPDX-License-Identifier: LGPL-2.1-or-later
# Emulated machines with SELinux, AppArmor or neither. `make check-vm` boots them; the packages it needs are those of `scripts/deps vm`, and
# it is not part of `make check`. VM_ARGS='--guests=selinux-new' narrows it; see run.py. Where it cannot be run, it fails.
VM_ARGS =

EXTRA_DIST += \
	tests/vm/containers.py \
	tests/vm/initramfs.py \
	tests/vm/kernels.py \
	tests/vm/machine.py \
	tests/vm/run.py \
	tests/vm/tools.py \
	tests/vm/guest/child.py \
	tests/vm/guest/cost.py \
	tests/vm/guest/domain.py \
	tests/vm/guest/lsm.py \
	tests/vm/guest/main.py \
	tests/vm/guest/marks.py \
	tests/vm/guest/questions.py \
	tests/vm/guest/records.py \
	tests/vm/guest/table.py \
	tests/vm/guest/test_apparmor_changes.py \
	tests/vm/guest/test_apparmor_old.py \
	tests/vm/guest/test_attacks.py \
	tests/vm/guest/test_audit.py \
	tests/vm/guest/test_containers.py \
	tests/vm/guest/test_identity.py \
	tests/vm/guest/test_modes.py \
	tests/vm/guest/test_oracle.py \
	tests/vm/guest/test_selinux_changes.py \
	tests/vm/guest/traffic.py \
	tests/vm/guest/trail.py \
	tests/vm/guest/test_smoke.py \
	tests/vm/guest/test_table.py \
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
	tests/vm/policy/apparmor-snap-profiles \
	tests/vm/policy/apparmor-snap-profiles.bin \
	tests/vm/policy/apparmor-table-profiles \
	tests/vm/policy/apparmor-table-profiles.bin \
	tests/vm/policy/domains.cil

# Runs in the guests. All three are needed there; without one of them run.py says so.
VM_ORACLE =
if HAVE_LIBSEPOL
if HAVE_LIBSELINUX
if HAVE_LIBAPPARMOR
VM_ORACLE += vm-oracle
endif
endif
endif
EXTRA_PROGRAMS += vm-oracle
vm_oracle_SOURCES = tests/vm/oracle.c
vm_oracle_LDADD = libbackends.la liboffline.la libcore.la libconfig.la libwire.la libutil.la

check-vm: $(bin_PROGRAMS) $(pkglib_LTLIBRARIES) $(VM_ORACLE)
	$(PYTHON3) -B $(srcdir)/tests/vm/run.py $(VM_ARGS) '$(abs_top_builddir)' '$(abs_top_srcdir)'
clean-local: clean-vm
clean-vm:
	rm -rf vm
distclean-local:
	rm -rf vm-cache
.PHONY: check-vm clean-vm
