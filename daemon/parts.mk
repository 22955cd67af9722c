# The parts of the daemon that stand alone, so that tests can link them.
noinst_LTLIBRARIES += libdaemon.la
libdaemon_la_SOURCES = \
	daemon/loader.c daemon/loader.h
