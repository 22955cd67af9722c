/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words for a decision: in the log, for who watches, and in explanations. */
#ifndef POSTERN_CORE_WORDS_H
#define POSTERN_CORE_WORDS_H

#include "core/door.h"
#include "core/rule.h"
#include "util/buf.h"

#define POSTERN_WORDS_RULE_MAX 300

/* "xml", "container", "lsm", "none". */
const char *postern_words_door(uint8_t door);
/* "restrict", "complain" and so on. */
const char *postern_words_mode(uint32_t mode);
/* "sender" or "receiver". */
const char *postern_words_end(uint8_t end);
/* "send", "own", "release" and so on. */
const char *postern_words_action(const struct postern_request *request);
/* "file:line", "index:3", "grant:7", "baseline:4", "apparmor:send" or "none". Returns text. */
const char *postern_words_rule(const struct postern_rule_ref *rule, char text[POSTERN_WORDS_RULE_MAX]);

/* Appends the text form of the smallest rule of the container at this end that would let the request pass, as far as one could; nothing when
 * none could. 0 or -ENOMEM. */
int postern_words_needed_rule(const struct postern_request *request, uint8_t end, struct postern_buf *text);

#endif
