/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/body.h"
#include "wire/bytes.h"
#include "wire/name.h"
#include "wire/reader.h"
#include "wire/signature.h"

#define TYPE_METHOD_CALL 1
#define TYPE_METHOD_RETURN 2
#define TYPE_ERROR 3
#define TYPE_SIGNAL 4

#define LOCAL_INTERFACE "org.freedesktop.DBus.Local"
#define LOCAL_PATH "/org/freedesktop/DBus/Local"

/* The types of the fields, by code. */
static const char field_types[] = {0, 'o', 's', 's', 's', 'u', 's', 's', 'g', 'u', 'o'};
#define FIELDS_KNOWN (sizeof(field_types))

int postern_header_length(const uint8_t *p, size_t n, uint32_t max, uint32_t *total)
{
    uint64_t fields_len, len;

    if ((n > 0 && p[0] != 'l' && p[0] != 'B') || (n > 3 && p[3] != 1))
        return -EBADMSG;
    if (n < POSTERN_HEADER_FIXED)
        return 0;
    fields_len = postern_load32(p + 12, (char)p[0]);
    if (fields_len > POSTERN_FIELDS_MAX)
        return -EBADMSG;
    len = postern_align(POSTERN_HEADER_FIXED + fields_len, 8) + (uint64_t)postern_load32(p + 4, (char)p[0]);
    if (len > max || len > POSTERN_MESSAGE_MAX)
        return -EBADMSG;
    *total = (uint32_t)len;
    return 1;
}

static bool is_zero(const uint8_t *p, size_t from, size_t to)
{
    while (from < to)
        if (p[from++] != 0)
            return false;
    return true;
}

/* A string of `size` bytes of length at pos; the offset behind its NUL, or 0. */
static inline size_t parse_text(const struct postern_header *header, const uint8_t *p, size_t pos, size_t end, size_t size,
                                struct postern_field_view *view)
{
    uint32_t len;

    if (end - pos < size)
        return 0;
    len = size == 1 ? p[pos] : postern_load32(p + pos, header->order);
    pos += size;
    if (len >= end - pos || p[pos + len] != '\0')
        return 0;
    view->s = (const char *)p + pos;
    view->len = len;
    return pos + len + 1;
}

static inline size_t parse_u32(const struct postern_header *header, const uint8_t *p, size_t pos, size_t end, uint32_t *value)
{
    if (end - pos < 4)
        return 0;
    *value = postern_load32(p + pos, header->order);
    return pos + 4;
}

static inline size_t parse_name(const struct postern_header *header, const uint8_t *p, size_t pos, size_t end,
                                struct postern_field_view *view, bool (*is_valid)(const char *s, size_t len))
{
    size_t after = parse_text(header, p, pos, end, 4, view);

    return after > 0 && is_valid(view->s, view->len) ? after : 0;
}

/* The value of the known field `code` at pos, which is a multiple of 4; the offset behind it, or 0 when it is not valid. */
static size_t parse_known(struct postern_header *header, const uint8_t *p, size_t pos, size_t end, unsigned code)
{
    struct postern_field_view other = {0};
    size_t after;

    switch (code) {
    case POSTERN_FIELD_PATH:
        return parse_name(header, p, pos, end, &header->path, postern_path_is_valid);
    case POSTERN_FIELD_INTERFACE:
        return parse_name(header, p, pos, end, &header->interface, postern_name_is_interface);
    case POSTERN_FIELD_MEMBER:
        return parse_name(header, p, pos, end, &header->member, postern_name_is_member);
    case POSTERN_FIELD_ERROR_NAME:
        return parse_name(header, p, pos, end, &header->error, postern_name_is_error);
    case POSTERN_FIELD_DESTINATION:
        return parse_name(header, p, pos, end, &header->destination, postern_name_is_bus);
    case POSTERN_FIELD_SENDER:
        header->clean = false;
        return parse_name(header, p, pos, end, &header->sender, postern_name_is_bus);
    case POSTERN_FIELD_INSTANCE:
        header->clean = false;
        return parse_name(header, p, pos, end, &other, postern_path_is_valid);
    case POSTERN_FIELD_SIGNATURE:
        after = parse_text(header, p, pos, end, 1, &header->signature);
        return after > 0 && postern_signature_is_valid(header->signature.s, header->signature.len) ? after : 0;
    case POSTERN_FIELD_REPLY_SERIAL:
        after = parse_u32(header, p, pos, end, &header->reply_serial);
        return header->reply_serial != 0 ? after : 0;
    default:
        return parse_u32(header, p, pos, end, &header->fds);
    }
}

/* The field at pos, a multiple of 8; the offset behind it, or 0. seen: bits of the known fields so far. */
static size_t parse_field(struct postern_header *header, const uint8_t *p, size_t pos, size_t end, uint32_t *seen)
{
    unsigned code;
    size_t used;

    if (end - pos < 5)
        return 0;
    code = p[pos];
    if (code == 0)
        return 0;
    if (code >= FIELDS_KNOWN) {
        /* Of whatever type; it goes no further, so handles in it need not exist. The outer struct looks like the inner one alone and
         * stands for the array around it: what copy_kept() reads over must not be too deep for its reader. */
        header->clean = false;
        if (postern_body_validate_prefix(header->order, "((yv))", 6, p + pos, end - pos, UINT32_MAX, &used) < 0)
            return 0;
        return pos + used;
    }
    if ((*seen & 1u << code) != 0 || p[pos + 1] != 1 || (char)p[pos + 2] != field_types[code] || p[pos + 3] != '\0')
        return 0;
    *seen |= 1u << code;
    return parse_known(header, p, pos + 4, end, code);
}

static bool parse_fields(struct postern_header *header, const uint8_t *p)
{
    size_t pos = POSTERN_HEADER_FIXED, end = POSTERN_HEADER_FIXED + (size_t)header->fields_len;
    uint32_t seen = 0;

    while (pos < end) {
        size_t start = postern_align(pos, 8);

        if (start >= end || !is_zero(p, pos, start))
            return false;
        pos = parse_field(header, p, start, end, &seen);
        if (pos == 0)
            return false;
    }
    return is_zero(p, end, header->body_start);
}

/* "Message Types" and "Header Fields": what each type must have. */
static bool has_required(const struct postern_header *header)
{
    switch (header->type) {
    case TYPE_METHOD_CALL:
        return header->path.s != NULL && header->member.s != NULL;
    case TYPE_METHOD_RETURN:
        return header->reply_serial != 0;
    case TYPE_ERROR:
        return header->error.s != NULL && header->reply_serial != 0;
    case TYPE_SIGNAL:
        return header->path.s != NULL && header->interface.s != NULL && header->member.s != NULL;
    default:
        return header->type != 0; /* unknown types are well-formed, whatever their fields */
    }
}

static bool view_is(const struct postern_field_view *view, const char *s, size_t len)
{
    return view->s != NULL && view->len == len && memcmp(view->s, s, len) == 0;
}

int postern_header_parse(const uint8_t *p, uint32_t total, struct postern_header *header)
{
    struct postern_header found = {.clean = true};
    uint32_t expected;

    if (postern_header_length(p, total, total, &expected) != 1 || expected != total)
        return -EBADMSG;
    found.order = (char)p[0];
    found.type = p[1];
    found.flags = p[2];
    found.body_len = postern_load32(p + 4, found.order);
    found.serial = postern_load32(p + 8, found.order);
    found.fields_len = postern_load32(p + 12, found.order);
    found.body_start = total - found.body_len;
    if (found.serial == 0 || !parse_fields(&found, p) || !has_required(&found))
        return -EBADMSG;
    /* Reserved for what a library tells its own program: "Standard Interfaces", org.freedesktop.DBus.Local. */
    if (view_is(&found.interface, LOCAL_INTERFACE, strlen(LOCAL_INTERFACE)) ||
        view_is(&found.path, LOCAL_PATH, strlen(LOCAL_PATH)))
        return -EBADMSG;
    /* Every value takes at least a byte, so that each of the two implies the other. */
    if ((found.signature.len > 0) != (found.body_len > 0))
        return -EBADMSG;
    *header = found;
    return 0;
}

/* A string field at `to`, which holds zeros; the length of the field. */
static size_t stamp_field(uint8_t *to, char order, unsigned code, const char *value, size_t len)
{
    to[0] = (uint8_t)code;
    to[1] = 1;
    to[2] = (uint8_t)field_types[code];
    postern_store32(to + 4, order, (uint32_t)len);
    memcpy(to + 8, value, len);
    return 8 + len + 1;
}

int postern_stamp_init(struct postern_stamp *stamp, char order, const char *sender, const char *instance)
{
    size_t sender_len = strlen(sender), instance_len = instance != NULL ? strlen(instance) : 0;
    size_t second = postern_align(8 + sender_len + 1, 8);
    size_t len = instance != NULL ? second + 8 + instance_len + 1 : 8 + sender_len + 1;
    uint8_t *large = NULL, *bytes = stamp->bytes;

    if (len > sizeof(stamp->bytes)) {
        large = bytes = calloc(1, len);
        if (large == NULL)
            return -ENOMEM;
    } else {
        memset(bytes, 0, sizeof(stamp->bytes));
    }
    stamp_field(bytes, order, POSTERN_FIELD_SENDER, sender, sender_len);
    if (instance != NULL)
        stamp_field(bytes + second, order, POSTERN_FIELD_INSTANCE, instance, instance_len);
    stamp->len = (uint32_t)len;
    stamp->large = large;
    return 0;
}

void postern_stamp_finish(struct postern_stamp *stamp)
{
    free(stamp->large);
    stamp->large = NULL;
    stamp->len = 0;
}

static bool is_kept(unsigned code)
{
    return code < FIELDS_KNOWN && code != POSTERN_FIELD_SENDER && code != POSTERN_FIELD_INSTANCE;
}

/* Bytes of the fields that stay, without padding at the end; writes them to `to` unless it is NULL, which may be where the fields stand: what
 * is written never overtakes what is read. The header has been parsed, hence the reader cannot fail. */
static size_t copy_kept(const struct postern_header *header, const uint8_t *p, uint8_t *to)
{
    size_t kept = 0, start, len;
    struct postern_reader reader;

    if (header->clean) {
        if (to != NULL)
            memcpy(to, p + POSTERN_HEADER_FIXED, header->fields_len);
        return header->fields_len;
    }
    postern_reader_init(&reader, header->order, "yyyyuua(yv)", p, POSTERN_HEADER_FIXED + (size_t)header->fields_len);
    for (int i = 0; i < 6; i++)
        postern_reader_skip(&reader);
    postern_reader_enter(&reader, 'a');
    while (postern_reader_more(&reader) && postern_reader_raw(&reader, &start, &len) == 0) {
        if (!is_kept(p[start]))
            continue;
        if (to != NULL) {
            memset(to + kept, 0, postern_align(kept, 8) - kept);
            memmove(to + postern_align(kept, 8), p + start, len);
        }
        kept = postern_align(kept, 8) + len;
    }
    return kept;
}

uint32_t postern_header_strip(const struct postern_header *header, uint8_t *p)
{
    size_t fields, len;

    if (header->clean)
        return 0;
    fields = copy_kept(header, p, p + POSTERN_HEADER_FIXED);
    len = postern_align(POSTERN_HEADER_FIXED + fields, 8);
    memset(p + POSTERN_HEADER_FIXED + fields, 0, len - POSTERN_HEADER_FIXED - fields);
    postern_store32(p + 12, header->order, (uint32_t)fields);
    memmove(p + header->body_start - len, p, len);
    return header->body_start - (uint32_t)len;
}

/* The field of facts up to its value: its code, and the variant's signature. Eight bytes, so that the value stands at a multiple of 8, too. */
static const uint8_t facts_head[8] = {POSTERN_FIELD_FACTS, 5, 'a', '{', 's', 'v', '}', '\0'};

static bool has_facts(const struct postern_facts_value *facts)
{
    return facts != NULL && facts->data != NULL;
}

/* Bytes that are added to fields which end at a multiple of 8, without padding at the end. */
static uint64_t added_length(const struct postern_stamp *stamp, const struct postern_facts_value *facts)
{
    return has_facts(facts) ? postern_align(stamp->len, 8) + sizeof(facts_head) + (uint64_t)facts->len : stamp->len;
}

int64_t postern_header_rewritten_length(const struct postern_header *header, const uint8_t *p, const struct postern_stamp *stamp,
                                        const struct postern_facts_value *facts)
{
    uint64_t fields = postern_align(copy_kept(header, p, NULL), 8) + added_length(stamp, facts);
    uint64_t len = postern_align(POSTERN_HEADER_FIXED + fields, 8);

    if (fields > POSTERN_FIELDS_MAX || len + header->body_len > POSTERN_MESSAGE_MAX)
        return -EMSGSIZE;
    return (int64_t)len;
}

/* Writes zeros from `from` up to the next multiple of 8, which it returns. */
static size_t pad(uint8_t *out, size_t from)
{
    size_t to = postern_align(from, 8);

    memset(out + from, 0, to - from);
    return to;
}

void postern_header_rewrite(const struct postern_header *header, const uint8_t *p, const struct postern_stamp *stamp,
                            const struct postern_facts_value *facts, uint8_t *out)
{
    size_t at = pad(out, POSTERN_HEADER_FIXED + copy_kept(header, p, out + POSTERN_HEADER_FIXED)), end = at + stamp->len;

    memcpy(out, p, 12);
    memcpy(out + at, stamp->large != NULL ? stamp->large : stamp->bytes, stamp->len);
    if (has_facts(facts)) {
        at = pad(out, end);
        memcpy(out + at, facts_head, sizeof(facts_head));
        memcpy(out + at + sizeof(facts_head), facts->data, facts->len);
        end = at + sizeof(facts_head) + facts->len;
    }
    postern_store32(out + 12, header->order, (uint32_t)(end - POSTERN_HEADER_FIXED));
    pad(out, end);
}
