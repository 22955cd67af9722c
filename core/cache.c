/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/cache.h"

#include <stdlib.h>
#include <string.h>

#include "core/recall.h"

/* Both tables have rows, one of which is a sender's class to fill; a row has sets, in which a decision may have any of WAYS places. */
#define WAYS 4u
#define ROWS 32u
#define PAIR_SETS 16u
#define TEXT_SETS 16u
#define MISSES_MAX 32u
#define TEXT_MAX 200u /* bytes; what has more is not kept */

/* A class: */
#define CLASS_OWN (UINT64_C(1) << 63) /* of one party alone */
#define CLASS_GROUP_SHIFT 47          /* of all others: the group of the XML door, */
#define CLASS_LABEL_SHIFT 34          /* the label, and the number of the container */
#define LABELS_MAX 4096u

/* Who sends what sort of message to whom; and the answer, when it depends on nothing else. */
struct postern_cache_pair {
    struct postern_cache_key key;
    bool known;
    uint8_t looked; /* at which texts, in all questions of this sort so far */
    uint8_t misses; /* of texts, one after the other */
    const struct postern_cache_text *last; /* where the last answer that depends on texts was found; something else may be there by now */
    struct postern_decision decision;
};

struct postern_cache_text {
    struct postern_cache_key key;
    uint64_t hash;
    uint32_t len;
    struct postern_decision decision;
    char text[TEXT_MAX];
};

/* A label that some party has: the number is its own. */
struct postern_cache_label {
    uint32_t number; /* from 2; 1 is that of those without */
    UT_hash_handle hh;
    size_t len;
    char text[];
};

/* The texts of one message that matter: which they are, then each behind its length. */
struct texts {
    uint64_t hash;
    uint32_t len;
    char text[TEXT_MAX];
};

void postern_cache_init(struct postern_cache *cache)
{
    *cache = (struct postern_cache){.generation = 1};
}

static void forget_all(struct postern_cache *cache)
{
    struct postern_cache_label *label, *next;

    HASH_ITER(hh, cache->labels, label, next)
    {
        HASH_DEL(cache->labels, label);
        free(label);
    }
    free(cache->pairs);
    free(cache->texts);
    free(cache->kinds);
    cache->pairs = NULL;
    cache->texts = NULL;
    cache->kinds = NULL;
}

void postern_cache_finish(struct postern_cache *cache)
{
    forget_all(cache);
    postern_cache_init(cache);
}

void postern_cache_flush(struct postern_cache *cache)
{
    cache->last_message = NULL;
    cache->generation++;
    /* Keys have half of that number, and all halves have been used: what is kept might be taken for new. */
    if ((uint32_t)cache->generation == 0)
        forget_all(cache);
}

/* ---- classes ------------------------------------------------------------------------------------------------- */

void postern_cache_forget(struct postern_party *party)
{
    party->class_generation = 0;
}

/* The number of this label; 0: there are too many. */
static uint32_t label_number(struct postern_cache *cache, const char *text, size_t len)
{
    struct postern_cache_label *label;

    if (text == NULL)
        return 1;
    HASH_FIND(hh, cache->labels, text, len, label);
    if (label != NULL)
        return label->number;
    label = HASH_COUNT(cache->labels) < LABELS_MAX ? calloc(1, sizeof(*label) + len) : NULL;
    if (label == NULL)
        return 0;
    label->len = len;
    memcpy(label->text, text, len);
    label->number = HASH_COUNT(cache->labels) + 2;
    HASH_ADD(hh, cache->labels, text[0], len, label);
    if (label->hh.tbl != NULL)
        return label->number;
    free(label);
    return 0;
}

/* Names and grants are a party's own, and so is its class then: seldom are there many of those. Without a name of its own it has none: it has not
 * said Hello. A question may write to the party: its class is kept there, and is no fact. */
uint64_t postern_cache_classify(struct postern_mediator *mediator, struct postern_party *party)
{
    const struct postern_door_slot *doors = mediator->doors, *xml = &doors[POSTERN_PLACE_XML];
    uint32_t group = xml->fn == NULL ? 1 : xml->group != NULL ? xml->group(xml->door, party) : 0, label = 1;
    uint64_t instance = party->instance != NULL ? party->instance->number : 0;

    if (party->unique_name == NULL)
        return 0;
    if (doors[POSTERN_PLACE_SELINUX].fn != NULL || doors[POSTERN_PLACE_APPARMOR].fn != NULL)
        label = label_number(&mediator->cache, party->facts.label, party->facts.label_len);
    if (group == 0 || label == 0 || instance >> CLASS_LABEL_SHIFT != 0 || party->n_names > 0 || party->grants != NULL)
        party->class = CLASS_OWN | ++mediator->cache.last_own;
    else
        party->class = (uint64_t)group << CLASS_GROUP_SHIFT | (uint64_t)label << CLASS_LABEL_SHIFT | instance;
    party->class_generation = mediator->cache.generation;
    return party->class;
}

bool postern_cache_key_of(struct postern_mediator *mediator, const struct postern_request *request, struct postern_cache_key *key)
{
    const struct postern_message *m = request->message;
    uint32_t destination, fields;

    if (request->action != POSTERN_ACTION_SEND || (mediator->flags & POSTERN_OPTION_NO_CACHE) != 0 || m->fds > 0)
        return false;
    if (request->to == NULL && (request->flags & POSTERN_REQUEST_TO_DRIVER) == 0)
        return false; /* whether a name that nobody owns may be known is not a question about two parties */
    destination = m->destination.data == NULL ? 0 : m->destination.data[0] == ':' ? 1 : 2;
    fields = (m->path.data != NULL) | (uint32_t)(m->interface.data != NULL) << 1 | (uint32_t)(m->member.data != NULL) << 2 |
             (uint32_t)(m->error.data != NULL) << 3;
    *key = (struct postern_cache_key){
        .from = postern_cache_class_of(mediator, request->from),
        .to = postern_cache_class_of(mediator, request->to),
        .how = mediator->cache.generation << 32 | (uint64_t)(request->flags & ~POSTERN_REQUEST_SAME) << 16 | (uint64_t)m->type << 8 | destination << 4 | fields,
    };
    return key->from != 0 && key->to != 0;
}

/* ---- places ---------------------------------------------------------------------------------------------------- */

/* The multiplier spreads what differs over the word. Whoever makes two places collide loses answers of the own class. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);
    return a ^ a >> 32;
}

static bool same_key(const struct postern_cache_key *a, const struct postern_cache_key *b)
{
    return ((a->from ^ b->from) | (a->to ^ b->to) | (a->how ^ b->how)) == 0;
}

static uint32_t first_place(const struct postern_cache_key *key, uint64_t hash, uint32_t sets)
{
    return ((uint32_t)mix(key->from, 0) % ROWS * sets + (uint32_t)hash % sets) * WAYS;
}

static struct postern_cache_pair *find_pair(const struct postern_cache *cache, const struct postern_cache_key *key)
{
    struct postern_cache_pair *set = &cache->pairs[first_place(key, mix(key->to, key->how), PAIR_SETS)];

    for (uint32_t i = 0; i < WAYS; i++)
        if (same_key(&set[i].key, key))
            return &set[i];
    return NULL;
}

static struct postern_cache_text *find_text(const struct postern_cache *cache, const struct postern_cache_key *key, const struct texts *texts)
{
    struct postern_cache_text *set = &cache->texts[first_place(key, texts->hash, TEXT_SETS)];

    for (uint32_t i = 0; i < WAYS; i++)
        if (set[i].hash == texts->hash && same_key(&set[i].key, key) && set[i].len == texts->len && memcmp(set[i].text, texts->text, texts->len) == 0)
            return &set[i];
    return NULL;
}

static bool add_text(struct texts *texts, const struct postern_view *view)
{
    if (view->len + sizeof(view->len) > TEXT_MAX - texts->len)
        return false;
    memcpy(texts->text + texts->len, &view->len, sizeof(view->len));
    if (view->len > 0)
        memcpy(texts->text + texts->len + sizeof(view->len), view->data, view->len);
    texts->len += (uint32_t)sizeof(view->len) + view->len;
    return true;
}

static uint64_t hash_of(const char *text, uint32_t len, uint64_t hash)
{
    uint64_t word;

    for (; len >= sizeof(word); text += sizeof(word), len -= (uint32_t)sizeof(word)) {
        memcpy(&word, text, sizeof(word));
        hash = mix(hash, word);
    }
    word = 0;
    memcpy(&word, text, len);
    return mix(hash, word);
}

static struct postern_view sender_of(const struct postern_request *request, uint8_t looked)
{
    const char *name = (looked & POSTERN_LOOKS_SENDER) != 0 && request->from != NULL ? request->from->unique_name : NULL;

    return (struct postern_view){.data = name, .len = name != NULL ? (uint32_t)strlen(name) : 0};
}

/* False: they are too long. */
static bool collect(const struct postern_cache_key *key, const struct postern_request *request, uint8_t looked, struct texts *texts)
{
    const struct postern_message *m = request->message;
    const struct postern_view sender = sender_of(request, looked);

    texts->text[0] = (char)looked;
    texts->len = 1;
    if (((looked & POSTERN_LOOKS_PATH) != 0 && !add_text(texts, &m->path)) || ((looked & POSTERN_LOOKS_INTERFACE) != 0 && !add_text(texts, &m->interface)) ||
        ((looked & POSTERN_LOOKS_MEMBER) != 0 && !add_text(texts, &m->member)) || ((looked & POSTERN_LOOKS_ERROR) != 0 && !add_text(texts, &m->error)) ||
        ((looked & POSTERN_LOOKS_DESTINATION) != 0 && !add_text(texts, &m->destination)) || ((looked & POSTERN_LOOKS_SENDER) != 0 && !add_text(texts, &sender)))
        return false;
    texts->hash = hash_of(texts->text, texts->len, mix(key->to, key->how));
    return true;
}

static inline uint64_t word64(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

static inline uint32_t word32(const char *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

/* Most texts are a few words long, and then a call of memcmp() costs more than what it does. */
static inline bool is_same(const char *a, const char *b, uint32_t len)
{
    uint32_t i = 0;

    for (; len - i >= sizeof(uint64_t); i += (uint32_t)sizeof(uint64_t))
        if (word64(a + i) != word64(b + i))
            return false;
    /* The rest, with some of what was compared before: */
    if (len >= sizeof(uint64_t))
        return word64(a + len - sizeof(uint64_t)) == word64(b + len - sizeof(uint64_t));
    if (len >= sizeof(uint32_t))
        return word32(a) == word32(b) && word32(a + len - sizeof(uint32_t)) == word32(b + len - sizeof(uint32_t));
    return len == 0 || memcmp(a, b, len) == 0;
}

/* Is this what add_text() wrote? Moves behind it. */
static inline bool is_next(const char **at, const struct postern_view *view)
{
    const char *text = *at + sizeof(view->len);
    uint32_t len;

    memcpy(&len, *at, sizeof(len));
    *at = text + len;
    return len == view->len && is_same(text, view->data, len);
}

/* The same for the sender's name, which comes last. It is a string, whose length need not be counted. */
static inline bool is_sender(const char *at, const struct postern_party *party)
{
    const char *name = party != NULL && party->unique_name != NULL ? party->unique_name : "";
    uint32_t len;

    memcpy(&len, at, sizeof(len));
    return strncmp(at + sizeof(len), name, len) == 0 && name[len] == '\0';
}

/* Would collect() write this, for the same key? Whoever calls does so again, mostly: then the texts need no copy and no hash. */
static bool is_about(const struct postern_cache_text *text, const struct postern_cache_key *key, const struct postern_request *request, uint8_t looked)
{
    const struct postern_message *m = request->message;
    const char *at = text->text + 1;

    return same_key(&text->key, key) && (uint8_t)text->text[0] == looked && ((looked & POSTERN_LOOKS_PATH) == 0 || is_next(&at, &m->path)) &&
           ((looked & POSTERN_LOOKS_INTERFACE) == 0 || is_next(&at, &m->interface)) && ((looked & POSTERN_LOOKS_MEMBER) == 0 || is_next(&at, &m->member)) &&
           ((looked & POSTERN_LOOKS_ERROR) == 0 || is_next(&at, &m->error)) &&
           ((looked & POSTERN_LOOKS_DESTINATION) == 0 || is_next(&at, &m->destination)) &&
           ((looked & POSTERN_LOOKS_SENDER) == 0 || is_sender(at, request->from));
}

/* ---- the same again ---------------------------------------------------------------------------------------------- */

static void note_kind(struct postern_cache *cache, const struct postern_request *request, const struct postern_cache_key *key,
                      const struct postern_decision *kept)
{
    if (cache->kinds == NULL)
        cache->kinds = calloc(POSTERN_CACHE_KINDS, sizeof(*cache->kinds));
    if (cache->kinds != NULL)
        cache->kinds[request->kind % POSTERN_CACHE_KINDS] = (struct postern_cache_kind){.kind = request->kind, .from = key->from, .to = key->to,
            .generation = cache->generation, .flags = request->flags & ~POSTERN_REQUEST_SAME, .number = kept->number, .decision = kept};
}

void postern_cache_note(struct postern_cache *cache, const struct postern_request *request, const struct postern_cache_key *key,
                        const struct postern_decision *kept)
{
    cache->last_message = NULL;
    if (kept == NULL)
        return;
    postern_cache_note_last(cache, request, key->from, key->to, kept);
    if (postern_request_has_kind(request))
        note_kind(cache, request, key, kept);
}

/* ---- finding and keeping ------------------------------------------------------------------------------------------ */

const struct postern_decision *postern_cache_find(const struct postern_cache *cache, const struct postern_cache_key *key,
                                                  const struct postern_request *request)
{
    struct postern_cache_pair *pair = cache->pairs != NULL ? find_pair(cache, key) : NULL;
    const struct postern_cache_text *found;
    struct texts texts;

    if (pair == NULL)
        return NULL;
    if (pair->looked == 0)
        return pair->known ? &pair->decision : NULL;
    if (pair->last != NULL && is_about(pair->last, key, request, pair->looked)) {
        pair->misses = 0;
        return &pair->last->decision;
    }
    if (cache->texts == NULL || !collect(key, request, pair->looked, &texts))
        return NULL;
    found = find_text(cache, key, &texts);
    if (found == NULL) {
        pair->misses += pair->misses < MISSES_MAX;
        return NULL;
    }
    pair->misses = 0;
    pair->last = found;
    return &found->decision;
}

static struct postern_cache_pair *get_pair(struct postern_cache *cache, const struct postern_cache_key *key)
{
    struct postern_cache_pair *pair;

    if (cache->pairs == NULL)
        cache->pairs = calloc(ROWS * PAIR_SETS * WAYS, sizeof(*cache->pairs));
    if (cache->pairs == NULL)
        return NULL;
    pair = find_pair(cache, key);
    if (pair == NULL) {
        pair = &cache->pairs[first_place(key, mix(key->to, key->how), PAIR_SETS) + cache->turn++ % WAYS];
        *pair = (struct postern_cache_pair){.key = *key};
    }
    return pair;
}

static const struct postern_decision *keep_text(struct postern_cache *cache, const struct postern_cache_key *key, const struct texts *texts,
                                               const struct postern_decision *decision)
{
    struct postern_cache_text *place;

    if (cache->texts == NULL)
        cache->texts = calloc(ROWS * TEXT_SETS * WAYS, sizeof(*cache->texts));
    if (cache->texts == NULL)
        return NULL;
    place = &cache->texts[first_place(key, texts->hash, TEXT_SETS) + cache->turn++ % WAYS];
    place->key = *key;
    place->hash = texts->hash;
    place->len = texts->len;
    place->decision = *decision;
    place->decision.number = ++cache->numbers;
    memcpy(place->text, texts->text, texts->len);
    return &place->decision;
}

const struct postern_decision *postern_cache_keep(struct postern_cache *cache, const struct postern_cache_key *key, const struct postern_request *request,
                                                  uint8_t looked, const struct postern_decision *decision)
{
    struct postern_cache_pair *pair = get_pair(cache, key);
    struct texts texts;

    if (pair == NULL)
        return NULL;
    /* Which texts matter may depend on other texts: from now on, all that ever did are compared. */
    pair->looked |= looked;
    if (pair->looked == 0) {
        pair->known = true;
        pair->decision = *decision;
        pair->decision.number = ++cache->numbers;
        return &pair->decision;
    }
    /* What never comes again is not worth the keeping: of a row of such texts only some are kept, to see whether that has changed. */
    if (pair->misses == MISSES_MAX && cache->turn++ % MISSES_MAX != 0)
        return NULL;
    return collect(key, request, pair->looked, &texts) ? keep_text(cache, key, &texts, decision) : NULL;
}
