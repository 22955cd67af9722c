/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_fail(const char *format, ...)
{
    int error = errno;
    va_list args;

    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "%s%s\n", error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    exit(1);
}

static _Noreturn void usage(void)
{
    fputs("usage: bench-load latency|window|callers|fairness|fanout|churn|idle --address=SOCKET [--service=SOCKET] [--pids=PID,...] [--cpu=N]\n"
          "       [--seconds=S] [--warm=S] [--window=N] [--payload=BYTES] [--fds=N] [--callers=N] [--receivers=N] [--rules=N]\n"
          "       [--connections=N] [--container=RULES] [--flood=calls|deep|bodies|driver|signals|churn]\n"
          "       [--each] [--raw]\n", stderr);
    exit(2);
}

static unsigned number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > INT_MAX)
        usage();
    return (unsigned)value;
}

static double seconds(const char *text)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= 0 && value <= 3600))
        usage();
    return value;
}

static void read_pids(struct bench_options *options, char *list)
{
    for (char *save, *pid = strtok_r(list, ",", &save); pid != NULL; pid = strtok_r(NULL, ",", &save)) {
        if (options->n_pids == BENCH_PIDS_MAX)
            usage();
        options->pids[options->n_pids++] = (pid_t)number(pid);
    }
}

static const struct option options_known[] = {
    {"address", required_argument, NULL, 'a'},   {"service", required_argument, NULL, 's'},     {"pids", required_argument, NULL, 'p'},
    {"cpu", required_argument, NULL, 'c'},       {"seconds", required_argument, NULL, 't'},     {"warm", required_argument, NULL, 'T'},
    {"window", required_argument, NULL, 'w'},    {"payload", required_argument, NULL, 'b'},     {"fds", required_argument, NULL, 'f'},
    {"callers", required_argument, NULL, 'n'},   {"receivers", required_argument, NULL, 'r'},   {"rules", required_argument, NULL, 'm'},
    {"connections", required_argument, NULL, 'i'}, {"container", required_argument, NULL, 'C'}, {"each", no_argument, NULL, 'e'},
    {"raw", no_argument, NULL, 'R'},             {"flood", required_argument, NULL, 'F'},       {NULL, 0, NULL, 0},
};

static void apply(struct bench_options *options, int option)
{
    switch (option) {
    case 'a': options->address = optarg; break;
    case 's': options->service = optarg; break;
    case 'p': read_pids(options, optarg); break;
    case 'c': options->cpu = (int)number(optarg); break;
    case 't': options->seconds = seconds(optarg); break;
    case 'T': options->warm = seconds(optarg); break;
    case 'w': options->window = number(optarg); break;
    case 'b': options->payload = number(optarg); break;
    case 'f': options->fds = number(optarg); break;
    case 'n': options->callers = number(optarg); break;
    case 'r': options->receivers = number(optarg); break;
    case 'm': options->rules = number(optarg); break;
    case 'i': options->connections = number(optarg); break;
    case 'C': options->container = (int)number(optarg); break;
    case 'e': options->each = true; break;
    case 'R': options->raw = true; break;
    case 'F': options->flood = optarg; break;
    default: usage();
    }
}

void bench_options_read(struct bench_options *options, int argc, char **argv)
{
    int option;

    *options = (struct bench_options){.cpu = -1, .seconds = 0.3, .warm = 0.1, .window = 1, .payload = 64, .callers = 1, .receivers = 1,
                                      .connections = 1, .flood = "calls", .container = -1};
    while ((option = getopt_long(argc, argv, "", options_known, NULL)) != -1)
        apply(options, option);
    if (optind + 1 != argc || options->address == NULL || options->window == 0 || options->callers == 0 || options->receivers == 0 ||
        options->connections == 0)
        usage();
    options->section = argv[optind];
    if (options->service == NULL)
        options->service = options->address;
}
