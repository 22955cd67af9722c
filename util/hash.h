/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uthash, set up for hostile keys: SipHash with a secret of the process, so that nobody can choose keys that collide, and
 * no exit() when memory runs out. Include this, never <uthash.h>.
 *
 * After HASH_ADD in any form the element is in the table unless memory ran out; then element->hh.tbl is NULL.
 */
#ifndef POSTERN_UTIL_HASH_H
#define POSTERN_UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* SipHash-1-3 of n bytes under the process's secret (the kernel's AT_RANDOM). */
uint64_t postern_hash(const void *data, size_t n);
/* The same of two words, in fewer steps; the result is another. */
uint64_t postern_hash_words(uint64_t a, uint64_t b);

#define HASH_NONFATAL_OOM 1
/* A table is made for a first element, grows, and ends with its last. A malloc() with a memset() behind it would become a calloc(): see util/zalloc.h. */
#define uthash_bzero(memory, n) explicit_bzero((memory), (n))
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = (unsigned)postern_hash((keyptr), (keylen)))
#include <uthash.h>

#endif
