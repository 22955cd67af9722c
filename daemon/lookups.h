/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Users and groups by name, as far as somebody has asked: what stands between those who need an answer at once and the system, which may
 * take its time. The names are those of the configuration, so there are as many as there are rules at most.
 */
#ifndef POSTERN_DAEMON_LOOKUPS_H
#define POSTERN_DAEMON_LOOKUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/lookup.h"
#include "util/hash.h"

#define POSTERN_LOOKUP_WANTED INT32_MIN /* a result: nobody has asked the system yet */

struct postern_lookups_entry {
    int32_t result; /* as of a postern_lookup_fn, or WANTED */
    uint32_t id;
    bool was_failed; /* before it was wanted again */
    bool slow;       /* the last time, time ran out while the system was asked for this one */
    UT_hash_handle hh; /* in the order in which they were added */
    uint8_t kind; /* the key is this and the name behind it */
    char name[];
};

struct postern_lookups {
    struct postern_lookups_entry *table;
};

/* A postern_lookup_fn over a struct postern_lookups that answers that there is no such, and wants the name. */
int postern_lookups_collect(void *lookups, enum postern_lookup_kind kind, const char *name, uint32_t *id);
/* A postern_lookup_fn over a struct postern_lookups that answers from it: -ESTALE for what is not known. */
int postern_lookups_answer(void *lookups, enum postern_lookup_kind kind, const char *name, uint32_t *id);

/* Takes over what another table knows of the names in this one. */
void postern_lookups_take(struct postern_lookups *lookups, const struct postern_lookups *known);
/* What has failed is wanted again. */
void postern_lookups_want_failed(struct postern_lookups *lookups);
/* What is still wanted has failed. */
void postern_lookups_give_up(struct postern_lookups *lookups);
/* How many look-ups have failed? */
unsigned postern_lookups_failed(const struct postern_lookups *lookups);
/* Has one that failed before got an answer? */
bool postern_lookups_improved(const struct postern_lookups *lookups);
/* What is wanted: those that were slow last. A new array of *n entries, which may be 0; NULL when out of memory. */
struct postern_lookups_entry **postern_lookups_wanted(const struct postern_lookups *lookups, size_t *n);

void postern_lookups_finish(struct postern_lookups *lookups);

#endif
