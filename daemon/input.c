/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/bus.h"
#include "daemon/mediation.h"
#include "daemon/router.h"
#include "wire/body.h"

#define READ_MIN 2048u /* bytes */
#define HOARD_FDS 16u  /* who holds as many descriptors in unfinished messages may have to let go of them */

static void close_fds(int *fds, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        close(fds[i]);
}

/* ---- descriptors ------------------------------------------------------------------------------- */

/* Keeps the descriptors of one read until the messages that claim them are whole. */
static int keep_fds(struct postern_conn *conn, const int *fds, uint32_t n)
{
    struct postern_conn_fds **at = &conn->in_fds, *run;

    /* A message may carry max_message_unix_fds; a few such messages may stand in the queue of one read. */
    if (!conn->can_fds || conn->in_fds_n + n > conn->bus->config->limits.max_incoming_unix_fds)
        return -ENOBUFS;
    run = malloc(sizeof(*run));
    if (run == NULL)
        return -ENOMEM;
    run->fds = malloc(n * sizeof(int));
    if (run->fds == NULL) {
        free(run);
        return -ENOMEM;
    }
    memcpy(run->fds, fds, n * sizeof(int));
    run->n = n;
    run->end = conn->in_pos;
    run->next = NULL;
    while (*at != NULL)
        at = &(*at)->next;
    *at = run;
    conn->in_fds_n += n;
    conn->user->unfinished_fds += n;
    if (conn->container != NULL)
        conn->container->unfinished_fds += n;
    postern_stats_peak(&conn->stats.in_fds, conn->in_fds_n);
    return 0;
}

static void release_fds(struct postern_conn *conn, uint32_t n)
{
    conn->in_fds_n -= n;
    conn->user->unfinished_fds -= n;
    if (conn->container != NULL)
        conn->container->unfinished_fds -= n;
}

static void drop_first_run(struct postern_conn *conn)
{
    struct postern_conn_fds *run = conn->in_fds;

    conn->in_fds = run->next;
    free(run->fds);
    free(run);
}

/* Hands the first n descriptors to the message that ends at stream position `end`. -EBADMSG: there are not that many, or
 * descriptors came no later than this message and no message claims them. */
static int claim_fds(struct postern_conn *conn, uint32_t n, uint64_t end, struct postern_fdset **set)
{
    int fds[POSTERN_FDS_MAX];
    uint32_t got = 0;

    *set = NULL;
    if (n > conn->in_fds_n || n > conn->bus->config->limits.max_message_unix_fds || n > POSTERN_FDS_MAX)
        return -EBADMSG;
    while (got < n) {
        struct postern_conn_fds *run = conn->in_fds;
        uint32_t take = run->n < n - got ? run->n : n - got;

        memcpy(fds + got, run->fds, take * sizeof(int));
        memmove(run->fds, run->fds + take, (run->n - take) * sizeof(int));
        run->n -= take;
        got += take;
        if (run->n == 0)
            drop_first_run(conn);
    }
    release_fds(conn, n);
    if (n > 0) {
        *set = postern_fdset_new(fds, n);
        if (*set == NULL) {
            close_fds(fds, n);
            return -ENOMEM;
        }
    }
    return conn->in_fds != NULL && conn->in_fds->end <= end ? -EBADMSG : 0;
}

/* When all whole messages have been handled, what is left came with the one that is unfinished, or would be lost on it. */
static const char *has_too_many_fds(const struct postern_conn *conn)
{
    uint32_t most = conn->bus->config->limits.max_message_unix_fds;
    const struct postern_account *container = conn->container;

    if (conn->in_fds_n > (most < POSTERN_FDS_MAX ? most : POSTERN_FDS_MAX))
        return "it sent more file descriptors than one message may carry";
    if (container != NULL && conn->in_fds_n > 0 && container->unfinished_fds > conn->in_fds_n &&
        container->unfinished_fds > postern_account_limit(container, POSTERN_CHARGE_FDS))
        return "its container has more file descriptors in unfinished messages than it may have";
    return NULL;
}

static const struct postern_account *account_of(const struct postern_conn *conn)
{
    return conn->container != NULL ? conn->container : conn->user;
}

/* Somebody's descriptors were lost since the bus can have no more. Of who holds the most in messages that do not end, one has to go. */
static void find_descriptors(struct postern_bus *bus)
{
    struct postern_conn *most = NULL;

    for (struct postern_conn *conn = bus->conns; conn != NULL; conn = conn->next) {
        if (conn->state == POSTERN_CONN_DOOMED || conn->in_fds_n == 0)
            continue;
        if (most == NULL || account_of(conn)->unfinished_fds > account_of(most)->unfinished_fds ||
            (account_of(conn) == account_of(most) && conn->in_fds_n > most->in_fds_n))
            most = conn;
    }
    if (most != NULL && account_of(most)->unfinished_fds >= HOARD_FDS)
        postern_conn_doom(most, "the bus is out of file descriptors, and it holds the most of all in a message that it does not finish");
}

/* A message that holds descriptors and never ends would hold them for ever. Root is trusted to have a reason. */
static void watch_fds(struct postern_conn *conn)
{
    if (conn->in_fds_n == 0)
        postern_timeout_clear(&conn->bus->fd_timeouts, &conn->fd_timeout);
    else if (conn->facts.uid != 0)
        postern_timeout_set(&conn->bus->fd_timeouts, &conn->fd_timeout);
}

/* ---- framing ------------------------------------------------------------------------------------- */

/* How many descriptors the handles of a body may choose from. One that leads beyond is refused where the bus itself would follow
 * it, and to who is in a container: of its receivers some check no index. Outside, libraries let their callers send such handles
 * and tell the receiver, as with dbus-daemon. */
static uint32_t handles_allowed(const struct postern_conn *conn, const struct postern_header *header)
{
    if (conn->contained || postern_router_is_for_bus(header))
        return header->fds;
    return UINT32_MAX;
}

/* Takes one whole message. The body is validated before anything is done with it. */
static int take_message(struct postern_conn *conn, const uint8_t *p, uint32_t total, uint64_t end)
{
    struct postern_incoming message = {.bytes = p};
    struct postern_header *header = &message.header;
    int r = postern_header_parse(p, total, header);

    if (r == 0)
        r = claim_fds(conn, header->fds, end, &message.fds);
    if (r == 0)
        r = postern_body_validate(header->order, header->signature.s != NULL ? header->signature.s : "", header->signature.len,
                                  p + header->body_start, header->body_len, handles_allowed(conn, header));
    if (r == 0)
        postern_router_dispatch(conn, &message);
    postern_fdset_unref(message.fds);
    return r;
}

static uint64_t pause_level(const struct postern_conn *conn)
{
    uint64_t limit = conn->bus->config->limits.max_outgoing_bytes;

    return limit < POSTERN_OUTPUT_PAUSE ? limit : POSTERN_OUTPUT_PAUSE;
}

/* Who has much to read first reads; in a container, also who has anything to read while all together have as much as they may. */
static bool should_pause(const struct postern_conn *conn)
{
    return conn->out.bytes > pause_level(conn) || (conn->out.bytes > 0 && !postern_account_fits(conn->container, POSTERN_CHARGE_BYTES, 1));
}

bool postern_input_may_resume(const struct postern_conn *conn)
{
    return conn->paused && conn->out.bytes <= pause_level(conn) / 2 && !should_pause(conn);
}

/* Handles all whole messages in p[0..n), up to a pause; returns how many bytes were used, or a negative errno. end is the stream
 * position behind p[n). */
static ssize_t take_messages(struct postern_conn *conn, const uint8_t *p, size_t n, uint64_t end)
{
    uint64_t max = conn->bus->config->limits.max_message_size;
    size_t used = 0;

    while (conn->state != POSTERN_CONN_AUTH && conn->state != POSTERN_CONN_DOOMED) {
        uint32_t total;
        int r = postern_header_length(p + used, n - used, max < POSTERN_MESSAGE_MAX ? (uint32_t)max : POSTERN_MESSAGE_MAX, &total);

        if (r < 0)
            return r;
        if (r == 0 || total > n - used)
            break;
        r = take_message(conn, p + used, total, end - (n - used) + total);
        if (r < 0)
            return r;
        used += total;
        if (should_pause(conn) && !conn->broken) {
            conn->paused = true;
            break;
        }
    }
    return (ssize_t)used;
}

/* ---- authentication -------------------------------------------------------------------------------- */

static int send_text(struct postern_conn *conn, const struct postern_buf *text)
{
    struct postern_outq_item item = {.header = text->data, .header_len = text->len};

    return text->len > 0 ? postern_conn_queue(conn, &item) : 0;
}

/* Who may use the bus is decided here, once, for the identity that authenticated: a refused one has read OK and then sees
 * the end of the stream. */
static int authenticated(struct postern_conn *conn)
{
    conn->uid = conn->sasl->anonymous ? UINT32_MAX : conn->sasl->uid;
    conn->can_fds = conn->sasl->fds_agreed;
    postern_sasl_free(conn->sasl);
    conn->sasl = NULL;
    if (postern_conn_authenticated(conn) < 0)
        return -ENOMEM;
    if (!postern_mediation_may_connect(conn)) {
        postern_conn_doom(conn, "the policy does not let this user connect");
        return -EPERM;
    }
    conn->state = POSTERN_CONN_HELLO;
    return 0;
}

/* Returns how many bytes were used, or a negative errno. */
static ssize_t take_auth(struct postern_conn *conn, const uint8_t *p, size_t n)
{
    struct postern_buf answer = {0};
    size_t used = 0;
    int r = postern_sasl_feed(conn->sasl, p, n, &used, &answer);

    if (send_text(conn, &answer) < 0 && r >= 0)
        r = -ENOMEM;
    postern_buf_finish(&answer);
    if (r == 1)
        r = authenticated(conn);
    return r < 0 ? r : (ssize_t)used;
}

/* ---- bytes ------------------------------------------------------------------------------------------ */

/* What it has begun and not ended takes `bytes` from now on. */
static void charge_input(struct postern_conn *conn, size_t bytes)
{
    conn->user->unfinished_bytes += bytes - conn->in_charged; /* also when it becomes less: unsigned numbers wrap */
    if (conn->container != NULL)
        conn->container->unfinished_bytes += bytes - conn->in_charged;
    conn->in_charged = bytes;
}

/* A small message may always be begun, and while there is no other, one of any size, as one may always be queued. */
static bool has_too_many_bytes(const struct postern_conn *conn)
{
    const struct postern_account *container = conn->container;

    return container != NULL && conn->in_charged > POSTERN_READ_MAX && container->unfinished_bytes > conn->in_charged &&
           container->unfinished_bytes > postern_account_limit(container, POSTERN_CHARGE_BYTES);
}

/* Keeps p[0..n) for the next read. p may lie in conn->in itself. */
static int keep_rest(struct postern_conn *conn, const uint8_t *p, size_t n)
{
    if (n == 0) {
        free(conn->in);
        conn->in = NULL;
        conn->in_len = conn->in_cap = 0;
        return 0;
    }
    /* The memory of a large message is not kept for the beginning of the next. */
    if (n > conn->in_cap || (conn->in_cap > POSTERN_READ_MAX && n < conn->in_cap / 2)) {
        uint8_t *in = malloc(n);

        if (in == NULL)
            return -ENOMEM;
        memcpy(in, p, n);
        free(conn->in);
        conn->in = in;
        conn->in_cap = n;
    } else {
        memmove(conn->in, p, n);
    }
    conn->in_len = n;
    return 0;
}

/* Handles what has arrived: p[0..n), up to the stream position that has been read. */
static void take_bytes(struct postern_conn *conn, const uint8_t *p, size_t n)
{
    ssize_t used = 0, more;
    int r;

    charge_input(conn, 0); /* what is now handled is charged where it goes */
    if (conn->state == POSTERN_CONN_AUTH)
        used = take_auth(conn, p, n);
    if (used >= 0 && conn->state != POSTERN_CONN_AUTH) {
        more = take_messages(conn, p + used, n - (size_t)used, conn->in_pos);
        used = more < 0 ? more : used + more;
    }
    if (conn->state == POSTERN_CONN_DOOMED)
        return;
    r = used < 0 ? (int)used : keep_rest(conn, p + used, n - (size_t)used);
    if (conn->state != POSTERN_CONN_AUTH)
        charge_input(conn, conn->in_cap);
    if (r == -ENOMEM)
        postern_conn_doom(conn, "out of memory");
    else if (r < 0)
        postern_conn_doom(conn, conn->state == POSTERN_CONN_AUTH ? "it broke the authentication protocol" : "it sent a malformed message");
    else if (!conn->paused && has_too_many_fds(conn) != NULL)
        postern_conn_doom(conn, has_too_many_fds(conn));
    else if (!conn->paused && has_too_many_bytes(conn))
        postern_conn_doom(conn, "its container has more unfinished messages than it may have bytes");
    else
        watch_fds(conn);
}

/* -EMFILE when the bus can have no more descriptors; else -EACCES: the kernel's security module keeps some from it. */
static int why_truncated(const struct postern_bus *bus)
{
    int fd = fcntl(bus->spare_fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return -EMFILE;
    close(fd);
    return -EACCES;
}

/* Collects the descriptors of one read. Truncated control data means that some are lost, and nobody could tell whose. */
static int take_control(struct postern_conn *conn, struct msghdr *msg)
{
    int r = (msg->msg_flags & MSG_CTRUNC) != 0 ? why_truncated(conn->bus) : 0;

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        int fds[POSTERN_FDS_MAX];
        size_t bytes = cmsg->cmsg_len - CMSG_LEN(0);
        uint32_t n = (uint32_t)(bytes / sizeof(int));

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS || n > POSTERN_FDS_MAX)
            continue;
        memcpy(fds, CMSG_DATA(cmsg), n * sizeof(int));
        if (r == 0)
            r = keep_fds(conn, fds, n);
        if (r < 0)
            close_fds(fds, n);
    }
    return r;
}

/* How much of what the connection has begun is missing: then exactly that, so that a large message is read in few pieces to
 * where it will stay. Else whatever is there. */
static int make_space(struct postern_conn *conn, uint8_t **to, size_t *room)
{
    uint32_t total = 0;
    uint64_t max = conn->bus->config->limits.max_incoming_bytes;
    size_t want;
    uint8_t *in;

    /* What is read is handled before the next read, so this bounds what a connection has under way; less than a small message at a
     * time would help nobody. */
    max = max < READ_MIN ? READ_MIN : max;
    if (conn->in_len == 0) {
        *to = conn->bus->scratch;
        *room = max < POSTERN_READ_MAX ? (size_t)max : POSTERN_READ_MAX;
        return 0;
    }
    want = conn->in_len + (max < POSTERN_READ_MAX / 4 ? (size_t)max : POSTERN_READ_MAX / 4);
    if (conn->state != POSTERN_CONN_AUTH && postern_header_length(conn->in, conn->in_len, POSTERN_MESSAGE_MAX, &total) == 1 && total > want) {
        /* Memory follows what really comes: a header that only promises a large message must not reserve it. */
        want = 2 * conn->in_len > POSTERN_READ_MAX ? 2 * conn->in_len : POSTERN_READ_MAX;
        want = want < total ? want : total;
    }
    if (want > conn->in_cap) {
        in = realloc(conn->in, want);
        if (in == NULL)
            return -ENOMEM;
        conn->in = in;
        conn->in_cap = want;
    }
    *to = conn->in + conn->in_len;
    *room = conn->in_cap - conn->in_len;
    return 0;
}

/* One read. 1: something came; 0: nothing there; negative: the end, or an error (the connection is doomed then). */
static int read_once(struct postern_conn *conn)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(POSTERN_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov;
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    uint8_t *to;
    ssize_t n;
    int r;

    if (make_space(conn, &to, &iov.iov_len) < 0) {
        postern_conn_doom(conn, "out of memory");
        return -ENOMEM;
    }
    iov.iov_base = to;
    n = recvmsg(conn->source.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    if (n <= 0) {
        postern_conn_doom(conn, NULL);
        return -EPIPE;
    }
    conn->in_pos += (uint64_t)n;
    postern_stats_peak(&conn->stats.in_bytes, conn->in_len + (uint64_t)n);
    r = take_control(conn, &msg);
    if (r == -EMFILE)
        find_descriptors(conn->bus);
    if (r < 0) {
        postern_conn_doom(conn, r == -EMFILE   ? "the bus is out of file descriptors, and those that it sent are lost"
                                : r == -EACCES ? "it sent file descriptors that the bus may not receive"
                                               : "it sent file descriptors that no message may carry");
        return r;
    }
    if (conn->in_len > 0)
        take_bytes(conn, conn->in, conn->in_len + (size_t)n);
    else
        take_bytes(conn, to, (size_t)n);
    return conn->state == POSTERN_CONN_DOOMED ? -EPIPE : 1;
}

void postern_input_ready(void *data, uint32_t events)
{
    struct postern_conn *conn = data;
    int r = 1;

    if (conn->state == POSTERN_CONN_DOOMED)
        return;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        /* The other end is gone: nothing can be written, but what it sent before is finite and is handled now, so that its place
         * is free before the next connection is accepted. */
        conn->broken = true;
        postern_conn_flush(conn);
        while (r > 0)
            r = read_once(conn);
        if (conn->state != POSTERN_CONN_DOOMED)
            postern_conn_doom(conn, NULL);
        return;
    }
    if ((events & EPOLLOUT) != 0)
        postern_conn_flush(conn);
    if ((events & EPOLLIN) != 0 && !conn->paused)
        read_once(conn);
    if (conn->paused)
        postern_loop_set(&conn->bus->loop, &conn->source, conn->source.events & ~(uint32_t)EPOLLIN);
}

void postern_input_resume(struct postern_conn *conn)
{
    conn->paused = false;
    if (conn->in_len > 0 && conn->state != POSTERN_CONN_DOOMED)
        take_bytes(conn, conn->in, conn->in_len);
}

void postern_input_finish(struct postern_conn *conn)
{
    charge_input(conn, 0);
    free(conn->in);
    conn->in = NULL;
    conn->in_len = conn->in_cap = 0;
    while (conn->in_fds != NULL) {
        close_fds(conn->in_fds->fds, conn->in_fds->n);
        drop_first_run(conn);
    }
    release_fds(conn, conn->in_fds_n);
}
