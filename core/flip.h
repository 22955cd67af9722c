/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Message bodies of the other byte order, turned into this machine's. */
#ifndef POSTERN_CORE_FLIP_H
#define POSTERN_CORE_FLIP_H

#include <stddef.h>
#include <stdint.h>

/* Writes to `out`, of len bytes, the validated body of the other order in the machine's own; nothing moves. 0 or -EBADMSG. */
int postern_flip(char order, const char *signature, const uint8_t *body, size_t len, uint8_t *out);

#endif
