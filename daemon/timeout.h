/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deadlines of one kind: since all have the same length, a list in the order of their start is sorted, and nothing costs more than a
 * link. The clock is read when one is set and, while any is set, once a round. */
#ifndef POSTERN_DAEMON_TIMEOUT_H
#define POSTERN_DAEMON_TIMEOUT_H

#include <stdint.h>

struct postern_timeout {
    struct postern_timeout *prev, *next;
    uint64_t deadline; /* milliseconds of CLOCK_MONOTONIC; 0: not set */
};

struct postern_timeouts {
    struct postern_timeout *first, *last;
    uint64_t length; /* milliseconds; 0: never */
    void (*expired)(struct postern_timeout *timeout); /* it is unset before the call */
};

uint64_t postern_timeout_now(void);
/* Does nothing when the length is 0 or it is already set. */
void postern_timeout_set(struct postern_timeouts *timeouts, struct postern_timeout *timeout);
/* Does nothing when it is not set. */
void postern_timeout_clear(struct postern_timeouts *timeouts, struct postern_timeout *timeout);
/* Calls expired() for all that are due. */
void postern_timeouts_expire(struct postern_timeouts *timeouts, uint64_t now);

#endif
