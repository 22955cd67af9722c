/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text form of a rule, as users know it from sandboxing tools; postern-run(1) has the grammar for people.
 *
 *     see=NAME  talk=NAME  own=NAME  call=NAME[=WHAT]  broadcast=NAME[=WHAT]  send-fds=NAME[=WHAT]  receive-fds=NAME[=WHAT]
 *     NAME: a bus name; with .* behind it the name and all below it
 *     WHAT: [INTERFACE.][METHOD|*][@PATH]; PATH/ and a star behind it: the path and all below it. Without WHAT: everything.
 */
#ifndef POSTERN_CORE_RULETEXT_H
#define POSTERN_CORE_RULETEXT_H

#include "core/rule.h"
#include "util/buf.h"
#include "util/error.h"

/* Reads what stands behind the first "=" of the text form: word is "see", "talk", ..., text is NAME or NAME=WHAT. 0 with *rule,
 * which needs postern_rule_finish(); -EINVAL with what is wrong and what would be right in *error (NULL allowed); -ENOMEM. */
int postern_ruletext_parse(const char *word, const char *text, struct postern_rule *rule, struct postern_error *error);

/* Appends the text form of a rule, word and all. 0; -EOPNOTSUPP: no single text says exactly this (of rules that came out of
 * postern_ruletext_parse() one does); -ENOMEM. On failure buf is as it was. */
int postern_ruletext_print(const struct postern_rule *rule, struct postern_buf *buf);

#endif
