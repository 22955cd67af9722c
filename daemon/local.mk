include daemon/parts.mk

bin_PROGRAMS += posternd
posternd_SOURCES = daemon/main.c
posternd_CFLAGS = $(AM_CFLAGS) $(LIBSYSTEMD_CFLAGS)
posternd_LDADD = libdaemon.la libconfig.la libwire.la libutil.la $(LIBSYSTEMD_LIBS)
