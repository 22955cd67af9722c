/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bound on log lines of one kind: whoever provokes them as fast as it can must not fill the log. */
#ifndef POSTERN_DAEMON_LOGRATE_H
#define POSTERN_DAEMON_LOGRATE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/log.h"

struct postern_lograte {
    uint64_t second; /* in which `lines` were asked for */
    uint32_t lines;
};

/* May one more line of this kind be written in this second? Ask once for each. The first question of a later second writes how many were
 * kept back, as "KEPT: N more in that second". */
bool postern_lograte_allows(struct postern_lograte *rate, const struct postern_log *log, const char *kept);

#endif
