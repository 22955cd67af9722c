/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/forward.h"

#include <errno.h>

#include "daemon/bus.h"
#include "daemon/mediation.h"

static int rewrite(const struct postern_forward *forward, const struct postern_stamp *stamp)
{
    struct postern_buf *out = &forward->from->bus->rewritten;
    const struct postern_incoming *message = forward->message;
    int64_t len = postern_header_rewritten_length(&message->header, message->bytes, stamp);

    if (len < 0)
        return (int)len;
    out->len = 0;
    if (postern_buf_grow(out, (size_t)len) == NULL)
        return -ENOMEM;
    postern_header_rewrite(&message->header, message->bytes, stamp, out->data);
    return 0;
}

/* Only monitors see what is said before Hello. The stamps that a connection keeps are those with its name, which is still to come. */
static int rewrite_nameless(const struct postern_forward *forward, const char *instance)
{
    struct postern_stamp stamp;
    int r = postern_stamp_init(&stamp, forward->message->header.order, POSTERN_NAME_NOT_ACTIVE, instance);

    if (r < 0)
        return r;
    r = rewrite(forward, &stamp);
    postern_stamp_finish(&stamp);
    return r;
}

static int rewrite_named(struct postern_forward *forward, const char *instance)
{
    const struct postern_stamp *stamp = postern_conn_stamp(forward->from, forward->message->header.order, instance);
    int r;

    if (stamp == NULL)
        return -ENOMEM;
    if (stamp == forward->stamp)
        return 0;
    r = rewrite(forward, stamp);
    forward->stamp = r == 0 ? stamp : NULL;
    return r;
}

int postern_forward_to(struct postern_forward *forward, const struct postern_conn *to, struct postern_outq_item *item)
{
    const struct postern_incoming *message = forward->message;
    const struct postern_buf *header = &to->bus->rewritten;
    const char *instance = postern_mediation_stamp(forward->from, to);
    int r = forward->from->unique_len > 0 ? rewrite_named(forward, instance) : rewrite_nameless(forward, instance);

    if (r < 0)
        return r;
    *item = (struct postern_outq_item){
        .header = header->data,
        .header_len = header->len,
        .body = message->bytes + message->header.body_start,
        .body_len = message->header.body_len,
        .fds = message->fds,
    };
    return 0;
}
