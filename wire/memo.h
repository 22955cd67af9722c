/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Headers that were parsed lately. Programs say the same things again and again: of two messages of one kind only the serials, the body
 * and its length differ, and to compare a header with one that is known to be valid costs a fraction of finding out anew what it says.
 * Each sender has only its own headers to compare with: how long it takes tells nobody what others say, at most that they did.
 */
#ifndef POSTERN_WIRE_MEMO_H
#define POSTERN_WIRE_MEMO_H

#include <stdint.h>

#include "wire/header.h"

#define POSTERN_MEMO_HEADER_MAX 256u /* bytes up to the body; longer ones are not kept */
#define POSTERN_MEMO_GROUPS 64u /* of slots; a sender has one of them, with others */
#define POSTERN_MEMO_GROUP 4u

struct postern_memo_slot {
    uint64_t sender;
    struct postern_header header; /* clean; its views point into bytes. body_start 0: the slot is empty */
    uint8_t bytes[POSTERN_MEMO_HEADER_MAX];
};

/* A zeroed one is empty. It needs no cleaning up. */
struct postern_memo {
    uint64_t kinds; /* numbers that were given to headers */
    struct postern_memo_slot slots[POSTERN_MEMO_GROUPS * POSTERN_MEMO_GROUP];
};

/* postern_header_parse(), with the same answer to every message, whatever came before, but for header->kind. sender: a number of whose message it is, which nobody
 * else ever has. */
int postern_memo_parse(struct postern_memo *memo, uint64_t sender, const uint8_t *p, uint32_t total, struct postern_header *header);

#endif
