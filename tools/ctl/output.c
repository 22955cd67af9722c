/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/ctl/output.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "wire/name.h"

#define LABEL_WIDTH 14 /* of the lines of postern_output_field() */

void postern_output_finish(struct postern_output *out)
{
    postern_buf_finish(&out->buf);
    out->failed = false;
}

static void put(struct postern_output *out, const char *text, size_t len)
{
    out->failed |= postern_buf_append(&out->buf, text, len) < 0;
}

struct postern_value *postern_output_take(struct postern_output *out)
{
    struct postern_value *value = NULL;

    put(out, "", 1);
    if (!out->failed)
        value = postern_value_string((const char *)out->buf.data);
    postern_output_finish(out);
    return value;
}

void postern_output_printf(struct postern_output *out, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        out->failed = true;
        return;
    }
    put(out, text, (size_t)len);
    free(text);
}

/* How many bytes the next character has; 0: what is there is no UTF-8. */
static size_t character(const char *text, uint32_t *code)
{
    unsigned char lead = (unsigned char)*text;
    size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    if (strnlen(text, len) < len || !postern_utf8_is_valid(text, len))
        return 0;
    *code = len == 1 ? lead : lead & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        *code = *code << 6 | ((unsigned char)text[i] & 0x3f);
    return len;
}

/*
 * Characters that do something instead of standing somewhere: the controls C0 and C1 (0x9b alone begins an escape sequence), separators
 * of lines, marks of direction, and what is invisible and so makes two names look like one.
 */
static bool is_active(uint32_t code)
{
    static const uint32_t ranges[][2] = {
        {0x00, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c}, {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
        {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
    };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    }
    return false;
}

static void put_escape(struct postern_output *out, uint32_t code)
{
    if (code == '\n' || code == '\t')
        put(out, code == '\n' ? "\\n" : "\\t", 2);
    else
        postern_output_printf(out, code < 0x80 ? "\\x%02" PRIx32 : code < 0x10000 ? "\\u%04" PRIx32 : "\\U%08" PRIx32, code);
}

void postern_output_text(struct postern_output *out, const char *text)
{
    while (*text != '\0') {
        uint32_t code = 0;
        size_t len = character(text, &code);

        if (len == 0)
            postern_output_printf(out, "\\x%02x", (unsigned char)*text++);
        else if (is_active(code))
            put_escape(out, code);
        else if (code == '\\')
            put(out, "\\\\", 2);
        else
            put(out, text, len);
        text += len;
    }
}

/* RFC 8259, section 7: beyond the BMP an escape is a surrogate pair. */
static void put_json_escape(struct postern_output *out, uint32_t code)
{
    if (code < 0x10000)
        postern_output_printf(out, "\\u%04" PRIx32, code);
    else
        postern_output_printf(out, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
}

static void put_json_string(struct postern_output *out, const char *text)
{
    put(out, "\"", 1);
    while (*text != '\0') {
        uint32_t code = 0;
        size_t len = character(text, &code);

        if (len == 0) {
            put(out, "\\ufffd", 6);
            len = 1;
        } else if (is_active(code)) {
            put_json_escape(out, code);
        } else {
            if (code == '"' || code == '\\')
                put(out, "\\", 1);
            put(out, text, len);
        }
        text += len;
    }
    put(out, "\"", 1);
}

static void put_scalar(struct postern_output *out, const struct postern_value *value)
{
    switch (value->kind) {
    case POSTERN_VALUE_BOOL:
        postern_output_printf(out, "%s", value->boolean ? "true" : "false");
        break;
    case POSTERN_VALUE_UNSIGNED:
        postern_output_printf(out, "%" PRIu64, value->number);
        break;
    case POSTERN_VALUE_SIGNED:
        postern_output_printf(out, "%" PRId64, value->integer);
        break;
    case POSTERN_VALUE_DOUBLE:
        /* JSON has neither infinities nor NaN; x - x is 0 for every other number. */
        if (value->real - value->real == 0)
            postern_output_printf(out, "%.17g", value->real);
        else
            put(out, "null", 4);
        break;
    default:
        put(out, "null", 4);
    }
}

static void put_break(struct postern_output *out, bool pretty, unsigned int depth)
{
    if (pretty)
        postern_output_printf(out, "\n%*s", (int)depth * 2, "");
}

/* Values are as deep as messages are: the reader bounds them. */
static void put_json(struct postern_output *out, const struct postern_value *value, bool pretty, unsigned int depth)
{
    bool object = value->kind == POSTERN_VALUE_OBJECT;

    if (value->kind == POSTERN_VALUE_STRING) {
        put_json_string(out, value->text);
    } else if (!object && value->kind != POSTERN_VALUE_ARRAY) {
        put_scalar(out, value);
    } else {
        put(out, object ? "{" : "[", 1);
        for (size_t i = 0; i < value->n; i++) {
            if (i > 0)
                put(out, ",", 1);
            put_break(out, pretty, depth + 1);
            if (object) {
                put_json_string(out, value->keys[i]);
                put(out, ": ", pretty ? 2 : 1);
            }
            put_json(out, value->items[i], pretty, depth + 1);
        }
        if (value->n > 0)
            put_break(out, pretty, depth);
        put(out, object ? "}" : "]", 1);
    }
}

void postern_output_json(struct postern_output *out, const struct postern_value *value, enum postern_json how)
{
    out->failed |= value == NULL || value->failed;
    if (out->failed)
        return;
    put_json(out, value, how == POSTERN_JSON_PRETTY, 0);
    put(out, "\n", 1);
}

void postern_output_cell(struct postern_output *out, const struct postern_value *value)
{
    if (value == NULL || value->kind == POSTERN_VALUE_NULL || (value->kind == POSTERN_VALUE_ARRAY && value->n == 0)) {
        put(out, "-", 1);
    } else if (value->kind == POSTERN_VALUE_STRING) {
        postern_output_text(out, *value->text != '\0' ? value->text : "\"\"");
    } else if (value->kind == POSTERN_VALUE_BOOL) {
        postern_output_printf(out, "%s", value->boolean ? "yes" : "no");
    } else if (value->kind == POSTERN_VALUE_ARRAY) {
        for (size_t i = 0; i < value->n; i++) {
            if (i > 0)
                put(out, ", ", 2);
            postern_output_cell(out, value->items[i]);
        }
    } else {
        put_json(out, value, false, 0);
    }
}

size_t postern_output_width(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* The last column is not padded. */
static void put_row(struct postern_output *out, char *const *cells, const size_t *widths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        postern_output_printf(out, "%s%*s", cells[i], i + 1 < n ? (int)(widths[i] - postern_output_width(cells[i]) + 2) : 0, "");
    put(out, "\n", 1);
}

static char *make_cell(const struct postern_value *row, const struct postern_column *column)
{
    struct postern_output cell = {0};

    if (row == NULL)
        postern_output_printf(&cell, "%s", column->title);
    else
        postern_output_cell(&cell, postern_value_get(row, column->key));
    put(&cell, "", 1);
    if (cell.failed)
        postern_output_finish(&cell);
    return (char *)cell.buf.data;
}

void postern_output_table(struct postern_output *out, const struct postern_value *rows, const struct postern_column *columns, size_t n, bool legend)
{
    size_t n_rows = rows != NULL ? rows->n + 1 : 0; /* the headings are the first */
    postern_autofree char **cells = calloc(n_rows * n + 1, sizeof *cells);
    postern_autofree size_t *widths = calloc(n, sizeof *widths);

    out->failed |= cells == NULL || widths == NULL || rows == NULL || rows->failed;
    if (out->failed)
        return;
    for (size_t i = legend ? 0 : n; i < n_rows * n; i++) {
        size_t width;

        cells[i] = make_cell(i < n ? NULL : rows->items[i / n - 1], &columns[i % n]);
        out->failed |= cells[i] == NULL;
        width = cells[i] != NULL ? postern_output_width(cells[i]) : 0;
        if (width > widths[i % n])
            widths[i % n] = width;
    }
    for (size_t row = legend ? 0 : 1; !out->failed && row < n_rows; row++)
        put_row(out, cells + row * n, widths, n);
    for (size_t i = 0; i < n_rows * n; i++)
        free(cells[i]);
}

void postern_output_field(struct postern_output *out, const char *label, const struct postern_value *value)
{
    size_t width = postern_output_width(label) + 1;

    postern_output_text(out, label);
    postern_output_printf(out, ":%*s", width < LABEL_WIDTH ? (int)(LABEL_WIDTH - width) : 1, "");
    postern_output_cell(out, value);
    put(out, "\n", 1);
}
