noinst_LTLIBRARIES += libutil.la
libutil_la_SOURCES = \
	util/buf.c util/buf.h \
	util/cleanup.h \
	util/console.c util/console.h \
	util/error.c util/error.h \
	util/hash.c util/hash.h \
	util/peer.c util/peer.h \
	util/sha1.c util/sha1.h \
	util/zalloc.c util/zalloc.h
libutil_la_CFLAGS = $(AM_CFLAGS) $(LIBSYSTEMD_CFLAGS)
libutil_la_LIBADD = $(LIBSYSTEMD_LIBS)
