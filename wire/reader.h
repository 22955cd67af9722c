/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads values of a body that postern_body_validate() has passed. Nevertheless every step is bounded, and the first mistake
 * (wrong type, end of data) sticks: after it every read fails, so a caller may check once at the end with
 * postern_reader_finish().
 *
 *     postern_reader_init(&r, 'l', "sa{sv}", body, len);
 *     postern_reader_string(&r, &s, NULL);
 *     postern_reader_enter(&r, 'a');                    // into the array
 *     while (postern_reader_more(&r)) {
 *         postern_reader_enter(&r, 'e');                // into the dictionary entry
 *         postern_reader_string(&r, &key, NULL);
 *         postern_reader_enter(&r, 'v');                // postern_reader_type() now tells what is inside
 *         postern_reader_skip(&r);
 *         postern_reader_leave(&r);                     // variant
 *         postern_reader_leave(&r);                     // entry
 *     }
 *     postern_reader_leave(&r);
 *     if (postern_reader_finish(&r) < 0) ...
 */
#ifndef POSTERN_WIRE_READER_H
#define POSTERN_WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/signature.h"

struct postern_reader_level {
    const char *signature; /* what is still to be read at this level, up to signature_end; arrays: the element type */
    const char *signature_end;
    size_t end;            /* arrays: offset behind the last element */
    char container;        /* 'a', 'r', 'e', 'v'; 0 at the top */
};

struct postern_reader {
    const uint8_t *data;
    size_t len;
    size_t pos;
    char order;
    bool failed;
    uint8_t depth;
    struct postern_reader_level levels[POSTERN_NESTING_MAX + 2];
};

/* signature must stay valid while the reader is in use. */
void postern_reader_init(struct postern_reader *r, char order, const char *signature, const uint8_t *data, size_t len);
/* Type code of the next value at this level ('a', '(', '{', 'v' for containers); 0 at its end or after a failure. */
char postern_reader_type(const struct postern_reader *r);
/* Inside an array: is there another element? Elsewhere: another value? */
bool postern_reader_more(const struct postern_reader *r);
/* Does the next value have exactly this type (a complete type, "a(usos)")? */
bool postern_reader_is(const struct postern_reader *r, const char *type);

/* Each reads the next value: 0, or -EBADMSG with the output untouched. Strings point into the data and are NUL-terminated. */
int postern_reader_byte(struct postern_reader *r, uint8_t *value);
int postern_reader_bool(struct postern_reader *r, bool *value);
int postern_reader_u32(struct postern_reader *r, uint32_t *value); /* 'u', and 'h' as its index */
int postern_reader_u64(struct postern_reader *r, uint64_t *value); /* 't' */
int postern_reader_string(struct postern_reader *r, const char **value, size_t *len); /* 's', 'o' or 'g'; len may be NULL */

/* container: 'a' array, 'r' struct, 'e' dictionary entry, 'v' variant. */
int postern_reader_enter(struct postern_reader *r, char container);
/* Leaves the innermost container; what is unread of it is skipped. */
int postern_reader_leave(struct postern_reader *r);
/* Skips the next value, of whatever type. */
int postern_reader_skip(struct postern_reader *r);
/* The bytes of the next value, skipped: start offset (after alignment) and length; for copying a value unchanged. */
int postern_reader_raw(struct postern_reader *r, size_t *start, size_t *len);
/* 0 when nothing failed and all was read. */
int postern_reader_finish(const struct postern_reader *r);

#endif
