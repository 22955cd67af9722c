if HAVE_LIBSYSTEMD
bin_PROGRAMS += postern-run posternctl
endif
postern_run_SOURCES = \
	tools/buses.c tools/buses.h \
	tools/list.c tools/list.h \
	tools/program.c tools/program.h \
	tools/run.c \
	tools/runopts.c tools/runopts.h \
	tools/sandbox.c tools/sandbox.h \
	tools/server.c tools/server.h \
	tools/supervise.c tools/supervise.h
postern_run_CFLAGS = $(AM_CFLAGS) $(LIBSYSTEMD_CFLAGS)
postern_run_LDADD = libcore.la libwire.la libutil.la $(LIBSYSTEMD_LIBS)
posternctl_SOURCES = \
	tools/ctl/bus.c tools/ctl/bus.h \
	tools/ctl/ctl.h \
	tools/ctl/explain.c \
	tools/ctl/filter.c tools/ctl/filter.h \
	tools/ctl/instances.h \
	tools/ctl/list.c \
	tools/ctl/main.c \
	tools/ctl/output.c tools/ctl/output.h \
	tools/ctl/pager.c tools/ctl/pager.h \
	tools/ctl/read.c tools/ctl/read.h \
	tools/ctl/rules.c \
	tools/ctl/show.c \
	tools/ctl/status.c \
	tools/ctl/value.c tools/ctl/value.h \
	tools/ctl/watch.c \
	tools/ctl/words.c tools/ctl/words.h
posternctl_CFLAGS = $(AM_CFLAGS) $(LIBSYSTEMD_CFLAGS)
posternctl_LDADD = libcore.la libwire.la libutil.la $(LIBSYSTEMD_LIBS)
if HAVE_LIBSYSTEMD
dist_man_MANS += docs/postern-run.1 docs/posternctl.1
else
EXTRA_DIST += docs/postern-run.1 docs/posternctl.1
endif
