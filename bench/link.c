/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench/link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/options.h"
#include "postern/module.h"
#include "wire/header.h"

#define READ_ROOM 262144u /* at least so much is asked for at once, so that the client is not what limits batches */
#define FDS_MAX 253u      /* the kernel's limit for one message */

/* ---- in ----------------------------------------------------------------------------------------------- */

static void make_room(struct bench_link *link)
{
    if (link->in_start > 0) {
        memmove(link->in, link->in + link->in_start, link->in_end - link->in_start);
        link->in_end -= link->in_start;
        link->in_start = 0;
    }
    if (link->in_cap - link->in_end < READ_ROOM) {
        link->in_cap = link->in_cap < READ_ROOM ? 2 * READ_ROOM : 2 * link->in_cap;
        link->in = realloc(link->in, link->in_cap);
        if (link->in == NULL)
            bench_fail("memory");
    }
}

/* Like recv(), for messages with fds: they are closed, as nobody looks at them. */
static ssize_t receive_fds(struct bench_link *link)
{
    union {
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec vector = {.iov_base = link->in + link->in_end, .iov_len = link->in_cap - link->in_end};
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(link->fd, &header, MSG_CMSG_CLOEXEC);

    for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&header) : NULL; c != NULL; c = CMSG_NXTHDR(&header, c)) {
        for (size_t at = 0; c->cmsg_type == SCM_RIGHTS && at + CMSG_LEN(0) < c->cmsg_len; at += sizeof(int)) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
            close(fd);
        }
    }
    return n;
}

bool bench_link_fill(struct bench_link *link)
{
    ssize_t n;

    if (link->in_start == link->in_end)
        link->in_start = link->in_end = 0;
    if (link->in_cap - link->in_end < READ_ROOM)
        make_room(link);
    n = link->takes_fds ? receive_fds(link) : recv(link->fd, link->in + link->in_end, link->in_cap - link->in_end, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n == 0)
        errno = 0;
    if (n <= 0)
        bench_fail("the bus closed a connection");
    link->in_end += (size_t)n;
    return true;
}

const uint8_t *bench_link_next(struct bench_link *link)
{
    const uint8_t *message;
    uint32_t total;
    int r;

    if (link->in == NULL)
        return NULL; /* nothing was read yet */
    message = link->in + link->in_start;
    r = postern_header_length(message, link->in_end - link->in_start, POSTERN_MESSAGE_MAX, &total);
    errno = 0;
    if (r < 0)
        bench_fail("what came is no message");
    if (r == 0 || link->in_end - link->in_start < total)
        return NULL;
    link->in_start += total;
    return message;
}

const uint8_t *bench_link_wait(struct bench_link *link, uint8_t type)
{
    for (;;) {
        const uint8_t *message = bench_link_next(link);

        if (message == NULL) {
            bench_link_fill(link);
            continue;
        }
        if (bench_message_type(message) == POSTERN_MESSAGE_ERROR) {
            struct postern_header header;

            errno = 0;
            if (postern_header_parse(message, (uint32_t)(link->in + link->in_start - message), &header) == 0)
                bench_fail("the answer is %s: %s", header.error.s, header.body_len > 4 ? (const char *)message + header.body_start + 4 : "");
            bench_fail("the answer is a broken error");
        }
        if (bench_message_type(message) == type)
            return message;
    }
}

/* ---- out ---------------------------------------------------------------------------------------------- */

static void queue(struct bench_link *link, const uint8_t *bytes, size_t n)
{
    if (link->out_start == link->out_end)
        link->out_start = link->out_end = 0;
    if (link->out_end + n > link->out_cap && link->out_start > 0) {
        memmove(link->out, link->out + link->out_start, link->out_end - link->out_start);
        link->out_end -= link->out_start;
        link->out_start = 0;
    }
    if (link->out_end + n > link->out_cap) {
        link->out_cap = 2 * (link->out_end + n);
        link->out = realloc(link->out, link->out_cap);
        if (link->out == NULL)
            bench_fail("memory");
    }
    memcpy(link->out + link->out_end, bytes, n);
    link->out_end += n;
}

/* 0: not now. */
static size_t send_some(struct bench_link *link, const uint8_t *bytes, size_t n)
{
    ssize_t sent = send(link->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        bench_fail("sending");
    return sent < 0 ? 0 : (size_t)sent;
}

void bench_link_flush(struct bench_link *link)
{
    if (bench_link_has_output(link))
        link->out_start += send_some(link, link->out + link->out_start, link->out_end - link->out_start);
}

void bench_link_send(struct bench_link *link, struct bench_message *message, uint32_t reply_serial, bool each)
{
    size_t sent = 0;

    bench_message_number(message, ++link->serial, reply_serial);
    if (each && !bench_link_has_output(link))
        sent = send_some(link, message->bytes.data, message->bytes.len);
    if (sent < message->bytes.len)
        queue(link, message->bytes.data + sent, message->bytes.len - sent);
}

static void wait_for_room(struct bench_link *link)
{
    struct pollfd poll_fd = {.fd = link->fd, .events = POLLOUT};

    poll(&poll_fd, 1, -1);
}

static void send_all(struct bench_link *link, const uint8_t *bytes, size_t n)
{
    for (size_t sent = 0; sent < n;) {
        size_t more = send_some(link, bytes + sent, n - sent);

        sent += more;
        if (more == 0)
            wait_for_room(link);
    }
}

void bench_link_send_fds(struct bench_link *link, struct bench_message *message, int fd)
{
    union {
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control = {.bytes = ""};
    struct iovec vector = {.iov_base = message->bytes.data, .iov_len = message->bytes.len};
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control,
                            .msg_controllen = CMSG_SPACE(message->fds * sizeof(int))};
    ssize_t sent;

    if (message->fds > FDS_MAX)
        bench_fail("too many fds for one message");
    control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(message->fds * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    for (uint32_t i = 0; i < message->fds; i++)
        memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &fd, sizeof(fd));
    bench_message_number(message, ++link->serial, 0);
    while ((sent = sendmsg(link->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            bench_fail("sending fds");
        wait_for_room(link);
    }
    send_all(link, message->bytes.data + sent, message->bytes.len - (size_t)sent);
}

/* ---- connecting ------------------------------------------------------------------------------------------ */

static void expect_line(struct bench_link *link, const char *start)
{
    const uint8_t *end;

    while (link->in == NULL || (end = memmem(link->in + link->in_start, link->in_end - link->in_start, "\r\n", 2)) == NULL)
        bench_link_fill(link);
    errno = 0;
    if (strncmp((char *)link->in + link->in_start, start, strlen(start)) != 0)
        bench_fail("authentication: %.*s", (int)(end - link->in - (ptrdiff_t)link->in_start), link->in + link->in_start);
    link->in_start = (size_t)(end + 2 - link->in);
}

static void say(struct bench_link *link, const char *text)
{
    send_all(link, (const uint8_t *)text, strlen(text));
}

/* In the steps of most libraries: each waits for the bus. */
void bench_link_authenticate(struct bench_link *link)
{
    char uid[16], line[80] = "AUTH EXTERNAL ";
    size_t at = strlen(line);

    snprintf(uid, sizeof(uid), "%u", (unsigned)getuid());
    for (const char *c = uid; *c != '\0'; c++)
        at += (size_t)snprintf(line + at, sizeof(line) - at, "%02x", (unsigned)*c);
    snprintf(line + at, sizeof(line) - at, "\r\n");
    send_all(link, (const uint8_t *)"", 1);
    say(link, line);
    expect_line(link, "OK ");
    say(link, "NEGOTIATE_UNIX_FD\r\n");
    expect_line(link, "AGREE_UNIX_FD");
    say(link, "BEGIN\r\n");
}

struct bench_link *bench_link_open(const char *path)
{
    struct bench_link *link = bench_link_connect(path);
    struct postern_header header;
    const uint8_t *answer;

    bench_link_authenticate(link);
    answer = bench_link_call(link, "org.freedesktop.DBus", "Hello", NULL);
    errno = 0;
    if (postern_header_parse(answer, (uint32_t)(link->in + link->in_start - answer), &header) < 0 || header.body_len < 5)
        bench_fail("the answer to Hello is broken");
    snprintf(link->name, sizeof(link->name), "%s", (const char *)answer + header.body_start + 4);
    return link;
}

struct bench_link *bench_link_open_raw(const char *path, uint32_t frame)
{
    struct bench_link *link = bench_link_connect(path);
    char ready;

    send_all(link, (const uint8_t *)&frame, sizeof(frame));
    if (recv(link->fd, &ready, 1, 0) != 1)
        bench_fail("the relay does not answer");
    snprintf(link->name, sizeof(link->name), ":1.1");
    return link;
}
