/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/see.h"

#include <string.h>

#include "core/audit.h"
#include "core/grant.h"
#include "core/mediator.h"
#include "wire/name.h"

/* Every rule makes what it is about visible. */
static const struct postern_rule_query any_rule;

/* What mode restrict answers, and why. */
struct sight {
    uint32_t level;                 /* POSTERN_SEE_... */
    const struct postern_rule *rule; /* NULL: none */
    uint32_t statement;             /* of the baseline, without a rule */
};

static const struct sight hidden = {.level = POSTERN_SEE_HIDDEN};

static struct sight by_rule(const struct postern_rule *rule)
{
    return rule != NULL ? (struct sight){.level = POSTERN_SEE_INSPECT, .rule = rule} : hidden;
}

static struct sight by_baseline(uint32_t level, uint32_t statement)
{
    return (struct sight){.level = level, .statement = statement};
}

static const struct postern_rule *rule_for_name(const struct postern_instance *instance, const char *name, size_t len)
{
    return postern_instance_rule_for_name(instance, name, len, &any_rule);
}

/* By any of the names it owns, or owned when it began to leave. */
static const struct postern_rule *rule_for_party(const struct postern_instance *instance, const struct postern_party *party)
{
    const struct postern_rule *rule = postern_instance_rule_for_party(instance, party, &any_rule);

    for (size_t i = 0; rule == NULL && i < party->n_departed; i++)
        rule = rule_for_name(instance, party->departed[i]->name, party->departed[i]->len);
    return rule;
}

/* Rules with the empty name are about connections that are in no other container, by whatever name. */
static const struct postern_rule *rule_for_outsider(const struct postern_instance *instance, const struct postern_party *party)
{
    const struct postern_rule *rule;

    if (party == NULL || party->instance != NULL)
        return NULL;
    rule = postern_ruleset_find_any(instance->rules, &any_rule);
    return rule != NULL ? rule : postern_ruleset_find_any(instance->site_rules, &any_rule);
}

static bool is_own_name(const struct postern_party *party, const char *name)
{
    return name == NULL || (party->unique_name != NULL && strcmp(party->unique_name, name) == 0);
}

/* A connection by its unique name. */
static struct sight see_party(const struct postern_instance *instance, const struct postern_party *target)
{
    const struct postern_rule *rule;

    if (target->instance == instance)
        return by_baseline(POSTERN_SEE_INSPECT, 2);
    rule = rule_for_party(instance, target);
    if (rule == NULL && postern_instance_was_contacted(instance, target))
        return by_baseline(POSTERN_SEE_EXISTS, 3);
    return by_rule(rule);
}

/* A well-known name. What makes its owner visible by another name does not make this one visible. */
static struct sight see_name(const struct postern_instance *instance, const struct postern_party *owner, const char *name)
{
    const struct postern_rule *rule;

    if (owner != NULL && owner->instance == instance)
        return by_baseline(POSTERN_SEE_INSPECT, 2);
    rule = rule_for_name(instance, name, strlen(name));
    if (rule == NULL && owner != NULL)
        rule = postern_grant_find_name(owner, instance, name);
    return by_rule(rule != NULL ? rule : rule_for_outsider(instance, owner));
}

bool postern_see_hides_name(const struct postern_instance *instance, const struct postern_party *owner, const char *name)
{
    return see_name(instance, owner, name).level == POSTERN_SEE_HIDDEN;
}

static struct sight see_restricted(const struct postern_party *observer, const struct postern_party *target, const char *name)
{
    const struct postern_instance *instance = observer->instance;

    if (target == NULL && strcmp(name, POSTERN_DRIVER_NAME) == 0)
        return by_baseline(POSTERN_SEE_EXISTS, 1); /* everybody knows the bus, but its credentials are no container's business */
    if (target == NULL)
        target = postern_party_find(observer->mediator, name, strlen(name));
    if (target != NULL && is_own_name(target, name))
        return see_party(instance, target);
    return see_name(instance, target, name);
}

/* The name under which a person would allow it. */
static const char *name_for_people(const struct postern_party *target, const char *name)
{
    if (target == NULL || !is_own_name(target, name))
        return name;
    for (size_t i = 0; i < target->n_names; i++)
        if (target->names[i].primary)
            return target->names[i].name->name;
    return target->unique_name;
}

uint32_t postern_see(const struct postern_party *observer, const struct postern_party *target, const char *name)
{
    uint32_t restricted;

    if (observer == NULL || (target == NULL && name == NULL))
        return POSTERN_SEE_HIDDEN;
    if (!postern_instance_is_ruled(observer->instance))
        return POSTERN_SEE_INSPECT; /* visibility is a matter of containers with rules; the XML door has no say in it */
    restricted = see_restricted(observer, target, name).level;
    if (observer->instance->mode != POSTERN_MODE_COMPLAIN)
        return restricted;
    if (restricted == POSTERN_SEE_HIDDEN)
        postern_audit_shown(observer, name_for_people(target, name));
    return POSTERN_SEE_INSPECT;
}

bool postern_see_may_inspect(const struct postern_party *observer, const struct postern_party *target)
{
    if (!postern_instance_is_ruled(observer->instance))
        return true; /* as above */
    return see_party(observer->instance, target).level == POSTERN_SEE_INSPECT;
}

uint32_t postern_see_explain(const struct postern_party *observer, const struct postern_party *target, const char *name,
                             struct postern_opinion *opinion)
{
    bool complains = postern_instance_is_ruled(observer->instance) && observer->instance->mode == POSTERN_MODE_COMPLAIN;
    struct sight sight;

    *opinion = (struct postern_opinion){.kind = POSTERN_OPINION_ABSTAIN};
    if (!postern_instance_is_ruled(observer->instance))
        return POSTERN_SEE_INSPECT; /* as above */
    sight = see_restricted(observer, target, name);
    if (sight.rule != NULL)
        opinion->rule = sight.rule->ref;
    else if (sight.statement != 0)
        opinion->rule = (struct postern_rule_ref){.kind = POSTERN_RULE_BASELINE, .index = sight.statement};
    opinion->kind = sight.level != POSTERN_SEE_HIDDEN || complains ? POSTERN_OPINION_ALLOW : POSTERN_OPINION_DENY;
    if (sight.level == POSTERN_SEE_HIDDEN) {
        opinion->why = "no rule makes it visible";
        opinion->complaints = complains ? 1u << POSTERN_END_SENDER : 0;
    }
    return complains ? POSTERN_SEE_INSPECT : sight.level;
}
