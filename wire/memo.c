/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a header is valid, and what it says, depends on its bytes alone. Three things in it may differ from those that were parsed: the
 * flags, which may have any value; the serials, which must not be 0; the length of the body, which must fit the message and be 0 or not as
 * before, since it goes with the signature. All else must be the same.
 */
#include "wire/memo.h"

#include <stdbool.h>
#include <string.h>

#include "wire/bytes.h"
#include "wire/signature.h"

#define FIELDS_LEN_AT 12u

/* Byte order, type and version: the first word without the flags. */
#define KIND_MASK UINT32_C(0xff00ffff)

/* Where the body of this message begins, if it is a message; 0: too late or too early for its header to be kept. */
static inline uint32_t header_end(const uint8_t *p, uint32_t total)
{
    uint32_t fields_len, end;

    if (total < POSTERN_HEADER_FIXED)
        return 0;
    fields_len = postern_load32(p + FIELDS_LEN_AT, (char)p[0]);
    if (fields_len < 8 || fields_len > POSTERN_MEMO_HEADER_MAX - POSTERN_HEADER_FIXED)
        return 0;
    end = (uint32_t)postern_align(POSTERN_HEADER_FIXED + fields_len, 8);
    return end <= total ? end : 0;
}

/* Where a header like this would be. Any function of its bytes will do, if it does not look where the serial of a reply mostly is: last, or before a
 * signature that is. */
static inline struct postern_memo_slot *slot_of(struct postern_memo *memo, uint64_t sender, const uint8_t *p, uint32_t end)
{
    uint64_t key = postern_load64(p + end / 16 * 8, 'l') * 3 + postern_load64(p + end / 32 * 8, 'l') * 5 + end + p[1];

    uint64_t place = (key * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (POSTERN_MEMO_GROUP - 1);

    return &memo->slots[(sender & (POSTERN_MEMO_GROUPS - 1)) * POSTERN_MEMO_GROUP + place];
}

/* An empty slot is like nothing: its body begins nowhere. */
static inline bool is_like(struct postern_memo_slot *slot, uint64_t sender, const uint8_t *p, uint32_t total, uint32_t end)
{
    const struct postern_header *known = &slot->header;
    const uint32_t zero = 0;
    uint32_t body_len;

    if (slot->sender != sender || known->body_start != end || total > POSTERN_MESSAGE_MAX || ((postern_load32(p, 'l') ^ postern_load32(slot->bytes, 'l')) & KIND_MASK) != 0)
        return false;
    body_len = postern_load32(p + 4, known->order);
    if (body_len != total - end || (body_len > 0) != (known->body_len > 0) || memcmp(p + 8, &zero, sizeof(zero)) == 0)
        return false;
    if (slot->header.reply_at > 0) {
        if (memcmp(p + slot->header.reply_at, &zero, sizeof(zero)) == 0)
            return false;
        /* What is kept is valid with any other reply serial, too. */
        memcpy(slot->bytes + slot->header.reply_at, p + slot->header.reply_at, sizeof(zero));
    }
    return memcmp(p + FIELDS_LEN_AT, slot->bytes + FIELDS_LEN_AT, end - FIELDS_LEN_AT) == 0;
}

/* The view that stands in `to` where this one stands in `from`. */
static inline struct postern_field_view moved(struct postern_field_view view, const uint8_t *from, const uint8_t *to)
{
    if (view.s != NULL)
        view.s = (const char *)to + (view.s - (const char *)from);
    return view;
}

static inline void move_views(struct postern_header *to, const struct postern_header *known, const uint8_t *from, const uint8_t *p)
{
    to->path = moved(known->path, from, p);
    to->interface = moved(known->interface, from, p);
    to->member = moved(known->member, from, p);
    to->error = moved(known->error, from, p);
    to->destination = moved(known->destination, from, p);
    to->sender = (struct postern_field_view){0};
    to->signature = moved(known->signature, from, p);
}

static inline void repeat(const struct postern_memo_slot *slot, const uint8_t *p, uint32_t total, struct postern_header *header)
{
    const struct postern_header *known = &slot->header;

    *header = *known;
    header->flags = p[2];
    header->serial = postern_load32(p + 8, known->order);
    header->reply_serial = known->reply_at > 0 ? postern_load32(p + known->reply_at, known->order) : 0;
    header->body_len = total - known->body_start;
    move_views(header, known, slot->bytes, p);
}

static inline void keep(struct postern_memo *memo, struct postern_memo_slot *slot, uint64_t sender, const uint8_t *p, struct postern_header *header)
{
    header->kind = ++memo->kinds;
    slot->sender = sender;
    memcpy(slot->bytes, p, header->body_start);
    slot->header = *header;
    move_views(&slot->header, header, p, slot->bytes);
}

int postern_memo_parse(struct postern_memo *memo, uint64_t sender, const uint8_t *p, uint32_t total, struct postern_header *header)
{
    uint32_t end = header_end(p, total);
    struct postern_memo_slot *slot = end > 0 ? slot_of(memo, sender, p, end) : NULL;
    int r;

    if (slot != NULL && is_like(slot, sender, p, total, end)) {
        repeat(slot, p, total, header);
        return 0;
    }
    r = postern_header_parse(p, total, header);
    if (r == 0 && slot != NULL && header->clean)
        keep(memo, slot, sender, p, header);
    return r;
}
