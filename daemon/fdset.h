/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The descriptors of one message, shared by all queues it stands in and closed with the last of them. Small sets come from a pool, so that a
 * message with descriptors takes no memory anew.
 */
#ifndef POSTERN_DAEMON_FDSET_H
#define POSTERN_DAEMON_FDSET_H

#include <stdint.h>

#define POSTERN_FDS_MAX 253 /* SCM_MAX_FD: as many as one sendmsg() passes */

#define POSTERN_FDSET_SMALL 8u     /* descriptors; hardly a message has more */
#define POSTERN_FDSET_POOL_MAX 64u /* small sets that are kept */

struct postern_fdset {
    uint32_t refs;
    uint32_t n;
    uint32_t room;
    uint64_t end;                    /* of what has come and no message has claimed yet: the stream position that belongs to it */
    struct postern_fdset *next;      /* what has come after it, or in the pool */
    struct postern_fdset_pool *pool; /* it came from, and goes back to */
    int fds[];
};

/* Zeroed at first. Must outlive its sets. */
struct postern_fdset_pool {
    struct postern_fdset *free;
    uint32_t n;
};

/* Takes n descriptors over, on success only. NULL: out of memory. */
struct postern_fdset *postern_fdset_new(struct postern_fdset_pool *pool, const int *fds, uint32_t n);
struct postern_fdset *postern_fdset_ref(struct postern_fdset *set);
void postern_fdset_unref(struct postern_fdset *set); /* NULL is allowed */

void postern_fdset_pool_finish(struct postern_fdset_pool *pool);

#endif
