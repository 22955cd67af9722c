/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All rules of one configuration, and for each sort of subject those that apply to it. */
#ifndef POSTERN_POLICY_RULESET_H
#define POSTERN_POLICY_RULESET_H

#include "policy/access.h"

/* Subjects for which different rules apply, at most; more are served without an index. Who has which uid and groups is the system's
 * to say, so this is far beyond what a machine has. */
#define POSTERN_RULESET_SNAPSHOTS_MAX 1024u

struct postern_ruleset;

/* Compiles the rules, whose strings must outlive it. 0 or -ENOMEM. */
int postern_ruleset_new(const struct postern_busconfig_rule *rules, size_t n, struct postern_ruleset **set);
void postern_ruleset_free(struct postern_ruleset *set); /* NULL is allowed */

/* The snapshot of the rules for a subject, shared by all for whom the same rules apply; it lives as long as the set. NULL when out
 * of memory or beyond the bound: postern_ruleset_find() does without. */
const void *postern_ruleset_snapshot(struct postern_ruleset *set, const struct postern_subject *subject);

/* The rule that decides: the last that matches, NULL when none does. snapshot is that of the question's subject, or NULL. */
const struct postern_access *postern_ruleset_find(struct postern_ruleset *set, const void *snapshot, struct postern_question *question);
/* The same, asking every rule. */
const struct postern_access *postern_ruleset_find_linear(const struct postern_ruleset *set, const struct postern_question *question);
/* The rule that decides whether the subject may connect. */
const struct postern_access *postern_ruleset_find_connect(const struct postern_ruleset *set, const struct postern_subject *subject);

#endif
