noinst_LTLIBRARIES += libconfig.la
libconfig_la_SOURCES = \
	config/busconfig.c config/busconfig.h \
	config/files.c config/files.h \
	config/include.c \
	config/limits.c \
	config/location.c config/location.h \
	config/lookup.c config/lookup.h \
	config/markup.c config/markup.h \
	config/part.c \
	config/reader.h \
	config/rules.c \
	config/servicedirs.c \
	config/walk.c
libconfig_la_CFLAGS = $(AM_CFLAGS) $(EXPAT_CFLAGS) $(LIBSELINUX_CFLAGS)
libconfig_la_LIBADD = $(EXPAT_LIBS) $(LIBSELINUX_LIBS)
