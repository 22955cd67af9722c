/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection as the mediator sees it: the facts that its verdicts rest on. */
#ifndef POSTERN_CORE_PARTY_H
#define POSTERN_CORE_PARTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/budget.h"
#include "postern/module.h"
#include "util/hash.h"
#include "util/peer.h"

struct postern_instance; /* core/instance.h */
struct postern_contact;
struct postern_grants;  /* core/grant.c */
struct postern_watcher; /* core/watch.c */

/* A well-known name that somebody owns or queues for: one object per name, shared by all who hold it. */
struct postern_bus_name {
    char *name;
    uint32_t len;
    uint32_t holders;              /* parties whose names[] hold it; the last one frees it */
    struct postern_party *primary; /* NULL between two owners */
    UT_hash_handle hh;             /* in postern_mediator.names, by name */
};

struct postern_party_name {
    struct postern_bus_name *name;
    bool primary; /* else queued */
};

struct postern_party {
    struct postern_mediator *mediator;
    uint64_t host_id;
    struct postern_peer_facts facts; /* kernel-pinned */
    bool authenticated;
    bool anonymous;    /* authenticated without an identity */
    bool leaving;      /* disconnecting: departed[] counts for visibility */
    bool wants_header; /* called RequestHeader */
    bool at_console;   /* of the uid, when it authenticated or at the last reload; false when no rule depends on it */
    uint32_t facts_asked; /* about senders, by RequestFacts: bits of core/facts.c; 0: none */
    uint32_t uid;      /* authenticated identity; UINT32_MAX when anonymous or not yet known */
    char *unique_name; /* NULL before Hello */

    struct postern_party_name *names;
    size_t n_names;
    struct postern_bus_name **departed; /* names it owned when it began to leave; it holds them */
    size_t n_departed;

    struct postern_instance *instance;                   /* NULL: uncontained */
    struct postern_party *instance_next, *instance_prev; /* siblings in the instance */
    struct postern_contact *contacts;                    /* instances that it has sent a message to, in no order */
    struct postern_grants *grants;                       /* what it lets containers do with it; NULL: never anything */
    struct postern_watcher *watcher;                     /* NULL: it does not watch */
    uint64_t n_created;                                  /* instances that it is the creator of */
    struct postern_audit_budget budget, records; /* of lines in the log, and of records of security modules */

    /* The XML door's snapshot of the rules that apply to this party's uid and groups; made by the door on first use,
     * dropped when xml_generation differs from the door's. */
    const void *xml_rules;
    uint64_t xml_generation;
    /* Whom it is alike as far as verdicts go; void when class_generation is not the cache's. core/cache.c */
    uint64_t class;
    uint64_t class_generation;

    UT_hash_handle hh;        /* in postern_mediator.parties, by host_id */
    UT_hash_handle hh_unique; /* in postern_mediator.by_unique */
};

/* What the module's table says of the functions of the same names. */
int postern_party_new(struct postern_mediator *mediator, const struct postern_peer *peer, struct postern_party **party);
int postern_party_authenticated(struct postern_party *party, uint32_t uid);
int postern_party_hello(struct postern_party *party, const char *unique_name);
int postern_party_name(struct postern_party *party, const char *name, uint32_t state);
void postern_party_leave(struct postern_party *party);
void postern_party_free(struct postern_party *party);

/* The connection that bears a unique name, or is the primary owner of a well-known one; NULL: nobody. */
struct postern_party *postern_party_find(const struct postern_mediator *mediator, const char *name, size_t len);

#endif
