/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/lookups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define KEY_AT offsetof(struct postern_lookups_entry, kind)

static struct postern_lookups_entry *entry_new(enum postern_lookup_kind kind, const char *name, size_t len)
{
    struct postern_lookups_entry *entry = calloc(1, offsetof(struct postern_lookups_entry, name) + len + 1);

    if (entry == NULL)
        return NULL;
    entry->result = POSTERN_LOOKUP_WANTED;
    entry->kind = (uint8_t)kind;
    memcpy(entry->name, name, len);
    return entry;
}

static size_t key_len(size_t name_len)
{
    return offsetof(struct postern_lookups_entry, name) - KEY_AT + name_len;
}

static struct postern_lookups_entry *find(const struct postern_lookups *lookups, const struct postern_lookups_entry *like)
{
    struct postern_lookups_entry *found;

    HASH_FIND(hh, lookups->table, (const char *)like + KEY_AT, key_len(strlen(like->name)), found);
    return found;
}

int postern_lookups_collect(void *data, enum postern_lookup_kind kind, const char *name, uint32_t *id)
{
    struct postern_lookups *lookups = data;
    size_t len = strlen(name);
    struct postern_lookups_entry *entry = entry_new(kind, name, len);

    (void)id;
    if (entry == NULL)
        return -ENOMEM;
    if (find(lookups, entry) != NULL) {
        free(entry);
        return 0;
    }
    HASH_ADD_KEYPTR(hh, lookups->table, (const char *)entry + KEY_AT, key_len(len), entry);
    if (entry->hh.tbl != NULL)
        return 0;
    free(entry);
    return -ENOMEM;
}

int postern_lookups_answer(void *data, enum postern_lookup_kind kind, const char *name, uint32_t *id)
{
    postern_autofree struct postern_lookups_entry *like = entry_new(kind, name, strlen(name));
    const struct postern_lookups_entry *found = like != NULL ? find(data, like) : NULL;

    if (like == NULL)
        return -ENOMEM;
    if (found == NULL || found->result == POSTERN_LOOKUP_WANTED)
        return -ESTALE;
    if (found->result > 0)
        *id = found->id;
    return found->result;
}

void postern_lookups_take(struct postern_lookups *lookups, const struct postern_lookups *known)
{
    for (struct postern_lookups_entry *entry = lookups->table; entry != NULL; entry = entry->hh.next) {
        const struct postern_lookups_entry *found = find(known, entry);

        if (found != NULL) {
            entry->result = found->result;
            entry->id = found->id;
            entry->slow = found->slow;
        }
    }
}

static bool has_failed(const struct postern_lookups_entry *entry)
{
    return entry->result < 0 && entry->result != POSTERN_LOOKUP_WANTED;
}

void postern_lookups_want_failed(struct postern_lookups *lookups)
{
    for (struct postern_lookups_entry *entry = lookups->table; entry != NULL; entry = entry->hh.next) {
        entry->was_failed = has_failed(entry);
        if (entry->was_failed)
            entry->result = POSTERN_LOOKUP_WANTED;
    }
}

void postern_lookups_give_up(struct postern_lookups *lookups)
{
    for (struct postern_lookups_entry *entry = lookups->table; entry != NULL; entry = entry->hh.next)
        if (entry->result == POSTERN_LOOKUP_WANTED)
            entry->result = -ETIMEDOUT;
}

unsigned postern_lookups_failed(const struct postern_lookups *lookups)
{
    unsigned n = 0;

    for (const struct postern_lookups_entry *entry = lookups->table; entry != NULL; entry = entry->hh.next)
        n += has_failed(entry);
    return n;
}

bool postern_lookups_improved(const struct postern_lookups *lookups)
{
    for (const struct postern_lookups_entry *entry = lookups->table; entry != NULL; entry = entry->hh.next)
        if (entry->was_failed && entry->result >= 0)
            return true;
    return false;
}

struct postern_lookups_entry **postern_lookups_wanted(const struct postern_lookups *lookups, size_t *n)
{
    struct postern_lookups_entry **list = calloc(HASH_COUNT(lookups->table) + 1, sizeof(struct postern_lookups_entry *));

    *n = 0;
    for (int slow = 0; list != NULL && slow <= 1; slow++)
        for (struct postern_lookups_entry *entry = lookups->table; entry != NULL; entry = entry->hh.next)
            if (entry->result == POSTERN_LOOKUP_WANTED && entry->slow == slow)
                list[(*n)++] = entry;
    return list;
}

void postern_lookups_finish(struct postern_lookups *lookups)
{
    struct postern_lookups_entry *entry, *next;

    HASH_ITER(hh, lookups->table, entry, next) {
        HASH_DEL(lookups->table, entry);
        free(entry);
    }
}
