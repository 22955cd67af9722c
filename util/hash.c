/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SipHash-1-3 (Aumasson and Bernstein), one compression and three finalisation rounds. */
#include "util/hash.h"

#include <endian.h>
#include <string.h>
#include <sys/auxv.h>

static inline uint64_t rotate(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* The 16 random bytes the kernel gives to every program are the key: the same for the life of the process. */
static const uint8_t *key_bytes(void)
{
    static const uint8_t *bytes;

    if (bytes == NULL)
        bytes = (const uint8_t *)getauxval(AT_RANDOM);
    return bytes;
}

static inline void begin(uint64_t v[4])
{
    uint64_t key[2];

    memcpy(key, key_bytes(), sizeof(key));
    v[0] = key[0] ^ UINT64_C(0x736f6d6570736575);
    v[1] = key[1] ^ UINT64_C(0x646f72616e646f6d);
    v[2] = key[0] ^ UINT64_C(0x6c7967656e657261);
    v[3] = key[1] ^ UINT64_C(0x7465646279746573);
}

static inline void add(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static inline uint64_t end(uint64_t v[4])
{
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The bytes behind the last whole word, `left` < 8 of the n that end there, lowest first. */
static inline uint64_t last_bytes(const uint8_t *p, size_t left, size_t n)
{
    uint64_t word = 0;

    if (left == 0)
        return 0;
    if (n >= 8) {
        memcpy(&word, p + left - 8, 8);
        return le64toh(word) >> (8 * (8 - left));
    }
    for (size_t i = 0; i < left; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

uint64_t postern_hash(const void *data, size_t n)
{
    const uint8_t *p = data;
    uint64_t word, v[4];
    size_t left = n;

    begin(v);
    for (; left >= 8; p += 8, left -= 8) {
        memcpy(&word, p, 8);
        add(v, le64toh(word));
    }
    add(v, (uint64_t)n << 56 | last_bytes(p, left, n));
    return end(v);
}

/* How many there are is always the same, and need not be in it. */
uint64_t postern_hash_words(uint64_t a, uint64_t b)
{
    uint64_t v[4];

    begin(v);
    add(v, a);
    add(v, b);
    return end(v);
}
