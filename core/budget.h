/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much a connection or a container may write into the log. */
#ifndef POSTERN_CORE_BUDGET_H
#define POSTERN_CORE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* How many lines a party or instance has had in the current second. */
struct postern_audit_budget {
    int64_t second;
    uint32_t lines;
    uint64_t suppressed;
};

#define POSTERN_AUDIT_LINES_PER_SECOND 20
#define POSTERN_AUDIT_COMPLAINTS_PER_SECOND 128

/* Mode complain: which rules have been missed in this second, by the hash of their text. */
struct postern_audit_complaints {
    int64_t second;
    uint32_t n;
    uint64_t seen[POSTERN_AUDIT_COMPLAINTS_PER_SECOND];
};

/* Takes one line out of the budget of this second. True: it may be written, and *suppressed is how many before it could not. */
bool postern_budget_take(struct postern_audit_budget *budget, uint64_t *suppressed);
/* Is this the first time in this second that the rule with this hash is missed? False also when too many others were. */
bool postern_budget_is_new(struct postern_audit_complaints *complaints, uint64_t hash);

#endif
