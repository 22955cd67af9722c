/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>

#include "daemon/bus.h"
#include "daemon/input_fds.h"
#include "daemon/mediation.h"
#include "daemon/router.h"
#include "wire/body.h"

#define READ_MIN 2048u /* bytes */

/* What one connection may do before it is the turn of the others: so many messages, and no further one after having done so much: deliveries,
 * long ones more (WORK_BYTES in conn.c), deliveries that were refused, names that were looked at. One read can hold thousands of messages, and one message can go to thousands of receivers. Counted, not
 * timed: asking for the time costs as much as a message. Who floods and is alone in it has many turns before what it sent is written
 * (daemon/loop.c), so that messages are still written many at a time. */
#define TURN_MESSAGES 64u
#define TURN_WORK 128u

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
static int take_message(struct postern_conn *conn, uint8_t *p, uint32_t total, uint64_t end)
{
    struct postern_incoming message = {.bytes = p};
    struct postern_header *header = &message.header;
    int r = postern_memo_parse(&conn->bus->memo, conn->id, p, total, header);

    if (r == 0 && !header->clean) {
        uint32_t stripped = postern_header_strip(header, p);

        p += stripped;
        message.bytes = p;
        r = postern_header_parse(p, total - stripped, header);
    }
    if (r == 0)
        r = postern_input_fds_claim(conn, header->fds, end, &message.fds);
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

/* Do whole messages wait in conn->in, so that nothing more must be read? */
static bool has_messages(const struct postern_conn *conn)
{
    return conn->paused || conn->source.again;
}

/* Handles the whole messages in p[0..n), up to a pause or the end of the turn; returns how many bytes were used, or a negative errno.
 * end is the stream position behind p[n). */
static ssize_t take_messages(struct postern_conn *conn, uint8_t *p, size_t n, uint64_t end)
{
    uint64_t max = conn->bus->config->limits.max_message_size;
    uint64_t work = conn->bus->work;
    unsigned messages = 0;
    size_t used = 0;

    while (conn->state != POSTERN_CONN_AUTH && conn->state != POSTERN_CONN_DOOMED) {
        uint32_t total;
        int r = postern_header_length(p + used, n - used, max < POSTERN_MESSAGE_MAX ? (uint32_t)max : POSTERN_MESSAGE_MAX, &total);

        if (r < 0)
            return r;
        if (r == 0 || total > n - used)
            break;
        if (messages++ == TURN_MESSAGES || conn->bus->work - work >= TURN_WORK) {
            postern_loop_again(&conn->bus->loop, &conn->source);
            break;
        }
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

    return text->len > 0 ? postern_conn_queue(conn, &item, NULL) : 0;
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

/* What it has begun and not ended takes `bytes` of its container's from now on. */
static void charge_input(struct postern_conn *conn, size_t bytes)
{
    if (conn->container == NULL)
        return;
    conn->container->unfinished_bytes -= conn->in_charged;
    conn->container->unfinished_bytes += bytes;
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
    bool is_kept = conn->in != NULL && (uintptr_t)p - (uintptr_t)conn->in < conn->in_cap;

    if (n == 0) {
        free(conn->in);
        conn->in = NULL;
        conn->in_at = conn->in_len = conn->in_cap = 0;
        return 0;
    }
    /* Moving the rest at every turn would cost more than what is done in one. */
    if (is_kept && has_messages(conn)) {
        conn->in_at = (size_t)(p - conn->in);
        conn->in_len = n;
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
    conn->in_at = 0;
    conn->in_len = n;
    return 0;
}

/* Handles what has arrived: p[0..n), up to the stream position that has been read. */
static void take_bytes(struct postern_conn *conn, uint8_t *p, size_t n)
{
    ssize_t used = 0, more;
    const char *why;
    int r;

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
    else if (!has_messages(conn) && (why = postern_input_fds_excess(conn)) != NULL)
        postern_conn_doom(conn, why);
    else if (!has_messages(conn) && has_too_many_bytes(conn))
        postern_conn_doom(conn, "its container has more unfinished messages than it may have bytes");
    else
        postern_input_fds_watch(conn);
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
    const char *why;
    ssize_t n;

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
    conn->bus->received = true;
    postern_stats_peak(&conn->stats.in_bytes, conn->in_len + (uint64_t)n);
    why = postern_input_fds_take(conn, &msg);
    if (why != NULL) {
        postern_conn_doom(conn, why);
        return -EPIPE;
    }
    if (conn->in_len > 0)
        take_bytes(conn, conn->in, conn->in_len + (size_t)n);
    else
        take_bytes(conn, to, (size_t)n);
    return conn->state == POSTERN_CONN_DOOMED ? -EPIPE : 1;
}

/* The messages that wait in conn->in, read long ago. */
static void take_waiting(struct postern_conn *conn)
{
    conn->bus->received = true; /* long ago, by now: what held then need not hold any more */
    if (conn->in_len > 0 && conn->state != POSTERN_CONN_DOOMED)
        take_bytes(conn, conn->in + conn->in_at, conn->in_len);
}

/* The other end is gone: nothing can be written, but what it sent before is finite and is handled now, as far as that is no more than a
 * turn, so that its place is free before the next connection is accepted. If it is more, epoll tells again. */
static void hang_up(struct postern_conn *conn)
{
    int r = 1;

    conn->broken = true;
    postern_conn_flush(conn);
    while (r > 0 && !has_messages(conn))
        r = read_once(conn);
    if (r <= 0 && conn->state != POSTERN_CONN_DOOMED)
        postern_conn_doom(conn, NULL);
}

void postern_input_ready(void *data, uint32_t events)
{
    struct postern_conn *conn = data;

    if (conn->state == POSTERN_CONN_DOOMED)
        return;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        hang_up(conn);
        return;
    }
    if ((events & EPOLLOUT) != 0)
        postern_conn_flush(conn);
    if ((events & EPOLLIN) != 0 && !has_messages(conn))
        read_once(conn);
    if (events == 0) /* it had more than one turn's worth */
        take_waiting(conn);
    if (conn->paused)
        postern_loop_set(&conn->bus->loop, &conn->source, conn->source.events & ~(uint32_t)EPOLLIN);
}

void postern_input_resume(struct postern_conn *conn)
{
    conn->paused = false;
    take_waiting(conn);
}

void postern_input_finish(struct postern_conn *conn)
{
    charge_input(conn, 0);
    free(conn->in);
    conn->in = NULL;
    conn->in_at = conn->in_len = conn->in_cap = 0;
    postern_input_fds_finish(conn);
}
