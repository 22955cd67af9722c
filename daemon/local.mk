include daemon/parts.mk

bin_PROGRAMS += posternd
posternd_SOURCES = \
	daemon/activation.c daemon/activation.h \
	daemon/bus.c daemon/bus.h \
	daemon/check.c daemon/check.h \
	daemon/conn.c daemon/conn.h \
	daemon/dirwatch.c daemon/dirwatch.h \
	daemon/driver.c daemon/driver.h \
	daemon/driver_bus.c \
	daemon/driver_match.c \
	daemon/driver_monitor.c \
	daemon/driver_names.c \
	daemon/driver_peers.c \
	daemon/driver_stats.c \
	daemon/driver_verbose.c \
	daemon/emit.c daemon/emit.h \
	daemon/forward.c daemon/forward.h \
	daemon/host.c daemon/host.h \
	daemon/input.c daemon/input.h \
	daemon/input_fds.c daemon/input_fds.h \
	daemon/introspect.c daemon/introspect.h \
	daemon/launch.c daemon/launch.h \
	daemon/main.c \
	daemon/mechanisms.c daemon/mechanisms.h \
	daemon/mediation.c daemon/mediation.h \
	daemon/monitor.c daemon/monitor.h \
	daemon/naming.c daemon/naming.h \
	daemon/notify.c daemon/notify.h \
	daemon/reload.c daemon/reload.h \
	daemon/reload_services.c daemon/reload_services.h \
	daemon/privilege.c daemon/privilege.h \
	daemon/reply.c daemon/reply.h \
	daemon/resolver.c daemon/resolver.h \
	daemon/router.c daemon/router.h \
	daemon/starter.c daemon/starter.h \
	daemon/stats.c daemon/stats.h \
	daemon/systemd.c daemon/systemd.h
posternd_CFLAGS = $(AM_CFLAGS) $(LIBSYSTEMD_CFLAGS) $(LIBCAP_NG_CFLAGS)
posternd_LDADD = libdaemon.la libconfig.la libwire.la libutil.la $(LIBSYSTEMD_LIBS) $(LIBCAP_NG_LIBS)
