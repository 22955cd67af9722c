/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All rules of one configuration, and for each sort of subject those that apply to it. */
#ifndef POSTERN_POLICY_POLICY_H
#define POSTERN_POLICY_POLICY_H

#include "policy/access.h"

/* Subjects for which different rules apply, at most; more are served without an index. Who has which uid and groups is the system's
 * to say, so this is far beyond what a machine has. */
#define POSTERN_POLICY_SNAPSHOTS_MAX 1024u

struct postern_policy;

/* Compiles the rules, whose strings must outlive it. 0 or -ENOMEM. */
int postern_policy_new(const struct postern_busconfig_rule *rules, size_t n, struct postern_policy **set);
/* The same, with what service files add behind the last rule of the default context. services may be NULL, and must outlive it, too. */
int postern_policy_new_with(const struct postern_busconfig_rule *rules, size_t n, const struct postern_service_table *services,
                            struct postern_policy **set);
void postern_policy_free(struct postern_policy *set); /* NULL is allowed */

/* The snapshot of the rules for a subject, shared by all for whom the same rules apply; it lives as long as the set. NULL when out
 * of memory or beyond the bound: postern_policy_find() does without. */
const void *postern_policy_snapshot(struct postern_policy *set, const struct postern_subject *subject);
/* Tells it from the others of its set: from 1 to POSTERN_POLICY_SNAPSHOTS_MAX; 0 for NULL. */
uint32_t postern_policy_snapshot_number(const void *snapshot);

/* The rule that decides: the last that matches, NULL when none does. snapshot is that of the question's subject, or NULL. */
const struct postern_access *postern_policy_find(struct postern_policy *set, const void *snapshot, struct postern_question *question);
/* The same, asking every rule. */
const struct postern_access *postern_policy_find_linear(const struct postern_policy *set, const struct postern_question *question);
/* The rule that decides whether the subject may connect. */
const struct postern_access *postern_policy_find_connect(const struct postern_policy *set, const struct postern_subject *subject);

#endif
