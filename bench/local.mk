# What the buses cost. `make bench` compares them, BENCH_ARGS narrows it; `make bench-mediator` measures the mediator alone. Nothing
# here is built by make; what make check runs is the arithmetic alone.
BENCH_ARGS =
EXTRA_PROGRAMS += bench-load bench-relay bench-broker bench-verdict
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
# As a bus does, it loads the module and knows its interface alone.
bench_verdict_SOURCES = \
	bench/verdict.c \
	bench/message.c bench/message.h \
	bench/options.c bench/options.h \
	bench/stage.c bench/stage.h \
	bench/stagecalls.c \
	bench/usage.c bench/usage.h
bench_verdict_LDADD = libwire.la libutil.la

BENCH_FILES = \
	bench/bench.py \
	bench/buses.py \
	bench/chart.py \
	bench/config.py \
	bench/facts.py \
	bench/mediator.py \
	bench/report.py \
	bench/sections.py
EXTRA_DIST += $(BENCH_FILES)

TESTS += bench/selftest.py
EXTRA_DIST += bench/selftest.py

bench: bench-load$(EXEEXT) bench-relay$(EXEEXT) bench-broker$(EXEEXT) posternd$(EXEEXT) mediator.la
	$(PYTHON3) -B $(abs_top_srcdir)/bench/bench.py --build=$(abs_top_builddir) $(BENCH_ARGS)

bench-mediator: bench-verdict$(EXEEXT) mediator.la
	$(PYTHON3) -B $(abs_top_srcdir)/bench/mediator.py --build=$(abs_top_builddir) $(BENCH_ARGS)
.PHONY: bench bench-mediator
CLEANFILES += bench/mediator.json bench/mediator.txt bench/mediator.md bench/results.json bench/table.txt bench/table.md bench/chart.svg
