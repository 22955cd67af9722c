# SPDX-License-Identifier: LGPL-2.1-or-later
# Unit tests of this layer.
if HAVE_CHECK
check_PROGRAMS += test-wire
TESTS += test-wire
endif
test_wire_SOURCES = \
	tests/unit/test-wire.c \
	tests/unit/wire-address.c \
	tests/unit/wire-body.c \
	tests/unit/wire-header.c \
	tests/unit/wire-make.c tests/unit/wire-make.h \
	tests/unit/wire-match.c \
	tests/unit/wire-memo.c \
	tests/unit/wire-name.c \
	tests/unit/wire-signature.c \
	tests/unit/wire-values.c
test_wire_CPPFLAGS = $(AM_CPPFLAGS)
test_wire_CFLAGS = $(UNIT_CFLAGS) $(DBUS1_CFLAGS)
test_wire_LDADD = libwire.la libutil.la $(CHECK_LIBS) $(DBUS1_LIBS)
if HAVE_DBUS1
test_wire_SOURCES += tests/unit/wire-libdbus.c
test_wire_CPPFLAGS += -DHAVE_DBUS1
endif
