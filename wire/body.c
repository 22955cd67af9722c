/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every value takes at least one byte and every type code at most one visit per value, so time is linear in the body; the
 * table of postern_signature_parse() keeps arrays from looking for the end of their element type again and again. Recursion
 * ends at POSTERN_NESTING_MAX containers.
 */
#include "wire/body.h"

#include <errno.h>
#include <stdbool.h>

#include "wire/bytes.h"
#include "wire/name.h"
#include "wire/signature.h"

struct scan {
    const uint8_t *data;
    size_t pos;
    size_t end; /* of the innermost array, or of the body */
    uint32_t fds;
    char order;
};

/* A valid signature and the table of where its types end. */
struct types {
    const char *s;
    const uint8_t *next;
};

static bool scan_value(struct scan *scan, const struct types *types, size_t at, unsigned depth);

static inline bool scan_padding(struct scan *scan, size_t alignment)
{
    size_t to = postern_align(scan->pos, alignment);

    if (to > scan->end)
        return false;
    while (scan->pos < to)
        if (scan->data[scan->pos++] != 0)
            return false;
    return true;
}

static inline bool scan_u32(struct scan *scan, uint32_t *value)
{
    if (!scan_padding(scan, 4) || scan->end - scan->pos < 4)
        return false;
    *value = postern_load32(scan->data + scan->pos, scan->order);
    scan->pos += 4;
    return true;
}

/* Length len and a NUL behind it. */
static inline bool scan_text(struct scan *scan, size_t len, const char **text)
{
    if (len >= scan->end - scan->pos || scan->data[scan->pos + len] != '\0')
        return false;
    *text = (const char *)scan->data + scan->pos;
    scan->pos += len + 1;
    return true;
}

static bool scan_string(struct scan *scan, char code)
{
    const char *text;
    uint32_t len;

    if (!scan_u32(scan, &len) || !scan_text(scan, len, &text))
        return false;
    return code == 'o' ? postern_path_is_valid(text, len) : postern_utf8_is_valid(text, len);
}

static bool scan_signature(struct scan *scan, const char **text, size_t *len)
{
    if (scan->pos >= scan->end)
        return false;
    *len = scan->data[scan->pos++];
    return scan_text(scan, *len, text);
}

/* A number of the fixed-size type `code`; only booleans and handles have values that are not allowed. */
static inline bool is_number_valid(const struct scan *scan, char code, const uint8_t *p)
{
    if (code == 'b')
        return postern_load32(p, scan->order) <= 1;
    if (code == 'h')
        return postern_load32(p, scan->order) < scan->fds;
    return true;
}

static inline bool scan_number(struct scan *scan, char code, size_t size)
{
    if (!scan_padding(scan, size) || scan->end - scan->pos < size)
        return false;
    scan->pos += size;
    return is_number_valid(scan, code, scan->data + scan->pos - size);
}

static bool scan_values(struct scan *scan, const struct types *types, size_t at, size_t end, unsigned depth)
{
    for (; at < end; at = types->next[at])
        if (!scan_value(scan, types, at, depth))
            return false;
    return true;
}

/* The elements of an array of numbers, len bytes at pos. */
static bool scan_numbers(struct scan *scan, char code, size_t size, uint32_t len)
{
    size_t end = scan->pos + len;

    if (len % size != 0)
        return false;
    if (code == 'b' || code == 'h')
        for (; scan->pos < end; scan->pos += size)
            if (!is_number_valid(scan, code, scan->data + scan->pos))
                return false;
    scan->pos = end;
    return true;
}

static bool scan_array(struct scan *scan, const struct types *types, size_t element, unsigned depth)
{
    char code = types->s[element];
    size_t size = postern_type_fixed_size(code);
    size_t outer_end = scan->end;
    uint32_t len;

    /* The padding before the first element is there even if there is none, and not part of the length. */
    if (!scan_u32(scan, &len) || len > POSTERN_ARRAY_MAX || !scan_padding(scan, postern_type_alignment(code)) ||
        len > scan->end - scan->pos)
        return false;
    if (size > 0)
        return scan_numbers(scan, code, size, len);
    scan->end = scan->pos + len;
    while (scan->pos < scan->end)
        if (!scan_value(scan, types, element, depth))
            return false;
    scan->end = outer_end;
    return true;
}

static bool scan_variant(struct scan *scan, unsigned depth)
{
    uint8_t next[POSTERN_SIGNATURE_MAX];
    struct types types = {.next = next};
    size_t len;

    if (!scan_signature(scan, &types.s, &len) || len == 0 || !postern_signature_parse(types.s, len, next) || next[0] != len)
        return false;
    return scan_value(scan, &types, 0, depth);
}

/* The contents of a container, which is the depth-th around them. */
static bool scan_container(struct scan *scan, const struct types *types, size_t at, unsigned depth)
{
    if (depth > POSTERN_NESTING_MAX)
        return false;
    if (types->s[at] == 'a')
        return scan_array(scan, types, at + 1, depth);
    if (types->s[at] == 'v')
        return scan_variant(scan, depth);
    return scan_padding(scan, 8) && scan_values(scan, types, at + 1, types->next[at] - 1u, depth);
}

static bool scan_value(struct scan *scan, const struct types *types, size_t at, unsigned depth)
{
    char code = types->s[at];
    const char *text;
    size_t len;

    switch (code) {
    case 's':
    case 'o':
        return scan_string(scan, code);
    case 'g':
        return scan_signature(scan, &text, &len) && postern_signature_is_valid(text, len);
    case 'a':
    case 'v':
    case '(':
    case '{':
        return scan_container(scan, types, at, depth + 1);
    default:
        return scan_number(scan, code, postern_type_fixed_size(code));
    }
}

int postern_body_validate_prefix(char order, const char *signature, size_t signature_len, const uint8_t *data, size_t len,
                                 uint32_t fds, size_t *used)
{
    struct scan scan = {.data = data, .end = len, .fds = fds, .order = order};
    uint8_t next[POSTERN_SIGNATURE_MAX];
    struct types types = {.s = signature, .next = next};

    if (!postern_signature_parse(signature, signature_len, next) || !scan_values(&scan, &types, 0, signature_len, 0))
        return -EBADMSG;
    *used = scan.pos;
    return 0;
}

int postern_body_validate(char order, const char *signature, size_t signature_len, const uint8_t *body, size_t len, uint32_t fds)
{
    size_t used;
    int r = postern_body_validate_prefix(order, signature, signature_len, body, len, fds, &used);

    return r == 0 && used != len ? -EBADMSG : r;
}
