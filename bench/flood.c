/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Floods, by name:
 *   calls    each connection has 64 calls of 64 B under way, to itself
 *   deep     2000 of them: more than one read of the bus takes
 *   bodies   16 of 64 KiB
 *   driver   64 calls to the bus, in turn: GetId, ListNames, NameHasOwner, AddMatch and RemoveMatch of a long rule
 *   signals  64 broadcasts, each to itself and 10 others
 *   churn    connections come and go, one after the other
 * What a connection hears of its own it says again.
 */
#include "bench/flood.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/link.h"
#include "postern/module.h"
#include "wire/writer.h"

#define EVENTS_MAX 128
#define MESSAGES_MAX 5
#define RECEIVERS 10
#define LONG_RULE "type='signal',path='/org/other/Object',interface='org.other.Interface',member='Tick',arg0='%0800d'"

struct flooder {
    struct bench_link *link;
    struct bench_message messages[MESSAGES_MAX]; /* said in turn */
    unsigned n_messages;
    unsigned turn;
    uint8_t heard; /* the type of what comes back for each */
};

/* ---- what is said ---------------------------------------------------------------------------------------- */

static void add(struct flooder *flooder, struct postern_message_parts *parts, uint32_t payload)
{
    bench_message_build(&flooder->messages[flooder->n_messages++], parts, payload);
}

static void prepare_calls(struct flooder *flooder, uint32_t payload)
{
    struct postern_message_parts parts = {.type = POSTERN_MESSAGE_METHOD_CALL, .flags = POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED, .path = BENCH_PATH,
                                          .interface = BENCH_INTERFACE, .member = "Flood", .destination = flooder->link->name};

    flooder->heard = POSTERN_MESSAGE_METHOD_CALL;
    add(flooder, &parts, payload);
}

static void prepare_signals(struct flooder *flooder)
{
    struct postern_message_parts parts = {.type = POSTERN_MESSAGE_SIGNAL, .path = BENCH_PATH, .interface = BENCH_INTERFACE, .member = "Flood"};
    char rule[128];

    snprintf(rule, sizeof(rule), "type='signal',sender='%s'", flooder->link->name);
    bench_link_match(flooder->link, rule);
    flooder->heard = POSTERN_MESSAGE_SIGNAL;
    add(flooder, &parts, 64);
}

static void add_driver_call(struct flooder *flooder, const char *member, const char *argument)
{
    struct postern_message_parts parts = {.type = POSTERN_MESSAGE_METHOD_CALL, .path = "/org/freedesktop/DBus", .interface = "org.freedesktop.DBus",
                                          .member = member, .destination = "org.freedesktop.DBus"};
    struct postern_writer w;

    postern_writer_init(&w);
    if (argument != NULL)
        postern_writer_string(&w, argument);
    errno = -postern_writer_finish(&w);
    if (errno != 0)
        bench_fail("the argument of %s", member);
    if (argument != NULL) {
        parts.signature = w.signature;
        parts.body = w.buf.data;
        parts.body_len = (uint32_t)w.buf.len;
    }
    add(flooder, &parts, 0);
    postern_writer_free(&w);
}

static void prepare_driver(struct flooder *flooder)
{
    char rule[1024];

    snprintf(rule, sizeof(rule), LONG_RULE, 1);
    flooder->heard = POSTERN_MESSAGE_METHOD_RETURN;
    add_driver_call(flooder, "GetId", NULL);
    add_driver_call(flooder, "ListNames", NULL);
    add_driver_call(flooder, "NameHasOwner", BENCH_SERVICE);
    add_driver_call(flooder, "AddMatch", rule);
    add_driver_call(flooder, "RemoveMatch", rule);
}

static void prepare_small(struct flooder *flooder)
{
    prepare_calls(flooder, 64);
}

static void prepare_bodies(struct flooder *flooder)
{
    prepare_calls(flooder, 65536);
}

static const struct kind {
    const char *name;
    unsigned window, receivers;
    void (*prepare)(struct flooder *flooder); /* NULL: it has no messages */
} kinds[] = {
    {"calls", 64, 0, prepare_small},
    {"deep", 2000, 0, prepare_small},
    {"bodies", 16, 0, prepare_bodies},
    {"driver", 64, 0, prepare_driver},
    {"signals", 64, RECEIVERS, prepare_signals},
    {"churn", 0, 0, NULL},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    errno = 0;
    bench_fail("no flood %s", name);
}

/* ---- the flood ---------------------------------------------------------------------------------------------- */

static void say(struct flooder *flooder)
{
    bench_link_send(flooder->link, &flooder->messages[flooder->turn], 0, false);
    flooder->turn = (flooder->turn + 1) % flooder->n_messages;
}

static void hear(struct flooder *flooder)
{
    const uint8_t *message;

    bench_link_fill(flooder->link);
    while ((message = bench_link_next(flooder->link)) != NULL) {
        errno = 0;
        if (bench_message_type(message) == POSTERN_MESSAGE_ERROR)
            bench_fail("the flood was answered with an error");
        if (bench_message_type(message) == flooder->heard)
            say(flooder);
    }
    bench_link_flush(flooder->link);
}

static void watch(int epoll, struct flooder *flooder, const struct bench_options *options)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = flooder};

    flooder->link = bench_link_open(options->address);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, flooder->link->fd, &event) < 0)
        bench_fail("epoll");
}

static struct flooder *open_all(int epoll, const struct kind *kind, const struct bench_options *options)
{
    struct flooder *all = calloc(options->callers + kind->receivers, sizeof(*all));

    if (all == NULL)
        bench_fail("memory");
    for (unsigned i = 0; i < options->callers + kind->receivers; i++) {
        watch(epoll, &all[i], options);
        if (i < options->callers)
            kind->prepare(&all[i]);
        else
            bench_link_match(all[i].link, "type='signal',member='Flood'");
        bench_link_nonblocking(all[i].link);
    }
    return all;
}

static _Noreturn void pump(int epoll, struct flooder *all, const struct kind *kind, unsigned n)
{
    for (unsigned i = 0; i < n * kind->window; i++)
        say(&all[i % n]);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        bool waiting = false;
        int ready;

        for (unsigned i = 0; i < n; i++) {
            bench_link_flush(all[i].link);
            waiting |= bench_link_has_output(all[i].link);
        }
        ready = epoll_wait(epoll, events, EVENTS_MAX, waiting ? 1 : -1);
        for (int i = 0; i < ready; i++)
            hear(events[i].data.ptr);
    }
}

static _Noreturn void flood(const struct bench_options *options)
{
    const struct kind *kind = find_kind(options->flood);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct flooder *all = NULL;

    if (epoll < 0)
        bench_fail("epoll");
    if (kind->prepare != NULL)
        all = open_all(epoll, kind, options);
    raise(SIGSTOP);
    if (all != NULL)
        pump(epoll, all, kind, options->callers);
    for (;;)
        bench_link_close(bench_link_open(options->address));
}

pid_t bench_flood_begin(const struct bench_options *options)
{
    pid_t pid = fork();
    int status;

    if (pid < 0)
        bench_fail("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        flood(options);
    }
    if (waitpid(pid, &status, WUNTRACED) < 0)
        bench_fail("the flood");
    if (!WIFSTOPPED(status))
        exit(1); /* it has said why */
    return pid;
}

void bench_flood_go(pid_t pid)
{
    kill(pid, SIGCONT);
}

void bench_flood_end(pid_t pid)
{
    int status = 0;

    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status))
        exit(1); /* it has said why */
}
