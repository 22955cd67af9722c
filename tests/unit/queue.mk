# What waits to be written, who is charged for it, and when time is up.
if HAVE_CHECK
check_PROGRAMS += test-queue
TESTS += test-queue
endif
test_queue_SOURCES = tests/unit/test-queue.c
test_queue_CFLAGS = $(UNIT_CFLAGS)
test_queue_LDADD = libdaemon.la libwire.la libutil.la $(CHECK_LIBS) $(LIBSYSTEMD_LIBS)
