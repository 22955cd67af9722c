/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules as they come over the wire, "a(usos)", and go over it. */
#ifndef POSTERN_CORE_RULELIST_H
#define POSTERN_CORE_RULELIST_H

#include <stddef.h>

#include "core/rule.h"
#include "util/error.h"
#include "wire/reader.h"
#include "wire/writer.h"

#define POSTERN_RULELIST_BYTES_MAX (256u << 10) /* of one list: rules outlive the call that brings them */

struct postern_rulelist {
    struct postern_rule *rules;
    size_t n;
};

/* Reads the next value, an a(usos) that errors call `what`, of at most `max` rules. Each rule's ref is its index. 0; -EINVAL or -EDQUOT with
 * what is wrong, and in which rule, in *error; -ENOMEM. On failure *list is empty. */
int postern_rulelist_read(struct postern_reader *r, const char *what, uint64_t max, struct postern_rulelist *list, struct postern_error *error);
void postern_rulelist_finish(struct postern_rulelist *list);

/* Writes the four members of one rule, into a struct that is open. */
void postern_rulelist_write(struct postern_writer *w, const struct postern_rule *rule);

#endif
