/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who uses how much: one account for each user, one for each container instance. A connection is charged to its user's account and,
 * in a container, to that of the container as well; what a container may use is the mediator's to say.
 */
#ifndef POSTERN_DAEMON_ACCOUNT_H
#define POSTERN_DAEMON_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/module.h"
#include "util/hash.h"

struct postern_account {
    uint64_t key; /* uid, or the instance's number */
    struct postern_accounts *table;
    uint32_t refs;
    uint32_t incomplete; /* connections that have not said Hello: those of an announced container count there, all others at their user */
    uint32_t complete;   /* those that have; of users, contained ones included */
    struct postern_quota used;
    struct postern_quota limit;
    uint64_t unfinished_bytes; /* of a container: memory of messages that are begun and not ended; not in used */
    uint64_t unfinished_fds;   /* their descriptors, of users as well; not in used */
    uint32_t listed; /* the last statistics that showed it: each shows it once */
    UT_hash_handle hh;
};

struct postern_accounts {
    struct postern_account *by_key;
};

/* Finds or makes the account and takes a reference; a new one has no limits. NULL: out of memory. */
struct postern_account *postern_account_get(struct postern_accounts *accounts, uint64_t key);
struct postern_account *postern_account_ref(struct postern_account *account);
void postern_account_unref(struct postern_account *account); /* NULL is allowed */

/* What can be charged: an offset into struct postern_quota. */
enum postern_charge {
    POSTERN_CHARGE_CONNECTIONS = offsetof(struct postern_quota, connections),
    POSTERN_CHARGE_NAMES = offsetof(struct postern_quota, names),
    POSTERN_CHARGE_MATCHES = offsetof(struct postern_quota, matches),
    POSTERN_CHARGE_BYTES = offsetof(struct postern_quota, bytes),
    POSTERN_CHARGE_FDS = offsetof(struct postern_quota, fds),
    POSTERN_CHARGE_REPLIES = offsetof(struct postern_quota, pending_replies),
};

static inline uint64_t postern_account_used(const struct postern_account *account, enum postern_charge what)
{
    return *(const uint64_t *)(const void *)((const char *)&account->used + what);
}

/* UINT64_MAX: none. */
static inline uint64_t postern_account_limit(const struct postern_account *account, enum postern_charge what)
{
    return *(const uint64_t *)(const void *)((const char *)&account->limit + what);
}

/* The next three are asked for each message, hence here. account NULL: no account, no limit. */

/* Would amount more still be within the limit? */
static inline bool postern_account_fits(const struct postern_account *account, enum postern_charge what, uint64_t amount)
{
    uint64_t used, limit;

    if (account == NULL)
        return true;
    used = postern_account_used(account, what);
    limit = postern_account_limit(account, what);
    return amount <= limit && used <= limit - amount;
}

static inline void postern_account_charge(struct postern_account *account, enum postern_charge what, uint64_t amount)
{
    if (account != NULL)
        *(uint64_t *)(void *)((char *)&account->used + what) += amount;
}

static inline void postern_account_discharge(struct postern_account *account, enum postern_charge what, uint64_t amount)
{
    if (account != NULL)
        *(uint64_t *)(void *)((char *)&account->used + what) -= amount;
}

#endif
