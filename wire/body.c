/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every value takes at least one byte and every type code at most one visit per value, so time is linear in the body; the
 * table of postern_signature_parse() keeps arrays from looking for the end of their element type again and again. It is made only
 * where a signature has more than simple types in it. Recursion ends at POSTERN_NESTING_MAX containers.
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

/* A valid signature and the table of where its types end; or the end of one, of which only the simple type at its beginning is looked at. */
struct types {
    const char *s;
    const uint8_t *next;
};

/* The table that simple types share: that of a{sv}. Of others no entry is used. */
static const uint8_t simple_next[] = {5, 5, 3, 4, 0};

static bool scan_value(struct scan *scan, const struct types *types, size_t at, unsigned depth);

static inline bool scan_padding(struct scan *scan, size_t alignment)
{
    size_t to = postern_align(scan->pos, alignment);

    bool zero;

    if (to > scan->end)
        return false;
    if (alignment == 8)
        zero = postern_is_padding8(scan->data, scan->pos, to);
    else if (alignment == 4)
        zero = postern_is_padding4(scan->data, scan->pos, to);
    else
        zero = scan->pos == to || scan->data[scan->pos] == 0;
    scan->pos = to;
    return zero;
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

    if ((len & (size - 1)) != 0) /* sizes are powers of two */
        return false;
    if (code == 'b' || code == 'h')
        for (; scan->pos < end; scan->pos += size)
            if (!is_number_valid(scan, code, scan->data + scan->pos))
                return false;
    scan->pos = end;
    return true;
}

static inline bool scan_array(struct scan *scan, const struct types *types, size_t element, unsigned depth)
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

/* The values of s[at..len) with the table of all of s, which need not be valid. single: s must be one complete type. */
static bool scan_with_table(struct scan *scan, const char *s, size_t len, size_t at, bool single, unsigned depth)
{
    uint8_t next[POSTERN_SIGNATURE_MAX];
    struct types types = {.s = s, .next = next};

    return postern_signature_parse(s, len, next) && (!single || next[0] == len) && scan_values(scan, &types, at, len, depth);
}

static bool scan_variant(struct scan *scan, unsigned depth)
{
    struct types types = {.next = simple_next};
    size_t len;

    if (!scan_signature(scan, &types.s, &len) || len == 0)
        return false;
    if (postern_signature_simple(types.s, len) == len)
        return scan_value(scan, &types, 0, depth);
    return scan_with_table(scan, types.s, len, 0, true, depth);
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

static inline bool scan_type(struct scan *scan, const struct types *types, size_t at, unsigned depth)
{
    char code = types->s[at];
    size_t size = postern_type_fixed_size(code);
    const char *text;
    size_t len;

    if (size > 0)
        return scan_number(scan, code, size);
    if (code == 's' || code == 'o')
        return scan_string(scan, code);
    if (code == 'g')
        return scan_signature(scan, &text, &len) && postern_signature_is_valid(text, len);
    return scan_container(scan, types, at, depth + 1);
}

/* The recursion goes through here. */
static bool scan_value(struct scan *scan, const struct types *types, size_t at, unsigned depth)
{
    return scan_type(scan, types, at, depth);
}

/* Simple types are dealt with as they come, the rest from the first other one on. */
static inline bool scan_body(struct scan *scan, const char *signature, size_t len)
{
    struct types types = {.next = simple_next};

    if (len > POSTERN_SIGNATURE_MAX)
        return false;
    for (size_t at = 0, n; at < len; at += n) {
        n = postern_signature_simple(signature + at, len - at);
        if (n == 0)
            return scan_with_table(scan, signature, len, at, false, 0);
        types.s = signature + at;
        if (n > 1 ? !scan_array(scan, &types, 1, 1) : !scan_type(scan, &types, 0, 0))
            return false;
    }
    return true;
}

int postern_body_validate_prefix(char order, const char *signature, size_t signature_len, const uint8_t *data, size_t len,
                                 uint32_t fds, size_t *used)
{
    struct scan scan = {.data = data, .end = len, .fds = fds, .order = order};

    if (!scan_body(&scan, signature, signature_len))
        return -EBADMSG;
    *used = scan.pos;
    return 0;
}

int postern_body_validate(char order, const char *signature, size_t signature_len, const uint8_t *body, size_t len, uint32_t fds)
{
    struct scan scan = {.data = body, .end = len, .fds = fds, .order = order};

    return scan_body(&scan, signature, signature_len) && scan.pos == len ? 0 : -EBADMSG;
}
