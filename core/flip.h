/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values in one byte order turned into the other. */
#ifndef POSTERN_CORE_FLIP_H
#define POSTERN_CORE_FLIP_H

#include <stddef.h>
#include <stdint.h>

/* Writes to `out`, of len bytes, the valid body of the byte order `order` in the other one; nothing moves. 0 or -EBADMSG. */
int postern_flip(char order, const char *signature, const uint8_t *body, size_t len, uint8_t *out);

#endif
