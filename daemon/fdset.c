/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/fdset.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct postern_fdset *postern_fdset_new(const int *fds, uint32_t n)
{
    struct postern_fdset *set = malloc(sizeof(*set) + n * sizeof(int));

    if (set == NULL)
        return NULL;
    set->refs = 1;
    set->n = n;
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
    if (set == NULL || --set->refs > 0)
        return;
    for (uint32_t i = 0; i < set->n; i++)
        close(set->fds[i]);
    free(set);
}
