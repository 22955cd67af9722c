/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Type signatures: D-Bus Specification, "Type System" and "Valid Signatures". */
#ifndef POSTERN_WIRE_SIGNATURE_H
#define POSTERN_WIRE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define POSTERN_SIGNATURE_MAX 255
#define POSTERN_NESTING_ARRAY_MAX 32
#define POSTERN_NESTING_STRUCT_MAX 32
#define POSTERN_NESTING_MAX 64 /* arrays, structs and variants together, in a value */

/* By the code that a type begins with: how its values are laid out. */
struct postern_type {
    uint8_t alignment; /* 1, 2, 4 or 8; 0: no type begins with this code */
    uint8_t size;      /* of the values of a fixed-size basic type; 0 for every other */
    bool basic;        /* may be the key of a dictionary entry */
    bool single;       /* is a complete type by itself: the basic ones and the variant */
};

extern const struct postern_type postern_types[256];

/* Is s[0..len) a valid signature? If so and next is not NULL, next[i] is the index behind the complete type that begins at
 * s[i], for every i where one begins (dictionary entries included); next has room for len entries. */
bool postern_signature_parse(const char *s, size_t len, uint8_t *next);
/* Zero or more complete types, within the limits of length and nesting. */
bool postern_signature_is_valid(const char *s, size_t len);
/* Exactly one complete type. */
bool postern_signature_is_single(const char *s, size_t len);
/* Length of the first complete type of a valid, not empty signature. */
size_t postern_signature_next(const char *s);

/* Alignment of a value of the type that begins with this code: 1, 2, 4 or 8; 0 for an unknown code. */
static inline size_t postern_type_alignment(char code)
{
    return postern_types[(unsigned char)code].alignment;
}

/* Size of a fixed-size basic type; 0 for every other. */
static inline size_t postern_type_fixed_size(char code)
{
    return postern_types[(unsigned char)code].size;
}

#define POSTERN_SIGNATURE_DICTIONARY "a{sv}"

/* Length of the complete type that the len bytes at s, which are some, begin with, when it is a single code, an array of such or a{sv}:
 * what most signatures are made of, and needs no table. 0: it is another, or not valid. */
static inline size_t postern_signature_simple(const char *s, size_t len)
{
    const size_t dictionary = sizeof(POSTERN_SIGNATURE_DICTIONARY) - 1;

    if (postern_types[(unsigned char)s[0]].single)
        return 1;
    if (s[0] != 'a' || len < 2)
        return 0;
    if (postern_types[(unsigned char)s[1]].single)
        return 2;
    return len >= dictionary && memcmp(s, POSTERN_SIGNATURE_DICTIONARY, dictionary) == 0 ? dictionary : 0;
}

static inline size_t postern_align(size_t n, size_t alignment)
{
    return (n + alignment - 1) & ~(alignment - 1);
}

#endif
