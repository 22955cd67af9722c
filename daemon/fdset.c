/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/fdset.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct postern_fdset *take(struct postern_fdset_pool *pool, uint32_t room)
{
    struct postern_fdset *set = pool->free;

    if (room > POSTERN_FDSET_SMALL || set == NULL)
        return malloc(sizeof(*set) + room * sizeof(int));
    pool->free = set->next;
    pool->n--;
    return set;
}

struct postern_fdset *postern_fdset_new(struct postern_fdset_pool *pool, const int *fds, uint32_t n)
{
    uint32_t room = n > POSTERN_FDSET_SMALL ? n : POSTERN_FDSET_SMALL;
    struct postern_fdset *set = take(pool, room);

    if (set == NULL)
        return NULL;
    *set = (struct postern_fdset){.refs = 1, .n = n, .room = room, .pool = pool};
    memcpy(set->fds, fds, n * sizeof(int));
    return set;
}

struct postern_fdset *postern_fdset_ref(struct postern_fdset *set)
{
    set->refs++;
    return set;
}

void postern_fdset_unref(struct postern_fdset *set)
{
    struct postern_fdset_pool *pool;

    if (set == NULL || --set->refs > 0)
        return;
    for (uint32_t i = 0; i < set->n; i++)
        close(set->fds[i]);
    pool = set->pool;
    if (set->room > POSTERN_FDSET_SMALL || pool->n == POSTERN_FDSET_POOL_MAX) {
        free(set);
        return;
    }
    set->next = pool->free;
    pool->free = set;
    pool->n++;
}

void postern_fdset_pool_finish(struct postern_fdset_pool *pool)
{
    struct postern_fdset *set;

    while ((set = pool->free) != NULL) {
        pool->free = set->next;
        free(set);
    }
    pool->n = 0;
}
