# What the buses cost. `make bench` compares them, BENCH_ARGS narrows it; `make bench-mediator` measures the mediator alone, `make bench-vm` what
# security modules and connections cost, in the guests of make check-vm. Nothing here is built by make; what make check runs is the arithmetic alone.
BENCH_ARGS =
EXTRA_PROGRAMS += bench-load bench-relay bench-broker bench-verdict bench-lsm
BENCH_LINK = \
	bench/client.c \
	bench/link.c bench/link.h \
	bench/message.c bench/message.h \
	bench/options.c bench/options.h
bench_load_SOURCES = $(BENCH_LINK) \
	bench/callers.c \
	bench/crowd.c \
	bench/fanout.c \
	bench/flood.c bench/flood.h \
	bench/load.c \
	bench/pair.c \
	bench/scene.c bench/scene.h \
	bench/sections.h \
	bench/usage.c bench/usage.h
bench_load_LDADD = libwire.la libutil.la
bench_broker_SOURCES = $(BENCH_LINK) bench/broker.c
bench_broker_LDADD = libwire.la libutil.la
bench_relay_SOURCES = bench/relay.c
BENCH_STAGE = \
	bench/message.c bench/message.h \
	bench/options.c bench/options.h \
	bench/question.c bench/question.h \
	bench/stage.c bench/stage.h \
	bench/stagecalls.c
# As a bus does, it loads the module and knows its interface alone.
bench_verdict_SOURCES = \
	bench/verdict.c \
	bench/usage.c bench/usage.h \
	$(BENCH_STAGE)
bench_verdict_LDADD = libwire.la libutil.la
bench_lsm_SOURCES = bench/lsm.c $(BENCH_STAGE)
bench_lsm_CFLAGS = $(AM_CFLAGS) $(LIBAPPARMOR_CFLAGS)
bench_lsm_LDADD = libwire.la libutil.la $(LIBAPPARMOR_LIBS)

BENCH_FILES = \
	bench/bench.py \
	bench/buses.py \
	bench/chart.py \
	bench/config.py \
	bench/facts.py \
	bench/mediator.py \
	bench/report.py \
	bench/sections.py \
	bench/vm.py
EXTRA_DIST += $(BENCH_FILES)

TESTS += bench/selftest.py
EXTRA_DIST += bench/selftest.py

bench: bench-load$(EXEEXT) bench-relay$(EXEEXT) bench-broker$(EXEEXT) posternd$(EXEEXT) mediator.la
	$(PYTHON3) -B $(abs_top_srcdir)/bench/bench.py --build=$(abs_top_builddir) $(BENCH_ARGS)

bench-mediator: bench-verdict$(EXEEXT) mediator.la
	$(PYTHON3) -B $(abs_top_srcdir)/bench/mediator.py --build=$(abs_top_builddir) $(BENCH_ARGS)

# As with vm-oracle, the guests have all three libraries.
BENCH_LSM =
if HAVE_LIBSEPOL
if HAVE_LIBSELINUX
if HAVE_LIBAPPARMOR
BENCH_LSM += bench-lsm$(EXEEXT)
endif
endif
endif
bench-vm: bench-load$(EXEEXT) bench-broker$(EXEEXT) $(BENCH_LSM) $(VM_ORACLE) $(bin_PROGRAMS) $(pkglib_LTLIBRARIES)
	$(PYTHON3) -B $(abs_top_srcdir)/bench/vm.py --build=$(abs_top_builddir) $(BENCH_ARGS)
.PHONY: bench bench-mediator bench-vm
CLEANFILES += bench/lsm.json bench/lsm.txt bench/lsm.md bench/mediator.json bench/mediator.txt bench/mediator.md bench/results.json bench/table.txt bench/table.md bench/chart.svg
