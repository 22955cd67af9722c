/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/writer.h"

#include <errno.h>
#include <string.h>

#include "wire/body.h"
#include "wire/message.h"
#include "wire/name.h"
#include "wire/reader.h"

static struct postern_writer_level *top(struct postern_writer *w)
{
    return &w->levels[w->depth];
}

static void fail(struct postern_writer *w, int error)
{
    if (w->error == 0)
        w->error = error;
}

void postern_writer_init(struct postern_writer *w)
{
    w->buf = (struct postern_buf){0};
    postern_writer_reset(w);
}

void postern_writer_reset(struct postern_writer *w)
{
    w->buf.len = 0;
    w->signature[0] = '\0';
    w->signature_len = 0;
    w->depth = 0;
    w->error = 0;
    w->levels[0] = (struct postern_writer_level){0};
}

void postern_writer_free(struct postern_writer *w)
{
    postern_buf_finish(&w->buf);
    postern_writer_reset(w);
}

static void signature_append(struct postern_writer *w, const char *types, size_t len)
{
    if (len > (size_t)POSTERN_SIGNATURE_MAX - w->signature_len) {
        fail(w, -EMSGSIZE);
        return;
    }
    memcpy(w->signature + w->signature_len, types, len);
    w->signature_len = (uint8_t)(w->signature_len + len);
    w->signature[w->signature_len] = '\0';
}

/* A value of the complete type types[0..len) is about to be written at this level. */
static bool expect(struct postern_writer *w, const char *types, size_t len)
{
    struct postern_writer_level *level = top(w);

    if (w->error != 0)
        return false;
    if (level->next == NULL) {
        signature_append(w, types, len);
        return w->error == 0;
    }
    if (strncmp(level->next, types, len) != 0) {
        fail(w, -EINVAL);
        return false;
    }
    if (level->container != 'a') /* whose elements are all of one type */
        level->next += len;
    return true;
}

/* Zeros up to a multiple of alignment, then n bytes; NULL after a failure. */
static uint8_t *put(struct postern_writer *w, size_t alignment, size_t n)
{
    size_t padding = postern_align(w->buf.len, alignment) - w->buf.len;
    uint8_t *p;

    if (w->error != 0)
        return NULL;
    p = postern_buf_grow(&w->buf, padding + n);
    if (p == NULL) {
        fail(w, -ENOMEM);
        return NULL;
    }
    memset(p, 0, padding);
    return p + padding;
}

/* A number of a fixed-size type. */
static void write_number(struct postern_writer *w, char code, const void *value)
{
    size_t size = postern_type_fixed_size(code);
    uint8_t *p = expect(w, &code, 1) ? put(w, size, size) : NULL;

    if (p != NULL)
        memcpy(p, value, size);
}

void postern_writer_byte(struct postern_writer *w, uint8_t value)
{
    write_number(w, 'y', &value);
}

void postern_writer_bool(struct postern_writer *w, bool value)
{
    uint32_t number = value;

    write_number(w, 'b', &number);
}

void postern_writer_u32(struct postern_writer *w, uint32_t value)
{
    write_number(w, 'u', &value);
}

void postern_writer_i32(struct postern_writer *w, int32_t value)
{
    write_number(w, 'i', &value);
}

void postern_writer_u64(struct postern_writer *w, uint64_t value)
{
    write_number(w, 't', &value);
}

void postern_writer_fd(struct postern_writer *w, uint32_t index)
{
    write_number(w, 'h', &index);
}

/* Text behind its length, which takes four bytes, or one for a signature. */
static void write_text(struct postern_writer *w, char code, const char *value, size_t len)
{
    uint32_t number = (uint32_t)len;
    size_t prefix = code == 'g' ? 1 : 4;
    uint8_t *p;

    if (len > POSTERN_ARRAY_MAX) {
        fail(w, -EMSGSIZE);
        return;
    }
    p = expect(w, &code, 1) ? put(w, prefix, prefix + len + 1) : NULL;
    if (p == NULL)
        return;
    if (code == 'g')
        p[0] = (uint8_t)len;
    else
        memcpy(p, &number, sizeof(number));
    memcpy(p + prefix, value, len + 1);
}

void postern_writer_string(struct postern_writer *w, const char *value)
{
    if (value == NULL || !postern_utf8_is_valid(value, strlen(value)))
        fail(w, -EINVAL);
    else
        write_text(w, 's', value, strlen(value));
}

void postern_writer_path(struct postern_writer *w, const char *value)
{
    if (value == NULL || !postern_path_is_valid(value, strlen(value)))
        fail(w, -EINVAL);
    else
        write_text(w, 'o', value, strlen(value));
}

void postern_writer_signature(struct postern_writer *w, const char *value)
{
    if (value == NULL || !postern_signature_is_valid(value, strlen(value)))
        fail(w, -EINVAL);
    else
        write_text(w, 'g', value, strlen(value));
}

void postern_writer_bytes(struct postern_writer *w, const void *data, uint32_t len)
{
    uint8_t *p;

    postern_writer_open(w, 'a', "y");
    p = put(w, 1, len);
    if (p != NULL && len > 0)
        memcpy(p, data, len);
    postern_writer_close(w);
}

static void open_array(struct postern_writer *w, const char *contents, struct postern_writer_level *level)
{
    char types[POSTERN_SIGNATURE_MAX + 1] = "a";
    size_t len = strlen(contents);
    uint8_t *p;

    if (len >= POSTERN_SIGNATURE_MAX) {
        fail(w, -EINVAL);
        return;
    }
    memcpy(types + 1, contents, len);
    if (!postern_signature_is_single(types, len + 1)) {
        fail(w, -EINVAL);
        return;
    }
    p = expect(w, types, len + 1) ? put(w, 4, 4) : NULL;
    if (p == NULL)
        return;
    level->length_at = (size_t)(p - w->buf.data);
    put(w, postern_type_alignment(contents[0]), 0);
    level->start = w->buf.len;
    level->type = level->next = contents;
}

static void open_variant(struct postern_writer *w, const char *contents, struct postern_writer_level *level)
{
    size_t len = strlen(contents);
    uint8_t *p;

    if (!postern_signature_is_single(contents, len)) {
        fail(w, -EINVAL);
        return;
    }
    p = expect(w, "v", 1) ? put(w, 1, len + 2) : NULL;
    if (p == NULL)
        return;
    p[0] = (uint8_t)len;
    memcpy(p + 1, contents, len + 1);
    level->next = contents;
}

/* Structs and dictionary entries. Inside a container of known type the whole struct's type is known, too. */
static void open_struct(struct postern_writer *w, char bracket, struct postern_writer_level *level)
{
    struct postern_writer_level *outer = top(w);

    if (outer->next == NULL) {
        if (bracket == '{') /* entries exist in arrays only */
            fail(w, -EINVAL);
        else
            signature_append(w, "(", 1);
    } else if (outer->next[0] != bracket) {
        fail(w, -EINVAL);
    } else {
        level->next = outer->next + 1;
        if (outer->container != 'a')
            outer->next += postern_signature_next(outer->next);
    }
    put(w, 8, 0);
}

void postern_writer_open(struct postern_writer *w, char container, const char *contents)
{
    struct postern_writer_level level = {.container = container};
    bool typed = container == 'a' || container == 'v';

    if (w->error != 0)
        return;
    if (w->depth >= POSTERN_NESTING_MAX)
        fail(w, -EMSGSIZE);
    else if ((!typed && container != 'r' && container != 'e') || typed != (contents != NULL))
        fail(w, -EINVAL);
    else if (container == 'a')
        open_array(w, contents, &level);
    else if (container == 'v')
        open_variant(w, contents, &level);
    else
        open_struct(w, container == 'r' ? '(' : '{', &level);
    if (w->error == 0)
        w->levels[++w->depth] = level;
}

static void close_array(struct postern_writer *w, const struct postern_writer_level *level)
{
    uint32_t len = (uint32_t)(w->buf.len - level->start);

    if (w->buf.len - level->start > POSTERN_ARRAY_MAX)
        fail(w, -EMSGSIZE);
    else
        memcpy(w->buf.data + level->length_at, &len, sizeof(len));
}

void postern_writer_close(struct postern_writer *w)
{
    const struct postern_writer_level *level = top(w);
    char end = level->container == 'r' ? ')' : level->container == 'e' ? '}' : '\0';

    if (w->error != 0)
        return;
    if (w->depth == 0)
        fail(w, -EINVAL);
    else if (level->container == 'a')
        close_array(w, level);
    else if (level->next == NULL && w->signature[w->signature_len - 1] == '(')
        fail(w, -EINVAL); /* a struct has at least one member */
    else if (level->next == NULL)
        signature_append(w, ")", 1);
    else if (*level->next != end)
        fail(w, -EINVAL);
    if (w->error == 0)
        w->depth--;
}

static void copy_value(struct postern_writer *w, struct postern_reader *r);

static void copy_container(struct postern_writer *w, struct postern_reader *r, char code)
{
    char container = code == '(' ? 'r' : code == '{' ? 'e' : code;
    char contents[POSTERN_SIGNATURE_MAX + 1];
    const struct postern_reader_level *level;
    size_t len;

    if (postern_reader_enter(r, container) < 0)
        return;
    level = &r->levels[r->depth];
    len = (size_t)(level->signature_end - level->signature);
    memcpy(contents, level->signature, len);
    contents[len] = '\0';
    postern_writer_open(w, container, container == 'a' || container == 'v' ? contents : NULL);
    while (w->error == 0 && postern_reader_more(r))
        copy_value(w, r);
    postern_writer_close(w);
    postern_reader_leave(r);
}

/* Recursion ends where the reader refuses to go deeper. */
static void copy_value(struct postern_writer *w, struct postern_reader *r)
{
    char code = postern_reader_type(r);
    size_t start, len;
    const char *text;

    if (postern_type_fixed_size(code) > 0) {
        if (postern_reader_raw(r, &start, &len) == 0)
            write_number(w, code, r->data + start);
    } else if (code == 's' || code == 'o' || code == 'g') {
        if (postern_reader_string(r, &text, &len) == 0)
            write_text(w, code, text, len);
    } else {
        copy_container(w, r, code);
    }
}

void postern_writer_value(struct postern_writer *w, const char *type, const void *value, uint32_t len)
{
    struct postern_reader r;

    if (!postern_signature_is_single(type, strlen(type)) ||
        postern_body_validate(postern_native_order(), type, strlen(type), value, len, UINT32_MAX) < 0) {
        fail(w, -EINVAL);
        return;
    }
    postern_reader_init(&r, postern_native_order(), type, value, len);
    copy_value(w, &r);
    if (postern_reader_finish(&r) < 0)
        fail(w, -EINVAL);
}

void postern_writer_entry_open(struct postern_writer *w, const char *key, const char *type)
{
    postern_writer_open(w, 'e', NULL);
    postern_writer_string(w, key);
    postern_writer_open(w, 'v', type);
}

void postern_writer_entry_close(struct postern_writer *w)
{
    postern_writer_close(w);
    postern_writer_close(w);
}

void postern_writer_entry_u32(struct postern_writer *w, const char *key, uint32_t value)
{
    postern_writer_entry_open(w, key, "u");
    postern_writer_u32(w, value);
    postern_writer_entry_close(w);
}

void postern_writer_entry_string(struct postern_writer *w, const char *key, const char *value)
{
    postern_writer_entry_open(w, key, "s");
    postern_writer_string(w, value);
    postern_writer_entry_close(w);
}

void postern_writer_entry_path(struct postern_writer *w, const char *key, const char *value)
{
    postern_writer_entry_open(w, key, "o");
    postern_writer_path(w, value);
    postern_writer_entry_close(w);
}

int postern_writer_finish(const struct postern_writer *w)
{
    if (w->error != 0)
        return w->error;
    return w->depth > 0 ? -EINVAL : 0;
}
