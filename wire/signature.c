/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/signature.h"

const struct postern_type postern_types[256] = {
    ['y'] = {.alignment = 1, .size = 1, .basic = true, .single = true},
    ['n'] = {.alignment = 2, .size = 2, .basic = true, .single = true},
    ['q'] = {.alignment = 2, .size = 2, .basic = true, .single = true},
    ['b'] = {.alignment = 4, .size = 4, .basic = true, .single = true},
    ['i'] = {.alignment = 4, .size = 4, .basic = true, .single = true},
    ['u'] = {.alignment = 4, .size = 4, .basic = true, .single = true},
    ['h'] = {.alignment = 4, .size = 4, .basic = true, .single = true},
    ['x'] = {.alignment = 8, .size = 8, .basic = true, .single = true},
    ['t'] = {.alignment = 8, .size = 8, .basic = true, .single = true},
    ['d'] = {.alignment = 8, .size = 8, .basic = true, .single = true},
    ['s'] = {.alignment = 4, .basic = true, .single = true},
    ['o'] = {.alignment = 4, .basic = true, .single = true},
    ['g'] = {.alignment = 1, .basic = true, .single = true},
    ['v'] = {.alignment = 1, .single = true},
    ['a'] = {.alignment = 4},
    ['('] = {.alignment = 8},
    ['{'] = {.alignment = 8},
};

struct parse {
    const char *s;
    size_t len;
    uint8_t *next; /* may be NULL */
};

static size_t parse_type(const struct parse *parse, size_t at, unsigned arrays, unsigned structs);

/* "(...)" at `at`: the index behind it, or 0. */
static size_t parse_struct(const struct parse *parse, size_t at, unsigned arrays, unsigned structs)
{
    size_t i = at + 1;

    if (structs == POSTERN_NESTING_STRUCT_MAX)
        return 0;
    do {
        i = parse_type(parse, i, arrays, structs + 1);
        if (i == 0)
            return 0;
    } while (i < parse->len && parse->s[i] != ')');
    return i < parse->len ? i + 1 : 0;
}

/* "{..}" at `at`, directly in an array. Such entries are as many as arrays at most, and have no limit of their own. */
static size_t parse_entry(const struct parse *parse, size_t at, unsigned arrays, unsigned structs)
{
    size_t i;

    if (at + 1 >= parse->len || !postern_types[(unsigned char)parse->s[at + 1]].basic)
        return 0;
    i = parse_type(parse, at + 1, arrays, structs);
    i = i > 0 ? parse_type(parse, i, arrays, structs) : 0;
    if (i == 0 || i >= parse->len || parse->s[i] != '}')
        return 0;
    if (parse->next != NULL)
        parse->next[at] = (uint8_t)(i + 1);
    return i + 1;
}

/* The complete type at `at`: the index behind it, or 0. */
static size_t parse_type(const struct parse *parse, size_t at, unsigned arrays, unsigned structs)
{
    char code = at < parse->len ? parse->s[at] : '\0';
    size_t end;

    if (postern_types[(unsigned char)code].single)
        end = at + 1;
    else if (code == '(')
        end = parse_struct(parse, at, arrays, structs);
    else if (code != 'a' || arrays == POSTERN_NESTING_ARRAY_MAX)
        end = 0;
    else if (at + 1 < parse->len && parse->s[at + 1] == '{')
        end = parse_entry(parse, at + 1, arrays + 1, structs);
    else
        end = parse_type(parse, at + 1, arrays + 1, structs);
    if (end > 0 && parse->next != NULL)
        parse->next[at] = (uint8_t)end;
    return end;
}

bool postern_signature_parse(const char *s, size_t len, uint8_t *next)
{
    struct parse parse = {.s = s, .len = len, .next = next};

    if (len > POSTERN_SIGNATURE_MAX)
        return false;
    for (size_t at = 0; at < len;) {
        at = parse_type(&parse, at, 0, 0);
        if (at == 0)
            return false;
    }
    return true;
}

bool postern_signature_is_valid(const char *s, size_t len)
{
    if (len > POSTERN_SIGNATURE_MAX)
        return false;
    for (size_t at = 0, n; at < len; at += n) {
        n = postern_signature_simple(s + at, len - at);
        if (n == 0)
            return postern_signature_parse(s + at, len - at, NULL);
    }
    return true;
}

bool postern_signature_is_single(const char *s, size_t len)
{
    struct parse parse = {.s = s, .len = len};

    return len > 0 && len <= POSTERN_SIGNATURE_MAX && parse_type(&parse, 0, 0, 0) == len;
}

size_t postern_signature_next(const char *s)
{
    size_t i = 0, open = 0;

    while (s[i] == 'a')
        i++;
    do {
        if (s[i] == '(' || s[i] == '{')
            open++;
        else if (s[i] == ')' || s[i] == '}')
            open--;
        i++;
    } while (open > 0);
    return i;
}
