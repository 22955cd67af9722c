# The parts of the daemon that stand alone, so that tests can link them.
noinst_LTLIBRARIES += libdaemon.la
libdaemon_la_SOURCES = \
	daemon/listen.c daemon/listen.h \
	daemon/loader.c daemon/loader.h \
	daemon/matchset.c daemon/matchset.h \
	daemon/name.c daemon/name.h \
	daemon/options.c daemon/options.h \
	daemon/sasl.c daemon/sasl.h \
	daemon/service.c daemon/service.h
libdaemon_la_CFLAGS = $(AM_CFLAGS) $(LIBSYSTEMD_CFLAGS)
