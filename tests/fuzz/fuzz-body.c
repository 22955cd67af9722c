/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A body: a byte whose lowest bit is the byte order, the length of the signature in a byte, the signature, the body. A reader
 * must get through what the validator passes, and a copy of a value must be valid, too.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "wire/body.h"
#include "wire/message.h"
#include "wire/reader.h"
#include "wire/writer.h"

static void walk(struct postern_reader *r)
{
    while (postern_reader_more(r)) {
        char type = postern_reader_type(r);

        if (strchr("a({v", type) != NULL) {
            FUZZ_REQUIRE(postern_reader_enter(r, type == '(' ? 'r' : type == '{' ? 'e' : type) == 0);
            walk(r);
            FUZZ_REQUIRE(postern_reader_leave(r) == 0);
        } else {
            FUZZ_REQUIRE(postern_reader_skip(r) == 0);
        }
    }
}

/* A copy at another offset must be valid again. */
static void copy(const char *type, const uint8_t *value, size_t len)
{
    struct postern_reader r;
    struct postern_writer w;

    postern_writer_init(&w);
    postern_writer_byte(&w, 0);
    postern_writer_open(&w, 'v', type);
    postern_writer_value(&w, type, value, (uint32_t)len);
    postern_writer_close(&w);
    /* Inside a variant it may be one level too deep. */
    if (postern_writer_finish(&w) == 0) {
        FUZZ_REQUIRE(postern_body_validate(postern_native_order(), "yv", 2, w.buf.data, w.buf.len, UINT32_MAX) == 0);
        postern_reader_init(&r, postern_native_order(), "yv", w.buf.data, w.buf.len);
        walk(&r);
        FUZZ_REQUIRE(postern_reader_finish(&r) == 0);
    } else {
        FUZZ_REQUIRE(w.error == -EMSGSIZE);
    }
    postern_writer_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char order, signature[POSTERN_SIGNATURE_MAX + 1];
    struct postern_reader r;
    const uint8_t *body;
    size_t n, len;

    if (size < 2 || size - 2 < data[1] || memchr(data + 2, '\0', data[1]) != NULL)
        return 0;
    order = data[0] & 1 ? 'B' : 'l';
    n = data[1];
    memcpy(signature, data + 2, n);
    signature[n] = '\0';
    body = data + 2 + n;
    len = size - 2 - n;
    if (postern_body_validate(order, signature, n, body, len, UINT32_MAX) < 0) {
        /* The reader is bounded all the same. */
        postern_reader_init(&r, order, signature, body, len);
        while (postern_reader_more(&r))
            postern_reader_skip(&r);
        return 0;
    }
    postern_reader_init(&r, order, signature, body, len);
    walk(&r);
    FUZZ_REQUIRE(postern_reader_finish(&r) == 0);
    if (order == postern_native_order() && postern_signature_is_single(signature, n))
        copy(signature, body, len);
    return 0;
}
