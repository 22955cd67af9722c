noinst_LTLIBRARIES += libconfig.la
libconfig_la_SOURCES = \
	config/busconfig.c config/busconfig.h
libconfig_la_CFLAGS = $(AM_CFLAGS) $(EXPAT_CFLAGS) $(LIBSELINUX_CFLAGS)
libconfig_la_LIBADD = $(EXPAT_LIBS) $(LIBSELINUX_LIBS)
