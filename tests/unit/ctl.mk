# What posternctl makes of values, names and verdicts, without a bus.
if HAVE_CHECK
if HAVE_LIBSYSTEMD
check_PROGRAMS += test-ctl
TESTS += test-ctl
endif
endif
test_ctl_SOURCES = \
	tests/unit/test-ctl.c \
	tools/ctl/filter.c \
	tools/ctl/output.c \
	tools/ctl/value.c \
	tools/ctl/words.c
test_ctl_CFLAGS = $(UNIT_CFLAGS) $(LIBSYSTEMD_CFLAGS)
test_ctl_LDADD = libwire.la libutil.la $(CHECK_LIBS)
