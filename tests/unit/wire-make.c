/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/wire-make.h"

#include <stdlib.h>
#include <string.h>

static void put(struct made *made, const void *data, size_t n)
{
    ck_assert_uint_le(made->len + n, sizeof(made->data));
    memcpy(made->data + made->len, data, n);
    made->len += n;
}

static void put_zeros(struct made *made, size_t n)
{
    while (n-- > 0)
        put(made, "", 1);
}

static void put_number(struct made *made, char order, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * (order == 'l' ? i : size - 1 - i));

        put(made, &byte, 1);
    }
}

static void align(struct made *made, size_t alignment)
{
    put_zeros(made, (alignment - made->len % alignment) % alignment);
}

/* "CT:value]"; returns what follows the bracket. */
static const char *put_field(struct made *made, char order, const char *text)
{
    char *rest;
    unsigned code = (unsigned)strtoul(text, &rest, 10);
    char type = *rest;
    const char *value = rest + 2, *end = strchr(value, ']');
    size_t len = (size_t)(end - value);
    uint8_t start[4] = {(uint8_t)code, 1, (uint8_t)type, 0};

    align(made, 8);
    put(made, start, sizeof(start));
    if (type == 'u') {
        put_number(made, order, 4, strtoul(value, NULL, 10));
    } else {
        put_number(made, order, type == 'g' ? 1 : 4, len);
        put(made, value, len);
        put(made, "", 1);
    }
    return end + 1;
}

static const char *make_token(struct made *made, char order, const char *text)
{
    char *rest = (char *)text + 1;
    uint64_t number = 0;
    uint8_t byte;

    if (*text != '\0' && strchr("qutz|", *text) != NULL)
        number = strtoull(text + 1, &rest, 10);
    switch (*text) {
    case '\'':
        rest = strchr(text + 1, '\'');
        put(made, text + 1, (size_t)(rest - text) - 1);
        return rest + 1;
    case '[':
        return put_field(made, order, text + 1);
    case 'y':
        byte = (uint8_t)strtoul(text + 1, &rest, 16);
        put(made, &byte, 1);
        break;
    case 'q':
    case 'u':
    case 't':
        put_number(made, order, *text == 'q' ? 2 : *text == 'u' ? 4 : 8, number);
        break;
    case 'z':
        put_zeros(made, number);
        break;
    case '|':
        align(made, number);
        break;
    case '.':
        put_zeros(made, 1);
        break;
    default:
        ck_abort_msg("unknown token: %s", text);
    }
    return rest;
}

void make(struct made *made, char order, const char *text)
{
    while (*text != '\0')
        text = *text == ' ' ? text + 1 : make_token(made, order, text);
}

void make_message(struct made *made, char order, unsigned type, const char *fields, const char *body)
{
    struct made contents = {.len = 0}, marshalled = {.len = 0};
    uint8_t start[4] = {(uint8_t)order, (uint8_t)type, 0, 1};

    make(&contents, order, fields);
    make(&marshalled, order, body);
    made->len = 0;
    put(made, start, sizeof(start));
    put_number(made, order, 4, marshalled.len);
    put_number(made, order, 4, 7);
    put_number(made, order, 4, contents.len);
    put(made, contents.data, contents.len);
    align(made, 8);
    put(made, marshalled.data, marshalled.len);
}

const char *repeat(char c, size_t n)
{
    static char texts[4][1200];
    static unsigned turn;
    char *text = texts[turn++ % 4];

    ck_assert_uint_lt(n, sizeof(texts[0]));
    memset(text, c, n);
    text[n] = '\0';
    return text;
}
