# SPDX-License-Identifier: LGPL-2.1-or-later
# Modules that are odd in one way each, for the loader's test. -rpath makes libtool build real shared objects for them, which
# are never installed.
MOCK_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
EXTRA_DIST += tests/mocks/mock.h tests/mocks/mock-yes.h

if HAVE_CHECK
check_LTLIBRARIES += \
	tests/mocks/mock-closed.la \
	tests/mocks/mock-demanding.la \
	tests/mocks/mock-flags.la \
	tests/mocks/mock-hole.la \
	tests/mocks/mock-huge.la \
	tests/mocks/mock-longer.la \
	tests/mocks/mock-major.la \
	tests/mocks/mock-nameless.la \
	tests/mocks/mock-nosymbol.la \
	tests/mocks/mock-null.la \
	tests/mocks/mock-odd.la \
	tests/mocks/mock-older.la \
	tests/mocks/mock-older-4.la \
	tests/mocks/mock-short.la \
	tests/mocks/mock-sound.la \
	tests/mocks/mock-undefined.la
endif
tests_mocks_mock_closed_la_SOURCES = tests/mocks/mock-closed.c
tests_mocks_mock_closed_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_demanding_la_SOURCES = tests/mocks/mock-demanding.c
tests_mocks_mock_demanding_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_flags_la_SOURCES = tests/mocks/mock-flags.c
tests_mocks_mock_flags_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_hole_la_SOURCES = tests/mocks/mock-hole.c
tests_mocks_mock_hole_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_huge_la_SOURCES = tests/mocks/mock-huge.c
tests_mocks_mock_huge_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_longer_la_SOURCES = tests/mocks/mock-longer.c
tests_mocks_mock_longer_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_major_la_SOURCES = tests/mocks/mock-major.c
tests_mocks_mock_major_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_nameless_la_SOURCES = tests/mocks/mock-nameless.c
tests_mocks_mock_nameless_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_nosymbol_la_SOURCES = tests/mocks/mock-nosymbol.c
tests_mocks_mock_nosymbol_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_null_la_SOURCES = tests/mocks/mock-null.c
tests_mocks_mock_null_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_odd_la_SOURCES = tests/mocks/mock-odd.c
tests_mocks_mock_odd_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_older_la_SOURCES = tests/mocks/mock-older.c
tests_mocks_mock_older_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_older_4_la_SOURCES = tests/mocks/mock-older.c
tests_mocks_mock_older_4_la_CPPFLAGS = $(AM_CPPFLAGS) -DOLDER_MINOR=4u
tests_mocks_mock_older_4_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_short_la_SOURCES = tests/mocks/mock-short.c
tests_mocks_mock_short_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_sound_la_SOURCES = tests/mocks/mock-sound.c
tests_mocks_mock_sound_la_LDFLAGS = $(MOCK_LDFLAGS)
tests_mocks_mock_undefined_la_SOURCES = tests/mocks/mock-undefined.c
tests_mocks_mock_undefined_la_LDFLAGS = $(MOCK_LDFLAGS)
