/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Variables that free what they hold when their scope ends: postern_autofree char *p = NULL; */
#ifndef POSTERN_UTIL_CLEANUP_H
#define POSTERN_UTIL_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void postern_cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void postern_cleanup_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define postern_autofree __attribute__((cleanup(postern_cleanup_free)))
#define postern_autoclose __attribute__((cleanup(postern_cleanup_close)))

#endif
