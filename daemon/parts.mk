# The parts of the daemon that stand alone, so that tests can link them.
noinst_LTLIBRARIES += libdaemon.la
libdaemon_la_SOURCES = \
	daemon/account.c daemon/account.h \
	daemon/command.c daemon/command.h \
	daemon/environment.c daemon/environment.h \
	daemon/fdset.c daemon/fdset.h \
	daemon/journal.c daemon/journal.h \
	daemon/log.c daemon/log.h \
	daemon/lograte.c daemon/lograte.h \
	daemon/lookups.c daemon/lookups.h \
	daemon/loop.c daemon/loop.h \
	daemon/outq.c daemon/outq.h \
	daemon/process.c daemon/process.h \
	daemon/timeout.c daemon/timeout.h \
	daemon/listen.c daemon/listen.h daemon/listen_part.h \
	daemon/listen_systemd.c \
	daemon/listen_tcp.c \
	daemon/listen_unix.c \
	daemon/loader.c daemon/loader.h \
	daemon/matchset.c daemon/matchset.h \
	daemon/name.c daemon/name.h \
	daemon/options.c daemon/options.h \
	daemon/sasl.c daemon/sasl.h \
	daemon/sasl_cookie.c daemon/sasl_cookie.h \
	daemon/keyring.c daemon/keyring.h \
	daemon/cookies.c \
	daemon/service.c daemon/service.h \
	daemon/service_parse.c
libdaemon_la_CFLAGS = $(AM_CFLAGS) $(LIBSYSTEMD_CFLAGS)
dist_man_MANS += docs/posternd.1
