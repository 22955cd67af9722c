/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/lograte.h"

#include <syslog.h>

#include "daemon/timeout.h"

#define LINES_PER_SECOND 10u

bool postern_lograte_allows(struct postern_lograte *rate, const struct postern_log *log, const char *kept)
{
    uint64_t second = postern_timeout_now() / 1000;

    if (second != rate->second) {
        if (rate->lines > LINES_PER_SECOND)
            postern_log(log, LOG_NOTICE, "%s: %u more in that second", kept, rate->lines - LINES_PER_SECOND);
        rate->second = second;
        rate->lines = 0;
    }
    return rate->lines++ < LINES_PER_SECOND;
}
