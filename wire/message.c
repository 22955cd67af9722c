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
    uint32_t number; /* of texts: the length */
};

static struct field text_field(uint8_t code, char type, const char *text)
{
    return (struct field){code, type, text, text != NULL ? (uint32_t)strlen(text) : 0};
}

static bool is_present(const struct field *field)
{
    return field->type == 's' || field->type == 'o' ? field->text != NULL : field->number != 0;
}

static size_t field_size(const struct field *field)
{
    if (field->type == 'u')
        return 8;
    return (field->type == 'g' ? 5u : 8u) + field->number + 1;
}

/* to holds zeros. */
static void field_write(uint8_t *to, const struct field *field)
{
    char order = postern_native_order();

    to[0] = field->code;
    to[1] = 1;
    to[2] = (uint8_t)field->type;
    if (field->type == 'g')
        to[4] = (uint8_t)field->number;
    else
        postern_store32(to + 4, order, field->number);
    if (field->text != NULL)
        memcpy(to + (field->type == 'g' ? 5 : 8), field->text, field->number);
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
        text_field(POSTERN_FIELD_PATH, 'o', parts->path),
        text_field(POSTERN_FIELD_INTERFACE, 's', parts->interface),
        text_field(POSTERN_FIELD_MEMBER, 's', parts->member),
        text_field(POSTERN_FIELD_ERROR_NAME, 's', parts->error),
        {POSTERN_FIELD_REPLY_SERIAL, 'u', NULL, parts->reply_serial},
        text_field(POSTERN_FIELD_DESTINATION, 's', parts->destination),
        text_field(POSTERN_FIELD_SENDER, 's', parts->sender),
        text_field(POSTERN_FIELD_SIGNATURE, 'g', parts->signature),
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
