/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sender of broadcasts, receivers that all want them, and somebody whose match rules want something else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/link.h"
#include "bench/sections.h"
#include "bench/usage.h"
#include "postern/module.h"

#define EVENTS_MAX 128
#define SIGNALS "type='signal',path='" BENCH_PATH "',interface='" BENCH_INTERFACE "',member='Tick'"

struct receiver {
    struct bench_link *link;
    uint64_t got;
};

struct fan {
    const struct bench_options *options;
    struct bench_link *sender, *other; /* other: NULL without rules */
    struct receiver *receivers;
    struct bench_message signal;
    int epoll;
    uint64_t sent, deliveries;
};

static void open_on_bus(struct fan *fan)
{
    char rule[256];

    fan->sender = bench_link_open(fan->options->service);
    bench_link_own(fan->sender, BENCH_SENDER);
    for (unsigned i = 0; i < fan->options->receivers; i++) {
        fan->receivers[i].link = bench_link_open(fan->options->address);
        bench_link_match(fan->receivers[i].link, SIGNALS);
    }
    if (fan->options->rules > 0)
        fan->other = bench_link_open(fan->options->address);
    for (unsigned i = 0; i < fan->options->rules; i++) {
        snprintf(rule, sizeof(rule), "type='signal',path='/org/other/Object%u',interface='" BENCH_INTERFACE "',member='Tick'", i);
        bench_link_match(fan->other, rule);
    }
}

static void open_raw(struct fan *fan)
{
    fan->sender = bench_link_open_raw(fan->options->service, (uint32_t)fan->signal.bytes.len);
    for (unsigned i = 0; i < fan->options->receivers; i++)
        fan->receivers[i].link = bench_link_open_raw(fan->options->address, 0);
}

static void fan_open(struct fan *fan, const struct bench_options *options)
{
    *fan = (struct fan){.options = options, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    fan->receivers = calloc(options->receivers, sizeof(*fan->receivers));
    if (fan->receivers == NULL || fan->epoll < 0)
        bench_fail("a fan");
    bench_message_signal(&fan->signal, options->payload);
    if (options->raw)
        open_raw(fan);
    else
        open_on_bus(fan);
    bench_link_nonblocking(fan->sender);
    for (unsigned i = 0; i < options->receivers; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &fan->receivers[i]};

        bench_link_nonblocking(fan->receivers[i].link);
        if (epoll_ctl(fan->epoll, EPOLL_CTL_ADD, fan->receivers[i].link->fd, &event) < 0)
            bench_fail("epoll");
    }
}

static void fan_close(struct fan *fan)
{
    bench_link_close(fan->sender);
    bench_link_close(fan->other);
    for (unsigned i = 0; i < fan->options->receivers; i++)
        bench_link_close(fan->receivers[i].link);
    bench_message_finish(&fan->signal);
    close(fan->epoll);
    free(fan->receivers);
}

/* As many signals under way as the window says, by the slowest receiver's count. */
static void send_more(struct fan *fan)
{
    uint64_t slowest = UINT64_MAX;

    for (unsigned i = 0; i < fan->options->receivers; i++)
        if (fan->receivers[i].got < slowest)
            slowest = fan->receivers[i].got;
    for (; fan->sent - slowest < fan->options->window; fan->sent++)
        bench_link_send(fan->sender, &fan->signal, 0, fan->options->each);
    bench_link_flush(fan->sender);
}

static void receive(struct fan *fan, struct receiver *receiver)
{
    const uint8_t *message;

    bench_link_fill(receiver->link);
    while ((message = bench_link_next(receiver->link)) != NULL) {
        /* The driver's NameAcquired came first, and was read with the answers to Hello and AddMatch. */
        if (bench_message_type(message) != POSTERN_MESSAGE_SIGNAL)
            continue;
        receiver->got++;
        fan->deliveries++;
    }
}

static void pump(struct fan *fan, double seconds)
{
    uint64_t end = bench_now() + (uint64_t)(seconds * 1e9);

    for (unsigned turn = 0; (turn & 7) != 0 || bench_now() < end; turn++) {
        struct epoll_event events[EVENTS_MAX];
        int n;

        send_more(fan);
        n = epoll_wait(fan->epoll, events, EVENTS_MAX, bench_link_has_output(fan->sender) ? 1 : -1);
        for (int i = 0; i < n; i++)
            receive(fan, events[i].data.ptr);
    }
}

void bench_fanout(const struct bench_options *options)
{
    struct bench_usage start, span;
    struct fan fan;

    fan_open(&fan, options);
    pump(&fan, options->warm);
    fan.deliveries = 0;
    bench_usage_read(&start, options);
    pump(&fan, options->seconds);
    bench_usage_since(&span, &start, options);
    bench_report(options, &span, fan.deliveries, "");
    fan_close(&fan);
}
