/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What bench-load is told on its command line. */
#ifndef POSTERN_BENCH_OPTIONS_H
#define POSTERN_BENCH_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#define BENCH_PIDS_MAX 8

struct bench_options {
    const char *section;
    const char *address; /* path of the socket by which callers and receivers come in */
    const char *service; /* that of the service and of senders: the same, unless a proxy stands before the bus */
    pid_t pids[BENCH_PIDS_MAX]; /* whose CPU time and memory count */
    unsigned n_pids;
    int cpu;        /* where the client runs; -1: anywhere */
    double seconds; /* measured */
    double warm;    /* not measured, before it */
    unsigned window;      /* calls or signals that are under way at a time */
    unsigned payload;     /* bytes; 0: a message without body */
    unsigned fds;         /* with each call */
    unsigned callers;
    unsigned receivers;
    unsigned rules;       /* match rules that match nothing */
    unsigned connections;
    const char *flood;    /* what callers flood the bus with; see flood.c */
    int container;        /* callers come from a container with so many rules beside the needed one; -1: from none */
    bool each;            /* one send() per message */
    bool raw;             /* to a relay: no authentication, no bus */
};

/* Ends the program with a message when the arguments are wrong. */
void bench_options_read(struct bench_options *options, int argc, char **argv);

/* What is wrong, then errno's text when there is one; ends the program. A benchmark that went wrong has no number. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
