/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A handshake: a byte that says how the server is set up, one that says how the bytes arrive, the bytes. However they are cut,
 * the result is the same; and nobody gets in as somebody else.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "daemon/sasl.h"

#define GUID "0123456789abcdef0123456789abcdef"

/* The secret is what no input can know. */
static int give(void *data, struct postern_challenge *challenge)
{
    (void)data;
    challenge->id = 7;
    memcpy(challenge->cookie, "c0ffee", sizeof("c0ffee"));
    memcpy(challenge->digits, "000102030405060708090a0b0c0d0e0f", sizeof(challenge->digits));
    return 0;
}

static const struct postern_sasl_keyring keyring = {.user = "alice", .uid = 1000, .challenge = give};

struct outcome {
    struct postern_sasl sasl;
    struct postern_buf out;
    size_t used;
    int r;
};

static struct outcome converse(const struct postern_sasl *start, const uint8_t *data, size_t size, size_t step)
{
    struct outcome outcome = {.sasl = *start};
    size_t arrived = 0;

    do {
        size_t used;

        arrived += step < size - arrived ? step : size - arrived;
        outcome.r = postern_sasl_feed(&outcome.sasl, data + outcome.used, arrived - outcome.used, &used, &outcome.out);
        FUZZ_REQUIRE(used <= arrived - outcome.used);
        outcome.used += used;
    } while (outcome.r == 0 && arrived < size);
    return outcome;
}

static void require_honest(const struct outcome *outcome, const struct postern_sasl *start)
{
    FUZZ_REQUIRE(outcome->out.len < 256 * POSTERN_SASL_LINES_MAX);
    if (outcome->r != 1)
        return;
    FUZZ_REQUIRE(!outcome->sasl.fds_agreed || start->can_pass_fds);
    if (outcome->sasl.anonymous)
        FUZZ_REQUIRE((start->mechanisms & POSTERN_SASL_ANONYMOUS) && outcome->sasl.uid == UINT32_MAX);
    else if (start->socket_uid != UINT32_MAX)
        FUZZ_REQUIRE((start->mechanisms & (POSTERN_SASL_EXTERNAL | POSTERN_SASL_COOKIE)) &&
                     outcome->sasl.uid == start->socket_uid);
    else
        FUZZ_REQUIRE((start->mechanisms & POSTERN_SASL_COOKIE) && outcome->sasl.uid == keyring.uid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_sasl start;
    struct outcome whole, parts;

    if (size < 2)
        return 0;
    postern_sasl_init(&start, GUID, (data[0] & 3u) | (data[0] & 32u ? POSTERN_SASL_COOKIE : 0),
                      data[0] & 4   ? 1000
                      : data[0] & 8 ? 0
                                    : UINT32_MAX,
                      data[0] & 16);
    start.keyring = &keyring;
    if (data[0] & 64)
        postern_sasl_ask_nonce(&start, (const uint8_t *)"0123456789abcdef");
    whole = converse(&start, data + 2, size - 2, size);
    require_honest(&whole, &start);
    parts = converse(&start, data + 2, size - 2, (size_t)data[1] + 1);
    FUZZ_REQUIRE(whole.r == parts.r && whole.used == parts.used && whole.out.len == parts.out.len);
    FUZZ_REQUIRE(whole.out.len == 0 || memcmp(whole.out.data, parts.out.data, whole.out.len) == 0);
    FUZZ_REQUIRE(whole.sasl.uid == parts.sasl.uid && whole.sasl.fds_agreed == parts.sasl.fds_agreed &&
                 whole.sasl.anonymous == parts.sasl.anonymous);
    postern_buf_finish(&whole.out);
    postern_buf_finish(&parts.out);
    return 0;
}
