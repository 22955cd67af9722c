/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers of either byte order at any address. Inside wire/ only. */
#ifndef POSTERN_WIRE_BYTES_H
#define POSTERN_WIRE_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t postern_load32(const uint8_t *p, char order)
{
    uint32_t value;

    memcpy(&value, p, sizeof(value));
    return order == 'l' ? le32toh(value) : be32toh(value);
}

static inline uint64_t postern_load64(const uint8_t *p, char order)
{
    uint64_t value;

    memcpy(&value, p, sizeof(value));
    return order == 'l' ? le64toh(value) : be64toh(value);
}

/* Is the padding p[from..to) all zero? to is the first multiple of 8 from `from` on, and not 0. The whole word that ends there is
 * looked at in one step: in the order of bytes 'l', whatever the message's is, the padding is its upper part. */
static inline bool postern_is_padding8(const uint8_t *p, size_t from, size_t to)
{
    return from == to || postern_load64(p + to - 8, 'l') >> 8 * (from & 7) == 0;
}

/* The same for multiples of 4. */
static inline bool postern_is_padding4(const uint8_t *p, size_t from, size_t to)
{
    return from == to || postern_load32(p + to - 4, 'l') >> 8 * (from & 3) == 0;
}

static inline void postern_store32(uint8_t *p, char order, uint32_t value)
{
    value = order == 'l' ? htole32(value) : htobe32(value);
    memcpy(p, &value, sizeof(value));
}

#endif
