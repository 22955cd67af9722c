# Unit tests with Check, one program per layer.
EXTRA_DIST += tests/unit/suite.h
UNIT_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

include tests/unit/util.mk
include tests/unit/wire.mk
include tests/unit/policy.mk
include tests/unit/core.mk
include tests/unit/cgroup.mk
include tests/unit/lsm.mk
include tests/unit/daemon.mk
include tests/unit/queue.mk
include tests/unit/door.mk
include tests/unit/loader.mk
include tests/unit/offline.mk
include tests/unit/ctl.mk
