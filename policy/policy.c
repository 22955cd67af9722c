/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/index.h"
#include "util/hash.h"
#include "util/zalloc.h"

/* The rules of the three kinds that are asked of subjects; CONNECT rules are asked of the set. */
#define N_SNAPSHOT_KINDS POSTERN_ACCESS_CONNECT

struct snapshot {
    const struct postern_access **rules[N_SNAPSHOT_KINDS]; /* in ascending order of precedence */
    struct postern_index *index[N_SNAPSHOT_KINDS];
    uint32_t number;   /* from 1 */
    UT_hash_handle hh; /* by key */
    size_t n_key;
    uint32_t key[]; /* whom all rules tell apart, uid, groups: those that some rule mentions */
};

struct postern_policy {
    struct postern_access *rules[POSTERN_ACCESS_KINDS]; /* by context, then as written */
    size_t n[POSTERN_ACCESS_KINDS];
    uint32_t *uids, *gids; /* those of <policy>, sorted, without duplicates */
    size_t n_uids, n_gids;
    struct snapshot *snapshots;
};

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static bool mentions(const uint32_t *ids, size_t n, uint32_t id)
{
    return n > 0 && bsearch(&id, ids, n, sizeof(id), by_number) != NULL;
}

/* Sorts ids and drops what stands there twice. */
static size_t sort_ids(uint32_t *ids, size_t n)
{
    size_t unique = 0;

    qsort(ids, n, sizeof(*ids), by_number);
    for (size_t i = 0; i < n; i++)
        if (unique == 0 || ids[unique - 1] != ids[i])
            ids[unique++] = ids[i];
    return unique;
}

/* What a policy is made of. */
struct sources {
    const struct postern_busconfig_rule *rules;
    size_t n;
    const struct postern_service_entry *services; /* the first; NULL: none */
};

/* Collects the ids of the <policy user=> or <policy group=> elements; the users of services are users as well. */
static int collect_ids(const struct sources *from, enum postern_policy_context context, uint32_t **ids, size_t *n_ids)
{
    bool users = context == POSTERN_CONTEXT_USER;
    uint32_t *list = calloc(from->n + (users ? HASH_COUNT(from->services) : 0) + 1, sizeof(*list));
    size_t count = 0;

    if (list == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < from->n; i++)
        if (from->rules[i].context == context && from->rules[i].context_known)
            list[count++] = from->rules[i].context_id;
    for (const struct postern_service_entry *service = from->services; users && service != NULL; service = service->hh.next)
        if (service->has_owner)
            list[count++] = service->owner;
    *ids = list;
    *n_ids = sort_ids(list, count);
    return 0;
}

static int make_room(struct postern_policy *made, const struct sources *from)
{
    for (size_t i = 0; i < from->n; i++)
        made->n[postern_access_kind_of(&from->rules[i])]++;
    for (const struct postern_service_entry *service = from->services; service != NULL; service = service->hh.next) {
        made->n[POSTERN_ACCESS_OWN] += service->has_owner;
        made->n[POSTERN_ACCESS_SEND] += service->is_open;
    }
    for (int kind = 0; kind < POSTERN_ACCESS_KINDS; kind++) {
        made->rules[kind] = calloc(made->n[kind] + 1, sizeof(*made->rules[kind]));
        if (made->rules[kind] == NULL)
            return -ENOMEM;
        made->n[kind] = 0;
    }
    return 0;
}

static void add(struct postern_policy *made, const struct postern_access *access)
{
    made->rules[access->kind][made->n[access->kind]++] = *access;
}

static void add_services(struct postern_policy *made, const struct sources *from)
{
    struct postern_access access;

    for (const struct postern_service_entry *service = from->services; service != NULL; service = service->hh.next) {
        if (service->has_owner) {
            postern_access_init_owner(&access, service);
            add(made, &access);
        }
        if (service->is_open) {
            postern_access_init_open(&access, service);
            add(made, &access);
        }
    }
}

static void add_rules(struct postern_policy *made, const struct sources *from)
{
    struct postern_access access;

    for (int context = POSTERN_CONTEXT_DEFAULT; context <= POSTERN_CONTEXT_MANDATORY; context++) {
        for (size_t i = 0; i < from->n; i++)
            if ((int)from->rules[i].context == context) {
                postern_access_init(&access, &from->rules[i]);
                add(made, &access);
            }
        /* Last of their context: what it denies to everybody by and large, a service may open for itself; what a more special context
         * denies, it may not. */
        if (context == POSTERN_CONTEXT_DEFAULT)
            add_services(made, from);
    }
}

int postern_policy_new_with(const struct postern_busconfig_rule *rules, size_t n, const struct postern_service_table *services,
                            struct postern_policy **set)
{
    const struct sources from = {.rules = rules, .n = n, .services = services != NULL ? services->entries : NULL};
    struct postern_policy *made = calloc(1, sizeof(*made));

    if (made == NULL)
        return -ENOMEM;
    if (collect_ids(&from, POSTERN_CONTEXT_USER, &made->uids, &made->n_uids) < 0 ||
        collect_ids(&from, POSTERN_CONTEXT_GROUP, &made->gids, &made->n_gids) < 0 || make_room(made, &from) < 0) {
        postern_policy_free(made);
        return -ENOMEM;
    }
    add_rules(made, &from);
    *set = made;
    return 0;
}

int postern_policy_new(const struct postern_busconfig_rule *rules, size_t n, struct postern_policy **set)
{
    return postern_policy_new_with(rules, n, NULL, set);
}

static void snapshot_free(struct snapshot *snapshot)
{
    for (int kind = 0; kind < N_SNAPSHOT_KINDS; kind++) {
        postern_index_free(snapshot->index[kind]);
        free(snapshot->rules[kind]);
    }
    free(snapshot);
}

void postern_policy_free(struct postern_policy *set)
{
    struct snapshot *snapshot, *next;

    if (set == NULL)
        return;
    HASH_ITER(hh, set->snapshots, snapshot, next)
    {
        HASH_DEL(set->snapshots, snapshot);
        snapshot_free(snapshot);
    }
    for (int kind = 0; kind < POSTERN_ACCESS_KINDS; kind++)
        free(set->rules[kind]);
    free(set->uids);
    free(set->gids);
    free(set);
}

/* An empty snapshot with its key: what tells subjects apart as far as these rules go. */
static struct snapshot *snapshot_key(const struct postern_policy *set, const struct postern_subject *subject)
{
    struct snapshot *snapshot = postern_zalloc(sizeof(*snapshot) + (2 + subject->n_groups) * sizeof(snapshot->key[0]));

    if (snapshot == NULL)
        return NULL;
    /* Root is told apart because of rules whose user or group could not be looked up. */
    snapshot->key[0] = subject->has_uid | (uint32_t)subject->at_console << 1 | (uint32_t)(subject->has_uid && subject->uid == 0) << 2;
    snapshot->key[1] = subject->has_uid && mentions(set->uids, set->n_uids, subject->uid) ? subject->uid : UINT32_MAX;
    snapshot->n_key = 2;
    for (size_t i = 0; i < subject->n_groups; i++)
        if (mentions(set->gids, set->n_gids, subject->groups[i]))
            snapshot->key[snapshot->n_key++] = subject->groups[i]; /* sorted and each once, says util/peer.h */
    return snapshot;
}

static int snapshot_fill(const struct postern_policy *set, const struct postern_subject *subject, struct snapshot *snapshot)
{
    for (int kind = 0; kind < N_SNAPSHOT_KINDS; kind++) {
        uint32_t n = 0;

        snapshot->rules[kind] = calloc(set->n[kind] + 1, sizeof(*snapshot->rules[kind]));
        if (snapshot->rules[kind] == NULL)
            return -ENOMEM;
        for (size_t i = 0; i < set->n[kind]; i++)
            if (postern_access_applies(&set->rules[kind][i], subject))
                snapshot->rules[kind][n++] = &set->rules[kind][i];
        if (postern_index_new(snapshot->rules[kind], n, &snapshot->index[kind]) < 0)
            return -ENOMEM;
    }
    return 0;
}

const void *postern_policy_snapshot(struct postern_policy *set, const struct postern_subject *subject)
{
    struct snapshot *made = snapshot_key(set, subject), *found;

    if (made == NULL)
        return NULL;
    HASH_FIND(hh, set->snapshots, made->key, made->n_key * sizeof(made->key[0]), found);
    if (found == NULL && HASH_COUNT(set->snapshots) < POSTERN_POLICY_SNAPSHOTS_MAX && snapshot_fill(set, subject, made) == 0) {
        HASH_ADD(hh, set->snapshots, key[0], made->n_key * sizeof(made->key[0]), made);
        made->number = HASH_COUNT(set->snapshots);
        if (made->hh.tbl != NULL)
            return made;
    }
    snapshot_free(made);
    return found;
}

uint32_t postern_policy_snapshot_number(const void *snapshot)
{
    return snapshot != NULL ? ((const struct snapshot *)snapshot)->number : 0;
}

const struct postern_access *postern_policy_find(struct postern_policy *set, const void *snapshot, struct postern_question *question)
{
    const struct snapshot *own = snapshot;
    const struct postern_access *found;

    if (own != NULL && postern_index_find(own->index[question->kind], question, &found) == 0)
        return found;
    question->looked = POSTERN_LOOKS_ALL;
    return postern_policy_find_linear(set, question);
}

const struct postern_access *postern_policy_find_linear(const struct postern_policy *set, const struct postern_question *question)
{
    for (size_t i = set->n[question->kind]; i > 0; i--) {
        const struct postern_access *rule = &set->rules[question->kind][i - 1];

        if (postern_access_applies(rule, &question->subject) && postern_access_matches(rule, question))
            return rule;
    }
    return NULL;
}

const struct postern_access *postern_policy_find_connect(const struct postern_policy *set, const struct postern_subject *subject)
{
    for (size_t i = set->n[POSTERN_ACCESS_CONNECT]; i > 0; i--) {
        const struct postern_access *rule = &set->rules[POSTERN_ACCESS_CONNECT][i - 1];
        /* at_console cannot be known before somebody is connected; dbus-daemon does not ask such rules either. */
        bool counts = rule->context == POSTERN_CONTEXT_DEFAULT || rule->context == POSTERN_CONTEXT_MANDATORY;

        if (counts && postern_access_matches_account(rule, subject))
            return rule;
    }
    return NULL;
}
