/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/name.h"

#include <stdint.h>
#include <string.h>

#include "wire/bytes.h"

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

/* Behind the run of allowed bytes at s, up to end. Four bytes to each look at where it ends: names are the most of a header. */
static inline const char *skip(const char *s, const char *end, unsigned allowed)
{
    for (; end - s >= 4; s += 4) {
        if (!is_of(s[0], allowed))
            return s;
        if (!is_of(s[1], allowed))
            return s + 1;
        if (!is_of(s[2], allowed))
            return s + 2;
        if (!is_of(s[3], allowed))
            return s + 3;
    }
    while (s < end && is_of(*s, allowed))
        s++;
    return s;
}

/* At least `least` elements, one or two, between separators, none empty, beginning with one of `first` and going on with `rest`. */
static inline bool are_elements(const char *s, size_t len, char separator, unsigned first, unsigned rest, size_t least)
{
    const char *end = s + len;

    for (bool enough = least < 2;; enough = true) {
        if (s == end || !is_of(*s, first))
            return false;
        s = skip(s + 1, end, rest);
        if (s == end)
            return enough;
        if (*s++ != separator)
            return false;
    }
}

bool postern_name_is_unique(const char *s, size_t len)
{
    return len > 0 && len <= POSTERN_NAME_MAX && s[0] == ':' &&
           are_elements(s + 1, len - 1, '.', LETTER | DIGIT | HYPHEN, LETTER | DIGIT | HYPHEN, 2);
}

bool postern_name_is_well_known(const char *s, size_t len)
{
    return len <= POSTERN_NAME_MAX && are_elements(s, len, '.', LETTER | HYPHEN, LETTER | DIGIT | HYPHEN, 2);
}

bool postern_name_is_bus(const char *s, size_t len)
{
    return len > 0 && s[0] == ':' ? postern_name_is_unique(s, len) : postern_name_is_well_known(s, len);
}

bool postern_name_is_namespace(const char *s, size_t len)
{
    return len <= POSTERN_NAME_MAX && are_elements(s, len, '.', LETTER | HYPHEN, LETTER | DIGIT | HYPHEN, 1);
}

bool postern_name_is_interface(const char *s, size_t len)
{
    return len <= POSTERN_NAME_MAX && are_elements(s, len, '.', LETTER, LETTER | DIGIT, 2);
}

bool postern_name_is_error(const char *s, size_t len)
{
    return postern_name_is_interface(s, len);
}

bool postern_name_is_member(const char *s, size_t len)
{
    return len > 0 && len <= POSTERN_NAME_MAX && is_of(s[0], LETTER) && skip(s + 1, s + len, LETTER | DIGIT) == s + len;
}

bool postern_path_is_valid(const char *s, size_t len)
{
    if (len == 0 || s[0] != '/')
        return false;
    return len == 1 || are_elements(s + 1, len - 1, '/', LETTER | DIGIT, LETTER | DIGIT, 1);
}

/* Length of the sequence of one to four bytes at s, of which n are there; 0: not valid (Unicode, table 3-7), or NUL. */
static size_t utf8_sequence(const uint8_t *s, size_t n)
{
    uint8_t low = 0x80, high = 0xbf; /* of the second byte */
    size_t len;

    if (s[0] < 0x80)
        return s[0] != 0;
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

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define SEVEN_BITS UINT64_C(0x7f7f7f7f7f7f7f7f)
#define ONES UINT64_C(0x0101010101010101)

/* The high bits of those of eight bytes that are ASCII and not NUL; of others maybe not: 0x7f is added to the low seven bits of each, which
 * sets its high bit unless they are zero and carries nothing over, unless a byte is not ASCII. But then its own bit is missing. */
static inline uint64_t plain_bits(uint64_t word)
{
    return (word + SEVEN_BITS) & ~word & HIGH_BITS;
}

/* Are the 32 bytes at s ASCII without a NUL? */
static inline bool is_plain_block(const uint8_t *s)
{
    return (plain_bits(postern_load64(s, 'l')) & plain_bits(postern_load64(s + 8, 'l')) & plain_bits(postern_load64(s + 16, 'l')) &
            plain_bits(postern_load64(s + 24, 'l'))) == HIGH_BITS;
}

/* Is s[0..n) ASCII without a NUL? n is below 8: what is missing to a word is made up. No byte behind the end is read. */
static inline bool is_plain_tail(const uint8_t *s, size_t n)
{
    uint64_t word;

    if (n >= 4)
        word = postern_load32(s, 'l') | (uint64_t)postern_load32(s + n - 4, 'l') << 8 * (n - 4);
    else if (n > 0)
        word = s[0] | (uint64_t)s[n / 2] << 8 * (n / 2) | (uint64_t)s[n - 1] << 8 * (n - 1);
    else
        return true;
    return plain_bits(word | ONES << 8 * n) == HIGH_BITS;
}

bool postern_utf8_is_valid(const char *text, size_t len)
{
    const uint8_t *s = (const uint8_t *)text, *end = s + len;
    size_t n;

    while (end - s >= 32 && is_plain_block(s))
        s += 32;
    for (; end - s >= 8; s += n) {
        n = plain_bits(postern_load64(s, 'l')) == HIGH_BITS ? 8 : utf8_sequence(s, (size_t)(end - s));
        if (n == 0)
            return false;
    }
    if (is_plain_tail(s, (size_t)(end - s)))
        return true;
    for (; s < end; s += n) {
        n = utf8_sequence(s, (size_t)(end - s));
        if (n == 0)
            return false;
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
