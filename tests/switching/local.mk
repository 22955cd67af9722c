# SPDX-License-Identifier: LGPL-2.1-or-later
# A whole machine, switched over and back. `make check-switch` boots it; it needs root, systemd-nspawn and mmdebstrap, and is not part of
# `make check`. Where it cannot be run, it fails.
EXTRA_DIST += tests/switching/guest.sh tests/switching/switch.py

EXTRA_PROGRAMS += switch-peer
switch_peer_SOURCES = tests/switching/peer.c
switch_peer_LDADD = -lsystemd

check-switch: all switch-peer$(EXEEXT)
	$(PYTHON3) $(srcdir)/tests/switching/switch.py switching '$(abs_top_builddir)' '$(abs_top_srcdir)' '$(sysconfdir)/postern/mediator.conf'
clean-local:
	rm -rf switching
.PHONY: check-switch
