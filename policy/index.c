/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"

#define BIT(field) (1u << (field))
#define PREFIX BIT(POSTERN_ACCESS_FIELDS) /* the name stands for its subtree */
#define N_MASKS (PREFIX << 1)

enum shape { CALL, CALL_WITHOUT_INTERFACE, SIGNAL, RETURN, ERROR, AWAITED_RETURN, AWAITED_ERROR };

/* Which fields, besides the name, a question of each shape has. */
static const struct {
    uint8_t type;
    bool awaited; /* a reply that somebody waits for */
    uint32_t fields;
} shapes[POSTERN_INDEX_SHAPES] = {
    [CALL] = {POSTERN_MESSAGE_METHOD_CALL, false, BIT(POSTERN_ACCESS_INTERFACE) | BIT(POSTERN_ACCESS_MEMBER) | BIT(POSTERN_ACCESS_PATH)},
    [CALL_WITHOUT_INTERFACE] = {POSTERN_MESSAGE_METHOD_CALL, false, BIT(POSTERN_ACCESS_MEMBER) | BIT(POSTERN_ACCESS_PATH)},
    [SIGNAL] = {POSTERN_MESSAGE_SIGNAL, false, BIT(POSTERN_ACCESS_INTERFACE) | BIT(POSTERN_ACCESS_MEMBER) | BIT(POSTERN_ACCESS_PATH)},
    [RETURN] = {POSTERN_MESSAGE_METHOD_RETURN, false, 0},
    [ERROR] = {POSTERN_MESSAGE_ERROR, false, BIT(POSTERN_ACCESS_ERROR)},
    [AWAITED_RETURN] = {POSTERN_MESSAGE_METHOD_RETURN, true, 0},
    [AWAITED_ERROR] = {POSTERN_MESSAGE_ERROR, true, BIT(POSTERN_ACCESS_ERROR)},
};

/* A rule in its bucket. */
struct entry {
    uint64_t key;
    uint32_t position; /* in the array of rules */
};

/* The rules that compare with the same fields; which of these keys exist in the table. */
struct signature {
    uint32_t mask;
    uint32_t highest; /* position of its last rule */
};

struct slot {
    uint64_t key;
    uint32_t first, n; /* in entries; n is 0 in a free slot */
};

struct table {
    struct entry *entries; /* by key, and within one key by falling position */
    struct slot *slots;    /* open addressing */
    uint32_t slot_mask;
    struct signature signatures[N_MASKS]; /* by falling `highest` */
    uint32_t n_signatures;
    bool has_unique; /* some rule names a unique name */
};

struct postern_index {
    const struct postern_access *const *rules;
    uint32_t n;
    struct table *tables[POSTERN_INDEX_SHAPES];
};

/* The multiplier spreads the sum over the word; that nobody can choose colliding texts comes from postern_hash(). */
static uint64_t mix(uint64_t key, uint64_t hash)
{
    key = (key ^ hash) * UINT64_C(0x9e3779b97f4a7c15);
    return key ^ key >> 29;
}

static uint64_t key_of(uint32_t mask, const struct postern_access_text text[POSTERN_ACCESS_FIELDS], uint64_t name)
{
    uint64_t key = mix(mask, name);

    for (unsigned field = POSTERN_ACCESS_INTERFACE; field < POSTERN_ACCESS_FIELDS; field++)
        if (mask & BIT(field))
            key = mix(key, text[field].hash);
    return key;
}

/* ---- making a table ------------------------------------------------------------------------------ */

/* What postern_access_matches_message() says of fields that are not there, and of replies: an <allow> that names an interface or error is
 * not for messages that have none, and a <deny> is not for the replies that somebody waits for, unless it says so. There may be
 * thousands of such rules, and each reply would have to be compared with all of them. */
static bool can_match(const struct postern_access *rule, enum shape shape)
{
    if (rule->kind == POSTERN_ACCESS_OWN)
        return true;
    if (rule->type != 0 && rule->type != shapes[shape].type)
        return false;
    if (shapes[shape].awaited && !rule->allow && !rule->requested_reply)
        return false;
    for (unsigned field = POSTERN_ACCESS_INTERFACE; field < POSTERN_ACCESS_FIELDS; field++)
        if (rule->allow && rule->text[field].s != NULL && !(shapes[shape].fields & BIT(field)) && field != POSTERN_ACCESS_PATH &&
            field != POSTERN_ACCESS_MEMBER)
            return false;
    return true;
}

/* Can the rule match a question of this shape, and which of its texts must then be those of the question? A field left out here is only
 * asked later, never missed. */
static bool project(const struct postern_access *rule, enum shape shape, uint32_t *mask)
{
    uint32_t fields = 0;

    if (!can_match(rule, shape))
        return false;
    if (rule->text[POSTERN_ACCESS_NAME].s != NULL)
        fields = BIT(POSTERN_ACCESS_NAME) | (rule->prefix ? PREFIX : 0);
    for (unsigned field = POSTERN_ACCESS_INTERFACE; field < POSTERN_ACCESS_FIELDS; field++)
        if (rule->text[field].s != NULL && shapes[shape].fields & BIT(field))
            fields |= BIT(field);
    *mask = fields;
    return true;
}

static void note_signature(struct table *table, uint32_t mask, uint32_t position)
{
    struct signature *signature = table->signatures;

    while (signature < table->signatures + table->n_signatures && signature->mask != mask)
        signature++;
    if (signature == table->signatures + table->n_signatures)
        table->n_signatures++;
    *signature = (struct signature){.mask = mask, .highest = position};
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->position < y->position ? 1 : -1;
}

static int by_highest(const void *a, const void *b)
{
    const struct signature *x = a, *y = b;

    return x->highest < y->highest ? 1 : -1;
}

/* The slot of this key, or the free one where it belongs. */
static struct slot *slot_of(const struct table *table, uint64_t key)
{
    uint32_t i = (uint32_t)(key >> 32) & table->slot_mask;

    while (table->slots[i].n > 0 && table->slots[i].key != key)
        i = (i + 1) & table->slot_mask;
    return &table->slots[i];
}

static int fill_slots(struct table *table, uint32_t n_entries)
{
    uint32_t size = 4;

    while (size < n_entries * 2)
        size *= 2;
    table->slots = calloc(size, sizeof(*table->slots));
    if (table->slots == NULL)
        return -ENOMEM;
    table->slot_mask = size - 1;
    for (uint32_t i = 0; i < n_entries; i++) {
        struct slot *slot = slot_of(table, table->entries[i].key);

        if (slot->n++ == 0) {
            slot->key = table->entries[i].key;
            slot->first = i;
        }
    }
    return 0;
}

static void table_free(struct table *table)
{
    if (table == NULL)
        return;
    free(table->entries);
    free(table->slots);
    free(table);
}

static struct table *table_new(const struct postern_index *index, enum shape shape)
{
    struct table *table = calloc(1, sizeof(*table));
    uint32_t n = 0;

    if (table == NULL)
        return NULL;
    table->entries = calloc(index->n > 0 ? index->n : 1, sizeof(*table->entries));
    for (uint32_t i = 0; table->entries != NULL && i < index->n; i++) {
        const struct postern_access *rule = index->rules[i];
        uint32_t mask;

        if (!project(rule, shape, &mask))
            continue;
        note_signature(table, mask, i);
        table->has_unique = table->has_unique || (rule->text[POSTERN_ACCESS_NAME].s != NULL && rule->text[POSTERN_ACCESS_NAME].s[0] == ':');
        table->entries[n++] = (struct entry){.key = key_of(mask, rule->text, rule->text[POSTERN_ACCESS_NAME].hash), .position = i};
    }
    if (table->entries == NULL)
        goto fail;
    qsort(table->entries, n, sizeof(*table->entries), by_key);
    qsort(table->signatures, table->n_signatures, sizeof(*table->signatures), by_highest);
    if (fill_slots(table, n) == 0)
        return table;
fail:
    table_free(table);
    return NULL;
}

/* ---- asking it ----------------------------------------------------------------------------------- */

/* What is being looked for, and the best so far. */
struct search {
    const struct postern_index *index;
    const struct table *table;
    const struct postern_question *question;
    uint32_t mask;
    int64_t best; /* position; -1: none yet */
};

/* Asks the rules of one bucket; `name` is the one that led to it. */
static void search_bucket(struct search *search, const char *name, size_t len, uint64_t hash)
{
    const struct slot *slot = slot_of(search->table, key_of(search->mask, search->question->text, hash));

    for (uint32_t i = 0; i < slot->n; i++) {
        uint32_t position = search->table->entries[slot->first + i].position;
        const struct postern_access *rule = search->index->rules[position];

        if ((int64_t)position <= search->best)
            return;
        if (postern_access_matches_message(rule, search->question) && postern_access_matches_name(rule, name, len)) {
            search->best = position;
            return;
        }
    }
}

static void search_name(struct search *search, const char *name, size_t len)
{
    if (!(search->mask & PREFIX)) {
        search_bucket(search, name, len, postern_hash(name, len));
        return;
    }
    for (size_t i = 1; i <= len; i++)
        if (i == len || name[i] == '.')
            search_bucket(search, name, len, postern_hash(name, i));
}

static void search_signature(struct search *search)
{
    const struct postern_question *question = search->question;
    const struct postern_party *peer = question->peer;
    const struct postern_access_text *name = &question->text[POSTERN_ACCESS_NAME];

    if (!(search->mask & BIT(POSTERN_ACCESS_NAME))) {
        search_bucket(search, NULL, 0, 0);
    } else if (peer == NULL) {
        if (name->s != NULL)
            search_name(search, name->s, name->len);
    } else {
        if (peer->unique_name != NULL && search->table->has_unique)
            search_name(search, peer->unique_name, strlen(peer->unique_name));
        for (size_t i = 0; i < peer->n_names; i++)
            search_name(search, peer->names[i].name->name, peer->names[i].name->len);
    }
}

static void hash_fields(struct postern_question *question, uint32_t fields)
{
    for (unsigned field = POSTERN_ACCESS_INTERFACE; field < POSTERN_ACCESS_FIELDS; field++)
        if (fields & ~question->hashed & BIT(field)) {
            question->text[field].hash = postern_hash(question->text[field].s, question->text[field].len);
            question->hashed |= BIT(field);
        }
}

/* -EOPNOTSUPP for a message that lacks what its type must have, or has no type of the specification. */
static int shape_of(const struct postern_question *question)
{
    uint32_t fields = 0;

    if (question->kind == POSTERN_ACCESS_OWN)
        return RETURN; /* a question with no fields but the name */
    for (unsigned field = POSTERN_ACCESS_INTERFACE; field < POSTERN_ACCESS_FIELDS; field++)
        if (question->text[field].s != NULL)
            fields |= BIT(field);
    for (int shape = 0; shape < POSTERN_INDEX_SHAPES; shape++)
        if (shapes[shape].type == question->type && shapes[shape].fields == fields && shapes[shape].awaited == (question->is_reply && question->requested))
            return shape;
    return -EOPNOTSUPP;
}

/* What a search for rules that compare with these fields depends on: whatever else the question says, it would go the same way. */
static uint8_t looks_of(uint32_t mask, const struct table *table)
{
    static const uint8_t looks[POSTERN_ACCESS_FIELDS] = {
        [POSTERN_ACCESS_INTERFACE] = POSTERN_LOOKS_INTERFACE,
        [POSTERN_ACCESS_MEMBER] = POSTERN_LOOKS_MEMBER,
        [POSTERN_ACCESS_PATH] = POSTERN_LOOKS_PATH,
        [POSTERN_ACCESS_ERROR] = POSTERN_LOOKS_ERROR,
    };
    uint8_t looked = mask & BIT(POSTERN_ACCESS_NAME) && table->has_unique ? POSTERN_LOOKS_OTHER : 0;

    for (unsigned field = POSTERN_ACCESS_INTERFACE; field < POSTERN_ACCESS_FIELDS; field++)
        looked |= mask & BIT(field) ? looks[field] : 0;
    return looked;
}

int postern_index_find(struct postern_index *index, struct postern_question *question, const struct postern_access **found)
{
    struct search search = {.index = index, .question = question, .best = -1};
    int shape = shape_of(question);

    if (shape < 0)
        return shape;
    if (index->tables[shape] == NULL)
        index->tables[shape] = table_new(index, (enum shape)shape);
    if (index->tables[shape] == NULL)
        return -ENOMEM;
    search.table = index->tables[shape];
    for (uint32_t i = 0; i < search.table->n_signatures; i++) {
        const struct signature *signature = &search.table->signatures[i];

        if ((int64_t)signature->highest <= search.best)
            break;
        hash_fields(question, signature->mask);
        question->looked |= looks_of(signature->mask, search.table);
        search.mask = signature->mask;
        search_signature(&search);
    }
    *found = search.best >= 0 ? index->rules[search.best] : NULL;
    return 0;
}

int postern_index_new(const struct postern_access *const *rules, uint32_t n, struct postern_index **index)
{
    struct postern_index *made = calloc(1, sizeof(*made));

    if (made == NULL)
        return -ENOMEM;
    made->rules = rules;
    made->n = n;
    *index = made;
    return 0;
}

void postern_index_free(struct postern_index *index)
{
    if (index == NULL)
        return;
    for (int shape = 0; shape < POSTERN_INDEX_SHAPES; shape++)
        table_free(index->tables[shape]);
    free(index);
}
