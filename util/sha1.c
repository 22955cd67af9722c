/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/sha1.h"

#include <endian.h>
#include <string.h>

#define BLOCK 64u

static uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

/* FIPS 180-4, 4.1.1 and 4.2.1: the function and the constant of each of the four times twenty rounds. */
static uint32_t mix(int round, uint32_t b, uint32_t c, uint32_t d)
{
    switch (round / 20) {
    case 0:
        return ((b & c) | (~b & d)) + 0x5a827999u;
    case 1:
        return (b ^ c ^ d) + 0x6ed9eba1u;
    case 2:
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
    default:
        return (b ^ c ^ d) + 0xca62c1d6u;
    }
}

/* FIPS 180-4, 6.1.2. */
static void add_block(uint32_t h[5], const uint8_t *block)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

    memcpy(w, block, BLOCK);
    for (int i = 0; i < 16; i++)
        w[i] = be32toh(w[i]);
    for (int i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t next = rotate(a, 5) + mix(i, b, c, d) + e + w[i];

        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
    explicit_bzero(w, sizeof(w));
}

void postern_sha1(const void *data, size_t n, uint8_t sum[POSTERN_SHA1_BYTES])
{
    uint32_t h[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    const uint64_t bits = htobe64((uint64_t)n * 8);
    uint8_t last[2 * BLOCK] = {0};
    const uint8_t *p = data;
    size_t rest = n, end;

    for (; rest >= BLOCK; rest -= BLOCK, p += BLOCK)
        add_block(h, p);
    if (rest > 0)
        memcpy(last, p, rest);
    last[rest] = 0x80; /* 5.1.1: a one, zeros, the length in bits */
    end = rest + 1 + sizeof(bits) <= BLOCK ? BLOCK : 2 * BLOCK;
    memcpy(last + end - sizeof(bits), &bits, sizeof(bits));
    for (size_t i = 0; i < end; i += BLOCK)
        add_block(h, last + i);
    for (int i = 0; i < 5; i++) {
        h[i] = htobe32(h[i]);
        memcpy(sum + 4 * i, &h[i], 4);
    }
    explicit_bzero(last, sizeof(last));
}

void postern_hex(const uint8_t *bytes, size_t n, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * n] = '\0';
}
