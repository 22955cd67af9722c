/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/name.h"

#include <stdint.h>
#include <string.h>

#define LETTER 1u /* and underscore */
#define DIGIT 2u
#define HYPHEN 4u

static const uint8_t classes[256] = {
    ['A' ... 'Z'] = LETTER,
    ['a' ... 'z'] = LETTER,
    ['_'] = LETTER,
    ['0' ... '9'] = DIGIT,
    ['-'] = HYPHEN,
};

static inline bool is_of(char c, unsigned allowed)
{
    return (classes[(unsigned char)c] & allowed) != 0;
}

/* At least `least` elements, separated by periods, none empty, beginning with one of `first` and going on with `rest`. */
static bool are_elements(const char *s, size_t len, unsigned first, unsigned rest, size_t least)
{
    size_t n = 0, i = 0;

    for (;;) {
        if (i >= len || !is_of(s[i], first))
            return false;
        while (i < len && is_of(s[i], rest))
            i++;
        n++;
        if (i == len)
            return n >= least;
        if (s[i] != '.')
            return false;
        i++;
    }
}

bool postern_name_is_unique(const char *s, size_t len)
{
    return len > 0 && len <= POSTERN_NAME_MAX && s[0] == ':' &&
           are_elements(s + 1, len - 1, LETTER | DIGIT | HYPHEN, LETTER | DIGIT | HYPHEN, 2);
}

bool postern_name_is_well_known(const char *s, size_t len)
{
    return len <= POSTERN_NAME_MAX && are_elements(s, len, LETTER | HYPHEN, LETTER | DIGIT | HYPHEN, 2);
}

bool postern_name_is_bus(const char *s, size_t len)
{
    return len > 0 && s[0] == ':' ? postern_name_is_unique(s, len) : postern_name_is_well_known(s, len);
}

bool postern_name_is_namespace(const char *s, size_t len)
{
    return len <= POSTERN_NAME_MAX && are_elements(s, len, LETTER | HYPHEN, LETTER | DIGIT | HYPHEN, 1);
}

bool postern_name_is_interface(const char *s, size_t len)
{
    return len <= POSTERN_NAME_MAX && are_elements(s, len, LETTER, LETTER | DIGIT, 2);
}

bool postern_name_is_error(const char *s, size_t len)
{
    return postern_name_is_interface(s, len);
}

bool postern_name_is_member(const char *s, size_t len)
{
    if (len == 0 || len > POSTERN_NAME_MAX || !is_of(s[0], LETTER))
        return false;
    for (size_t i = 1; i < len; i++)
        if (!is_of(s[i], LETTER | DIGIT))
            return false;
    return true;
}

bool postern_path_is_valid(const char *s, size_t len)
{
    if (len == 0 || s[0] != '/')
        return false;
    if (len == 1)
        return true;
    for (size_t i = 1; i < len; i++)
        if (s[i] == '/' ? s[i - 1] == '/' : !is_of(s[i], LETTER | DIGIT))
            return false;
    return s[len - 1] != '/';
}

/* Length of the sequence of two to four bytes at s, of which n are there; 0: not valid (Unicode, table 3-7). */
static size_t utf8_sequence(const uint8_t *s, size_t n)
{
    uint8_t low = 0x80, high = 0xbf; /* of the second byte */
    size_t len;

    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        len = 2;
    } else if ((s[0] & 0xf0) == 0xe0) {
        len = 3;
        if (s[0] == 0xe0)
            low = 0xa0; /* less would be an overlong form */
        else if (s[0] == 0xed)
            high = 0x9f; /* more would be a surrogate */
    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        len = 4;
        if (s[0] == 0xf0)
            low = 0x90; /* overlong */
        else if (s[0] == 0xf4)
            high = 0x8f; /* above U+10FFFF */
    } else {
        return 0;
    }
    if (n < len || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* Eight bytes of ASCII without a NUL: the usual case, in one step. */
static inline bool is_plain_ascii(const uint8_t *p)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    /* Without high bits, adding 0x7f sets the high bit of every byte but NUL and carries nothing over. */
    return (word & high) == 0 && ((word + UINT64_C(0x7f7f7f7f7f7f7f7f)) & high) == high;
}

bool postern_utf8_is_valid(const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t i = 0;

    while (i < len) {
        size_t n;

        if (len - i >= 8 && is_plain_ascii(p + i)) {
            i += 8;
            continue;
        }
        if (p[i] == 0)
            return false;
        if (p[i] < 0x80) {
            i++;
            continue;
        }
        n = utf8_sequence(p + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

bool postern_name_in_subtree(const char *name, size_t len, const char *root, size_t root_len)
{
    return len >= root_len && memcmp(name, root, root_len) == 0 && (len == root_len || name[root_len] == '.');
}

bool postern_path_in_subtree(const char *path, size_t len, const char *root, size_t root_len)
{
    if (root_len == 1)
        return len > 0; /* the root covers every path */
    return len >= root_len && memcmp(path, root, root_len) == 0 && (len == root_len || path[root_len] == '/');
}
