/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Does the same thing to a bus so many times and then twice as many times, for message-cost.py, which counts what the bus needs for it. The bus
 * meets no chance: whatever is sent is one write of less than the kernel splits, and nothing is sent before all of the last has arrived. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/link.h"
#include "bench/options.h"
#include "bench/scene.h"
#include "postern/module.h"
#include "wire/header.h"
#include "wire/message.h"

#define RECEIVERS_MAX 10u
#define SIGNALS "type='signal',path='" BENCH_PATH "',interface='" BENCH_INTERFACE "',member='Tick'"
#define COMINGS "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"

struct stand {
    struct bench_options options;
    struct bench_scene scene;
    struct bench_link *caller;                   /* of methods, or sender of signals */
    struct bench_link *receivers[RECEIVERS_MAX]; /* of signals */
    struct bench_link *other;                    /* has match rules that match nothing */
    struct bench_message message, reply;
    int fd; /* what is sent as file descriptor; -1: none */
};

struct load {
    const char *name;
    unsigned rounds;   /* of the first time */
    unsigned messages; /* a round's, as they count: a call and its reply are two, a signal to ten receivers is ten */
    struct bench_options options;
    void (*open)(struct stand *stand);
    void (*round)(struct stand *stand);
};

/* Lets the bus do all that it has been told, and marks the place for callgrind. */
static void mark(struct bench_link *control)
{
    bench_link_call(control, "org.freedesktop.DBus", "GetId", NULL);
}

/* What was queued, in one piece. */
static void send_queued(struct bench_link *link)
{
    bench_link_flush(link);
    errno = 0;
    if (bench_link_has_output(link))
        bench_fail("what is one write did not go out as one");
}

/* ---- calls and replies ---------------------------------------------------------------------------------- */

static void open_calls(struct stand *stand)
{
    bench_scene_open(&stand->scene, &stand->options);
    stand->caller = bench_scene_enter(&stand->scene);
    bench_message_call(&stand->message, stand->options.payload, stand->options.fds);
    bench_message_return(&stand->reply, stand->caller->name, stand->options.payload);
    if (stand->options.fds > 0) {
        stand->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        stand->scene.service->takes_fds = true;
    }
}

static void round_calls(struct stand *stand)
{
    struct bench_link *service = stand->scene.service;

    for (unsigned i = 0; i < stand->options.window; i++) {
        if (stand->fd >= 0)
            bench_link_send_fds(stand->caller, &stand->message, stand->fd);
        else
            bench_link_send(stand->caller, &stand->message, 0, false);
    }
    send_queued(stand->caller);
    for (unsigned i = 0; i < stand->options.window; i++)
        bench_link_send(service, &stand->reply, bench_message_serial(bench_link_wait(service, POSTERN_MESSAGE_METHOD_CALL)), false);
    send_queued(service);
    for (unsigned i = 0; i < stand->options.window; i++)
        bench_link_wait(stand->caller, POSTERN_MESSAGE_METHOD_RETURN);
}

/* ---- signals ------------------------------------------------------------------------------------------------ */

static void open_signals(struct stand *stand)
{
    char rule[256];

    stand->caller = bench_link_open(stand->options.address);
    for (unsigned i = 0; i < stand->options.receivers; i++) {
        stand->receivers[i] = bench_link_open(stand->options.address);
        bench_link_match(stand->receivers[i], SIGNALS);
    }
    if (stand->options.rules > 0)
        stand->other = bench_link_open(stand->options.address);
    for (unsigned i = 0; i < stand->options.rules; i++) {
        snprintf(rule, sizeof(rule), "type='signal',path='/org/other/Object%u',interface='" BENCH_INTERFACE "',member='Tick'", i);
        bench_link_match(stand->other, rule);
    }
    bench_message_signal(&stand->message, stand->options.payload);
}

static void round_signals(struct stand *stand)
{
    for (unsigned i = 0; i < stand->options.window; i++)
        bench_link_send(stand->caller, &stand->message, 0, false);
    send_queued(stand->caller);
    for (unsigned r = 0; r < stand->options.receivers; r++)
        for (unsigned i = 0; i < stand->options.window; i++)
            bench_link_wait(stand->receivers[r], POSTERN_MESSAGE_SIGNAL);
}

static void put(struct postern_buf *buf, const void *bytes, size_t n)
{
    errno = -postern_buf_append(buf, bytes, n);
    if (errno != 0)
        bench_fail("memory");
}

/* Puts a sender and an instance that are not its own into a header without them, and as many unknown fields as there may be. The message has
 * no body. */
static void forge(struct bench_message *message)
{
    static const uint8_t sender[] = "\7\1s\0\4\0\0\0:1.1\0\0\0\0", instance[] = "\12\1o\0\2\0\0\0/a\0\0\0\0\0\0", unknown[] = "\310\1y\0y\0\0\0";
    const uint8_t zeros[8] = {0};
    struct postern_buf *buf = &message->bytes;
    uint32_t n;

    put(buf, zeros, (8 - buf->len % 8) % 8);
    put(buf, sender, sizeof(sender) - 1);
    put(buf, instance, sizeof(instance) - 1);
    for (unsigned i = 0; i < POSTERN_FIELDS_UNKNOWN_MAX; i++)
        put(buf, unknown, sizeof(unknown) - 1);
    n = (uint32_t)(buf->len - POSTERN_HEADER_FIXED - 3); /* the padding of the last one is not the array's */
    memcpy(buf->data + 12, &n, sizeof(n));
}

/* Of the sender: such receivers share no header, each gets one that is written for it alone. */
static void request_facts(struct bench_link *receiver)
{
    struct postern_writer w;

    postern_writer_init(&w);
    postern_writer_open(&w, 'a', "s");
    postern_writer_string(&w, "UnixUserID");
    postern_writer_close(&w);
    bench_link_call(receiver, "org.postern.Mediator1", "RequestFacts", &w);
    postern_writer_free(&w);
}

static void open_forged(struct stand *stand)
{
    open_signals(stand);
    for (unsigned i = 0; i < stand->options.receivers; i++)
        request_facts(stand->receivers[i]);
    forge(&stand->message);
}

/* ---- connections ---------------------------------------------------------------------------------------------- */

static void open_watcher(struct stand *stand)
{
    const struct postern_message_parts hello = {.type = POSTERN_MESSAGE_METHOD_CALL, .serial = 1, .path = "/org/freedesktop/DBus",
                                                .interface = "org.freedesktop.DBus", .member = "Hello", .destination = "org.freedesktop.DBus"};

    stand->receivers[0] = bench_link_open(stand->options.address);
    bench_link_match(stand->receivers[0], COMINGS);
    errno = -postern_message_build(&stand->message.bytes, &hello);
    if (errno != 0)
        bench_fail("Hello");
}

/* One step of the authentication: one write and what it is answered with. */
static void step(struct bench_link *link, const char *text, size_t n, const char *expected)
{
    errno = 0;
    if (send(link->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
        bench_fail("authentication");
    while (link->in == NULL || memmem(link->in + link->in_start, link->in_end - link->in_start, expected, strlen(expected)) == NULL)
        bench_link_fill(link);
    link->in_start = link->in_end;
}

/* In as many steps as most libraries take, each step being one write, and the same for every user. */
static void round_connection(struct stand *stand)
{
    static const char begin[] = "BEGIN\r\n";
    struct bench_link *link = bench_link_connect(stand->options.address);
    struct postern_buf last = {0};

    step(link, "\0AUTH EXTERNAL\r\nDATA\r\n", 22, "OK ");
    step(link, "NEGOTIATE_UNIX_FD\r\n", 19, "AGREE_UNIX_FD\r\n");
    put(&last, begin, sizeof(begin) - 1);
    put(&last, stand->message.bytes.data, stand->message.bytes.len);
    errno = 0;
    if (send(link->fd, last.data, last.len, MSG_NOSIGNAL) != (ssize_t)last.len)
        bench_fail("Hello");
    postern_buf_finish(&last);
    bench_link_wait(link, POSTERN_MESSAGE_METHOD_RETURN);
    bench_link_close(link);
    for (unsigned i = 0; i < 2; i++) /* it came, and it went: the bus is done with it */
        bench_link_wait(stand->receivers[0], POSTERN_MESSAGE_SIGNAL);
}

/* ---- all of them ------------------------------------------------------------------------------------------------ */

#define NOBODY .container = -1

static const struct load loads[] = {
    {"call-64", 20, 128, {NOBODY, .window = 64, .payload = 64}, open_calls, round_calls},
    {"call-1", 300, 2, {NOBODY, .window = 1, .payload = 64}, open_calls, round_calls},
    {"contained-64", 20, 128, {.container = 20, .window = 64, .payload = 64}, open_calls, round_calls},
    {"contained-1", 300, 2, {.container = 20, .window = 1, .payload = 64}, open_calls, round_calls},
    {"4-KiB", 100, 14, {NOBODY, .window = 7, .payload = 4096}, open_calls, round_calls},
    {"fd", 300, 2, {NOBODY, .window = 1, .payload = 64, .fds = 1}, open_calls, round_calls},
    {"broadcast-8", 20, 80, {NOBODY, .window = 8, .payload = 64, .receivers = 10, .rules = 1000}, open_signals, round_signals},
    {"broadcast-1", 100, 10, {NOBODY, .window = 1, .payload = 64, .receivers = 10, .rules = 1000}, open_signals, round_signals},
    {"forged-to-1", 4, 1, {NOBODY, .window = 1, .receivers = 1}, open_forged, round_signals},
    {"forged-to-10", 4, 1, {NOBODY, .window = 1, .receivers = 10}, open_forged, round_signals},
    {"connection", 100, 1, {NOBODY}, open_watcher, round_connection},
};

static void stand_close(struct stand *stand)
{
    if (stand->scene.service != NULL)
        bench_scene_close(&stand->scene);
    bench_link_close(stand->caller);
    bench_link_close(stand->other);
    for (unsigned i = 0; i < RECEIVERS_MAX; i++)
        bench_link_close(stand->receivers[i]);
    bench_message_finish(&stand->message);
    bench_message_finish(&stand->reply);
    if (stand->fd >= 0)
        close(stand->fd);
}

/* Counted are the rounds between the marks; what comes before the first lets everything find its size. */
static void run(const struct load *load, const char *address, struct bench_link *control)
{
    struct stand stand = {.options = load->options, .fd = -1};

    stand.options.address = stand.options.service = address;
    load->open(&stand);
    for (unsigned i = 0; i < load->rounds; i++)
        load->round(&stand);
    for (unsigned times = 1; times <= 2; times++) {
        mark(control);
        for (unsigned i = 0; i < times * load->rounds; i++)
            load->round(&stand);
    }
    mark(control);
    stand_close(&stand);
    printf("%s %u %u\n", load->name, load->rounds, load->messages);
}

/* usage: message-cost SOCKET LOAD... */
int main(int argc, char **argv)
{
    struct bench_link *control = bench_link_open(argc > 1 ? argv[1] : "");

    for (int i = 2; i < argc; i++) {
        const struct load *load = NULL;

        for (size_t j = 0; load == NULL && j < sizeof(loads) / sizeof(*loads); j++)
            load = strcmp(argv[i], loads[j].name) == 0 ? &loads[j] : NULL;
        errno = 0;
        if (load == NULL)
            bench_fail("no load %s", argv[i]);
        run(load, argv[1], control);
    }
    bench_link_close(control);
    return 0;
}
