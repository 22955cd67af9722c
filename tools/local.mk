if HAVE_LIBSYSTEMD
bin_PROGRAMS += postern-run
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
if HAVE_LIBSYSTEMD
dist_man_MANS += docs/postern-run.1
else
EXTRA_DIST += docs/postern-run.1
endif
