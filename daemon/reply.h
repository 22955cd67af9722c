/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that wait for their one reply. A call is known by its caller's connection, its serial, and the connection it was delivered
 * to: nobody else can answer it, and it can be answered once.
 */
#ifndef POSTERN_DAEMON_REPLY_H
#define POSTERN_DAEMON_REPLY_H

#include <stdint.h>

#include "daemon/timeout.h"
#include "util/hash.h"

struct postern_conn;

struct postern_pending_key {
    uint64_t caller;
    uint64_t callee;
    uint64_t serial;
};

struct postern_pending {
    struct postern_pending_key key;
    struct postern_conn *caller, *callee;
    struct postern_pending *caller_prev, *caller_next; /* in caller->calls, from the oldest on */
    struct postern_pending *callee_prev, *callee_next; /* in callee->callees, likewise */
    struct postern_timeout timeout;
    UT_hash_handle hh;
};

struct postern_replies {
    struct postern_pending *table;
    struct postern_pending keeper; /* waits for nothing, so that the table is not made and freed again and again */
    struct postern_timeouts timeouts;
    struct postern_pending *free; /* kept for the next call: no allocation while a client calls one after the other */
    unsigned n_free;
};

/* Remembers a call. 0; -EEXIST: such a call is already waiting; -ENOBUFS: the caller or its container has too many; -ENOMEM. */
int postern_reply_expect(struct postern_replies *replies, struct postern_conn *caller, struct postern_conn *callee, uint32_t serial);
/* Forgets it when it is waiting. Returns whether it was. */
int postern_reply_take(struct postern_replies *replies, struct postern_conn *caller, struct postern_conn *callee, uint32_t serial);
/* Forgets one entry. */
void postern_reply_drop(struct postern_replies *replies, struct postern_pending *pending);
void postern_replies_finish(struct postern_replies *replies);

#endif
