/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A caller and a service, both in this process: calls and their replies. A call is a message, and so is a reply. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/flood.h"
#include "bench/link.h"
#include "bench/scene.h"
#include "bench/sections.h"
#include "bench/usage.h"
#include "postern/module.h"

#define ROUND_TRIPS_MAX 4000000u

struct pair {
    const struct bench_options *options;
    struct bench_scene scene;
    struct bench_link *caller, *service;
    struct bench_message call, reply;
    int fd; /* what is sent as file descriptor; -1: none */
    uint64_t done; /* calls that were answered */
};

/* ---- the scene ------------------------------------------------------------------------------------------ */

static void open_raw(struct pair *pair)
{
    bench_message_call(&pair->call, pair->options->payload, 0);
    bench_message_return(&pair->reply, ":1.1", pair->options->payload);
    pair->caller = bench_link_open_raw(pair->options->address, (uint32_t)pair->call.bytes.len);
    pair->service = bench_link_open_raw(pair->options->service, (uint32_t)pair->reply.bytes.len);
}

/* The caller's name is learnt from what the service sees of it: that also holds behind a proxy. */
static void open_on_bus(struct pair *pair)
{
    struct bench_message hello;
    const uint8_t *call;
    char name[64];

    bench_scene_open(&pair->scene, pair->options);
    pair->service = pair->scene.service;
    pair->caller = bench_scene_enter(&pair->scene);
    bench_message_call(&pair->call, pair->options->payload, pair->options->fds);
    bench_message_call(&hello, 0, 0);
    bench_link_send(pair->caller, &hello, 0, true);
    bench_message_finish(&hello);
    call = bench_link_wait(pair->service, POSTERN_MESSAGE_METHOD_CALL);
    bench_sender_of(call, name);
    bench_message_return(&pair->reply, name, pair->options->payload);
    bench_link_send(pair->service, &pair->reply, bench_message_serial(call), true);
    while (bench_link_has_output(pair->service))
        bench_link_flush(pair->service);
    bench_link_wait(pair->caller, POSTERN_MESSAGE_METHOD_RETURN);
}

static void pair_open(struct pair *pair, const struct bench_options *options)
{
    *pair = (struct pair){.options = options, .fd = -1};
    if (options->raw)
        open_raw(pair);
    else
        open_on_bus(pair);
    if (options->fds > 0) {
        pair->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        pair->service->takes_fds = true;
    }
}

static void pair_close(struct pair *pair)
{
    bench_link_close(pair->caller);
    if (pair->scene.service != NULL)
        bench_scene_close(&pair->scene);
    else
        bench_link_close(pair->service);
    bench_message_finish(&pair->call);
    bench_message_finish(&pair->reply);
    if (pair->fd >= 0)
        close(pair->fd);
}

static void send_call(struct pair *pair, bool each)
{
    if (pair->fd >= 0)
        bench_link_send_fds(pair->caller, &pair->call, pair->fd);
    else
        bench_link_send(pair->caller, &pair->call, 0, each);
}

/* ---- one at a time --------------------------------------------------------------------------------------- */

static void send_whole(struct bench_link *link)
{
    while (bench_link_has_output(link)) {
        struct pollfd poll_fd = {.fd = link->fd, .events = POLLOUT};

        poll(&poll_fd, 1, -1);
        bench_link_flush(link);
    }
}

static uint64_t round_trip(struct pair *pair)
{
    uint64_t begin = bench_now();
    const uint8_t *call;

    send_call(pair, true);
    send_whole(pair->caller);
    call = bench_link_wait(pair->service, POSTERN_MESSAGE_METHOD_CALL);
    bench_link_send(pair->service, &pair->reply, bench_message_serial(call), true);
    send_whole(pair->service);
    bench_link_wait(pair->caller, POSTERN_MESSAGE_METHOD_RETURN);
    return bench_now() - begin;
}

static int compare(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Fills times, in order; returns how many. */
static size_t round_trips(struct pair *pair, struct bench_usage *span, uint32_t *times)
{
    const struct bench_options *options = pair->options;
    struct bench_usage start;
    size_t n = 0;
    uint64_t end;

    for (end = bench_now() + (uint64_t)(options->warm * 1e9); bench_now() < end;)
        round_trip(pair);
    bench_usage_read(&start, options);
    for (end = bench_now() + (uint64_t)(options->seconds * 1e9); n < ROUND_TRIPS_MAX && bench_now() < end;)
        times[n++] = (uint32_t)round_trip(pair);
    bench_usage_since(span, &start, options);
    errno = 0;
    if (n == 0)
        bench_fail("no round trip in the time");
    qsort(times, n, sizeof(*times), compare);
    return n;
}

static void report_latency(const struct bench_options *options, const struct bench_usage *span, uint32_t *times, size_t n)
{
    char more[128];

    snprintf(more, sizeof(more), ", \"p50_us\": %.2f, \"p99_us\": %.2f, \"min_us\": %.2f", times[n / 2] / 1e3, times[n * 99 / 100] / 1e3,
             times[0] / 1e3);
    bench_report(options, span, 2 * n, more);
}

static uint32_t *new_times(void)
{
    uint32_t *times = malloc(ROUND_TRIPS_MAX * sizeof(*times));

    if (times == NULL)
        bench_fail("memory");
    return times;
}

void bench_latency(const struct bench_options *options)
{
    uint32_t *times = new_times();
    struct bench_usage span;
    struct pair pair;

    pair_open(&pair, options);
    report_latency(options, &span, times, round_trips(&pair, &span, times));
    pair_close(&pair);
    free(times);
}

/* Those who flood share our CPU, and what is asked is how long the bus makes us wait, not the scheduler: we go first. Whoever may not ask
 * for that measures both. */
static bool go_first(void)
{
    const struct sched_param first = {.sched_priority = 1};

    return sched_setscheduler(0, SCHED_FIFO, &first) == 0;
}

void bench_fairness(const struct bench_options *options)
{
    uint32_t *times = new_times();
    double alone_p50, alone_p99;
    struct bench_usage span;
    struct pair pair;
    char more[256];
    pid_t flood;
    bool first;
    size_t n;

    flood = bench_flood_begin(options); /* it is still waiting */
    pair_open(&pair, options);
    first = go_first();
    n = round_trips(&pair, &span, times);
    alone_p50 = times[n / 2];
    alone_p99 = times[n * 99 / 100];
    bench_flood_go(flood);
    n = round_trips(&pair, &span, times);
    bench_flood_end(flood);
    snprintf(more, sizeof(more), ", \"p50_us\": %.2f, \"p99_us\": %.2f, \"p50_times\": %.2f, \"p99_times\": %.2f, \"first\": %d",
             times[n / 2] / 1e3, times[n * 99 / 100] / 1e3, times[n / 2] / alone_p50, times[n * 99 / 100] / alone_p99, first);
    bench_report(options, &span, 2 * n, more);
    pair_close(&pair);
    free(times);
}

/* ---- many under way ---------------------------------------------------------------------------------------- */

static void serve(struct pair *pair, short events)
{
    const uint8_t *message;

    if ((events & (POLLIN | POLLHUP)) != 0 && bench_link_fill(pair->service))
        while ((message = bench_link_next(pair->service)) != NULL)
            if (bench_message_type(message) == POSTERN_MESSAGE_METHOD_CALL)
                bench_link_send(pair->service, &pair->reply, bench_message_serial(message), pair->options->each);
    bench_link_flush(pair->service);
}

static void call_again(struct pair *pair, short events)
{
    const uint8_t *message;

    if ((events & (POLLIN | POLLHUP)) != 0 && bench_link_fill(pair->caller)) {
        while ((message = bench_link_next(pair->caller)) != NULL) {
            errno = 0;
            if (bench_message_type(message) == POSTERN_MESSAGE_ERROR)
                bench_fail("a call was answered with an error");
            if (bench_message_type(message) != POSTERN_MESSAGE_METHOD_RETURN)
                continue;
            pair->done++;
            send_call(pair, pair->options->each);
        }
    }
    bench_link_flush(pair->caller);
}

static void pump(struct pair *pair, double seconds)
{
    uint64_t end = bench_now() + (uint64_t)(seconds * 1e9);

    for (unsigned turn = 0; (turn & 15) != 0 || bench_now() < end; turn++) {
        struct pollfd fds[2] = {
            {.fd = pair->service->fd, .events = (short)(POLLIN | (bench_link_has_output(pair->service) ? POLLOUT : 0))},
            {.fd = pair->caller->fd, .events = (short)(POLLIN | (bench_link_has_output(pair->caller) ? POLLOUT : 0))},
        };

        poll(fds, 2, -1);
        if (fds[0].revents != 0)
            serve(pair, fds[0].revents);
        if (fds[1].revents != 0)
            call_again(pair, fds[1].revents);
    }
}

void bench_window(const struct bench_options *options)
{
    struct bench_usage start, span;
    struct pair pair;

    pair_open(&pair, options);
    bench_link_nonblocking(pair.caller);
    bench_link_nonblocking(pair.service);
    for (unsigned i = 0; i < options->window; i++)
        send_call(&pair, false);
    bench_link_flush(pair.caller);
    pump(&pair, options->warm);
    pair.done = 0;
    bench_usage_read(&start, options);
    pump(&pair, options->seconds);
    bench_usage_since(&span, &start, options);
    bench_report(options, &span, 2 * pair.done, "");
    pair_close(&pair);
}
