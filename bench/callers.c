/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many callers, each with one call under way, and one service: little to read at a time from each of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/link.h"
#include "bench/scene.h"
#include "bench/sections.h"
#include "bench/usage.h"
#include "postern/module.h"

#define EVENTS_MAX 128

struct caller {
    struct bench_link *link;
    struct bench_message reply; /* to it */
    unsigned number;            /* of its unique name: the last element */
};

struct crowd {
    const struct bench_options *options;
    struct bench_scene scene;
    struct caller *callers;
    struct caller **by_number; /* as far as `numbers` */
    unsigned numbers;
    struct bench_message call;
    int epoll;
    uint64_t done;
};

static unsigned number_of(const char *unique)
{
    const char *dot = strrchr(unique, '.');

    return dot != NULL ? (unsigned)strtoul(dot + 1, NULL, 10) : 0;
}

static void watch(const struct crowd *crowd, const struct bench_link *link, void *data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};

    if (epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, link->fd, &event) < 0)
        bench_fail("epoll");
}

static void remember(struct crowd *crowd, struct caller *caller)
{
    if (caller->number >= crowd->numbers) {
        unsigned numbers = 2 * caller->number + 16;

        crowd->by_number = realloc(crowd->by_number, numbers * sizeof(struct caller *));
        if (crowd->by_number == NULL)
            bench_fail("memory");
        for (unsigned i = crowd->numbers; i < numbers; i++)
            crowd->by_number[i] = NULL;
        crowd->numbers = numbers;
    }
    crowd->by_number[caller->number] = caller;
}

static void crowd_open(struct crowd *crowd, const struct bench_options *options)
{
    *crowd = (struct crowd){.options = options, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    crowd->callers = calloc(options->callers, sizeof(*crowd->callers));
    if (crowd->callers == NULL || crowd->epoll < 0)
        bench_fail("a crowd");
    bench_scene_open(&crowd->scene, options);
    bench_message_call(&crowd->call, options->payload, 0);
    bench_link_nonblocking(crowd->scene.service);
    watch(crowd, crowd->scene.service, NULL);
    for (unsigned i = 0; i < options->callers; i++) {
        struct caller *caller = &crowd->callers[i];

        caller->link = bench_scene_enter(&crowd->scene);
        caller->number = number_of(caller->link->name);
        bench_message_return(&caller->reply, caller->link->name, options->payload);
        remember(crowd, caller);
        bench_link_nonblocking(caller->link);
        watch(crowd, caller->link, caller);
    }
}

static void crowd_close(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->options->callers; i++) {
        bench_link_close(crowd->callers[i].link);
        bench_message_finish(&crowd->callers[i].reply);
    }
    bench_scene_close(&crowd->scene);
    bench_message_finish(&crowd->call);
    close(crowd->epoll);
    free(crowd->by_number);
    free(crowd->callers);
}

static void serve(struct crowd *crowd)
{
    const uint8_t *message;
    char name[64];

    bench_link_fill(crowd->scene.service);
    while ((message = bench_link_next(crowd->scene.service)) != NULL) {
        unsigned number;

        if (bench_message_type(message) != POSTERN_MESSAGE_METHOD_CALL)
            continue;
        bench_sender_of(message, name);
        number = number_of(name);
        errno = 0;
        if (number >= crowd->numbers || crowd->by_number[number] == NULL)
            bench_fail("a call of %s, which nobody of ours is", name);
        bench_link_send(crowd->scene.service, &crowd->by_number[number]->reply, bench_message_serial(message), false);
    }
}

static void call_again(struct crowd *crowd, struct caller *caller)
{
    const uint8_t *message;

    bench_link_fill(caller->link);
    while ((message = bench_link_next(caller->link)) != NULL) {
        errno = 0;
        if (bench_message_type(message) == POSTERN_MESSAGE_ERROR)
            bench_fail("a call was answered with an error");
        if (bench_message_type(message) == POSTERN_MESSAGE_METHOD_RETURN) {
            crowd->done++;
            bench_link_send(caller->link, &crowd->call, 0, true);
        }
    }
}

static void pump(struct crowd *crowd, double seconds)
{
    uint64_t end = bench_now() + (uint64_t)(seconds * 1e9);

    for (unsigned turn = 0; (turn & 7) != 0 || bench_now() < end; turn++) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(crowd->epoll, events, EVENTS_MAX, bench_link_has_output(crowd->scene.service) ? 1 : -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                serve(crowd);
            else
                call_again(crowd, events[i].data.ptr);
        }
        bench_link_flush(crowd->scene.service);
    }
}

void bench_callers(const struct bench_options *options)
{
    struct bench_usage start, span;
    struct crowd crowd;

    crowd_open(&crowd, options);
    for (unsigned i = 0; i < options->callers; i++)
        bench_link_send(crowd.callers[i].link, &crowd.call, 0, true);
    pump(&crowd, options->warm);
    crowd.done = 0;
    bench_usage_read(&start, options);
    pump(&crowd, options->seconds);
    bench_usage_since(&span, &start, options);
    bench_report(options, &span, 2 * crowd.done, "");
    crowd_close(&crowd);
}
