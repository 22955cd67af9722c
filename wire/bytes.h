/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers of either byte order at any address. Inside wire/ only. */
#ifndef POSTERN_WIRE_BYTES_H
#define POSTERN_WIRE_BYTES_H

#include <endian.h>
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

static inline void postern_store32(uint8_t *p, char order, uint32_t value)
{
    value = order == 'l' ? htole32(value) : htobe32(value);
    memcpy(p, &value, sizeof(value));
}

#endif
