/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule that fixes some of path, interface, member and arg0 exactly lives in the table for that combination, in the bucket for
 * its values. A message looks into one bucket of each table that has any: at most 16, usually 3 or 4. The hash is keyed, so
 * nobody can fill a bucket on purpose; rules that share one by accident are told apart by matching them in full.
 */
#include "daemon/matchset.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "util/hash.h"

/* The keys by which rules are indexed, as bits of a table's number. */
#define KEY_PATH 1u
#define KEY_INTERFACE 2u
#define KEY_MEMBER 4u
#define KEY_ARG0 8u
#define N_KEYS 4
#define N_TABLES 16

/* Which messages have to look at a rule at all. */
enum {
    FOR_BROADCASTS,
    FOR_EAVESDROPPING,
    FOR_NOTHING, /* with a destination, without eavesdrop: a unicast message reaches its addressee anyway */
    N_INDEXES,
};

/* A rule's place in a bucket. */
struct slot {
    struct bucket *bucket; /* NULL: not in this index */
    struct postern_match_entry *entry;
    struct slot *prev, *next;
};

struct bucket {
    uint64_t key;
    struct slot *slots;
    struct bucket **table; /* the one it stands in */
    UT_hash_handle hh;
};

struct postern_match_entry {
    struct postern_match *match;
    struct postern_match_owner *owner;
    struct postern_match_entry *prev, *next; /* the owner's rules */
    struct slot home;                        /* where the rule is found again */
    struct slot second;                      /* FOR_EAVESDROPPING, of a rule that is at home FOR_BROADCASTS */
};

struct postern_matchset {
    struct bucket *tables[N_INDEXES][N_TABLES];
    uint64_t stamp;
    uint32_t n_eavesdrop;
};

/* The hashes of the four values, of a rule or a message. */
struct key_values {
    unsigned mask; /* KEY_... of those that are there */
    uint64_t hash[N_KEYS];
};

static void set_value(struct key_values *values, unsigned index, const char *s, uint32_t len)
{
    if (s == NULL)
        return;
    values->mask |= 1u << index;
    values->hash[index] = postern_hash(s, len);
}

static const struct postern_match_string *rule_arg0(const struct postern_match *match)
{
    for (uint32_t i = 0; i < match->n_args && match->args[i].index == 0; i++)
        if (match->args[i].kind == POSTERN_MATCH_ARG_STRING)
            return &match->args[i].value;
    return NULL;
}

static struct key_values rule_values(const struct postern_match *match)
{
    const struct postern_match_string *arg0 = rule_arg0(match);
    struct key_values values = {0};

    if (!match->path_is_namespace)
        set_value(&values, 0, match->path.s, match->path.len);
    set_value(&values, 1, match->interface.s, match->interface.len);
    set_value(&values, 2, match->member.s, match->member.len);
    if (arg0 != NULL)
        set_value(&values, 3, arg0->s, arg0->len);
    return values;
}

/* One number for the values of a table's keys. */
static uint64_t combine(const struct key_values *values, unsigned mask)
{
    uint64_t key = 0;

    for (unsigned i = 0; i < N_KEYS; i++)
        if (mask & 1u << i)
            key = (key << 7 | key >> 57) + values->hash[i];
    return key;
}

static struct bucket *bucket_find(struct bucket *table, uint64_t key)
{
    struct bucket *found;

    /* The key is a keyed hash already. */
    HASH_FIND_BYHASHVALUE(hh, table, &key, sizeof(key), (unsigned)key, found);
    return found;
}

static struct bucket *bucket_get(struct bucket **table, uint64_t key)
{
    struct bucket *bucket = bucket_find(*table, key);

    if (bucket != NULL)
        return bucket;
    bucket = calloc(1, sizeof(*bucket));
    if (bucket == NULL)
        return NULL;
    bucket->key = key;
    bucket->table = table;
    HASH_ADD_BYHASHVALUE(hh, *table, key, sizeof(bucket->key), (unsigned)key, bucket);
    if (bucket->hh.tbl != NULL)
        return bucket;
    free(bucket);
    return NULL;
}

static int slot_insert(struct postern_matchset *set, unsigned index, const struct key_values *values,
                       struct postern_match_entry *entry, struct slot *slot)
{
    struct bucket *bucket = bucket_get(&set->tables[index][values->mask], combine(values, values->mask));

    if (bucket == NULL)
        return -ENOMEM;
    slot->bucket = bucket;
    slot->entry = entry;
    DL_APPEND(bucket->slots, slot);
    return 0;
}

static void slot_remove(struct slot *slot)
{
    struct bucket *bucket = slot->bucket;

    if (bucket == NULL)
        return;
    DL_DELETE(bucket->slots, slot);
    slot->bucket = NULL;
    if (bucket->slots != NULL)
        return;
    HASH_DEL(*bucket->table, bucket);
    free(bucket);
}

static unsigned home_index(const struct postern_match *match)
{
    if (match->destination.s == NULL)
        return FOR_BROADCASTS;
    return match->eavesdrop ? FOR_EAVESDROPPING : FOR_NOTHING;
}

struct postern_matchset *postern_matchset_new(void)
{
    return calloc(1, sizeof(struct postern_matchset));
}

static void entry_free(struct postern_matchset *set, struct postern_match_entry *entry)
{
    struct postern_match_owner *owner = entry->owner;

    slot_remove(&entry->home);
    slot_remove(&entry->second);
    DL_DELETE(owner->rules, entry);
    owner->n_rules--;
    set->n_eavesdrop -= entry->match->eavesdrop;
    postern_match_free(entry->match);
    free(entry);
}

void postern_matchset_free(struct postern_matchset *set)
{
    if (set == NULL)
        return;
    for (unsigned index = 0; index < N_INDEXES; index++)
        for (unsigned mask = 0; mask < N_TABLES; mask++)
            while (set->tables[index][mask] != NULL)
                entry_free(set, set->tables[index][mask]->slots->entry);
    free(set);
}

int postern_matchset_add(struct postern_matchset *set, struct postern_match_owner *owner, struct postern_match *match)
{
    struct postern_match_entry *entry = calloc(1, sizeof(*entry));
    struct key_values values = rule_values(match);
    unsigned home = home_index(match);
    int r;

    if (entry == NULL)
        return -ENOMEM;
    r = slot_insert(set, home, &values, entry, &entry->home);
    if (r == 0 && home == FOR_BROADCASTS && match->eavesdrop)
        r = slot_insert(set, FOR_EAVESDROPPING, &values, entry, &entry->second);
    if (r < 0) {
        slot_remove(&entry->home);
        free(entry);
        return r;
    }
    entry->match = match;
    entry->owner = owner;
    DL_PREPEND(owner->rules, entry);
    owner->n_rules++;
    set->n_eavesdrop += match->eavesdrop;
    return 0;
}

/* Both the bucket and the owner's list hold the rule, if it is there; walking them side by side costs no more than the
 * shorter one, whoever made the other one long. */
static struct postern_match_entry *find_entry(const struct slot *slot, const struct postern_match_owner *owner,
                                              const struct postern_match *match)
{
    struct postern_match_entry *owned = owner->rules;

    for (; slot != NULL && owned != NULL; slot = slot->next, owned = owned->next) {
        if (slot->entry->owner == owner && postern_match_equal(slot->entry->match, match))
            return slot->entry;
        if (postern_match_equal(owned->match, match))
            return owned;
    }
    return NULL;
}

int postern_matchset_remove(struct postern_matchset *set, struct postern_match_owner *owner, const struct postern_match *match)
{
    struct key_values values = rule_values(match);
    struct bucket *bucket = bucket_find(set->tables[home_index(match)][values.mask], combine(&values, values.mask));
    struct postern_match_entry *entry = bucket != NULL ? find_entry(bucket->slots, owner, match) : NULL;

    if (entry == NULL)
        return -ENOENT;
    entry_free(set, entry);
    return 0;
}

void postern_matchset_remove_all(struct postern_matchset *set, struct postern_match_owner *owner)
{
    while (owner->rules != NULL)
        entry_free(set, owner->rules);
}

bool postern_matchset_has_eavesdrop(const struct postern_matchset *set)
{
    return set->n_eavesdrop > 0;
}

/* Hashes of what the message has; arg0 only when a rule asks for it, since that means reading the body. */
static struct key_values message_values(struct bucket *const *tables, const struct postern_header *header,
                                        struct postern_match_args *args)
{
    struct key_values values = {0};
    bool arg0 = false;

    for (unsigned mask = KEY_ARG0; mask < N_TABLES; mask++)
        arg0 = arg0 || tables[mask] != NULL;
    set_value(&values, 0, header->path.s, header->path.len);
    set_value(&values, 1, header->interface.s, header->interface.len);
    set_value(&values, 2, header->member.s, header->member.len);
    if (arg0)
        postern_match_args_read(args);
    if (arg0 && args->n > 0 && args->args[0].type == 's')
        set_value(&values, 3, args->args[0].s, args->args[0].len);
    return values;
}

/* Names come last: asking who owns one is the dearest part. */
static bool entry_matches(const struct postern_match *match, const struct postern_header *header, struct postern_match_args *args,
                          const struct postern_match_route *route)
{
    if (match->type != 0 && match->type != header->type)
        return false;
    if (!postern_match_matches(match, header, args))
        return false;
    if (match->sender.s != NULL && !route->is_sender(route->data, match->sender.s, match->sender.len))
        return false;
    return match->destination.s == NULL || route->is_destination(route->data, match->destination.s, match->destination.len);
}

void postern_matchset_find(struct postern_matchset *set, const struct postern_header *header, struct postern_match_args *args,
                           bool eavesdrop, const struct postern_match_route *route)
{
    struct bucket *const *tables = set->tables[eavesdrop ? FOR_EAVESDROPPING : FOR_BROADCASTS];
    struct key_values values = message_values(tables, header, args);
    uint64_t stamp = ++set->stamp;

    for (unsigned mask = 0; mask < N_TABLES; mask++) {
        struct bucket *bucket;

        if (tables[mask] == NULL || (mask & ~values.mask) != 0)
            continue;
        bucket = bucket_find(tables[mask], combine(&values, mask));
        for (struct slot *slot = bucket != NULL ? bucket->slots : NULL; slot != NULL; slot = slot->next) {
            struct postern_match_owner *owner = slot->entry->owner;

            if (owner->stamp == stamp || !entry_matches(slot->entry->match, header, args, route))
                continue;
            owner->stamp = stamp;
            route->found(route->data, owner);
        }
    }
}
