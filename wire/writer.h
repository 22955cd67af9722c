/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes a body in the machine's byte order, together with its signature. Running out of memory, or writing a value that does
 * not fit where it stands, sticks: the caller checks once, with postern_writer_finish().
 *
 *     postern_writer_init(&w);
 *     postern_writer_string(&w, "hello");
 *     postern_writer_open(&w, 'a', "{sv}");
 *     postern_writer_open(&w, 'e', NULL);
 *     postern_writer_string(&w, "UnixUserID");
 *     postern_writer_open(&w, 'v', "u");
 *     postern_writer_u32(&w, 1000);
 *     postern_writer_close(&w);   // variant
 *     postern_writer_close(&w);   // entry
 *     postern_writer_close(&w);   // array
 *     if (postern_writer_finish(&w) == 0) ... w.signature, w.buf.data, w.buf.len
 */
#ifndef POSTERN_WIRE_WRITER_H
#define POSTERN_WIRE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "wire/signature.h"

struct postern_writer_level {
    char container;     /* 'a', 'r', 'e', 'v'; 0 at the top */
    const char *next;   /* type of the value that must come next; NULL: any, as at the top and in structs there */
    const char *type;   /* arrays: the element type */
    size_t length_at;   /* arrays: where the length stands */
    size_t start;       /* arrays: where the first element begins */
};

struct postern_writer {
    struct postern_buf buf;
    char signature[POSTERN_SIGNATURE_MAX + 1]; /* of the values at the top level so far */
    uint8_t signature_len;
    uint8_t depth;
    int error; /* 0 or the first negative errno */
    struct postern_writer_level levels[POSTERN_NESTING_MAX + 1];
};

void postern_writer_init(struct postern_writer *w);
/* Empties the writer for another body and keeps its memory. */
void postern_writer_reset(struct postern_writer *w);
void postern_writer_free(struct postern_writer *w);

void postern_writer_byte(struct postern_writer *w, uint8_t value);
void postern_writer_bool(struct postern_writer *w, bool value);
void postern_writer_u32(struct postern_writer *w, uint32_t value);
void postern_writer_i32(struct postern_writer *w, int32_t value);
void postern_writer_u64(struct postern_writer *w, uint64_t value);
void postern_writer_fd(struct postern_writer *w, uint32_t index);
/* value must be valid UTF-8; NULL is a programming mistake and sticks as -EINVAL. */
void postern_writer_string(struct postern_writer *w, const char *value);
void postern_writer_path(struct postern_writer *w, const char *value);
void postern_writer_signature(struct postern_writer *w, const char *value);
/* "ay": the bytes as an array. */
void postern_writer_bytes(struct postern_writer *w, const void *data, uint32_t len);
/* A value of the single complete type `type` that is marshalled already, in the machine's byte order and as if it began at an
 * offset that is a multiple of 8; len bytes. It is read and written again piece by piece, since its padding may be another at
 * this place. Handles keep their index. A value that is not valid sticks as -EINVAL. */
void postern_writer_value(struct postern_writer *w, const char *type, const void *value, uint32_t len);

/* container: 'a' (contents: the element type), 'r' and 'e' (contents NULL), 'v' (contents: the single type inside). contents
 * must live until the close. What is written inside must be of these types; at the top level, and in structs there, the
 * signature grows by what is written. Nesting deeper than a value may be sticks as -EMSGSIZE. */
void postern_writer_open(struct postern_writer *w, char container, const char *contents);
/* Closes the innermost container, which must be complete: every member of a struct, one value in a variant. */
void postern_writer_close(struct postern_writer *w);

/* One entry of an open a{sv}. Between open and close stands the value, one complete type. */
void postern_writer_entry_open(struct postern_writer *w, const char *key, const char *type);
void postern_writer_entry_close(struct postern_writer *w);
void postern_writer_entry_u32(struct postern_writer *w, const char *key, uint32_t value);
void postern_writer_entry_string(struct postern_writer *w, const char *key, const char *value);
void postern_writer_entry_path(struct postern_writer *w, const char *key, const char *value);

/* 0, or the first error: -ENOMEM, -EMSGSIZE (an array, the signature or the nesting exceeds its limit) or -EINVAL (a value that
 * is not valid or does not fit where it was written, a container left open). */
int postern_writer_finish(const struct postern_writer *w);

#endif
