/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/budget.h"

#include <time.h>

/* The coarse clock: it is only about which second it is. */
static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return time.tv_sec;
}

bool postern_budget_take(struct postern_audit_budget *budget, uint64_t *suppressed)
{
    int64_t second = now();

    if (budget->second != second) {
        budget->second = second;
        budget->lines = 0;
    }
    if (budget->lines >= POSTERN_AUDIT_LINES_PER_SECOND) {
        budget->suppressed++;
        return false;
    }
    budget->lines++;
    *suppressed = budget->suppressed;
    budget->suppressed = 0;
    return true;
}

bool postern_budget_is_new(struct postern_audit_complaints *complaints, uint64_t hash)
{
    int64_t second = now();

    if (complaints->second != second) {
        complaints->second = second;
        complaints->n = 0;
    }
    for (uint32_t i = 0; i < complaints->n; i++)
        if (complaints->seen[i] == hash)
            return false;
    if (complaints->n == POSTERN_AUDIT_COMPLAINTS_PER_SECOND)
        return false;
    complaints->seen[complaints->n++] = hash;
    return true;
}
