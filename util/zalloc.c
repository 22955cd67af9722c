/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/zalloc.h"

#include <stdlib.h>
#include <string.h>

void *postern_zalloc(size_t n)
{
    void *memory = malloc(n);

    /* As memset(), but that no compiler makes a calloc() of it. */
    if (memory != NULL)
        explicit_bzero(memory, n);
    return memory;
}
