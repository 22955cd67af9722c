/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole messages that the bus itself originates, in the machine's byte order. */
#ifndef POSTERN_WIRE_MESSAGE_H
#define POSTERN_WIRE_MESSAGE_H

#include <stdint.h>

#include "util/buf.h"

/* What a message says; absent strings are NULL. */
struct postern_message_parts {
    uint8_t type;
    uint8_t flags;
    uint32_t serial;       /* not 0 */
    uint32_t reply_serial; /* 0: absent */
    uint32_t fds;          /* 0: absent */
    const char *path, *interface, *member, *error, *destination, *sender;
    const char *signature; /* NULL or "": no body */
    const void *body;
    uint32_t body_len;
};

/* 'l' or 'B': how this machine orders bytes. */
char postern_native_order(void);

/* Appends the marshalled message to buf. 0, or -ENOMEM or -EMSGSIZE with buf unchanged. */
int postern_message_build(struct postern_buf *buf, const struct postern_message_parts *parts);

#endif
