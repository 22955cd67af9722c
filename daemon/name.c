/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct postern_name *postern_names_find(const struct postern_names *names, const char *name, size_t len)
{
    struct postern_name *found;

    HASH_FIND(hh, names->table, name, len, found);
    return found;
}

/* The owner's place in the name's queue or NULL. A queue and an owner's list may both be long, and a stranger decides how long:
 * walking them side by side costs no more than the shorter one. */
static struct postern_ownership *find_place(const struct postern_name *name, const struct postern_name_owner *owner)
{
    struct postern_ownership *queued = name->queue, *owned = owner->names;

    while (queued != NULL && owned != NULL) {
        if (queued->owner == owner)
            return queued;
        if (owned->name == name)
            return owned;
        queued = queued->queue_next;
        owned = owned->owner_next;
    }
    return NULL;
}

const struct postern_ownership *postern_name_place(const struct postern_name *name, const struct postern_name_owner *owner)
{
    return name != NULL ? find_place(name, owner) : NULL;
}

/* Adds the owner at the end of the queue. NULL: out of memory. */
static struct postern_ownership *place_new(struct postern_name *name, struct postern_name_owner *owner)
{
    struct postern_ownership *place = calloc(1, sizeof(*place));

    if (place == NULL)
        return NULL;
    place->name = name;
    place->owner = owner;
    DL_APPEND2(name->queue, place, queue_prev, queue_next);
    DL_PREPEND2(owner->names, place, owner_prev, owner_next);
    owner->n_names++;
    return place;
}

static void place_free(struct postern_ownership *place)
{
    DL_DELETE2(place->name->queue, place, queue_prev, queue_next);
    DL_DELETE2(place->owner->names, place, owner_prev, owner_next);
    place->owner->n_names--;
    free(place);
}

static struct postern_name *name_new(struct postern_names *names, const char *text, size_t len)
{
    struct postern_name *name = calloc(1, sizeof(*name));

    if (name == NULL)
        return NULL;
    name->name = strndup(text, len);
    name->len = (uint32_t)len;
    if (name->name != NULL)
        HASH_ADD_KEYPTR(hh, names->table, name->name, len, name);
    if (name->hh.tbl == NULL) {
        free(name->name);
        free(name);
        return NULL;
    }
    return name;
}

static void name_free(struct postern_names *names, struct postern_name *name)
{
    HASH_DEL(names->table, name);
    free(name->name);
    free(name);
}

/* The whole of the specification's RequestName: which result follows from who is there and what was asked. */
static uint32_t decide(const struct postern_name *name, const struct postern_name_owner *owner, uint32_t flags)
{
    if (name == NULL)
        return POSTERN_REQUEST_NAME_PRIMARY_OWNER;
    if (name->queue->owner == owner)
        return POSTERN_REQUEST_NAME_ALREADY_OWNER;
    if ((flags & POSTERN_NAME_REPLACE_EXISTING) && (name->queue->flags & POSTERN_NAME_ALLOW_REPLACEMENT))
        return POSTERN_REQUEST_NAME_PRIMARY_OWNER;
    return flags & POSTERN_NAME_DO_NOT_QUEUE ? POSTERN_REQUEST_NAME_EXISTS : POSTERN_REQUEST_NAME_IN_QUEUE;
}

uint32_t postern_names_would_request(const struct postern_names *names, const struct postern_name_owner *owner, const char *name,
                                     size_t len, uint32_t flags)
{
    return decide(postern_names_find(names, name, len), owner, flags);
}

/* Puts place at the head; who was there before is second, or out of the queue if he does not want to wait. */
static bool take_over(struct postern_name *name, struct postern_ownership *place)
{
    struct postern_ownership *previous = name->queue;

    DL_DELETE2(name->queue, place, queue_prev, queue_next);
    DL_PREPEND2(name->queue, place, queue_prev, queue_next);
    if (!(previous->flags & POSTERN_NAME_DO_NOT_QUEUE))
        return true;
    place_free(previous);
    return false;
}

/* Who would replace the owner and may not waits next to him, before those who only wait. */
static void wait_second(struct postern_name *name, struct postern_ownership *place)
{
    DL_DELETE2(name->queue, place, queue_prev, queue_next);
    DL_APPEND_ELEM2(name->queue, name->queue, place, queue_prev, queue_next);
}

/* A request for a name that somebody has. place: the caller's own or NULL. */
static void request_taken(struct postern_name *name, struct postern_ownership *place, uint32_t result,
                          struct postern_name_change *change)
{
    change->previous = change->next = name->queue->owner;
    if (result == POSTERN_REQUEST_NAME_PRIMARY_OWNER) {
        change->next = place->owner;
        change->previous_still_queued = take_over(name, place);
    } else if (result == POSTERN_REQUEST_NAME_IN_QUEUE && (place->flags & POSTERN_NAME_REPLACE_EXISTING)) {
        wait_second(name, place);
    } else if (result == POSTERN_REQUEST_NAME_EXISTS && place != NULL) {
        place_free(place); /* waited until now and does not want to any longer */
    }
}

int postern_names_request(struct postern_names *names, struct postern_name_owner *owner, const char *name, size_t len,
                          uint32_t flags, uint32_t *result, struct postern_name_change *change)
{
    struct postern_name *entry = postern_names_find(names, name, len);
    uint32_t decision = decide(entry, owner, flags);
    struct postern_name_change changed = {0};
    struct postern_ownership *place = entry != NULL ? find_place(entry, owner) : NULL;
    bool created = entry == NULL;

    if (created)
        entry = name_new(names, name, len);
    if (entry == NULL)
        return -ENOMEM;
    if (place == NULL && decision != POSTERN_REQUEST_NAME_EXISTS) {
        place = place_new(entry, owner);
        if (place == NULL) {
            if (created)
                name_free(names, entry);
            return -ENOMEM;
        }
    }
    /* The flags of the latest request count, also for who is in place already. */
    if (place != NULL)
        place->flags = flags;
    if (created)
        changed.next = owner;
    else
        request_taken(entry, place, decision, &changed);
    names->changes += changed.next != changed.previous;
    *result = decision;
    *change = changed;
    return 0;
}

uint32_t postern_names_release(struct postern_names *names, struct postern_name_owner *owner, const char *name, size_t len,
                               struct postern_name_change *change)
{
    struct postern_name *entry = postern_names_find(names, name, len);
    struct postern_ownership *place;

    *change = (struct postern_name_change){.previous = postern_name_primary(entry), .next = postern_name_primary(entry)};
    if (entry == NULL)
        return POSTERN_RELEASE_NAME_NON_EXISTENT;
    place = find_place(entry, owner);
    if (place == NULL)
        return POSTERN_RELEASE_NAME_NOT_OWNER;
    place_free(place);
    change->next = postern_name_primary(entry);
    names->changes += change->next != change->previous;
    if (entry->queue == NULL)
        name_free(names, entry);
    return POSTERN_RELEASE_NAME_RELEASED;
}

void postern_names_finish(struct postern_names *names)
{
    struct postern_name *name, *next;

    HASH_ITER(hh, names->table, name, next)
    {
        while (name->queue != NULL)
            place_free(name->queue);
        name_free(names, name);
    }
}
