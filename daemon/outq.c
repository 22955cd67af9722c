/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/outq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define BUFFER_FIRST 4096u
/* 512 KiB and their marks: 64 messages of 4 KiB. What is larger is not kept as it is, since who takes it may have little to put in. */
#define BUFFER_KEEP (600u << 10)
#define SPARE_MAX (8u << 20)
#define HOARD_MIN (64u << 10)  /* memory of a queue that has to wait may be larger than this only when so much of it is used: */
#define HOARD_MUCH (1u << 20)
#define HOARD_TIMES 64u        /* a 64th; */
#define HOARD_TIMES_MUCH 4u    /* of more than HOARD_MUCH a fourth */
#define MARKS_FIRST 8u
#define FULL_MAX 16u /* writes to a socket that does not take all, one after the other */

static size_t buf_size(const struct postern_outbuf *buf)
{
    return sizeof(*buf) + buf->cap + buf->marks_cap * sizeof(*buf->marks);
}

static struct postern_outbuf *buf_new(size_t cap, size_t marks_cap)
{
    struct postern_outbuf *buf = calloc(1, sizeof(*buf));

    if (buf == NULL)
        return NULL;
    buf->data = malloc(cap);
    buf->marks = malloc(marks_cap * sizeof(*buf->marks));
    if (buf->data == NULL || buf->marks == NULL) {
        free(buf->data);
        free(buf->marks);
        free(buf);
        return NULL;
    }
    buf->cap = cap;
    buf->marks_cap = marks_cap;
    return buf;
}

static struct postern_outbuf *buf_take(struct postern_outq_pool *pool)
{
    struct postern_outbuf *buf = pool->free;

    if (buf == NULL)
        return buf_new(BUFFER_FIRST, MARKS_FIRST);
    pool->free = buf->next;
    pool->bytes -= buf_size(buf);
    return buf;
}

/* Memory that a queue has outgrown, or does not need any more. */
static void give_data(struct postern_outq_pool *pool, uint8_t *data, size_t cap)
{
    uint8_t *dropped = data;

    if (cap > BUFFER_KEEP && cap <= SPARE_MAX && cap > pool->spare_cap) {
        dropped = pool->spare;
        pool->spare = data;
        pool->spare_cap = cap;
    }
    free(dropped);
}

/* At least *cap bytes. */
static uint8_t *take_data(struct postern_outq_pool *pool, size_t *cap)
{
    uint8_t *data = pool->spare;

    if (*cap <= BUFFER_KEEP || *cap > pool->spare_cap)
        return malloc(*cap);
    *cap = pool->spare_cap;
    pool->spare = NULL;
    pool->spare_cap = 0;
    return data;
}

static void buf_drop(struct postern_outq_pool *pool, struct postern_outbuf *buf)
{
    give_data(pool, buf->data, buf->cap);
    free(buf->marks);
    free(buf);
}

static void buf_give(struct postern_outq_pool *pool, struct postern_outbuf *buf)
{
    size_t bytes = pool->bytes + buf_size(buf);

    if (bytes <= POSTERN_OUTQ_POOL_MAX && buf_size(buf) <= BUFFER_KEEP) {
        buf->next = pool->free;
        pool->free = buf;
        pool->bytes = bytes;
        return;
    }
    buf_drop(pool, buf);
}

void postern_outq_pool_finish(struct postern_outq_pool *pool)
{
    struct postern_outbuf *buf;

    while ((buf = pool->free) != NULL) {
        pool->free = buf->next;
        free(buf->data);
        free(buf->marks);
        free(buf);
    }
    free(pool->spare);
    *pool = (struct postern_outq_pool){.free = NULL};
}

/* Room for n more bytes behind tail, by moving what waits to the front or by doubling. */
static int reserve_bytes(struct postern_outq *queue, struct postern_outq_pool *pool, size_t n)
{
    struct postern_outbuf *buf = queue->buf;
    size_t used = queue->tail - queue->head, cap = buf->cap;
    uint8_t *data;

    if (n <= buf->cap - queue->tail)
        return 0;
    /* Moving is only worth while when it frees at least half, so that it stays linear over time. */
    if (queue->head < used || used + n > buf->cap) {
        while (cap < used + n)
            cap *= 2;
        if (cap == buf->cap)
            cap *= 2;
        data = take_data(pool, &cap);
        if (data == NULL)
            return -ENOMEM;
        memcpy(data, buf->data + queue->head, used);
        give_data(pool, buf->data, buf->cap);
        buf->data = data;
        buf->cap = cap;
    } else {
        memmove(buf->data, buf->data + queue->head, used);
    }
    queue->head = 0;
    queue->tail = used;
    return 0;
}

static int reserve_mark(struct postern_outq *queue)
{
    struct postern_outbuf *buf = queue->buf;
    size_t used = queue->mark_tail - queue->mark_head;
    struct postern_outq_mark *marks;

    if (queue->mark_tail < buf->marks_cap)
        return 0;
    if (queue->mark_head >= used) {
        memcpy(buf->marks, buf->marks + queue->mark_head, used * sizeof(*marks));
    } else {
        marks = realloc(buf->marks, 2 * buf->marks_cap * sizeof(*marks));
        if (marks == NULL)
            return -ENOMEM;
        memmove(marks, marks + queue->mark_head, used * sizeof(*marks));
        buf->marks = marks;
        buf->marks_cap *= 2;
    }
    queue->mark_head = 0;
    queue->mark_tail = used;
    return 0;
}

/* Records who is charged for the n bytes that have just been appended, and the descriptors that go with the first of them. */
static void add_mark(struct postern_outq *queue, struct postern_account *sender, struct postern_fdset *fds, size_t n)
{
    struct postern_outq_mark *last = queue->mark_tail > queue->mark_head ? &queue->buf->marks[queue->mark_tail - 1] : NULL;
    uint64_t end = queue->pos + (queue->tail - queue->head);

    postern_account_charge(sender, POSTERN_CHARGE_BYTES, n);
    if (last != NULL && fds == NULL && last->fds == NULL && last->sender == sender) {
        last->end = end;
        return;
    }
    queue->buf->marks[queue->mark_tail++] = (struct postern_outq_mark){
        .start = end - n,
        .end = end,
        .sender = sender != NULL ? postern_account_ref(sender) : NULL,
        .fds = fds != NULL ? postern_fdset_ref(fds) : NULL,
    };
    if (fds != NULL) {
        postern_account_charge(sender, POSTERN_CHARGE_FDS, fds->n);
        queue->fds += fds->n;
    }
}

/* Room for n more bytes and one more mark. 0 or -ENOMEM with the queue as it was. */
static int make_room(struct postern_outq *queue, struct postern_outq_pool *pool, size_t n)
{
    if (queue->buf == NULL) {
        queue->buf = buf_take(pool);
        if (queue->buf == NULL)
            return -ENOMEM;
        queue->head = queue->tail = queue->mark_head = queue->mark_tail = 0;
    }
    if (reserve_bytes(queue, pool, n) == 0 && reserve_mark(queue) == 0)
        return 0;
    if (queue->head == queue->tail) {
        buf_give(pool, queue->buf);
        queue->buf = NULL;
    }
    return -ENOMEM;
}

int postern_outq_push(struct postern_outq *queue, struct postern_outq_pool *pool, const struct postern_outq_item *item,
                      struct postern_account *sender)
{
    size_t n = item->header_len + item->body_len;

    if ((queue->buf == NULL || n > queue->buf->cap - queue->tail || queue->mark_tail == queue->buf->marks_cap) && make_room(queue, pool, n) < 0)
        return -ENOMEM;
    postern_outq_put(queue, item);
    add_mark(queue, sender, item->fds, n);
    return 0;
}

static void mark_finish(struct postern_outq *queue, struct postern_outq_mark *mark, uint64_t bytes)
{
    postern_account_discharge(mark->sender, POSTERN_CHARGE_BYTES, bytes);
    if (mark->fds != NULL) {
        postern_account_discharge(mark->sender, POSTERN_CHARGE_FDS, mark->fds->n);
        queue->fds -= mark->fds->n;
        postern_fdset_unref(mark->fds);
        mark->fds = NULL;
    }
}

/* Accounts for n bytes that have left. */
static void consume(struct postern_outq *queue, struct postern_outq_pool *pool, size_t n)
{
    uint64_t pos = queue->pos + n;

    while (queue->mark_head < queue->mark_tail) {
        struct postern_outq_mark *mark = &queue->buf->marks[queue->mark_head];
        uint64_t end = mark->end < pos ? mark->end : pos;

        if (end <= mark->start)
            break;
        mark_finish(queue, mark, end - mark->start);
        mark->start = end;
        if (mark->start < mark->end)
            break;
        postern_account_unref(mark->sender);
        queue->mark_head++;
    }
    queue->pos = pos;
    queue->head += n;
    queue->bytes -= n;
    if (queue->head == queue->tail && queue->buf != NULL) {
        buf_give(pool, queue->buf);
        queue->buf = NULL;
        queue->head = queue->tail = 0;
    }
}

/* The first n bytes, with descriptors. */
static ssize_t write_fds(const struct postern_outq *queue, int fd, size_t n, const struct postern_fdset *fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(POSTERN_FDS_MAX * sizeof(int))];
    } control;
    struct cmsghdr *cmsg = &control.align;
    struct iovec iov = {.iov_base = queue->buf->data + queue->head, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(fds->n * sizeof(int))};

    memset(control.bytes, 0, msg.msg_controllen);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(fds->n * sizeof(int));
    memcpy(CMSG_DATA(cmsg), fds->fds, fds->n * sizeof(int));
    return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Writes up to the next message with descriptors; that one, alone, with them. *whole: was that all, so that there may be room for more? */
static ssize_t write_batch(const struct postern_outq *queue, int fd, bool *whole)
{
    const struct postern_outq_mark *marks = queue->buf->marks, *first = &marks[queue->mark_head];
    size_t len = queue->tail - queue->head;
    ssize_t n;

    if (first->fds != NULL && first->start == queue->pos) {
        len = first->end - first->start;
        n = write_fds(queue, fd, len, first->fds);
    } else {
        for (size_t i = queue->mark_head; queue->fds > 0 && i < queue->mark_tail; i++) {
            if (marks[i].fds != NULL) {
                len = marks[i].start - queue->pos;
                break;
            }
        }
        /* Not sendmsg(): the kernel needs a seventh of the call for fetching its two structs (Linux 6.18). */
        n = send(fd, queue->buf->data + queue->head, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    *whole = n < 0 || (size_t)n == len;
    return n;
}

/* At least n, doubling. */
static size_t doubled(size_t from, size_t n)
{
    while (from < n)
        from *= 2;
    return from;
}

/* Takes back the memory of a queue that has come to wait with much more of it than it needs: what the pool hands out may be large, and so may be what
 * a long queue leaves behind when its reader stops before the end. Somebody could collect any amount of it, at the price of what waits. */
static void fit(struct postern_outq *queue, struct postern_outq_pool *pool)
{
    struct postern_outbuf *old = queue->buf, *made;
    size_t used = queue->tail - queue->head, marks = queue->mark_tail - queue->mark_head, size = buf_size(old);
    size_t needed = used + marks * sizeof(*old->marks);

    if (size <= HOARD_MIN || needed > size / (size > HOARD_MUCH ? HOARD_TIMES_MUCH : HOARD_TIMES))
        return;
    made = buf_new(doubled(BUFFER_FIRST, used), doubled(MARKS_FIRST, marks));
    if (made == NULL)
        return;
    memcpy(made->data, old->data + queue->head, used);
    memcpy(made->marks, old->marks + queue->mark_head, marks * sizeof(*made->marks));
    /* One more is in use for it, so that the pool would grow each time. */
    if (pool->bytes < HOARD_MUCH)
        buf_give(pool, old);
    else
        buf_drop(pool, old);
    queue->buf = made;
    queue->head = queue->mark_head = 0;
    queue->tail = used;
    queue->mark_tail = marks;
}

int postern_outq_flush(struct postern_outq *queue, struct postern_outq_pool *pool, int fd)
{
    unsigned full = 0;

    /* Once the socket was full, who reads while we write could otherwise keep the bus at it until the queue is empty. */
    while (queue->buf != NULL && full < FULL_MAX) {
        bool whole;
        ssize_t n = write_batch(queue, fd, &whole);

        full += !whole;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0 && errno == EINTR)
            continue;
        /* Sockets nested in sockets, or too many descriptors in flight: the fault of who sent them, never of who would get
         * them. The message alone is dropped; nothing of it has been written. */
        if (n < 0 && errno == ETOOMANYREFS && !queue->whole && queue->buf->marks[queue->mark_head].fds != NULL) {
            struct postern_outq_mark *mark = &queue->buf->marks[queue->mark_head];

            consume(queue, pool, mark->end - mark->start);
            continue;
        }
        if (n < 0)
            return -errno;
        consume(queue, pool, (size_t)n);
    }
    if (queue->buf == NULL)
        return 1;
    fit(queue, pool);
    return 0;
}

int postern_outq_write_through(struct postern_outq *queue, struct postern_outq_pool *pool, const struct postern_outq_item *item,
                               struct postern_account *sender, int fd, int *error)
{
    struct iovec iov[3] = {
        {.iov_base = queue->buf != NULL ? queue->buf->data + queue->head : NULL, .iov_len = queue->tail - queue->head},
        {.iov_base = (void *)(uintptr_t)item->header, .iov_len = item->header_len},
        {.iov_base = (void *)(uintptr_t)item->body, .iov_len = item->body_len},
    };
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 3};
    struct postern_outq_item rest = *item;
    size_t waiting = queue->buf != NULL ? queue->tail - queue->head : 0;
    size_t done, done_header;
    ssize_t n;

    iov[0].iov_len = waiting;
    if (queue->fds > 0)
        return postern_outq_push(queue, pool, item, sender);
    n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        *error = -errno;
    done = n > 0 ? (size_t)n : 0;
    if (waiting > 0)
        consume(queue, pool, done < waiting ? done : waiting);
    done = done < waiting ? 0 : done - waiting;
    /* With an empty queue the stream moves on by what was written past it. */
    queue->pos += done;
    if (done == item->header_len + item->body_len)
        return 0;
    done_header = done < item->header_len ? done : item->header_len;
    rest.header += done_header;
    rest.header_len -= done_header;
    rest.body += done - done_header;
    rest.body_len -= done - done_header;
    return postern_outq_push(queue, pool, &rest, sender);
}

void postern_outq_clear(struct postern_outq *queue, struct postern_outq_pool *pool)
{
    if (queue->buf == NULL)
        return;
    consume(queue, pool, queue->tail - queue->head);
}
