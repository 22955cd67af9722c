/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process that keeps the bus as busy as it can, while others measure what that means to them. */
#ifndef POSTERN_BENCH_FLOOD_H
#define POSTERN_BENCH_FLOOD_H

#include <sys/types.h>

#include "bench/options.h"

/* Starts it: options->callers connections, that do what options->flood says. It connects, and waits. */
pid_t bench_flood_begin(const struct bench_options *options);
/* Lets it loose. */
void bench_flood_go(pid_t flood);
/* Ends it; a flood that has ended before by itself ends the program. */
void bench_flood_end(pid_t flood);

#endif
