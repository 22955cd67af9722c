/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rest of a link: its life, and calls to the driver. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/link.h"
#include "bench/options.h"
#include "postern/module.h"
#include "wire/message.h"

struct bench_link *bench_link_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct bench_link *link = calloc(1, sizeof(*link));

    errno = 0;
    if (link == NULL || (size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >= sizeof(address.sun_path))
        bench_fail("%s: too long", path);
    link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->fd < 0 || connect(link->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        bench_fail("%s", path);
    return link;
}

void bench_link_close(struct bench_link *link)
{
    if (link == NULL)
        return;
    close(link->fd);
    free(link->in);
    free(link->out);
    free(link);
}

void bench_link_rest(struct bench_link *link)
{
    free(link->in);
    free(link->out);
    link->in = link->out = NULL;
    link->in_start = link->in_end = link->in_cap = link->out_start = link->out_end = link->out_cap = 0;
}

void bench_link_nonblocking(struct bench_link *link)
{
    if (fcntl(link->fd, F_SETFL, O_NONBLOCK) < 0)
        bench_fail("fcntl");
}

const uint8_t *bench_link_call(struct bench_link *link, const char *interface, const char *member, const struct postern_writer *args)
{
    struct postern_message_parts parts = {.type = POSTERN_MESSAGE_METHOD_CALL, .path = "/org/freedesktop/DBus", .interface = interface,
                                          .member = member, .destination = "org.freedesktop.DBus", .serial = ++link->serial};
    struct bench_message message = {.reply_at = 0};

    if (args != NULL) {
        parts.signature = args->signature;
        parts.body = args->buf.data;
        parts.body_len = (uint32_t)args->buf.len;
    }
    errno = args != NULL ? -postern_writer_finish(args) : 0;
    if (errno == 0)
        errno = -postern_message_build(&message.bytes, &parts);
    if (errno != 0)
        bench_fail("%s", member);
    bench_link_send(link, &message, 0, true);
    while (bench_link_has_output(link)) {
        struct pollfd poll_fd = {.fd = link->fd, .events = POLLOUT};

        poll(&poll_fd, 1, -1);
        bench_link_flush(link);
    }
    bench_message_finish(&message);
    return bench_link_wait(link, POSTERN_MESSAGE_METHOD_RETURN);
}

void bench_link_own(struct bench_link *link, const char *name)
{
    struct postern_writer w;

    postern_writer_init(&w);
    postern_writer_string(&w, name);
    postern_writer_u32(&w, 4); /* DO_NOT_QUEUE */
    bench_link_call(link, "org.freedesktop.DBus", "RequestName", &w);
    postern_writer_free(&w);
}

void bench_link_match(struct bench_link *link, const char *rule)
{
    struct postern_writer w;

    postern_writer_init(&w);
    postern_writer_string(&w, rule);
    bench_link_call(link, "org.freedesktop.DBus", "AddMatch", &w);
    postern_writer_free(&w);
}
