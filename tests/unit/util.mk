if HAVE_CHECK
check_PROGRAMS += test-util
TESTS += test-util
endif
test_util_SOURCES = tests/unit/test-util.c
test_util_CFLAGS = $(UNIT_CFLAGS)
test_util_LDADD = libutil.la $(CHECK_LIBS)
