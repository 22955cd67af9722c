/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/timeout.h"

#include <stddef.h>
#include <time.h>

uint64_t postern_timeout_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void postern_timeout_set(struct postern_timeouts *timeouts, struct postern_timeout *timeout)
{
    struct postern_timeout *before = timeouts->last;

    if (timeouts->length == 0 || timeout->deadline != 0)
        return;
    timeout->deadline = postern_timeout_now() + timeouts->length;
    /* A reload may have shortened the length: then older ones with later deadlines are stepped over. */
    while (before != NULL && before->deadline > timeout->deadline)
        before = before->prev;
    timeout->prev = before;
    timeout->next = before != NULL ? before->next : timeouts->first;
    if (timeout->next != NULL)
        timeout->next->prev = timeout;
    else
        timeouts->last = timeout;
    if (before != NULL)
        before->next = timeout;
    else
        timeouts->first = timeout;
}

void postern_timeout_clear(struct postern_timeouts *timeouts, struct postern_timeout *timeout)
{
    if (timeout->deadline == 0)
        return;
    if (timeout->prev != NULL)
        timeout->prev->next = timeout->next;
    else
        timeouts->first = timeout->next;
    if (timeout->next != NULL)
        timeout->next->prev = timeout->prev;
    else
        timeouts->last = timeout->prev;
    *timeout = (struct postern_timeout){0};
}

void postern_timeouts_expire(struct postern_timeouts *timeouts, uint64_t now)
{
    while (timeouts->first != NULL && timeouts->first->deadline <= now) {
        struct postern_timeout *timeout = timeouts->first;

        postern_timeout_clear(timeouts, timeout);
        timeouts->expired(timeout);
    }
}
