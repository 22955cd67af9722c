/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule that fixes some of path, interface, member and arg0 exactly lives in the table for that combination, in the bucket for
 * its values. A message looks into one bucket of each table that has any: at most 16, usually 3 or 4. The hash is keyed, so
 * nobody can fill a bucket on purpose; rules that share one by accident are told apart by matching them in full.
 *
 * Within a bucket, rules that name a sender stand in a group for that sender. Of the bucket's groups and the sender's names,
 * which may both be many, the fewer are gone through.
 */
#include "daemon/matchset.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "util/hash.h"
#include "wire/name.h"

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

/* A rule's place in a bucket, or in a group of it. */
struct slot {
    struct bucket *bucket; /* NULL: not in this index */
    struct group *group;   /* NULL: the rule names no sender */
    struct postern_match_entry *entry;
    struct slot *prev, *next;
    bool like_previous; /* its rule is equal to that of prev: whoever looked at that one knows the answer */
};

/* The rules of a bucket that name the same sender. Bucket and name together are what it is found by. */
struct group {
    struct slot *slots;
    struct group *prev, *next; /* the bucket's groups */
    UT_hash_handle hh;
    uint32_t sender_len;
    struct bucket *bucket;
    char sender[];
};

struct bucket {
    uint64_t key;
    struct slot *slots; /* of rules that name no sender */
    struct group *groups;
    uint32_t n_groups;
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

/* The hashes of the four values, of a rule or a message. */
struct key_values {
    unsigned mask; /* KEY_... of those that are there */
    uint64_t hash[N_KEYS];
};

struct postern_matchset {
    struct bucket *tables[N_INDEXES][N_TABLES];
    unsigned used[N_INDEXES];   /* which of them have buckets, as bits */
    unsigned needed[N_INDEXES]; /* KEY_... of all these */
    uint64_t kind;              /* of the message that was looked for last; 0: it has none */
    unsigned kind_needed;       /* what was needed then */
    struct key_values of_kind;  /* and found in it, but for arg0 */
    struct group *groups; /* of all buckets */
    uint64_t stamp;
    uint32_t n_eavesdrop;
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

/* A bucket has come to this table, or has left it. */
static void note_use(struct postern_matchset *set, struct bucket **table)
{
    size_t number = (size_t)(table - &set->tables[0][0]);
    unsigned *used = &set->used[number / N_TABLES], bit = 1u << number % N_TABLES;

    unsigned *needed = &set->needed[number / N_TABLES];

    *used = *table != NULL ? *used | bit : *used & ~bit;
    *needed = 0;
    for (unsigned mask = 0; mask < N_TABLES; mask++)
        *needed |= (*used & 1u << mask) != 0 ? mask : 0;
}

static struct bucket *bucket_get(struct postern_matchset *set, struct bucket **table, uint64_t key)
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
    if (bucket->hh.tbl == NULL) {
        free(bucket);
        return NULL;
    }
    note_use(set, table);
    return bucket;
}

static void bucket_unless_used(struct postern_matchset *set, struct bucket *bucket)
{
    if (bucket->slots != NULL || bucket->groups != NULL)
        return;
    HASH_DEL(*bucket->table, bucket);
    note_use(set, bucket->table);
    free(bucket);
}

/* What groups are found by, as their own members lie in memory. */
struct group_key {
    struct bucket *bucket;
    char sender[POSTERN_NAME_MAX];
};

_Static_assert(offsetof(struct group, sender) - offsetof(struct group, bucket) == offsetof(struct group_key, sender),
               "one layout");

static size_t group_key_size(uint32_t sender_len)
{
    return offsetof(struct group_key, sender) + sender_len;
}

static struct group *group_find(const struct postern_matchset *set, struct bucket *bucket, const char *sender, uint32_t len)
{
    struct group_key key = {.bucket = bucket};
    struct group *found;

    if (len > sizeof(key.sender))
        return NULL;
    memcpy(key.sender, sender, len);
    HASH_FIND(hh, set->groups, &key, group_key_size(len), found);
    return found;
}

/* sender: a valid name. */
static struct group *group_get(struct postern_matchset *set, struct bucket *bucket, const struct postern_match_string *sender)
{
    struct group *group = group_find(set, bucket, sender->s, sender->len);

    if (group != NULL)
        return group;
    group = calloc(1, sizeof(*group) + sender->len);
    if (group == NULL)
        return NULL;
    group->sender_len = sender->len;
    group->bucket = bucket;
    memcpy(group->sender, sender->s, sender->len);
    HASH_ADD_KEYPTR(hh, set->groups, &group->bucket, group_key_size(sender->len), group);
    if (group->hh.tbl == NULL) {
        free(group);
        return NULL;
    }
    DL_APPEND(bucket->groups, group);
    bucket->n_groups++;
    return group;
}

static void group_unless_used(struct postern_matchset *set, struct group *group)
{
    struct bucket *bucket = group->bucket;

    if (group->slots != NULL)
        return;
    HASH_DEL(set->groups, group);
    DL_DELETE(bucket->groups, group);
    bucket->n_groups--;
    free(group);
}

static int slot_insert(struct postern_matchset *set, unsigned index, const struct key_values *values,
                       struct postern_match_entry *entry, struct slot *slot)
{
    struct bucket *bucket = bucket_get(set, &set->tables[index][values->mask], combine(values, values->mask));
    const struct postern_match_string *sender = &entry->match->sender;
    struct group *group = NULL;

    if (bucket == NULL)
        return -ENOMEM;
    if (sender->s != NULL) {
        group = group_get(set, bucket, sender);
        if (group == NULL) {
            bucket_unless_used(set, bucket);
            return -ENOMEM;
        }
    }
    *slot = (struct slot){.bucket = bucket, .group = group, .entry = entry};
    if (group != NULL)
        DL_APPEND(group->slots, slot);
    else
        DL_APPEND(bucket->slots, slot);
    /* Many programs of a kind ask for the same. The prev of a list's only slot is that slot itself. */
    slot->like_previous = slot->prev != slot && postern_match_equal(slot->prev->entry->match, entry->match);
    return 0;
}

static void slot_remove(struct postern_matchset *set, struct slot *slot)
{
    struct bucket *bucket = slot->bucket;

    if (bucket == NULL)
        return;
    if (slot->next != NULL)
        slot->next->like_previous = slot->next->like_previous && slot->like_previous;
    if (slot->group != NULL) {
        DL_DELETE(slot->group->slots, slot);
        group_unless_used(set, slot->group);
    } else {
        DL_DELETE(bucket->slots, slot);
    }
    slot->bucket = NULL;
    bucket_unless_used(set, bucket);
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

    slot_remove(set, &entry->home);
    slot_remove(set, &entry->second);
    DL_DELETE(owner->rules, entry);
    owner->n_rules--;
    set->n_eavesdrop -= entry->match->eavesdrop;
    postern_match_free(entry->match);
    free(entry);
}

/* Some rule of the bucket, which has at least one. */
static struct postern_match_entry *bucket_entry(const struct bucket *bucket)
{
    return bucket->slots != NULL ? bucket->slots->entry : bucket->groups->slots->entry;
}

void postern_matchset_free(struct postern_matchset *set)
{
    if (set == NULL)
        return;
    for (unsigned index = 0; index < N_INDEXES; index++)
        for (unsigned mask = 0; mask < N_TABLES; mask++)
            while (set->tables[index][mask] != NULL)
                entry_free(set, bucket_entry(set->tables[index][mask]));
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
    entry->match = match;
    entry->owner = owner;
    r = slot_insert(set, home, &values, entry, &entry->home);
    if (r == 0 && home == FOR_BROADCASTS && match->eavesdrop)
        r = slot_insert(set, FOR_EAVESDROPPING, &values, entry, &entry->second);
    if (r < 0) {
        slot_remove(set, &entry->home);
        free(entry);
        return r;
    }
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

/* The rules among which an equal one would be. */
static const struct slot *home_of(const struct postern_matchset *set, const struct postern_match *match)
{
    struct key_values values = rule_values(match);
    struct bucket *bucket = bucket_find(set->tables[home_index(match)][values.mask], combine(&values, values.mask));
    const struct group *group;

    if (bucket == NULL || match->sender.s == NULL)
        return bucket != NULL ? bucket->slots : NULL;
    group = group_find(set, bucket, match->sender.s, match->sender.len);
    return group != NULL ? group->slots : NULL;
}

int postern_matchset_remove(struct postern_matchset *set, struct postern_match_owner *owner, const struct postern_match *match)
{
    struct postern_match_entry *entry = find_entry(home_of(set, match), owner, match);

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

void postern_matchset_each(const struct postern_match_owner *owner, void (*fn)(void *data, const struct postern_match *match), void *data)
{
    const struct postern_match_entry *entry = owner->rules != NULL ? owner->rules->prev : NULL; /* of a list's head: the last */

    while (entry != NULL) {
        fn(data, entry->match);
        entry = entry != owner->rules ? entry->prev : NULL;
    }
}

bool postern_matchset_has_eavesdrop(const struct postern_matchset *set)
{
    return set->n_eavesdrop > 0;
}

/* Hashes of what the message has, of those that are needed. */
static void set_header_values(struct key_values *values, unsigned needed, const struct postern_header *header)
{
    if ((needed & KEY_PATH) != 0)
        set_value(values, 0, header->path.s, header->path.len);
    if ((needed & KEY_INTERFACE) != 0)
        set_value(values, 1, header->interface.s, header->interface.len);
    if ((needed & KEY_MEMBER) != 0)
        set_value(values, 2, header->member.s, header->member.len);
}

/* The same with arg0, only when a rule asks for it, since that means reading the body. Who sends something sends it again, mostly. */
static struct key_values message_values(struct postern_matchset *set, unsigned needed, const struct postern_header *header, struct postern_match_args *args)
{
    struct key_values values = {0};

    if (header->kind != 0 && header->kind == set->kind && needed == set->kind_needed) {
        values = set->of_kind;
    } else {
        set_header_values(&values, needed, header);
        set->kind = header->kind;
        set->kind_needed = needed;
        set->of_kind = values;
    }
    if ((needed & KEY_ARG0) == 0)
        return values;
    postern_match_args_read(args);
    if (args->n > 0 && args->args[0].type == 's')
        set_value(&values, 3, args->args[0].s, args->args[0].len);
    return values;
}

bool postern_matchset_may_find(const struct postern_matchset *set, const struct postern_header *header, const char *arg0)
{
    struct bucket *const *tables = set->tables[FOR_BROADCASTS];
    unsigned used = set->used[FOR_BROADCASTS], needed = set->needed[FOR_BROADCASTS];
    struct key_values values = {0};

    if (used == 0)
        return false;
    set_header_values(&values, needed, header);
    if ((needed & KEY_ARG0) != 0)
        set_value(&values, 3, arg0, (uint32_t)strlen(arg0));
    for (unsigned mask = 0; used >> mask != 0; mask++)
        if ((used & 1u << mask) != 0 && (mask & ~values.mask) == 0 && bucket_find(tables[mask], combine(&values, mask)) != NULL)
            return true;
    return false;
}

/* One message on its way through the set. */
struct search {
    struct postern_matchset *set;
    const struct postern_header *header;
    struct postern_match_args *args;
    const struct postern_match_route *route;
};

/* Reports the owners of those rules that match; that the sender is theirs is known. */
static void search_slots(const struct search *search, const struct slot *slot)
{
    const struct postern_match_route *route = search->route;
    bool known = false, matches = false; /* for the rule before, and those like it */

    for (; slot != NULL; slot = slot->next) {
        const struct postern_match *match = slot->entry->match;
        struct postern_match_owner *owner = slot->entry->owner;

        known = known && slot->like_previous;
        if (owner->stamp == search->set->stamp)
            continue;
        if (!known)
            matches = postern_match_matches(match, search->header, search->args);
        known = true;
        if (!matches)
            continue;
        if (match->destination.s != NULL && !route->is_destination(route->data, match->destination.s, match->destination.len))
            continue;
        if (match->sender.s != NULL && route->knows != NULL && !route->knows(route->data, owner, match->sender.s))
            continue;
        owner->stamp = search->set->stamp;
        route->found(route->data, owner);
    }
}

static void search_name(const struct search *search, struct bucket *bucket, const char *name, uint32_t len)
{
    const struct group *group = group_find(search->set, bucket, name, len);

    if (group != NULL)
        search_slots(search, group->slots);
}

static void search_groups(const struct search *search, struct bucket *bucket)
{
    const struct postern_match_route *route = search->route;
    const struct postern_name_owner *names = route->sender_names;

    if (bucket->n_groups <= 1 + (names != NULL ? names->n_names : 0)) {
        for (const struct group *group = bucket->groups; group != NULL; group = group->next)
            if (route->is_sender(route->data, group->sender, group->sender_len))
                search_slots(search, group->slots);
        return;
    }
    search_name(search, bucket, route->sender.s, route->sender.len);
    for (const struct postern_ownership *place = names != NULL ? names->names : NULL; place != NULL; place = place->owner_next)
        if (place->name->queue == place)
            search_name(search, bucket, place->name->name, place->name->len);
}

void postern_matchset_find(struct postern_matchset *set, const struct postern_header *header, struct postern_match_args *args,
                           bool eavesdrop, const struct postern_match_route *route)
{
    const struct search search = {.set = set, .header = header, .args = args, .route = route};
    unsigned index = eavesdrop ? FOR_EAVESDROPPING : FOR_BROADCASTS, used = set->used[index];
    struct bucket *const *tables = set->tables[index];
    struct key_values values = message_values(set, set->needed[index], header, args);

    set->stamp++;
    for (unsigned mask = 0; used >> mask != 0; mask++) {
        struct bucket *bucket;

        if ((used & 1u << mask) == 0 || (mask & ~values.mask) != 0)
            continue;
        bucket = bucket_find(tables[mask], combine(&values, mask));
        if (bucket == NULL)
            continue;
        search_slots(&search, bucket->slots);
        search_groups(&search, bucket);
    }
}
