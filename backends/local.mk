noinst_LTLIBRARIES += libbackends.la
libbackends_la_SOURCES = \
	backends/cgroup/path.c backends/cgroup/path.h \
	backends/cgroup/peer.c backends/cgroup/peer.h \
	backends/procguard.c backends/procguard.h \
	backends/registry.c backends/registry.h \
	backends/socket.h \
	backends/socket/socket.c
