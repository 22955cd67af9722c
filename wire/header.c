/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/body.h"
#include "wire/bytes.h"
#include "wire/name.h"
#include "wire/signature.h"

#define TYPE_METHOD_CALL 1
#define TYPE_METHOD_RETURN 2
#define TYPE_ERROR 3
#define TYPE_SIGNAL 4

#define LOCAL_INTERFACE "org.freedesktop.DBus.Local"
#define LOCAL_PATH "/org/freedesktop/DBus/Local"

/* How the known fields begin, by code: it, and the signature of the variant that follows. */
static const uint8_t field_heads[][4] = {
    [POSTERN_FIELD_PATH] = {POSTERN_FIELD_PATH, 1, 'o', '\0'},
    [POSTERN_FIELD_INTERFACE] = {POSTERN_FIELD_INTERFACE, 1, 's', '\0'},
    [POSTERN_FIELD_MEMBER] = {POSTERN_FIELD_MEMBER, 1, 's', '\0'},
    [POSTERN_FIELD_ERROR_NAME] = {POSTERN_FIELD_ERROR_NAME, 1, 's', '\0'},
    [POSTERN_FIELD_REPLY_SERIAL] = {POSTERN_FIELD_REPLY_SERIAL, 1, 'u', '\0'},
    [POSTERN_FIELD_DESTINATION] = {POSTERN_FIELD_DESTINATION, 1, 's', '\0'},
    [POSTERN_FIELD_SENDER] = {POSTERN_FIELD_SENDER, 1, 's', '\0'},
    [POSTERN_FIELD_SIGNATURE] = {POSTERN_FIELD_SIGNATURE, 1, 'g', '\0'},
    [POSTERN_FIELD_UNIX_FDS] = {POSTERN_FIELD_UNIX_FDS, 1, 'u', '\0'},
    [POSTERN_FIELD_INSTANCE] = {POSTERN_FIELD_INSTANCE, 1, 'o', '\0'},
};
#define FIELDS_KNOWN (sizeof(field_heads) / sizeof(field_heads[0]))

/* The length of the message whose fixed part is at p; 0: none of protocol version 1 within the specification's limits. */
static inline uint64_t whole_length(const uint8_t *p)
{
    char order = (char)p[0];
    uint64_t fields_len, len;

    if ((order != 'l' && order != 'B') || p[3] != 1)
        return 0;
    fields_len = postern_load32(p + 12, order);
    len = postern_align(POSTERN_HEADER_FIXED + fields_len, 8) + (uint64_t)postern_load32(p + 4, order);
    return fields_len <= POSTERN_FIELDS_MAX && len <= POSTERN_MESSAGE_MAX ? len : 0;
}

int postern_header_length(const uint8_t *p, size_t n, uint32_t max, uint32_t *total)
{
    uint64_t len;

    if (n < POSTERN_HEADER_FIXED) {
        bool wrong = (n > 0 && p[0] != 'l' && p[0] != 'B') || (n > 3 && p[3] != 1);

        return wrong ? -EBADMSG : 0;
    }
    len = whole_length(p);
    if (len == 0 || len > max)
        return -EBADMSG;
    *total = (uint32_t)len;
    return 1;
}

#define SEEN(code) (1u << (code))

/* What has been found in the field array so far. */
struct fields {
    struct postern_field_view texts[FIELDS_KNOWN]; /* by code, of the fields that were seen */
    uint32_t reply_serial, reply_at, fds, fds_at;
    uint32_t unknown; /* how many others than the known ones there are */
};

/* The text of len bytes at pos, behind its length; the offset behind its NUL, or 0. */
static inline size_t parse_text(const uint8_t *p, size_t pos, size_t end, uint32_t len, struct postern_field_view *view)
{
    if (len >= end - pos || p[pos + len] != '\0')
        return 0;
    view->s = (const char *)p + pos;
    view->len = len;
    return pos + len + 1;
}

static inline bool is_text_valid(unsigned code, const struct postern_field_view *view)
{
    switch (code) {
    case POSTERN_FIELD_PATH:
    case POSTERN_FIELD_INSTANCE:
        return postern_path_is_valid(view->s, view->len);
    case POSTERN_FIELD_MEMBER:
        return postern_name_is_member(view->s, view->len);
    case POSTERN_FIELD_INTERFACE:
        return postern_name_is_interface(view->s, view->len);
    case POSTERN_FIELD_ERROR_NAME:
        return postern_name_is_error(view->s, view->len);
    case POSTERN_FIELD_SIGNATURE:
        return postern_signature_is_valid(view->s, view->len);
    default: /* destination and sender */
        return postern_name_is_bus(view->s, view->len);
    }
}

/* The known field at pos; the offset behind it, or 0 when it is not valid. */
static inline size_t parse_known(struct fields *fields, char order, const uint8_t *p, size_t pos, size_t end, unsigned code)
{
    struct postern_field_view *view = &fields->texts[code];
    uint32_t value;
    size_t after;

    if (memcmp(p + pos, field_heads[code], sizeof(field_heads[code])) != 0)
        return 0;
    if (code == POSTERN_FIELD_SIGNATURE) {
        after = parse_text(p, pos + 5, end, p[pos + 4], view);
        return after > 0 && is_text_valid(code, view) ? after : 0;
    }
    if (end - pos < 8)
        return 0;
    value = postern_load32(p + pos + 4, order);
    if (code == POSTERN_FIELD_REPLY_SERIAL) {
        fields->reply_serial = value;
        fields->reply_at = (uint32_t)pos + 4;
        return value != 0 ? pos + 8 : 0;
    }
    if (code == POSTERN_FIELD_UNIX_FDS) {
        fields->fds = value;
        fields->fds_at = (uint32_t)pos + 4;
        return pos + 8;
    }
    after = parse_text(p, pos + 8, end, value, view);
    return after > 0 && is_text_valid(code, view) ? after : 0;
}

/* Of whatever type; it goes no further, so handles in it need not exist. The outer struct looks like the inner one alone and stands for
 * the array around it: what receivers read over must not be too deep for them. */
static size_t parse_unknown(char order, const uint8_t *p, size_t pos, size_t end)
{
    size_t used;

    return postern_body_validate_prefix(order, "((yv))", 6, p + pos, end - pos, UINT32_MAX, &used) == 0 ? pos + used : 0;
}

/* The field array, up to end; *seen: the bits of the known fields in it, by code. */
static bool parse_fields(struct fields *fields, char order, const uint8_t *p, size_t end, uint32_t *seen)
{
    size_t pos = POSTERN_HEADER_FIXED;
    uint32_t found = 0;

    while (pos < end) {
        size_t start = postern_align(pos, 8);
        unsigned code;

        if (end < start + 5 || !postern_is_padding8(p, pos, start))
            return false;
        code = p[start];
        if (code == 0) {
            return false;
        } else if (code >= FIELDS_KNOWN) {
            pos = fields->unknown++ < POSTERN_FIELDS_UNKNOWN_MAX ? parse_unknown(order, p, start, end) : 0;
        } else {
            pos = (found & SEEN(code)) == 0 ? parse_known(fields, order, p, start, end, code) : 0;
            found |= SEEN(code);
        }
        if (pos == 0)
            return false;
    }
    *seen = found;
    return true;
}

/* "Message Types" and "Header Fields": what each type must have. Unknown types are well-formed, whatever their fields. */
static inline bool has_required(unsigned type, uint32_t seen)
{
    static const uint32_t required[] = {
        [TYPE_METHOD_CALL] = SEEN(POSTERN_FIELD_PATH) | SEEN(POSTERN_FIELD_MEMBER),
        [TYPE_METHOD_RETURN] = SEEN(POSTERN_FIELD_REPLY_SERIAL),
        [TYPE_ERROR] = SEEN(POSTERN_FIELD_ERROR_NAME) | SEEN(POSTERN_FIELD_REPLY_SERIAL),
        [TYPE_SIGNAL] = SEEN(POSTERN_FIELD_PATH) | SEEN(POSTERN_FIELD_INTERFACE) | SEEN(POSTERN_FIELD_MEMBER),
    };

    return type > TYPE_SIGNAL || (type != 0 && (required[type] & ~seen) == 0);
}

static inline struct postern_field_view text_of(const struct fields *fields, uint32_t seen, unsigned code)
{
    return (seen & SEEN(code)) != 0 ? fields->texts[code] : (struct postern_field_view){0};
}

static inline bool view_is(struct postern_field_view view, const char *s, size_t len)
{
    return view.len == len && memcmp(view.s, s, len) == 0;
}

/* What the fields must have to do with each other and with the rest. */
static inline bool is_consistent(const struct fields *fields, uint32_t seen, unsigned type, uint32_t body_len)
{
    if (!has_required(type, seen))
        return false;
    /* Reserved for what a library tells its own program: "Standard Interfaces", org.freedesktop.DBus.Local. */
    if (view_is(text_of(fields, seen, POSTERN_FIELD_INTERFACE), LOCAL_INTERFACE, strlen(LOCAL_INTERFACE)) ||
        view_is(text_of(fields, seen, POSTERN_FIELD_PATH), LOCAL_PATH, strlen(LOCAL_PATH)))
        return false;
    /* Every value takes at least a byte, so that each of the two implies the other. */
    return (text_of(fields, seen, POSTERN_FIELD_SIGNATURE).len > 0) == (body_len > 0);
}

int postern_header_parse(const uint8_t *p, uint32_t total, struct postern_header *header)
{
    struct fields fields; /* what is not seen is not looked at, and need not be cleared */
    uint32_t fields_len, body_len, serial, seen;
    size_t fields_end;
    char order;

    if (total < POSTERN_HEADER_FIXED || whole_length(p) != total)
        return -EBADMSG;
    order = (char)p[0];
    body_len = postern_load32(p + 4, order);
    serial = postern_load32(p + 8, order);
    fields_len = postern_load32(p + 12, order);
    fields_end = POSTERN_HEADER_FIXED + (size_t)fields_len;
    fields.reply_serial = fields.reply_at = fields.fds = fields.fds_at = fields.unknown = 0;
    if (serial == 0 || !parse_fields(&fields, order, p, fields_end, &seen) || !postern_is_padding8(p, fields_end, total - body_len) ||
        !is_consistent(&fields, seen, p[1], body_len))
        return -EBADMSG;
    header->order = order;
    header->type = p[1];
    header->flags = p[2];
    header->serial = serial;
    header->reply_serial = fields.reply_serial;
    header->reply_at = fields.reply_at;
    header->fds = fields.fds;
    header->fds_at = fields.fds_at;
    header->fields_len = fields_len;
    header->body_len = body_len;
    header->body_start = total - body_len;
    header->kind = 0;
    header->clean = fields.unknown == 0 && (seen & (SEEN(POSTERN_FIELD_SENDER) | SEEN(POSTERN_FIELD_INSTANCE))) == 0;
    header->path = text_of(&fields, seen, POSTERN_FIELD_PATH);
    header->interface = text_of(&fields, seen, POSTERN_FIELD_INTERFACE);
    header->member = text_of(&fields, seen, POSTERN_FIELD_MEMBER);
    header->error = text_of(&fields, seen, POSTERN_FIELD_ERROR_NAME);
    header->destination = text_of(&fields, seen, POSTERN_FIELD_DESTINATION);
    header->sender = text_of(&fields, seen, POSTERN_FIELD_SENDER);
    header->signature = text_of(&fields, seen, POSTERN_FIELD_SIGNATURE);
    return 0;
}

/* A string field at `to`, which holds zeros; the length of the field. */
static size_t stamp_field(uint8_t *to, char order, unsigned code, const char *value, size_t len)
{
    memcpy(to, field_heads[code], sizeof(field_heads[code]));
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
        large = bytes = calloc(1, postern_align(len, 8));
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

/* A field that stays of a header: where in the message it begins, and how long it is without the padding before it. */
struct span {
    uint32_t at, len;
};
#define SPANS_MAX 8

/* Adds one, if it is there, in the order in which they stand. */
static size_t add_span(struct span *spans, size_t n, struct span added)
{
    size_t i = n;

    if (added.len == 0)
        return n;
    for (; i > 0 && spans[i - 1].at > added.at; i--)
        spans[i] = spans[i - 1];
    spans[i] = added;
    return n + 1;
}

/* The field with this text, which has `head` bytes before it. */
static struct span span_of(struct postern_field_view view, const uint8_t *p, uint32_t head)
{
    if (view.s == NULL)
        return (struct span){0};
    return (struct span){.at = (uint32_t)((const uint8_t *)view.s - p) - head, .len = head + view.len + 1};
}

static struct span span_of_number(uint32_t at)
{
    return at > 0 ? (struct span){.at = at - 4, .len = 8} : (struct span){0};
}

static size_t find_kept(const struct postern_header *header, const uint8_t *p, struct span spans[SPANS_MAX])
{
    size_t n = add_span(spans, 0, span_of(header->path, p, 8));

    n = add_span(spans, n, span_of(header->interface, p, 8));
    n = add_span(spans, n, span_of(header->member, p, 8));
    n = add_span(spans, n, span_of(header->error, p, 8));
    n = add_span(spans, n, span_of_number(header->reply_at));
    n = add_span(spans, n, span_of(header->destination, p, 8));
    n = add_span(spans, n, span_of(header->signature, p, 5));
    return add_span(spans, n, span_of_number(header->fds_at));
}

/* Bytes of the fields that stay of a header that is not clean, without padding at the end; writes them to `to` unless it is NULL, which may
 * be where the fields stand: what is written never overtakes what is read. */
static size_t copy_kept(const struct postern_header *header, const uint8_t *p, uint8_t *to)
{
    struct span spans[SPANS_MAX];
    size_t n = find_kept(header, p, spans), kept = 0;

    for (size_t i = 0; i < n; i++) {
        size_t at = postern_align(kept, 8);

        if (to != NULL) {
            memset(to + kept, 0, at - kept);
            memmove(to + at, p + spans[i].at, spans[i].len);
        }
        kept = at + spans[i].len;
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
    size_t kept = header->clean ? header->fields_len : copy_kept(header, p, NULL);
    uint64_t fields = postern_align(kept, 8) + added_length(stamp, facts);
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

/* The fixed part and the fields that stay, with the padding behind them. A parsed header ends in zeros itself; returns where to go on. */
static inline size_t rewrite_kept(const struct postern_header *header, const uint8_t *p, uint8_t *out)
{
    if (header->clean) {
        memcpy(out, p, header->body_start);
        return header->body_start;
    }
    memcpy(out, p, POSTERN_HEADER_FIXED);
    return pad(out, POSTERN_HEADER_FIXED + copy_kept(header, p, out + POSTERN_HEADER_FIXED));
}

/* With the zeros behind it, which it has itself. Returns where they end. */
static inline size_t write_stamp(const struct postern_stamp *stamp, uint8_t *out, size_t at)
{
    size_t len = postern_align(stamp->len, 8);

    memcpy(out + at, stamp->large != NULL ? stamp->large : stamp->bytes, len);
    return at + len;
}

size_t postern_header_stamp(const struct postern_header *header, const uint8_t *p, const struct postern_stamp *stamp, uint8_t *out)
{
    memcpy(out, p, header->body_start);
    postern_store32(out + 12, header->order, header->body_start + stamp->len - POSTERN_HEADER_FIXED);
    return write_stamp(stamp, out, header->body_start);
}

void postern_header_rewrite(const struct postern_header *header, const uint8_t *p, const struct postern_stamp *stamp,
                            const struct postern_facts_value *facts, uint8_t *out)
{
    size_t at = rewrite_kept(header, p, out), end = at + stamp->len;

    write_stamp(stamp, out, at);
    if (has_facts(facts)) {
        at = postern_align(end, 8);
        memcpy(out + at, facts_head, sizeof(facts_head));
        memcpy(out + at + sizeof(facts_head), facts->data, facts->len);
        end = at + sizeof(facts_head) + facts->len;
        pad(out, end);
    }
    postern_store32(out + 12, header->order, (uint32_t)(end - POSTERN_HEADER_FIXED));
}
