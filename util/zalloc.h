/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory of zeros for what comes and goes with each connection. calloc() of glibc before 2.41 passes by the cache of memory that was freed lately,
 * and costs ten times as much as malloc(); whatever is not made often is better off with it.
 */
#ifndef POSTERN_UTIL_ZALLOC_H
#define POSTERN_UTIL_ZALLOC_H

#include <stddef.h>

/* n bytes, all 0, for free(); NULL: out of memory. */
void *postern_zalloc(size_t n);

#endif
