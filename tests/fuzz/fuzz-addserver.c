/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arguments of AddServer, in both byte orders: they mean the same, or are wrong for the same reason. The first byte of the input is
 * the order of the rest. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/flip.h"
#include "core/serverargs.h"
#include "wire/body.h"

#define SIGNATURE "ssa{sv}a{sv}"

static int read_args(char order, const uint8_t *body, size_t len, struct postern_server_args *args, struct postern_error *error)
{
    static const struct postern_mediator mediator = {
        .settings = {.max_metadata_bytes = 256, .quota = {.connections = 9, .names = 9, .matches = 9, .bytes = 9, .fds = 9, .pending_replies = 9}}};
    static const int32_t fds[] = {0, 0};
    struct postern_message message = {
        .size = sizeof(message), .type = POSTERN_MESSAGE_METHOD_CALL, .order = (uint8_t)order, .serial = 1, .fds = 2, .body_len = (uint32_t)len,
        .signature = {SIGNATURE, sizeof(SIGNATURE) - 1, 0}, .body = body,
    };
    struct postern_call call = {.size = sizeof(call), .n_fds = 2, .message = &message, .fds = fds};

    return postern_server_args_read(&mediator, &call, args, error);
}

static void require_same(const struct postern_server_args *a, const struct postern_server_args *b)
{
    FUZZ_REQUIRE(a->mode == b->mode && a->has_allow == b->has_allow && a->rules.n == b->rules.n);
    FUZZ_REQUIRE(memcmp(&a->quota, &b->quota, sizeof(a->quota)) == 0);
    FUZZ_REQUIRE(strcmp(a->type, b->type) == 0 && strcmp(a->name, b->name) == 0);
    FUZZ_REQUIRE(a->metadata_len == b->metadata_len && memcmp(a->metadata, b->metadata, a->metadata_len) == 0);
    for (size_t i = 0; i < a->rules.n; i++)
        FUZZ_REQUIRE(a->rules.rules[i].flags == b->rules.rules[i].flags && strcmp(a->rules.rules[i].name, b->rules.rules[i].name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_server_args one, other;
    struct postern_error why_one = {.text = ""}, why_other = {.text = ""};
    uint8_t *body, *flipped;
    char order;
    int r;

    if (size < 1 || size > 1 << 16)
        return 0;
    order = data[0] == 'B' ? 'B' : 'l';
    body = malloc(size);
    flipped = malloc(size);
    FUZZ_REQUIRE(body != NULL && flipped != NULL);
    memcpy(body, data + 1, size - 1);
    if (postern_body_validate(order, SIGNATURE, sizeof(SIGNATURE) - 1, body, size - 1, 2) == 0) {
        FUZZ_REQUIRE(postern_flip(order, SIGNATURE, body, size - 1, flipped) == 0);
        r = read_args(order, body, size - 1, &one, &why_one);
        FUZZ_REQUIRE(read_args(order == 'l' ? 'B' : 'l', flipped, size - 1, &other, &why_other) == r);
        FUZZ_REQUIRE(strcmp(why_one.text, why_other.text) == 0 && (r == 0) == (why_one.text[0] == '\0'));
        if (r == 0) {
            require_same(&one, &other);
            postern_server_args_finish(&one);
            postern_server_args_finish(&other);
        }
    }
    free(body);
    free(flipped);
    return 0;
}
