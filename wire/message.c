/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/message.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wire/bytes.h"
#include "wire/header.h"
#include "wire/signature.h"

char postern_native_order(void)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B';
}

/* A field to be written: text is NULL for numbers. */
struct field {
    uint8_t code;
    char type;
    const char *text;
    uint32_t number;
};

static bool is_present(const struct field *field)
{
    return field->type == 'u' ? field->number != 0 : field->text != NULL && (field->type != 'g' || field->text[0] != '\0');
}

static size_t field_size(const struct field *field)
{
    if (field->type == 'u')
        return 8;
    return (field->type == 'g' ? 5 : 8) + strlen(field->text) + 1;
}

/* to holds zeros. */
static void field_write(uint8_t *to, const struct field *field)
{
    char order = postern_native_order();

    to[0] = field->code;
    to[1] = 1;
    to[2] = (uint8_t)field->type;
    if (field->type == 'u') {
        postern_store32(to + 4, order, field->number);
    } else if (field->type == 'g') {
        to[4] = (uint8_t)strlen(field->text);
        memcpy(to + 5, field->text, strlen(field->text));
    } else {
        postern_store32(to + 4, order, (uint32_t)strlen(field->text));
        memcpy(to + 8, field->text, strlen(field->text));
    }
}

static void fixed_write(uint8_t *to, const struct postern_message_parts *parts, uint32_t fields_len)
{
    char order = postern_native_order();

    to[0] = (uint8_t)order;
    to[1] = parts->type;
    to[2] = parts->flags;
    to[3] = 1;
    postern_store32(to + 4, order, parts->body_len);
    postern_store32(to + 8, order, parts->serial);
    postern_store32(to + 12, order, fields_len);
}

int postern_message_build(struct postern_buf *buf, const struct postern_message_parts *parts)
{
    const struct field fields[] = {
        {POSTERN_FIELD_PATH, 'o', parts->path, 0},
        {POSTERN_FIELD_INTERFACE, 's', parts->interface, 0},
        {POSTERN_FIELD_MEMBER, 's', parts->member, 0},
        {POSTERN_FIELD_ERROR_NAME, 's', parts->error, 0},
        {POSTERN_FIELD_REPLY_SERIAL, 'u', NULL, parts->reply_serial},
        {POSTERN_FIELD_DESTINATION, 's', parts->destination, 0},
        {POSTERN_FIELD_SENDER, 's', parts->sender, 0},
        {POSTERN_FIELD_SIGNATURE, 'g', parts->signature, 0},
        {POSTERN_FIELD_UNIX_FDS, 'u', NULL, parts->fds},
    };
    const size_t n = sizeof(fields) / sizeof(fields[0]);
    size_t len = 0, head;
    uint8_t *to;

    for (size_t i = 0; i < n; i++)
        if (is_present(&fields[i]))
            len = postern_align(len, 8) + field_size(&fields[i]);
    head = postern_align(POSTERN_HEADER_FIXED + len, 8);
    if (len > POSTERN_FIELDS_MAX || head + parts->body_len > POSTERN_MESSAGE_MAX)
        return -EMSGSIZE;
    to = postern_buf_grow(buf, head + parts->body_len);
    if (to == NULL)
        return -ENOMEM;
    memset(to, 0, head);
    fixed_write(to, parts, (uint32_t)len);
    len = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_present(&fields[i]))
            continue;
        len = postern_align(len, 8);
        field_write(to + POSTERN_HEADER_FIXED + len, &fields[i]);
        len += field_size(&fields[i]);
    }
    if (parts->body_len > 0)
        memcpy(to + head, parts->body, parts->body_len);
    return 0;
}
