noinst_LTLIBRARIES += libbackends.la
libbackends_la_SOURCES = \
	backends/registry.c backends/registry.h \
	backends/socket.h \
	backends/socket/socket.c
