/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-relay: the floor. Receives bytes from one connection and sends them to another, and does nothing else: no bus can cost less.
 *
 *     bench-relay frame|stream PATH [fan]
 *
 * frame: one message per system call, in and out. stream: as much as there is. Connections come in pairs; with fan the first sends and all others
 * receive. A client begins with the length of its frames (32 bits, native) and gets one byte.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX 2048
#define BUFFER (4u << 20)
#define EVENTS_MAX 64

struct connection {
    int fd;
    uint32_t frame, have;
    uint8_t *buffer;
};

struct relay {
    bool stream, fan;
    int listener, epoll;
    struct connection connections[CONNECTIONS_MAX];
    unsigned n;
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench-relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(const struct relay *relay, int fd, uint32_t number)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};

    if (epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll");
}

static void relay_open(struct relay *relay, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    relay->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    relay->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (relay->listener < 0 || bind(relay->listener, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(relay->listener, 1024) < 0)
        fail(path);
    watch(relay, relay->listener, CONNECTIONS_MAX);
}

static void accept_one(struct relay *relay)
{
    struct connection *connection = &relay->connections[relay->n];
    int fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0 || relay->n == CONNECTIONS_MAX)
        fail("accepting");
    *connection = (struct connection){.fd = fd, .buffer = malloc(BUFFER)};
    if (connection->buffer == NULL || recv(fd, &connection->frame, sizeof(connection->frame), MSG_WAITALL) != sizeof(connection->frame) ||
        connection->frame > BUFFER || send(fd, "", 1, MSG_NOSIGNAL) != 1)
        fail("the beginning of a connection");
    watch(relay, fd, relay->n++);
}

static void send_all(const struct connection *to, const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(to->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EAGAIN) {
            struct pollfd poll_fd = {.fd = to->fd, .events = POLLOUT};

            poll(&poll_fd, 1, -1);
            continue;
        }
        if (sent < 0)
            return; /* it is gone: so is, soon, everybody */
        bytes += sent;
        n -= (size_t)sent;
    }
}

static void pass_on(const struct relay *relay, unsigned from, size_t n)
{
    const uint8_t *bytes = relay->connections[from].buffer;

    if (relay->fan)
        for (unsigned i = 1; i < relay->n; i++)
            send_all(&relay->connections[i], bytes, n);
    else if ((from ^ 1) < relay->n)
        send_all(&relay->connections[from ^ 1], bytes, n);
}

/* False: the connection has ended. */
static bool receive(struct relay *relay, unsigned number)
{
    struct connection *connection = &relay->connections[number];
    size_t room = relay->stream || connection->frame == 0 ? BUFFER : connection->frame - connection->have;
    ssize_t n = recv(connection->fd, connection->buffer + connection->have, room, MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN;
    if (n == 0)
        return false;
    if (!relay->stream) {
        connection->have += (uint32_t)n;
        if (connection->have < connection->frame)
            return true;
        n = connection->frame;
        connection->have = 0;
    }
    pass_on(relay, number, (size_t)n);
    return true;
}

/* One client ended its run: the next one finds nothing of it. */
static void forget_all(struct relay *relay)
{
    for (unsigned i = 0; i < relay->n; i++) {
        close(relay->connections[i].fd);
        free(relay->connections[i].buffer);
    }
    relay->n = 0;
}

static void turn(struct relay *relay)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(relay->epoll, events, EVENTS_MAX, -1);

    for (int i = 0; i < n; i++) {
        if (events[i].data.u32 == CONNECTIONS_MAX) {
            accept_one(relay);
        } else if (!receive(relay, events[i].data.u32)) {
            forget_all(relay);
            return; /* the other events are of connections that are closed */
        }
    }
}

int main(int argc, char **argv)
{
    static struct relay relay;

    if (argc < 3 || (strcmp(argv[1], "frame") != 0 && strcmp(argv[1], "stream") != 0)) {
        fputs("usage: bench-relay frame|stream PATH [fan]\n", stderr);
        return 2;
    }
    relay.stream = strcmp(argv[1], "stream") == 0;
    relay.fan = argc > 3;
    relay_open(&relay, argv[2]);
    puts("ready");
    fflush(stdout);
    for (;;)
        turn(&relay);
}
