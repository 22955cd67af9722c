/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the last of many rules that matches, at a cost that does not grow with their number. Rules are put into buckets by the
 * texts that they compare with, one hash table for each shape of question; only those whose texts are the question's are asked.
 * The index never decides: each rule it finds is asked by policy/access.h.
 */
#ifndef POSTERN_POLICY_INDEX_H
#define POSTERN_POLICY_INDEX_H

#include "policy/access.h"

struct postern_index;

/* The shapes of questions of one kind: which fields there are. Tables are made when a question of their shape first comes. */
#define POSTERN_INDEX_SHAPES 7

/* An index over n rules of one kind, in ascending order of precedence. The array and the rules must outlive it. 0 or -ENOMEM. */
int postern_index_new(const struct postern_access *const *rules, uint32_t n, struct postern_index **index);
void postern_index_free(struct postern_index *index); /* NULL is allowed */

/* The matching rule of highest precedence goes to *found, NULL when none matches. question is only written to for hashes. 0; -ENOMEM
 * when a table could not be made, or -EOPNOTSUPP when a message lacks a field that its type must have: ask all rules then. */
int postern_index_find(struct postern_index *index, struct postern_question *question, const struct postern_access **found);

#endif
