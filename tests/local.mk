include tests/unit/local.mk
include tests/mocks/local.mk
include tests/fuzz/local.mk
include tests/guards/local.mk
include tests/system/local.mk
include tests/peers/local.mk
include tests/desktop/local.mk
include tests/switching/local.mk
