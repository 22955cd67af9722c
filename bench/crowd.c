/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections themselves: what coming and going costs, and what one costs that only stays. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/link.h"
#include "bench/scene.h"
#include "bench/sections.h"
#include "bench/usage.h"

/* The bus has noticed by then that connections closed. */
static void settle(void)
{
    const struct timespec pause = {.tv_nsec = 100000000};

    nanosleep(&pause, NULL);
}

void bench_churn(const struct bench_options *options)
{
    struct bench_usage start, span;
    uint64_t n = 0, end;
    uint64_t wall;

    for (end = bench_now() + (uint64_t)(options->warm * 1e9); bench_now() < end;)
        bench_link_close(bench_link_open(options->address));
    settle();
    bench_usage_read(&start, options);
    for (end = bench_now() + (uint64_t)(options->seconds * 1e9); bench_now() < end; n++)
        bench_link_close(bench_link_open(options->address));
    wall = bench_now() - start.wall_ns;
    settle();
    bench_usage_since(&span, &start, options);
    span.wall_ns = wall;
    bench_report(options, &span, n, "");
}

/* In the bus' own memory; what the kernel keeps for a socket is the same for all. */
void bench_idle(const struct bench_options *options)
{
    struct bench_link **links = calloc(options->connections, sizeof(*links));
    uint64_t before, after;

    if (links == NULL)
        bench_fail("memory");
    bench_link_close(bench_link_open(options->address));
    settle();
    before = bench_memory(options);
    for (unsigned i = 0; i < options->connections; i++) {
        links[i] = bench_link_open(options->address);
        bench_link_rest(links[i]);
    }
    settle();
    after = bench_memory(options);
    printf("{\"section\": \"idle\", \"n\": %u, \"before_kib\": %" PRIu64 ", \"after_kib\": %" PRIu64 ", \"kib\": %.3f}\n",
           options->connections, before, after, ((double)after - (double)before) / options->connections);
    for (unsigned i = 0; i < options->connections; i++)
        bench_link_close(links[i]);
    free(links);
}
