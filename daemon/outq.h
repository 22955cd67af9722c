/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What waits to be written to one connection. Messages stand one after the other in one flat buffer, so that a whole queue goes
 * out in one system call; a message with descriptors ends a batch, because SCM_RIGHTS binds them to its first byte. Beside the
 * bytes, marks remember who sent which part and is charged for it until it has been written. An empty queue holds no memory:
 * buffers go back to a pool of the bus.
 */
#ifndef POSTERN_DAEMON_OUTQ_H
#define POSTERN_DAEMON_OUTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "daemon/account.h"
#include "daemon/fdset.h"

#define POSTERN_OUTQ_POOL_MAX (8u << 20) /* bytes of memory that are kept for the next messages */

struct postern_outq_mark {
    uint64_t start, end;            /* positions in the stream */
    struct postern_account *sender; /* charged for the bytes; a reference; NULL: the bus itself */
    struct postern_fdset *fds;      /* to go with the byte at start; NULL once sent */
};

struct postern_outbuf {
    uint8_t *data;
    size_t cap;
    struct postern_outq_mark *marks;
    size_t marks_cap;
    struct postern_outbuf *next; /* in the pool */
};

struct postern_outq_pool {
    struct postern_outbuf *free;
    size_t bytes;
    uint8_t *spare; /* memory of one large queue, for the next one that grows large; NULL: none */
    size_t spare_cap;
};

struct postern_outq {
    struct postern_outbuf *buf; /* NULL: empty */
    size_t head, tail;          /* bytes buf->data[head..tail) wait */
    size_t mark_head, mark_tail;
    uint64_t pos;               /* position in the stream of the byte at head */
    uint64_t bytes;             /* tail - head, for quotas */
    uint64_t fds;               /* descriptors waiting */
    bool whole;                 /* nothing may be left out: what cannot be written is an error */
};

/* One message to be queued: its parts are copied. fds gets a reference of its own. */
struct postern_outq_item {
    const uint8_t *header;
    size_t header_len;
    const uint8_t *body;
    size_t body_len;
    struct postern_fdset *fds;
};

/* Queues it at the expense of sender, which gets a reference of its own; NULL: at nobody's. 0 or -ENOMEM with the queue unchanged. */
int postern_outq_push(struct postern_outq *queue, struct postern_outq_pool *pool, const struct postern_outq_item *item,
                      struct postern_account *sender);

/* Copies it behind what waits, where there is room; the marks are still to tell of it. */
static inline void postern_outq_put(struct postern_outq *queue, const struct postern_outq_item *item)
{
    uint8_t *to = queue->buf->data + queue->tail;

    memcpy(to, item->header, item->header_len);
    if (item->body_len > 0)
        memcpy(to + item->header_len, item->body, item->body_len);
    queue->tail += item->header_len + item->body_len;
    queue->bytes += item->header_len + item->body_len;
}

/* Push, for one more message at the expense of who sent the last, without descriptors, where there is room: nearly every one, hence here. False: it is
 * another, and nothing was done. */
static inline bool postern_outq_append(struct postern_outq *queue, const struct postern_outq_item *item, struct postern_account *sender)
{
    size_t n = item->header_len + item->body_len;
    struct postern_outq_mark *last;

    if (queue->buf == NULL || n > queue->buf->cap - queue->tail || queue->mark_head == queue->mark_tail || item->fds != NULL)
        return false;
    last = &queue->buf->marks[queue->mark_tail - 1];
    if (last->sender != sender || last->fds != NULL)
        return false;
    postern_outq_put(queue, item);
    last->end += n;
    postern_account_charge(sender, POSTERN_CHARGE_BYTES, n);
    return true;
}

/* Like push, at the same expense, but first tries to write what waits and the message straight to the socket and queues only what did not fit: for large
 * bodies, that a copy would cost dear. Only for messages without descriptors. 0 or -ENOMEM; *error is set to the negative errno of
 * a failed write. */
int postern_outq_write_through(struct postern_outq *queue, struct postern_outq_pool *pool, const struct postern_outq_item *item,
                               struct postern_account *sender, int fd, int *error);

/* Writes as much as the socket takes. 1: all is written; 0: some waits; negative errno: the socket is broken. */
int postern_outq_flush(struct postern_outq *queue, struct postern_outq_pool *pool, int fd);

/* Throws all away. */
void postern_outq_clear(struct postern_outq *queue, struct postern_outq_pool *pool);
void postern_outq_pool_finish(struct postern_outq_pool *pool);

#endif
