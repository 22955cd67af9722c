/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was decided about the connections of an instance, in numbers. */
#ifndef POSTERN_CORE_FIGURES_H
#define POSTERN_CORE_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/door.h"

struct postern_decision;

#define POSTERN_FIGURES_DOORS 4 /* by enum postern_door */

struct postern_figures {
    uint64_t sent, received;             /* messages that were allowed */
    uint64_t bytes_sent, bytes_received; /* of their bodies */
    uint64_t fds_sent, fds_received;
    uint64_t denied[POSTERN_FIGURES_DOORS]; /* requests, by the door that denied first */
    uint64_t complaints;                    /* what was allowed only because of mode complain */
};

/* Counts a decision for the instances at both ends. Of denials counts who asked for it; receivers that are not let near a broadcast are the
 * normal case, and count for nobody. Between parties outside of containers there is nothing to count. */
void postern_figures_count(const struct postern_request *request, const struct postern_decision *decision);
/* Counts a message that may pass at the end that sends, and at the one that gets it. */
static inline void postern_figures_sent(struct postern_figures *figures, const struct postern_message *message)
{
    figures->sent++;
    figures->bytes_sent += message->body_len;
    figures->fds_sent += message->fds;
}

static inline void postern_figures_received(struct postern_figures *figures, const struct postern_message *message)
{
    figures->received++;
    figures->bytes_received += message->body_len;
    figures->fds_received += message->fds;
}

#endif
