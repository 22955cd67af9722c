/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/ctl/read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "wire/name.h"

#define DEPTH_MAX 64 /* D-Bus Specification, "Valid Signatures" and "Message Format": of containers in one another */

static struct postern_value *read_any(sd_bus_message *message, unsigned int depth);

/* Strings and handles apart, all basic types are numbers: one of these, by size and sign. */
static struct postern_value *read_number(sd_bus_message *message, char type)
{
    union {
        uint8_t y;
        int b;
        int16_t n;
        uint16_t q;
        int32_t i;
        uint32_t u;
        int64_t x;
        uint64_t t;
        double d;
    } read = {0};
    struct postern_value *value;

    if (sd_bus_message_read_basic(message, type, &read) <= 0)
        return NULL;
    switch (type) {
    case 'b':
        return postern_value_bool(read.b != 0);
    case 'y':
        return postern_value_unsigned(read.y);
    case 'q':
        return postern_value_unsigned(read.q);
    case 'u':
        return postern_value_unsigned(read.u);
    case 't':
        return postern_value_unsigned(read.t);
    case 'd':
        value = postern_value_new(POSTERN_VALUE_DOUBLE);
        if (value != NULL)
            value->real = read.d;
        return value;
    default:
        value = postern_value_new(POSTERN_VALUE_SIGNED);
        if (value != NULL)
            value->integer = type == 'n' ? read.n : type == 'i' ? read.i : read.x;
        return value;
    }
}

static struct postern_value *read_basic(sd_bus_message *message, char type)
{
    const char *text;
    int fd;

    switch (type) {
    case 's':
    case 'o':
    case 'g':
        return sd_bus_message_read_basic(message, type, &text) > 0 ? postern_value_string(text) : NULL;
    case 'h': /* the message's own: nothing to close, and nothing that means anything elsewhere */
        return sd_bus_message_read_basic(message, type, &fd) > 0 ? postern_value_string("file descriptor") : NULL;
    default:
        return read_number(message, type);
    }
}

/* The key of an entry as text: JSON has no others. */
static char *read_key(sd_bus_message *message, char type)
{
    __attribute__((cleanup(postern_value_freep))) struct postern_value *key = read_basic(message, type);
    char *text = NULL;

    if (key == NULL)
        return NULL;
    if (key->kind == POSTERN_VALUE_STRING)
        return strdup(key->text);
    if (key->kind == POSTERN_VALUE_BOOL)
        return strdup(key->boolean ? "true" : "false");
    if (key->kind == POSTERN_VALUE_UNSIGNED)
        return asprintf(&text, "%" PRIu64, key->number) < 0 ? NULL : text;
    if (key->kind == POSTERN_VALUE_SIGNED)
        return asprintf(&text, "%" PRId64, key->integer) < 0 ? NULL : text;
    return asprintf(&text, "%.17g", key->real) < 0 ? NULL : text;
}

/* Labels are bytes with a NUL behind them, as the kernel gives them; people write them as text. */
static struct postern_value *read_label(sd_bus_message *message)
{
    const void *bytes;
    size_t len;

    if (sd_bus_message_enter_container(message, 'v', "ay") <= 0 || sd_bus_message_read_array(message, 'y', &bytes, &len) < 0 ||
        sd_bus_message_exit_container(message) < 0)
        return NULL;
    if (len > 0 && ((const char *)bytes)[len - 1] == '\0')
        len--;
    if (postern_utf8_is_valid(bytes, len)) {
        postern_autofree char *text = strndup(len > 0 ? bytes : "", len);

        return text != NULL ? postern_value_string(text) : NULL;
    }
    return postern_value_string("(no text)");
}

static bool is_label(sd_bus_message *message, const char *key)
{
    const char *contents;
    char type;

    return strcmp(key, "LinuxSecurityLabel") == 0 && sd_bus_message_peek_type(message, &type, &contents) > 0 && type == 'v' &&
           strcmp(contents, "ay") == 0;
}

static bool read_entry(sd_bus_message *message, struct postern_value *object, char key_type, unsigned int depth)
{
    postern_autofree char *key = read_key(message, key_type);

    if (key == NULL)
        return false;
    postern_value_set(object, key, is_label(message, key) ? read_label(message) : read_any(message, depth));
    return !object->failed;
}

/* Into a container whose contents have this signature: entries of dictionaries come as containers of their own. */
static bool read_items(sd_bus_message *message, struct postern_value *into, unsigned int depth)
{
    const char *contents;
    char type;
    int r;

    while ((r = sd_bus_message_at_end(message, false)) == 0) {
        if (sd_bus_message_peek_type(message, &type, &contents) <= 0)
            return false;
        if (type != SD_BUS_TYPE_DICT_ENTRY) {
            postern_value_add(into, read_any(message, depth));
            if (into->failed)
                return false;
            continue;
        }
        if (sd_bus_message_enter_container(message, type, contents) <= 0 || !read_entry(message, into, contents[0], depth) ||
            sd_bus_message_exit_container(message) < 0)
            return false;
    }
    return r > 0;
}

static struct postern_value *read_container(sd_bus_message *message, char type, const char *contents, unsigned int depth)
{
    bool dictionary = type == SD_BUS_TYPE_ARRAY && contents[0] == '{';
    struct postern_value *value;

    if (depth >= DEPTH_MAX || sd_bus_message_enter_container(message, type, contents) <= 0)
        return NULL;
    if (type == SD_BUS_TYPE_VARIANT)
        value = read_any(message, depth + 1);
    else
        value = postern_value_new(dictionary ? POSTERN_VALUE_OBJECT : POSTERN_VALUE_ARRAY);
    if (value != NULL && ((type != SD_BUS_TYPE_VARIANT && !read_items(message, value, depth + 1)) || sd_bus_message_exit_container(message) < 0)) {
        postern_value_free(value);
        return NULL;
    }
    return value;
}

static struct postern_value *read_any(sd_bus_message *message, unsigned int depth)
{
    const char *contents;
    char type;

    if (sd_bus_message_peek_type(message, &type, &contents) <= 0)
        return NULL;
    if (type == SD_BUS_TYPE_ARRAY || type == SD_BUS_TYPE_VARIANT || type == SD_BUS_TYPE_STRUCT)
        return read_container(message, type, contents, depth);
    return read_basic(message, type);
}

int postern_ctl_read(sd_bus_message *message, struct postern_value **value)
{
    struct postern_value *read = read_any(message, 0);

    /* sd-bus has checked the whole message when it came: what cannot be read is not there, or there is no memory for it. */
    if (read == NULL || read->failed) {
        postern_value_free(read);
        return -EBADMSG;
    }
    *value = read;
    return 0;
}

/* Gives the fields of a struct, an array so far, their names. */
static struct postern_value *name_fields(struct postern_value *row, const char *const *keys)
{
    struct postern_value *object = postern_value_new(POSTERN_VALUE_OBJECT);

    for (size_t i = 0; i < row->n; i++) {
        postern_value_set(object, keys[i], row->items[i]);
        row->items[i] = NULL;
    }
    return object;
}

int postern_ctl_read_rows(sd_bus_message *message, const char *signature, const char *const *keys, struct postern_value **rows)
{
    struct postern_value *read;
    int r;

    if (!sd_bus_message_has_signature(message, signature))
        return -EBADMSG;
    r = postern_ctl_read(message, &read);
    if (r < 0)
        return r;
    for (size_t i = 0; i < read->n; i++) {
        struct postern_value *object = name_fields(read->items[i], keys);

        postern_value_free(read->items[i]);
        read->items[i] = object;
        read->failed |= object == NULL || object->failed;
    }
    if (read->failed) {
        postern_value_free(read);
        return -ENOMEM;
    }
    *rows = read;
    return 0;
}
