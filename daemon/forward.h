/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client's message as its receivers get it: the header as the bus writes it, in front of the body that is never touched. */
#ifndef POSTERN_DAEMON_FORWARD_H
#define POSTERN_DAEMON_FORWARD_H

#include "daemon/conn.h"
#include "daemon/router.h"

/* The sender in messages of a connection that has not said Hello: a valid name that no connection ever gets. */
#define POSTERN_NAME_NOT_ACTIVE ":not.active.yet"

/* One message on its way to any number of receivers. The rewritten header stands in bus->rewritten and is made once for all that get the
 * same stamp and no facts, so only one message can be on its way at a time. */
struct postern_forward {
    struct postern_conn *from;
    const struct postern_incoming *message;
    const struct postern_stamp *stamp; /* of the header in bus->rewritten; NULL: there is none, or one with facts */
    bool plain;                        /* that header has nothing but the sender's name added */
    struct postern_outq_item item;     /* as it goes to the receiver that was asked about last */
};

/* Sets forward->item to what this receiver gets: header, body and descriptors. flags: POSTERN_VERDICT_... of the verdict about it; 0: the mediator was
 * not asked. Valid until the next call for another message. 0; -ENOMEM; -EMSGSIZE: with its sender's name and the facts about it the message is longer
 * than a message may be. */
static inline int postern_forward_to(struct postern_forward *forward, const struct postern_conn *to, uint32_t flags);

/* The same for a receiver who does not get what the last one got. */
int postern_forward_anew(struct postern_forward *forward, const struct postern_conn *to, uint32_t flags);

static inline int postern_forward_to(struct postern_forward *forward, const struct postern_conn *to, uint32_t flags)
{
    if ((flags & POSTERN_VERDICT_PLAIN) != 0 && forward->plain && forward->stamp != NULL)
        return 0; /* one more who gets the same bytes */
    return postern_forward_anew(forward, to, flags);
}

#endif
