/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection as the mediator sees it: the facts that its verdicts rest on. */
#ifndef POSTERN_CORE_PARTY_H
#define POSTERN_CORE_PARTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/module.h"
#include "util/hash.h"
#include "util/peer.h"

struct postern_instance; /* core/instance.h */

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
    bool anonymous;                  /* authenticated without an identity */
    bool leaving;                    /* disconnecting: departed[] counts for visibility */
    bool wants_header;               /* called RequestHeader */
    uint32_t uid;                    /* authenticated identity; UINT32_MAX when anonymous or not yet known */
    char *unique_name;               /* NULL before Hello */

    struct postern_party_name *names;
    size_t n_names;
    struct postern_bus_name **departed; /* names it owned when it began to leave */
    size_t n_departed;

    struct postern_instance *instance;  /* NULL: uncontained */
    struct postern_party *instance_next, *instance_prev; /* siblings in the instance */

    /* The XML door's snapshot of the rules that apply to this party's uid and groups; made by the door on first use,
     * dropped when xml_generation differs from the door's. */
    const void *xml_rules;
    uint64_t xml_generation;

    UT_hash_handle hh; /* in postern_mediator.parties, by host_id */
};

#endif
