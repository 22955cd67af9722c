/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel says of the processes that are measured, and of ourselves. */
#ifndef POSTERN_BENCH_USAGE_H
#define POSTERN_BENCH_USAGE_H

#include <stdint.h>

#include "bench/options.h"

struct bench_usage {
    uint64_t bus_ns;    /* CPU time of the bus' processes, all threads */
    uint64_t client_ns; /* our own */
    uint64_t wall_ns;
};

uint64_t bench_now(void);
void bench_usage_read(struct bench_usage *usage, const struct bench_options *options);
/* What passed since `start`. */
void bench_usage_since(struct bench_usage *span, const struct bench_usage *start, const struct bench_options *options);
/* Resident memory of the bus' processes in KiB. */
uint64_t bench_memory(const struct bench_options *options);
/* Runs this program on one CPU from now on. */
void bench_pin(int cpu);

/* Raises the limit of file descriptors as far as we may. */
void bench_allow_fds(void);

/* Prints one result as JSON: n things were done in span; more: further members, beginning with a comma, or "". */
void bench_report(const struct bench_options *options, const struct bench_usage *span, uint64_t n, const char *more);

#endif
