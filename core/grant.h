/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Grants: what a connection lets containers do with itself, on top of their own rules. A grant belongs to its granter and ends with it; a rule of
 * it that is about a name ends when the granter loses the name; one for a single instance ends with that. docs/containers.md, "Services that
 * open themselves".
 *
 * Per granter there is an audience for each sort of container that something was granted to: any, a type, a name, a type and name, one instance.
 * An audience finds its rules by path, interface and member, so that a message costs the same whatever the number of grants.
 */
#ifndef POSTERN_CORE_GRANT_H
#define POSTERN_CORE_GRANT_H

#include <stdint.h>

#include "core/instance.h"
#include "core/party.h"
#include "core/rulelist.h"
#include "core/ruleset.h"
#include "util/error.h"

#define POSTERN_GRANT_PATH_MAX 512u    /* bytes of a path that is granted */
#define POSTERN_GRANT_ELEMENTS_MAX 24u /* and its elements: a message is compared with what lies above it, one by one */
#define POSTERN_GRANT_ALIKE_MAX 64u  /* rules of one audience that differ in nothing that a message could tell them apart by */

/* Whom a grant is for: NULL, each: any. An instance that has another type or name than those given is a mistake of the caller's. */
struct postern_grant_who {
    const char *type;
    const char *name;
    struct postern_instance *instance;
};

/* Grants the rules, which are taken over in either case. 0 with the grant's number, one of this granter's and never used again; -EACCES when the granter does
 * not own a name, or is contained and names none; -EINVAL for what cannot be granted; -EDQUOT beyond a limit; -ENOMEM. With *error. */
int postern_grant_make(struct postern_party *granter, const struct postern_grant_who *who, struct postern_rulelist *rules, uint32_t *id,
                       struct postern_error *error);
/* Ends a grant of the granter's. 0, or -EINVAL when there is none with this number. */
int postern_grant_revoke(struct postern_party *granter, uint32_t id);

/* The rule of a grant by which the instance may do with the party what the query says, or NULL. */
const struct postern_rule *postern_grant_find(const struct postern_party *party, const struct postern_instance *instance,
                                              const struct postern_rule_query *query);
/* A rule of a grant of the party that makes this name of it visible to the instance, or NULL. */
const struct postern_rule *postern_grant_find_name(const struct postern_party *party, const struct postern_instance *instance, const char *name);

/* The party does not own the name any more: what it granted about it ends with postern_grants_settle(), which comes before anything that a
 * connection sends is decided. Until then it makes the name visible, so that those who saw it can be told that it has gone. */
void postern_grants_name_lost(struct postern_party *party, const char *name);
/* Drops what ends because a name was lost. */
void postern_grants_settle(struct postern_mediator *mediator);
/* The instance, or the party, is gone. */
void postern_grants_instance_gone(struct postern_instance *instance);
void postern_grants_party_gone(struct postern_party *party);

/* How many rules are granted to this instance alone. */
uint32_t postern_grants_to(const struct postern_instance *instance);
/* Calls fn for each rule that is granted to the instance, with its granter. */
void postern_grants_each(const struct postern_mediator *mediator, const struct postern_instance *instance,
                         void (*fn)(void *data, const struct postern_rule *rule, const struct postern_party *granter), void *data);

#endif
