/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "Server Addresses": bytes that may stand for themselves in a value. */
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("-_/.\\*", c));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* text[0..len) with %xx replaced, in new memory at *value. */
static int unescape(const char *text, size_t len, char **value, struct postern_error *error)
{
    char *out = malloc(len + 1);
    size_t n = 0;

    if (out == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        int high, low;

        if (is_plain(text[i])) {
            out[n++] = text[i];
            continue;
        }
        high = text[i] == '%' && len - i > 2 ? hex_digit(text[i + 1]) : -1;
        low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low < 0 || (high | low) == 0) {
            free(out);
            return postern_error_set(error, -EINVAL, "in an address, \"%.*s\" is not a valid value", (int)len, text);
        }
        out[n++] = (char)(high << 4 | low);
        i += 2;
    }
    out[n] = '\0';
    *value = out;
    return 0;
}

static void address_finish(struct postern_address *address)
{
    for (size_t i = 0; i < address->n_options; i++) {
        free(address->options[i].key);
        free(address->options[i].value);
    }
    free(address->options);
    free(address->transport);
}

/* "key=value" of len bytes, into the next option, for which there is room. */
static int parse_option(struct postern_address *address, const char *text, size_t len, struct postern_error *error)
{
    struct postern_address_option option = {0};
    const char *equals = memchr(text, '=', len);
    size_t key_len = equals != NULL ? (size_t)(equals - text) : 0;
    int r;

    if (key_len == 0 || key_len + 1 == len)
        return postern_error_set(error, -EINVAL, "in an address, \"%.*s\" is not of the form key=value", (int)len, text);
    option.key = strndup(text, key_len);
    if (option.key == NULL)
        return -ENOMEM;
    if (postern_address_get(address, option.key) != NULL)
        r = postern_error_set(error, -EINVAL, "in an address, the key \"%s\" occurs twice", option.key);
    else
        r = unescape(equals + 1, len - key_len - 1, &option.value, error);
    if (r < 0) {
        free(option.key);
        return r;
    }
    address->options[address->n_options++] = option;
    return 0;
}

/* How many pieces do commas make of text? */
static size_t count_pieces(const char *text, size_t len, char separator)
{
    size_t n = 1;

    for (size_t i = 0; i < len; i++)
        n += text[i] == separator;
    return n;
}

static int parse_options(struct postern_address *address, const char *text, size_t len, struct postern_error *error)
{
    const char *end = text + len;

    if (len == 0)
        return 0; /* "autolaunch:" */
    address->options = calloc(count_pieces(text, len, ','), sizeof(*address->options));
    if (address->options == NULL)
        return -ENOMEM;
    for (;;) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma != NULL ? comma : end;
        int r = parse_option(address, text, (size_t)(stop - text), error);

        if (r < 0 || comma == NULL)
            return r;
        text = comma + 1;
    }
}

/* One address of len bytes into *address, which is zeroed; to be finished in any case. */
static int parse_one(struct postern_address *address, const char *text, size_t len, struct postern_error *error)
{
    const char *colon = memchr(text, ':', len);

    if (colon == NULL || colon == text)
        return postern_error_set(error, -EINVAL, "address \"%.*s\" does not begin with a transport and a colon", (int)len, text);
    address->transport = strndup(text, (size_t)(colon - text));
    if (address->transport == NULL)
        return -ENOMEM;
    return parse_options(address, colon + 1, len - (size_t)(colon + 1 - text), error);
}

int postern_address_parse(const char *text, struct postern_address **list, size_t *n, struct postern_error *error)
{
    struct postern_address *addresses;
    size_t len = strlen(text), count = 0;
    const char *end = text + len;
    int r = 0;

    if (len == 0)
        return postern_error_set(error, -EINVAL, "the address is empty");
    addresses = calloc(count_pieces(text, len, ';'), sizeof(*addresses));
    if (addresses == NULL)
        return -ENOMEM;
    /* A semicolon may also end the list. */
    while (r == 0 && text < end) {
        const char *semicolon = memchr(text, ';', (size_t)(end - text));
        const char *stop = semicolon != NULL ? semicolon : end;

        r = parse_one(&addresses[count++], text, (size_t)(stop - text), error);
        text = stop + 1;
    }
    if (r < 0) {
        postern_address_free(addresses, count);
        return r;
    }
    *list = addresses;
    *n = count;
    return 0;
}

void postern_address_free(struct postern_address *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        address_finish(&list[i]);
    free(list);
}

const char *postern_address_get(const struct postern_address *address, const char *key)
{
    for (size_t i = 0; i < address->n_options; i++)
        if (strcmp(address->options[i].key, key) == 0)
            return address->options[i].value;
    return NULL;
}

int postern_address_escape(struct postern_buf *buf, const char *value, size_t len)
{
    if (postern_buf_reserve(buf, 3 * len) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        int r;

        if (is_plain(value[i]))
            r = postern_buf_append(buf, &value[i], 1);
        else
            r = postern_buf_printf(buf, "%%%02x", (unsigned char)value[i]);
        if (r < 0)
            return r;
    }
    return 0;
}
