/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sections of bench-load: each measures one thing once and prints it. */
#ifndef POSTERN_BENCH_SECTIONS_H
#define POSTERN_BENCH_SECTIONS_H

#include "bench/options.h"

/* pair.c: a caller and a service in this process. */
void bench_latency(const struct bench_options *options); /* one call at a time: how long, and what it costs the bus */
void bench_window(const struct bench_options *options);  /* some calls under way at all times */
void bench_fairness(const struct bench_options *options); /* one call at a time, alone and while others flood the bus */
/* callers.c: many callers with one call under way each, and a service. */
void bench_callers(const struct bench_options *options);
/* fanout.c: a sender of broadcasts and its receivers. */
void bench_fanout(const struct bench_options *options);
/* crowd.c */
void bench_churn(const struct bench_options *options); /* connect, authenticate, Hello, close */
void bench_idle(const struct bench_options *options);  /* memory with many connections */

#endif
