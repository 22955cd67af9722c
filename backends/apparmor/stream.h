/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stream of tagged elements that a compiled AppArmor profile is: little-endian numbers, strings, and structs and arrays of
 * them, most of them with a name. */
#ifndef POSTERN_BACKENDS_APPARMOR_STREAM_H
#define POSTERN_BACKENDS_APPARMOR_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define POSTERN_APPARMOR_STREAM_DEPTH 16u /* structs and arrays in each other */

enum postern_apparmor_tag {
    POSTERN_APPARMOR_U8 = 0,
    POSTERN_APPARMOR_U16 = 1,
    POSTERN_APPARMOR_U32 = 2,
    POSTERN_APPARMOR_U64 = 3,
    POSTERN_APPARMOR_NAME = 4, /* of the element behind it; never seen in an element */
    POSTERN_APPARMOR_STRING = 5,
    POSTERN_APPARMOR_BLOB = 6,
    POSTERN_APPARMOR_STRUCT = 7,
    POSTERN_APPARMOR_STRUCT_END = 8,
    POSTERN_APPARMOR_LIST = 9,
    POSTERN_APPARMOR_LIST_END = 10,
    POSTERN_APPARMOR_ARRAY = 11,
    POSTERN_APPARMOR_ARRAY_END = 12,
};

struct postern_apparmor_stream {
    uint8_t *data;
    size_t len;
    size_t at; /* the next byte */
};

struct postern_apparmor_element {
    const char *name; /* "": none */
    enum postern_apparmor_tag tag;
    uint64_t number; /* of a U8 to U64; how many elements an array says that it has */
    uint8_t *data;   /* of a string, which ends with a NUL, or a blob */
    size_t len;      /* of data, with the NUL */
};

/* Reads the next element, of a struct, list or array only its beginning. 0, or -EBADMSG with *error. What *element points to is
 * in the stream. */
int postern_apparmor_stream_next(struct postern_apparmor_stream *stream, struct postern_apparmor_element *element,
                                 struct postern_error *error);

/* The same, but anything else than an element of this kind is an error. name: what it must be called, NULL: it does not matter.
 */
int postern_apparmor_stream_want(struct postern_apparmor_stream *stream, enum postern_apparmor_tag tag, const char *name,
                                 struct postern_apparmor_element *element, struct postern_error *error);

/* Whether the element is of this kind and has this name. */
bool postern_apparmor_element_is(const struct postern_apparmor_element *element, enum postern_apparmor_tag tag, const char *name);

/* Passes over the rest of an element that was read last: up to the end of a struct, list or array. 0, or -EBADMSG with *error. */
int postern_apparmor_stream_skip(struct postern_apparmor_stream *stream, const struct postern_apparmor_element *element,
                                 struct postern_error *error);

#endif
