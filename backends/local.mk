noinst_LTLIBRARIES += libbackends.la
libbackends_la_SOURCES = \
	backends/cgroup/path.c backends/cgroup/path.h \
	backends/cgroup/peer.c backends/cgroup/peer.h \
	backends/procguard.c backends/procguard.h \
	backends/registry.c backends/registry.h \
	backends/signs.c backends/signs.h \
	backends/trail.c backends/trail.h \
	backends/apparmor.h backends/cgroup.h backends/selinux.h backends/socket.h \
	backends/cgroup/backend.c \
	backends/socket/socket.c
libbackends_la_LIBADD = $(LIBAPPARMOR_LIBS) $(LIBSELINUX_LIBS) $(LIBAUDIT_LIBS)
libbackends_la_CFLAGS = $(AM_CFLAGS) $(LIBAPPARMOR_CFLAGS) $(LIBSELINUX_CFLAGS) $(LIBAUDIT_CFLAGS)
if HAVE_LIBAPPARMOR
libbackends_la_SOURCES += \
	backends/apparmor/backend.c backends/apparmor/state.h \
	backends/apparmor/door.c \
	backends/apparmor/explain.c \
	backends/apparmor/identify.c \
	backends/apparmor/label.c \
	backends/apparmor/probe.c \
	backends/apparmor/query.c \
	backends/apparmor/record.c
endif
if HAVE_LIBSELINUX
libbackends_la_SOURCES += \
	backends/selinux/backend.c backends/selinux/state.h \
	backends/selinux/door.c \
	backends/selinux/explain.c \
	backends/selinux/server.c
endif

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
