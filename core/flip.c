/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/flip.h"

#include <errno.h>
#include <string.h>

#include "wire/reader.h"

static void reverse(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        uint8_t byte = p[i];

        p[i] = p[n - 1 - i];
        p[n - 1 - i] = byte;
    }
}

static void flip_value(struct postern_reader *r, uint8_t *out);

static void flip_container(struct postern_reader *r, char code, uint8_t *out)
{
    size_t length_at = postern_align(r->pos, 4);

    if (postern_reader_enter(r, code == '(' ? 'r' : code == '{' ? 'e' : code) < 0)
        return;
    if (code == 'a')
        reverse(out + length_at, 4);
    while (postern_reader_more(r))
        flip_value(r, out);
    postern_reader_leave(r);
}

/* Recursion ends where the reader refuses to go deeper. */
static void flip_value(struct postern_reader *r, uint8_t *out)
{
    char code = postern_reader_type(r);
    size_t start, len, size = postern_type_fixed_size(code);

    if (code == 'a' || code == 'v' || code == '(' || code == '{') {
        flip_container(r, code, out);
    } else if (postern_reader_raw(r, &start, &len) == 0) {
        if (size > 1)
            reverse(out + start, size);
        else if (code == 's' || code == 'o')
            reverse(out + start, 4);
    }
}

int postern_flip(char order, const char *signature, const uint8_t *body, size_t len, uint8_t *out)
{
    struct postern_reader r;

    memcpy(out, body, len);
    postern_reader_init(&r, order, signature, body, len);
    while (postern_reader_more(&r))
        flip_value(&r, out);
    return postern_reader_finish(&r);
}
