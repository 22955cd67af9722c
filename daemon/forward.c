/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/forward.h"

#include <errno.h>
#include <string.h>

#include "daemon/bus.h"
#include "daemon/mediation.h"

#define SHORT_MAX 512u  /* a body of so many bytes is copied behind its header: then a receiver is one copy, instead of two */
#define USUAL_MAX 4096u /* header, stamp and such a body: for so much there is always room */

static bool is_short(const struct postern_header *header)
{
    return header->body_len <= SHORT_MAX;
}

/* Nearly every message: nothing has to leave its header, and it is short. Room is made when the first one comes. */
static bool is_usual(const struct postern_header *header, const struct postern_stamp *stamp, const struct postern_facts_value *facts)
{
    return header->clean && (facts == NULL || facts->data == NULL) && is_short(header) && header->body_start + stamp->len <= USUAL_MAX - SHORT_MAX - 8;
}

static int rewrite(const struct postern_forward *forward, const struct postern_stamp *stamp, const struct postern_facts_value *facts)
{
    struct postern_buf *out = &forward->from->bus->rewritten;
    const struct postern_incoming *message = forward->message;
    int64_t len;

    out->len = 0;
    if (out->cap >= USUAL_MAX && is_usual(&message->header, stamp, facts)) {
        out->len = postern_header_stamp(&message->header, message->bytes, stamp, out->data);
        memcpy(out->data + out->len, message->bytes + message->header.body_start, message->header.body_len);
        out->len += message->header.body_len;
        return 0;
    }
    len = postern_header_rewritten_length(&message->header, message->bytes, stamp, facts);
    if (len < 0)
        return (int)len;
    if (postern_buf_reserve(out, USUAL_MAX) < 0 || postern_buf_grow(out, (size_t)len) == NULL)
        return -ENOMEM;
    postern_header_rewrite(&message->header, message->bytes, stamp, facts, out->data);
    return is_short(&message->header) ? postern_buf_append(out, message->bytes + message->header.body_start, message->header.body_len) : 0;
}

/* Only monitors see what is said before Hello, and they are told no facts. The stamps that a connection keeps are those with its name,
 * which is still to come. */
static int rewrite_nameless(const struct postern_forward *forward, const char *instance)
{
    struct postern_stamp stamp;
    int r = postern_stamp_init(&stamp, forward->message->header.order, POSTERN_NAME_NOT_ACTIVE, instance);

    if (r < 0)
        return r;
    r = rewrite(forward, &stamp, NULL);
    postern_stamp_finish(&stamp);
    return r;
}

/* Facts differ from receiver to receiver: a header that has them serves one only. */
static int rewrite_named(struct postern_forward *forward, const struct postern_conn *to, const char *instance, uint32_t flags)
{
    struct postern_facts_value facts = {0};
    const struct postern_stamp *stamp;
    int r = 0;

    stamp = postern_conn_stamp(forward->from, forward->message->header.order, instance);
    if (stamp == NULL)
        return -ENOMEM;
    if ((flags & POSTERN_VERDICT_NO_FACTS) == 0 && to->state != POSTERN_CONN_MONITOR) /* it asked when it was on the bus, if at all */
        r = postern_mediation_facts(forward->from, to, forward->message->header.order, &facts);
    if (r < 0 || (facts.data == NULL && stamp == forward->stamp))
        return r;
    r = rewrite(forward, stamp, &facts);
    forward->stamp = r == 0 && facts.data == NULL ? stamp : NULL;
    forward->plain = (flags & POSTERN_VERDICT_PLAIN) != 0;
    return r;
}

/* What field 10 says to this receiver; NULL: nothing. */
static inline const char *instance_for(const struct postern_conn *from, const struct postern_conn *to, uint32_t flags)
{
    if ((flags & POSTERN_VERDICT_PLAIN) != 0)
        return NULL;
    return (flags & POSTERN_VERDICT_INSTANCE) != 0 ? from->identity.instance.data : postern_mediation_stamp(from, to);
}

int postern_forward_anew(struct postern_forward *forward, const struct postern_conn *to, uint32_t flags)
{
    const struct postern_incoming *message = forward->message;
    const struct postern_buf *header = &to->bus->rewritten;
    struct postern_outq_item *item = &forward->item;
    const char *instance = instance_for(forward->from, to, flags);
    int r = forward->from->unique_len > 0 ? rewrite_named(forward, to, instance, flags) : rewrite_nameless(forward, instance);

    if (r < 0)
        return r;
    item->header = header->data;
    item->header_len = header->len;
    item->body = message->bytes + message->header.body_start;
    item->body_len = is_short(&message->header) ? 0 : message->header.body_len;
    item->fds = message->fds;
    return 0;
}
