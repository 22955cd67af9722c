/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who owns which well-known name, and who waits for it: D-Bus Specification, "Message Bus Names". Pure bookkeeping: the caller
 * sends the signals and asks the mediator.
 */
#ifndef POSTERN_DAEMON_NAME_H
#define POSTERN_DAEMON_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/hash.h"

#define POSTERN_NAME_ALLOW_REPLACEMENT 0x1u
#define POSTERN_NAME_REPLACE_EXISTING 0x2u
#define POSTERN_NAME_DO_NOT_QUEUE 0x4u

/* Results of RequestName and ReleaseName as they go over the wire. */
#define POSTERN_REQUEST_NAME_PRIMARY_OWNER 1u
#define POSTERN_REQUEST_NAME_IN_QUEUE 2u
#define POSTERN_REQUEST_NAME_EXISTS 3u
#define POSTERN_REQUEST_NAME_ALREADY_OWNER 4u
#define POSTERN_RELEASE_NAME_RELEASED 1u
#define POSTERN_RELEASE_NAME_NON_EXISTENT 2u
#define POSTERN_RELEASE_NAME_NOT_OWNER 3u

struct postern_name_owner;

/* One owner's place in one name's queue. */
struct postern_ownership {
    struct postern_name *name;
    struct postern_name_owner *owner;
    uint32_t flags;
    /* The name's queue; its head is the primary owner. Lists as <utlist.h> keeps them: the head's prev is the tail. */
    struct postern_ownership *queue_prev, *queue_next;
    struct postern_ownership *owner_prev, *owner_next; /* the owner's names */
};

struct postern_name {
    char *name;
    uint32_t len;
    struct postern_ownership *queue;
    UT_hash_handle hh;
};

/* Embedded in a connection. Zeroed at first. */
struct postern_name_owner {
    struct postern_ownership *names; /* newest first: a leaving connection releases the head until there is none */
    uint32_t n_names;                /* owned or queued for */
};

struct postern_names {
    uint64_t changes; /* counts each change of a primary owner, and each name that is gone */
    struct postern_name *table;
};

/* What a request or release changed; NULL: nobody. previous == next means that the primary owner is the same as before. */
struct postern_name_change {
    struct postern_name_owner *previous;
    struct postern_name_owner *next;
    bool previous_still_queued; /* the replaced owner went back into the queue */
};

/* The name's entry, or NULL when nobody owns it. */
struct postern_name *postern_names_find(const struct postern_names *names, const char *name, size_t len);
static inline struct postern_name_owner *postern_name_primary(const struct postern_name *name)
{
    return name != NULL && name->queue != NULL ? name->queue->owner : NULL;
}
/* The owner's place in the name's queue, or NULL. name may be NULL. Costs no more than the shorter of the queue and the owner's names. */
const struct postern_ownership *postern_name_place(const struct postern_name *name, const struct postern_name_owner *owner);
/* What would request() answer, without doing it? For asking permission of the bookkeeping first. POSTERN_REQUEST_NAME_... */
uint32_t postern_names_would_request(const struct postern_names *names, const struct postern_name_owner *owner, const char *name, size_t len, uint32_t flags);
/* 0 with *result and *change, or -ENOMEM with nothing changed. name must be a valid well-known name. */
int postern_names_request(struct postern_names *names, struct postern_name_owner *owner, const char *name, size_t len, uint32_t flags,
                          uint32_t *result, struct postern_name_change *change);
/* Returns POSTERN_RELEASE_NAME_...; *change tells who follows. The entry itself is freed when its queue runs empty: a name that
 * points into it may be passed, but is gone afterwards. */
uint32_t postern_names_release(struct postern_names *names, struct postern_name_owner *owner, const char *name, size_t len,
                               struct postern_name_change *change);
/* Frees everything. */
void postern_names_finish(struct postern_names *names);

#endif
