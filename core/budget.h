/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much a connection or a container may write into the log. */
#ifndef POSTERN_CORE_BUDGET_H
#define POSTERN_CORE_BUDGET_H

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

#endif
