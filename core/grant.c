/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/grant.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "core/grant_audience.h"
#include "core/mediator.h"

/* How long the texts of what one connection grants may be, for each rule that it may grant. */
#define BYTES_PER_RULE 256u

/* One call of Grant. */
struct postern_grant {
    uint32_t id;
    struct postern_party *granter;
    struct postern_granted *rules; /* what is left of them */
    UT_hash_handle hh;             /* in postern_grants.by_id */
};

struct postern_grants {
    struct postern_grant *by_id;
    struct postern_audience *audiences;
    uint32_t kinds[POSTERN_AUDIENCE_KINDS]; /* audiences of each kind */
    uint32_t last_id;
    uint32_t n_rules;
    uint64_t bytes; /* of the texts of rules and audiences */
};

/* ---- ending ------------------------------------------------------------------------------------------------- */

static uint64_t length_of(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

static uint64_t rule_bytes(const struct postern_rule *rule)
{
    return length_of(rule->name) + length_of(rule->path) + length_of(rule->interface) + length_of(rule->member);
}

static void drop_audience(struct postern_grants *grants, struct postern_audience *audience)
{
    if (audience->n_rules > 0)
        return;
    grants->bytes -= length_of(audience->type) + length_of(audience->name);
    if (audience->instance != NULL)
        DL_DELETE2(audience->instance->audiences, audience, instance_prev, instance_next);
    grants->kinds[audience->key.kind]--;
    HASH_DEL(grants->audiences, audience);
    postern_audience_free(audience);
}

static void drop_grant(struct postern_grant *grant)
{
    if (grant->rules != NULL)
        return;
    HASH_DEL(grant->granter->grants->by_id, grant);
    free(grant);
}

/* Takes a rule out of its audience, and ends its grant when it was the last. The audience stays, even empty. */
static void drop_rule(struct postern_granted *granted)
{
    struct postern_grant *grant = granted->grant;
    struct postern_mediator *mediator = grant->granter->mediator;

    if (granted->lost)
        DL_DELETE2(mediator->lost_grants, granted, lost_prev, lost_next);
    postern_audience_remove(granted);
    postern_cache_forget(grant->granter);
    DL_DELETE2(grant->rules, granted, grant_prev, grant_next);
    grant->granter->grants->n_rules--;
    grant->granter->grants->bytes -= rule_bytes(&granted->rule);
    postern_rule_finish(&granted->rule);
    free(granted);
    drop_grant(grant);
}

static void end_grant(struct postern_grant *grant)
{
    struct postern_grants *grants = grant->granter->grants;
    struct postern_audience *audience = grant->rules->audience; /* all rules of one grant have the same */
    bool last;

    do {
        last = grant->rules->grant_next == NULL;
        drop_rule(grant->rules);
    } while (!last);
    drop_audience(grants, audience);
}

int postern_grant_revoke(struct postern_party *granter, uint32_t id)
{
    struct postern_grant *grant = NULL;

    if (granter->grants != NULL)
        HASH_FIND(hh, granter->grants->by_id, &id, sizeof(id), grant);
    if (grant == NULL)
        return -EINVAL;
    end_grant(grant);
    return 0;
}

void postern_grants_party_gone(struct postern_party *party)
{
    struct postern_grant *grant, *next;

    if (party->grants == NULL)
        return;
    HASH_ITER(hh, party->grants->by_id, grant, next)
    end_grant(grant);
    free(party->grants);
    party->grants = NULL;
}

void postern_grants_instance_gone(struct postern_instance *instance)
{
    while (instance->audiences != NULL) {
        struct postern_audience *audience = instance->audiences;
        struct postern_grants *grants = audience->lists[POSTERN_AUDIENCE_ALL]->grant->granter->grants;

        while (audience->n_rules > 0)
            drop_rule(audience->lists[POSTERN_AUDIENCE_ALL]);
        drop_audience(grants, audience);
    }
}

void postern_grants_name_lost(struct postern_party *party, const char *name)
{
    struct postern_mediator *mediator = party->mediator;
    struct postern_grant *grant;

    /* Seldom, and only for services that grant something: nothing finds rules by name faster. */
    for (grant = party->grants != NULL ? party->grants->by_id : NULL; grant != NULL; grant = grant->hh.next)
        for (struct postern_granted *granted = grant->rules; granted != NULL; granted = granted->grant_next) {
            if (granted->lost || strcmp(granted->rule.name, name) != 0)
                continue;
            granted->lost = true;
            DL_APPEND2(mediator->lost_grants, granted, lost_prev, lost_next);
        }
}

void postern_grants_settle(struct postern_mediator *mediator)
{
    while (mediator->lost_grants != NULL) {
        struct postern_granted *granted = mediator->lost_grants;
        struct postern_audience *audience = granted->audience;
        struct postern_grants *grants = granted->grant->granter->grants;

        drop_rule(granted);
        drop_audience(grants, audience);
    }
}

/* ---- granting ----------------------------------------------------------------------------------------------- */

static bool owns(const struct postern_party *party, const char *name)
{
    return postern_party_find(party->mediator, name, strlen(name)) == party;
}

/* May this be granted at all, and by this granter? */
static int check_rule(const struct postern_party *granter, const struct postern_rule *rule, size_t i, struct postern_error *error)
{
    if ((rule->flags & POSTERN_ALLOW_OWN) != 0)
        return postern_error_set(error, -EINVAL, "rule %zu: owning a name is not a service's to grant", i);
    if ((rule->flags & POSTERN_ALLOW_NAME_SUBTREE) != 0)
        return postern_error_set(error, -EINVAL, "rule %zu: NAME_SUBTREE is about names of others; a grant is about names that the caller owns", i);
    if (rule->name[0] == ':')
        return postern_error_set(error, -EINVAL, "rule %zu: the empty name stands for the caller, whatever its unique name", i);
    if (strlen(rule->path) > POSTERN_GRANT_PATH_MAX || postern_audience_depth(rule->path) > POSTERN_GRANT_ELEMENTS_MAX)
        return postern_error_set(error, -EINVAL, "rule %zu: a path in a grant may have %u bytes and %u elements at most", i, POSTERN_GRANT_PATH_MAX,
                                 POSTERN_GRANT_ELEMENTS_MAX);
    if (*rule->name == '\0')
        return granter->instance == NULL ? 0 : postern_error_set(error, -EACCES, "rule %zu: a container may only grant what is about a name that it owns", i);
    /* In a container with rules, a name that is owned is one that a rule lets it own: others were never given, or have been released. */
    return owns(granter, rule->name) ? 0 : postern_error_set(error, -EACCES, "rule %zu: the caller does not own %s", i, rule->name);
}

/* Is there room for what the granter has granted already and this? Its texts count as well: a container's name may be long. */
static int check_limits(const struct postern_party *granter, const struct postern_grant_who *who, const struct postern_rulelist *rules,
                        struct postern_error *error)
{
    const struct postern_grants none = {.n_rules = 0}, *grants = granter->grants != NULL ? granter->grants : &none;
    uint64_t max = granter->mediator->settings.max_grants, bytes = grants->bytes + length_of(who->type) + length_of(who->name);

    for (size_t i = 0; i < rules->n; i++)
        bytes += rule_bytes(&rules->rules[i]);
    if (grants->n_rules + rules->n > max)
        return postern_error_set(error, -EDQUOT, "this connection has granted %" PRIu32 " rules, with these it would be more than %" PRIu64,
                                 grants->n_rules, max);
    if (bytes > max * BYTES_PER_RULE)
        return postern_error_set(error, -EDQUOT, "all that this connection grants would have %" PRIu64 " bytes of text, %" PRIu64 " are allowed", bytes,
                                 max * BYTES_PER_RULE);
    if (grants->last_id == UINT32_MAX)
        return postern_error_set(error, -EDQUOT, "this connection has no number left for a grant");
    return 0;
}

/* Does the instance have the type and name that are given beside it? What they are is not for containers to guess. */
static int check_who(const struct postern_party *granter, const struct postern_grant_who *who, struct postern_error *error)
{
    const struct postern_instance *instance = who->instance;

    if (instance != NULL && granter->instance != NULL && (who->type != NULL || who->name != NULL))
        return postern_error_set(error, -EINVAL, "a container names an instance alone, without type and name");
    if (instance == NULL || ((who->type == NULL || strcmp(who->type, instance->type) == 0) &&
                             (who->name == NULL || strcmp(who->name, instance->name) == 0)))
        return 0;
    return postern_error_set(error, -EINVAL, "the instance %s has another type or name than those given", instance->path);
}

static int check(const struct postern_party *granter, const struct postern_grant_who *who, const struct postern_rulelist *rules,
                 struct postern_error *error)
{
    int r = check_who(granter, who, error);

    if (r == 0 && rules->n == 0)
        r = postern_error_set(error, -EINVAL, "a grant without rules grants nothing");
    for (size_t i = 0; r == 0 && i < rules->n; i++)
        r = check_rule(granter, &rules->rules[i], i, error);
    return r == 0 ? check_limits(granter, who, rules, error) : r;
}

static struct postern_audience *find_audience(const struct postern_grants *grants, const struct postern_audience_key *key)
{
    struct postern_audience *audience;

    HASH_FIND(hh, grants->audiences, key, sizeof(*key), audience);
    return audience;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static int get_audience(struct postern_grants *grants, const struct postern_grant_who *who, struct postern_audience **audience)
{
    struct postern_audience *made, *found;
    int r = postern_audience_new(who, &made);

    if (r < 0)
        return r;
    found = find_audience(grants, &made->key);
    if (found != NULL) {
        /* Keys are hashes; of two that are the same by chance, the second is refused. */
        r = found->instance == made->instance && same_text(found->type, made->type) && same_text(found->name, made->name) ? 0 : -EEXIST;
        postern_audience_free(made);
        *audience = found;
        return r;
    }
    HASH_ADD(hh, grants->audiences, key, sizeof(made->key), made);
    if (made->hh.tbl == NULL) {
        postern_audience_free(made);
        return -ENOMEM;
    }
    grants->kinds[made->key.kind]++;
    grants->bytes += length_of(made->type) + length_of(made->name);
    if (made->instance != NULL)
        DL_APPEND2(made->instance->audiences, made, instance_prev, instance_next);
    *audience = made;
    return 0;
}

/* Adds one rule, whose strings it takes over on success. */
static int add_rule(struct postern_grant *grant, struct postern_audience *audience, struct postern_rule *rule)
{
    struct postern_granted *granted = calloc(1, sizeof(*granted));
    int r;

    if (granted == NULL)
        return -ENOMEM;
    granted->rule = *rule;
    granted->rule.ref = (struct postern_rule_ref){.kind = POSTERN_RULE_GRANT, .index = grant->id};
    granted->grant = grant;
    r = postern_audience_add(audience, granted);
    if (r < 0) {
        free(granted);
        return r;
    }
    grant->granter->grants->bytes += rule_bytes(rule);
    *rule = (struct postern_rule){.flags = 0};
    DL_APPEND2(grant->rules, granted, grant_prev, grant_next);
    grant->granter->grants->n_rules++;
    postern_cache_forget(grant->granter);
    return 0;
}

static struct postern_grant *new_grant(struct postern_party *granter)
{
    struct postern_grant *grant = calloc(1, sizeof(*grant));

    if (grant == NULL)
        return NULL;
    grant->id = granter->grants->last_id + 1;
    grant->granter = granter;
    HASH_ADD(hh, granter->grants->by_id, id, sizeof(grant->id), grant);
    if (grant->hh.tbl == NULL) {
        free(grant);
        return NULL;
    }
    return grant;
}

static int make(struct postern_party *granter, const struct postern_grant_who *who, struct postern_rulelist *rules, uint32_t *id)
{
    struct postern_audience *audience;
    struct postern_grant *grant;
    int r;

    if (granter->grants == NULL)
        granter->grants = calloc(1, sizeof(*granter->grants));
    if (granter->grants == NULL)
        return -ENOMEM;
    r = get_audience(granter->grants, who, &audience);
    if (r < 0)
        return r;
    grant = new_grant(granter);
    if (grant == NULL) {
        drop_audience(granter->grants, audience);
        return -ENOMEM;
    }
    for (size_t i = 0; r == 0 && i < rules->n; i++)
        r = add_rule(grant, audience, &rules->rules[i]);
    if (r == 0) {
        granter->grants->last_id = *id = grant->id;
        return 0;
    }
    if (grant->rules != NULL) {
        end_grant(grant);
    } else {
        drop_grant(grant);
        drop_audience(granter->grants, audience);
    }
    return r;
}

int postern_grant_make(struct postern_party *granter, const struct postern_grant_who *who, struct postern_rulelist *rules, uint32_t *id,
                       struct postern_error *error)
{
    int r;

    postern_grants_settle(granter->mediator);
    r = check(granter, who, rules, error);
    if (r == 0) {
        r = make(granter, who, rules, id);
        if (r == -EDQUOT)
            postern_error_set(error, r, "%u rules that no message could tell apart are granted already", POSTERN_GRANT_ALIKE_MAX);
        else if (r == -EEXIST)
            r = postern_error_set(error, -EDQUOT, "something was granted to others whom this bus cannot tell from these: revoke that first");
        else if (r < 0)
            postern_error_set(error, r, "out of memory");
    }
    postern_rulelist_finish(rules);
    return r;
}

/* ---- asking ------------------------------------------------------------------------------------------------- */

/* The audience of this kind that the instance is in, or NULL. */
static const struct postern_audience *audience_of(const struct postern_grants *grants, int kind, const struct postern_instance *instance)
{
    struct postern_audience_key key;
    const struct postern_audience *audience;

    if (grants->kinds[kind] == 0)
        return NULL;
    key = postern_audience_key_of((enum postern_audience_kind)kind, instance);
    audience = find_audience(grants, &key);
    return audience != NULL && postern_audience_has(audience, instance) ? audience : NULL;
}

const struct postern_rule *postern_grant_find(const struct postern_party *party, const struct postern_instance *instance,
                                              const struct postern_rule_query *query)
{
    const struct postern_rule *rule = NULL;

    for (int kind = 0; party->grants != NULL && rule == NULL && kind < POSTERN_AUDIENCE_KINDS; kind++) {
        const struct postern_audience *audience = audience_of(party->grants, kind, instance);

        if (audience != NULL)
            rule = postern_audience_find(audience, query);
    }
    return rule;
}

const struct postern_rule *postern_grant_find_name(const struct postern_party *party, const struct postern_instance *instance, const char *name)
{
    const struct postern_rule *rule = NULL;

    for (int kind = 0; party->grants != NULL && rule == NULL && kind < POSTERN_AUDIENCE_KINDS; kind++) {
        const struct postern_audience *audience = audience_of(party->grants, kind, instance);

        if (audience != NULL)
            rule = postern_audience_find_name(audience, name);
    }
    return rule;
}

uint32_t postern_grants_to(const struct postern_instance *instance)
{
    uint32_t n = 0;

    for (const struct postern_audience *audience = instance->audiences; audience != NULL; audience = audience->instance_next)
        n += audience->n_rules;
    return n;
}

void postern_grants_each(const struct postern_mediator *mediator, const struct postern_instance *instance,
                         void (*fn)(void *data, const struct postern_rule *rule, const struct postern_party *granter), void *data)
{
    for (const struct postern_party *party = mediator->parties; party != NULL; party = party->hh.next)
        for (int kind = 0; party->grants != NULL && kind < POSTERN_AUDIENCE_KINDS; kind++) {
            const struct postern_audience *audience = audience_of(party->grants, kind, instance);
            const struct postern_granted *granted = audience != NULL ? audience->lists[POSTERN_AUDIENCE_ALL] : NULL;

            for (; granted != NULL; granted = granted->lists[POSTERN_AUDIENCE_ALL].next)
                if (!granted->lost)
                    fn(data, &granted->rule, party);
        }
}
