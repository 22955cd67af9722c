/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules of a container, indexed by the names that they are about, so that a thousand of them cost no more than one. Immutable. */
#ifndef POSTERN_CORE_RULESET_H
#define POSTERN_CORE_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rule.h"
#include "postern/module.h"

struct postern_ruleset;

/* What is looked for in a rule. Any rule at all makes its name visible: with need 0 every rule does. */
struct postern_rule_query {
    uint32_t need;                         /* all these bits of POSTERN_ALLOW_... */
    const struct postern_message *message; /* its path, interface and member must match, too; NULL: they do not matter */
    uint8_t *looked; /* what the answer depended on, of POSTERN_LOOKS_..., is added here; NULL: nobody wants to know */
};

/* Takes over rules[0..n), an allocated array, also on failure. 0 and a new set, or -ENOMEM. */
int postern_ruleset_new(struct postern_rule *rules, size_t n, struct postern_ruleset **set);
void postern_ruleset_free(struct postern_ruleset *set); /* NULL is allowed */

/* How many rules there are; set may be NULL, here and below. */
size_t postern_ruleset_count(const struct postern_ruleset *set);
/* Is any of them about a unique name? */
bool postern_ruleset_has_unique(const struct postern_ruleset *set);
/* Calls fn for each rule, in the order in which they were given. */
void postern_ruleset_each(const struct postern_ruleset *set, void (*fn)(void *data, const struct postern_rule *rule), void *data);

/* The first rule that covers this well-known or unique name and fits the query, or NULL. */
const struct postern_rule *postern_ruleset_find_name(const struct postern_ruleset *set, const char *name, size_t len,
                                                     const struct postern_rule_query *query);
/* The same of the rules whose name is empty: they are about connections, never about names. */
const struct postern_rule *postern_ruleset_find_any(const struct postern_ruleset *set, const struct postern_rule_query *query);

#endif
