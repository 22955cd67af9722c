/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "daemon/bus.h"

#define KEEP_FREE 4096 /* of about 200 bytes */

static struct postern_pending_key key_of(const struct postern_conn *caller, const struct postern_conn *callee, uint32_t serial)
{
    return (struct postern_pending_key){.caller = caller->id, .callee = callee->id, .serial = serial};
}

/* The ends are numbers of connections, which begin with 1: the halves of a word hold them. */
static unsigned hash_of(const struct postern_pending_key *key)
{
    return (unsigned)postern_hash_words(key->caller << 32 ^ key->callee, key->serial);
}

static struct postern_pending *find(const struct postern_replies *replies, const struct postern_pending_key *key, unsigned hash)
{
    struct postern_pending *pending;

    HASH_FIND_BYHASHVALUE(hh, replies->table, key, sizeof(*key), hash, pending);
    return pending;
}

static struct postern_pending *pending_take(struct postern_replies *replies)
{
    struct postern_pending *pending = replies->free;

    if (pending == NULL)
        return calloc(1, sizeof(*pending));
    replies->free = pending->caller_next;
    replies->n_free--;
    *pending = (struct postern_pending){0};
    return pending;
}

static void pending_give(struct postern_replies *replies, struct postern_pending *pending)
{
    if (replies->n_free >= KEEP_FREE) {
        free(pending);
        return;
    }
    pending->caller_next = replies->free;
    replies->free = pending;
    replies->n_free++;
}

static void link_ends(struct postern_pending *pending)
{
    DL_APPEND2(pending->caller->calls, pending, caller_prev, caller_next);
    DL_APPEND2(pending->callee->callees, pending, callee_prev, callee_next);
    pending->caller->n_calls++;
}

static void unlink_ends(struct postern_pending *pending)
{
    DL_DELETE2(pending->caller->calls, pending, caller_prev, caller_next);
    DL_DELETE2(pending->callee->callees, pending, callee_prev, callee_next);
    pending->caller->n_calls--;
}

int postern_reply_expect(struct postern_replies *replies, struct postern_conn *caller, struct postern_conn *callee, uint32_t serial)
{
    struct postern_pending_key key = key_of(caller, callee, serial);
    unsigned hash = hash_of(&key);
    struct postern_pending *pending;

    if (find(replies, &key, hash) != NULL)
        return -EEXIST;
    if ((uint64_t)caller->n_calls + caller->n_waiting >= caller->bus->config->limits.max_replies_per_connection ||
        !postern_account_fits(caller->container, POSTERN_CHARGE_REPLIES, 1))
        return -ENOBUFS;
    if (replies->table == NULL)
        HASH_ADD(hh, replies->table, key, sizeof(replies->keeper.key), &replies->keeper);
    pending = pending_take(replies);
    if (pending == NULL)
        return -ENOMEM;
    pending->key = key;
    pending->caller = caller;
    pending->callee = callee;
    HASH_ADD_BYHASHVALUE(hh, replies->table, key, sizeof(pending->key), hash, pending);
    if (pending->hh.tbl == NULL) {
        pending_give(replies, pending);
        return -ENOMEM;
    }
    link_ends(pending);
    postern_account_charge(caller->user, POSTERN_CHARGE_REPLIES, 1);
    postern_account_charge(caller->container, POSTERN_CHARGE_REPLIES, 1);
    postern_timeout_set(&replies->timeouts, &pending->timeout);
    return 0;
}

void postern_reply_drop(struct postern_replies *replies, struct postern_pending *pending)
{
    HASH_DEL(replies->table, pending);
    unlink_ends(pending);
    postern_account_discharge(pending->caller->user, POSTERN_CHARGE_REPLIES, 1);
    postern_account_discharge(pending->caller->container, POSTERN_CHARGE_REPLIES, 1);
    postern_timeout_clear(&replies->timeouts, &pending->timeout);
    pending_give(replies, pending);
}

int postern_reply_take(struct postern_replies *replies, struct postern_conn *caller, struct postern_conn *callee, uint32_t serial)
{
    struct postern_pending_key key = key_of(caller, callee, serial);
    struct postern_pending *pending = callee->callees; /* the oldest call, which is what most services answer next */

    if (pending == NULL || pending->caller != caller || pending->key.serial != serial)
        pending = find(replies, &key, hash_of(&key));
    if (pending == NULL)
        return 0;
    postern_reply_drop(replies, pending);
    return 1;
}

void postern_replies_finish(struct postern_replies *replies)
{
    struct postern_pending *pending;

    HASH_CLEAR(hh, replies->table);
    while ((pending = replies->free) != NULL) {
        replies->free = pending->caller_next;
        free(pending);
    }
    replies->n_free = 0;
}
