/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/apparmor/stream.h"

#include <errno.h>
#include <string.h>

static int broken(const struct postern_apparmor_stream *stream, struct postern_error *error, const char *what)
{
    return postern_error_set(error, -EBADMSG, "compiled AppArmor profile, byte %zu: %s", stream->at, what);
}

/* A little-endian number of this many bytes. */
static int number(struct postern_apparmor_stream *stream, size_t width, uint64_t *value, struct postern_error *error)
{
    if (stream->len - stream->at < width)
        return broken(stream, error, "it ends in a number");
    *value = 0;
    for (size_t i = 0; i < width; i++)
        *value |= (uint64_t)stream->data[stream->at + i] << (8 * i);
    stream->at += width;
    return 0;
}

/* Bytes behind their number, which is of this many bytes itself. */
static int bytes(struct postern_apparmor_stream *stream, size_t width, uint8_t **data, size_t *len, struct postern_error *error)
{
    uint64_t n;
    int r = number(stream, width, &n, error);

    if (r < 0)
        return r;
    if (n > stream->len - stream->at)
        return broken(stream, error, "it ends in a string or blob");
    *data = stream->data + stream->at;
    *len = (size_t)n;
    stream->at += (size_t)n;
    return 0;
}

static int string(struct postern_apparmor_stream *stream, uint8_t **data, size_t *len, struct postern_error *error)
{
    int r = bytes(stream, 2, data, len, error);

    if (r == 0 && (*len == 0 || (*data)[*len - 1] != '\0'))
        r = broken(stream, error, "a string without an end");
    return r;
}

static int tag(struct postern_apparmor_stream *stream, uint8_t *value, struct postern_error *error)
{
    if (stream->at == stream->len)
        return broken(stream, error, "it ends too early");
    *value = stream->data[stream->at++];
    return 0;
}

int postern_apparmor_stream_next(struct postern_apparmor_stream *stream, struct postern_apparmor_element *element,
                                 struct postern_error *error)
{
    struct postern_apparmor_element read = {.name = ""};
    uint8_t *name, kind = 0;
    size_t len;
    int r = tag(stream, &kind, error);

    if (r == 0 && kind == POSTERN_APPARMOR_NAME) {
        r = string(stream, &name, &len, error);
        if (r == 0) {
            read.name = (const char *)name;
            r = tag(stream, &kind, error);
        }
    }
    if (r < 0)
        return r;
    read.tag = (enum postern_apparmor_tag)kind;
    switch (read.tag) {
    case POSTERN_APPARMOR_U8:
    case POSTERN_APPARMOR_U16:
    case POSTERN_APPARMOR_U32:
    case POSTERN_APPARMOR_U64:
        r = number(stream, (size_t)1 << kind, &read.number, error);
        break;
    case POSTERN_APPARMOR_ARRAY:
        r = number(stream, 2, &read.number, error);
        break;
    case POSTERN_APPARMOR_STRING:
        r = string(stream, &read.data, &read.len, error);
        break;
    case POSTERN_APPARMOR_BLOB:
        r = bytes(stream, 4, &read.data, &read.len, error);
        break;
    case POSTERN_APPARMOR_STRUCT:
    case POSTERN_APPARMOR_STRUCT_END:
    case POSTERN_APPARMOR_LIST:
    case POSTERN_APPARMOR_LIST_END:
    case POSTERN_APPARMOR_ARRAY_END:
        break;
    case POSTERN_APPARMOR_NAME:
    default:
        r = broken(stream, error, "an element of an unknown kind");
    }
    if (r == 0)
        *element = read;
    return r;
}

bool postern_apparmor_element_is(const struct postern_apparmor_element *element, enum postern_apparmor_tag kind, const char *name)
{
    return element->tag == kind && strcmp(element->name, name) == 0;
}

int postern_apparmor_stream_want(struct postern_apparmor_stream *stream, enum postern_apparmor_tag kind, const char *name,
                                 struct postern_apparmor_element *element, struct postern_error *error)
{
    struct postern_apparmor_element read;
    int r = postern_apparmor_stream_next(stream, &read, error);

    if (r < 0)
        return r;
    if (read.tag != kind || (name != NULL && strcmp(read.name, name) != 0))
        return broken(stream, error, "another element was to be expected here");
    *element = read;
    return 0;
}

/* What ends an element that begins with this tag; 0 when it has no inside. */
static uint8_t end_of(enum postern_apparmor_tag kind)
{
    switch (kind) {
    case POSTERN_APPARMOR_STRUCT:
        return POSTERN_APPARMOR_STRUCT_END;
    case POSTERN_APPARMOR_LIST:
        return POSTERN_APPARMOR_LIST_END;
    case POSTERN_APPARMOR_ARRAY:
        return POSTERN_APPARMOR_ARRAY_END;
    default:
        return 0;
    }
}

static bool is_end(enum postern_apparmor_tag kind)
{
    return kind == POSTERN_APPARMOR_STRUCT_END || kind == POSTERN_APPARMOR_LIST_END || kind == POSTERN_APPARMOR_ARRAY_END;
}

int postern_apparmor_stream_skip(struct postern_apparmor_stream *stream, const struct postern_apparmor_element *element,
                                 struct postern_error *error)
{
    uint8_t ends[POSTERN_APPARMOR_STREAM_DEPTH];
    size_t depth = 0;
    struct postern_apparmor_element inner = *element;

    for (;;) {
        int r;

        if (end_of(inner.tag) != 0) {
            if (depth == POSTERN_APPARMOR_STREAM_DEPTH)
                return broken(stream, error, "too many elements in each other");
            ends[depth++] = end_of(inner.tag);
        } else if (is_end(inner.tag)) {
            if (depth == 0 || ends[depth - 1] != inner.tag)
                return broken(stream, error, "the end of something that did not begin");
            depth--;
        }
        if (depth == 0)
            return 0;
        r = postern_apparmor_stream_next(stream, &inner, error);
        if (r < 0)
            return r;
    }
}
