/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A list of addresses, parsed, written with all values escaped, and parsed again. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "wire/address.h"

static void write_one(struct postern_buf *buf, const struct postern_address *address)
{
    FUZZ_REQUIRE(postern_buf_printf(buf, "%s:", address->transport) == 0);
    for (size_t i = 0; i < address->n_options; i++) {
        const char *value = address->options[i].value;

        FUZZ_REQUIRE(postern_buf_printf(buf, "%s%s=", i > 0 ? "," : "", address->options[i].key) == 0);
        FUZZ_REQUIRE(postern_address_escape(buf, value, strlen(value)) == 0);
    }
    FUZZ_REQUIRE(postern_buf_append(buf, ";", 1) == 0);
}

static void require_same(const struct postern_address *a, const struct postern_address *b)
{
    FUZZ_REQUIRE(strcmp(a->transport, b->transport) == 0 && a->n_options == b->n_options);
    for (size_t i = 0; i < a->n_options; i++) {
        const char *value = postern_address_get(b, a->options[i].key);

        FUZZ_REQUIRE(value != NULL && strcmp(value, a->options[i].value) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_address *list, *again;
    struct postern_buf buf = {0};
    struct postern_error error;
    size_t n, n_again;
    char *text = malloc(size + 1);

    FUZZ_REQUIRE(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (postern_address_parse(text, &list, &n, &error) == 0) {
        for (size_t i = 0; i < n; i++)
            write_one(&buf, &list[i]);
        FUZZ_REQUIRE(postern_buf_append(&buf, "", 1) == 0);
        FUZZ_REQUIRE(postern_address_parse((const char *)buf.data, &again, &n_again, &error) == 0);
        FUZZ_REQUIRE(n == n_again);
        for (size_t i = 0; i < n; i++)
            require_same(&list[i], &again[i]);
        postern_address_free(again, n_again);
        postern_address_free(list, n);
        postern_buf_finish(&buf);
    }
    free(text);
    return 0;
}
