/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/see.h"

#include <string.h>

#include "core/audit.h"
#include "core/mediator.h"
#include "wire/name.h"

/* Every rule makes what it is about visible. */
static const struct postern_rule_query any_rule;

static bool covers_name(const struct postern_instance *instance, const char *name, size_t len)
{
    return postern_instance_rule_for_name(instance, name, len, &any_rule) != NULL;
}

/* By any of the names it owns, or owned when it began to leave. */
static bool covers_party(const struct postern_instance *instance, const struct postern_party *party)
{
    if (postern_instance_rule_for_party(instance, party, &any_rule) != NULL)
        return true;
    for (size_t i = 0; i < party->n_departed; i++)
        if (covers_name(instance, party->departed[i]->name, party->departed[i]->len))
            return true;
    return false;
}

/* Rules with the empty name are about connections that are in no other container, by whatever name. */
static bool covers_outsider(const struct postern_instance *instance, const struct postern_party *party)
{
    return party != NULL && party->instance == NULL &&
           (postern_ruleset_find_any(instance->rules, &any_rule) != NULL ||
            postern_ruleset_find_any(instance->site_rules, &any_rule) != NULL);
}

static bool is_own_name(const struct postern_party *party, const char *name)
{
    return name == NULL || (party->unique_name != NULL && strcmp(party->unique_name, name) == 0);
}

/* A connection by its unique name. */
static uint32_t see_party(const struct postern_instance *instance, const struct postern_party *target)
{
    if (target->instance == instance || covers_party(instance, target))
        return POSTERN_SEE_INSPECT;
    return postern_instance_was_contacted(instance, target) ? POSTERN_SEE_EXISTS : POSTERN_SEE_HIDDEN;
}

/* A well-known name. What makes its owner visible by another name does not make this one visible. */
static uint32_t see_name(const struct postern_instance *instance, const struct postern_party *owner, const char *name)
{
    if (owner != NULL && owner->instance == instance)
        return POSTERN_SEE_INSPECT;
    return covers_name(instance, name, strlen(name)) || covers_outsider(instance, owner) ? POSTERN_SEE_INSPECT
                                                                                         : POSTERN_SEE_HIDDEN;
}

/* What mode restrict answers. */
static uint32_t see_restricted(const struct postern_party *observer, const struct postern_party *target, const char *name)
{
    const struct postern_instance *instance = observer->instance;

    if (target == NULL && strcmp(name, POSTERN_DRIVER_NAME) == 0)
        return POSTERN_SEE_EXISTS; /* everybody knows the bus, but its credentials are no container's business */
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
    restricted = see_restricted(observer, target, name);
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
    return see_party(observer->instance, target) == POSTERN_SEE_INSPECT;
}
