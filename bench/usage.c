/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench/usage.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

uint64_t bench_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t task_ns(pid_t pid, const char *task)
{
    char path[128], text[128] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%ld/task/%.20s/schedstat", (long)pid, task);
    file = fopen(path, "re");
    if (file == NULL)
        return 0; /* the thread has ended */
    if (fgets(text, sizeof(text), file) == NULL)
        bench_fail("%s: nothing to read; is the kernel built without SCHED_INFO?", path);
    fclose(file);
    return strtoull(text, NULL, 10);
}

static uint64_t process_ns(pid_t pid)
{
    char path[64];
    DIR *dir;
    uint64_t sum = 0;

    snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
    dir = opendir(path);
    if (dir == NULL)
        bench_fail("the bus process %ld is gone", (long)pid);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            sum += task_ns(pid, entry->d_name);
    closedir(dir);
    return sum;
}

void bench_usage_read(struct bench_usage *usage, const struct bench_options *options)
{
    struct timespec own;

    usage->bus_ns = 0;
    for (unsigned i = 0; i < options->n_pids; i++)
        usage->bus_ns += process_ns(options->pids[i]);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    usage->client_ns = (uint64_t)own.tv_sec * 1000000000u + (uint64_t)own.tv_nsec;
    usage->wall_ns = bench_now();
}

void bench_usage_since(struct bench_usage *span, const struct bench_usage *start, const struct bench_options *options)
{
    struct bench_usage now;

    bench_usage_read(&now, options);
    span->bus_ns = now.bus_ns - start->bus_ns;
    span->client_ns = now.client_ns - start->client_ns;
    span->wall_ns = now.wall_ns - start->wall_ns;
}

uint64_t bench_memory(const struct bench_options *options)
{
    char path[64], line[256];
    uint64_t sum = 0;

    for (unsigned i = 0; i < options->n_pids; i++) {
        FILE *file;

        /* Not VmRSS of status: that counter is allowed to be many pages off. */
        snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", (long)options->pids[i]);
        file = fopen(path, "re");
        if (file == NULL)
            bench_fail("%s", path);
        while (fgets(line, sizeof(line), file) != NULL)
            if (strncmp(line, "Rss:", 4) == 0)
                sum += strtoull(line + 4, NULL, 10);
        fclose(file);
    }
    return sum;
}

void bench_pin(int cpu)
{
    cpu_set_t set;

    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) < 0)
        bench_fail("CPU %d", cpu);
}

void bench_allow_fds(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* too few will be noticed when they run out */
}

void bench_report(const struct bench_options *options, const struct bench_usage *span, uint64_t n, const char *more)
{
    errno = 0;
    if (n == 0 || span->wall_ns == 0)
        bench_fail("nothing was done in the time");
    printf("{\"section\": \"%s\", \"n\": %" PRIu64 ", \"cpu_us\": %.4f, \"client_us\": %.4f, \"per_second\": %.0f, \"busy\": %.3f%s}\n",
           options->section, n, (double)span->bus_ns / 1e3 / (double)n, (double)span->client_ns / 1e3 / (double)n,
           (double)n * 1e9 / (double)span->wall_ns, (double)span->bus_ns / (double)span->wall_ns, more);
}
