noinst_LTLIBRARIES += libbackends.la
libbackends_la_SOURCES = \
	backends/registry.c backends/registry.h \
	backends/socket.h \
	backends/socket/socket.c

# Evaluators of policies that no kernel has loaded: for tests and tools, not for the module.
noinst_LTLIBRARIES += liboffline.la
liboffline_la_SOURCES = \
	backends/apparmor/compiled.c backends/apparmor/compiled.h \
	backends/apparmor/dfa.c backends/apparmor/dfa.h \
	backends/apparmor/policy.c backends/apparmor/policy.h \
	backends/apparmor/stream.c backends/apparmor/stream.h
liboffline_la_CFLAGS = $(AM_CFLAGS) $(LIBSEPOL_CFLAGS)
liboffline_la_LIBADD = $(LIBSEPOL_LIBS)
if HAVE_LIBSEPOL
liboffline_la_SOURCES += backends/selinux/offline.c backends/selinux/offline.h
endif
