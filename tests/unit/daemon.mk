# Unit tests of this layer.
if HAVE_CHECK
check_PROGRAMS += test-daemon
TESTS += test-daemon
endif
test_daemon_SOURCES = tests/unit/test-daemon.c tests/unit/daemon.h \
	tests/unit/daemon-command.c tests/unit/daemon-listen.c tests/unit/daemon-lookups.c tests/unit/daemon-loop.c tests/unit/daemon-matchset.c tests/unit/daemon-name.c \
	tests/unit/daemon-keyring.c tests/unit/daemon-tcp.c \
	tests/unit/daemon-oom.c tests/unit/daemon-options.c tests/unit/daemon-sasl.c tests/unit/daemon-service.c
test_daemon_CFLAGS = $(UNIT_CFLAGS) -DTEST_SRCDIR='"$(abs_top_srcdir)"'
# To count the rules that a message looks at, and to run out of memory.
test_daemon_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=postern_match_matches -Wl,--wrap=postern_match_args_read \
	-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=strdup -Wl,--wrap=strndup
test_daemon_LDADD = libdaemon.la libwire.la libutil.la $(LIBSYSTEMD_LIBS) $(CHECK_LIBS)
