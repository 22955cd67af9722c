/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arguments of Mediator1's methods, in both byte orders: they mean the same, or are wrong for the same reason, and every answer is a
 * valid body. The first byte of the input is the order of the rest, the second says which method. */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <unistd.h>

#include "core/flip.h"
#include "core/ghost.h"
#include "core/grant.h"
#include "core/mediator1.h"
#include "wire/body.h"
#include "wire/message.h"

static const struct {
    const char *member, *signature;
} methods[] = {
    {"Grant", "a{sv}a(usos)"}, {"Explain", "a{sv}"}, {"SetRules", "oa(usos)"}, {"RequestFacts", "as"}, {"Revoke", "u"}, {"GetRules", "o"}, {"GetInstanceStats", "o"},
};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

static void host_log(void *data, int32_t priority, const char *text)
{
    (void)data;
    (void)priority;
    FUZZ_REQUIRE(strchr(text, '\n') == NULL);
}

static int32_t host_emit(void *data, const struct postern_signal *signal)
{
    (void)data;
    FUZZ_REQUIRE(postern_body_validate(postern_native_order(), signal->signature, strlen(signal->signature), signal->body, signal->body_len, 0) == 0);
    return 0;
}

/* What one asking leaves behind, less what is different on purpose. */
struct outcome {
    int result;
    char error[200];
    uint8_t body[4096];
    size_t len;
};

static void ask(struct postern_mediator *mediator, struct postern_party *caller, size_t method, char order, const uint8_t *body, size_t len,
                struct outcome *outcome)
{
    struct postern_view member = {methods[method].member, (uint32_t)strlen(methods[method].member), 0};
    struct postern_view signature = {methods[method].signature, (uint32_t)strlen(methods[method].signature), 0};
    struct postern_message message = {.size = sizeof(message), .type = POSTERN_MESSAGE_METHOD_CALL, .order = (uint8_t)order, .serial = 1,
                                      .body_len = (uint32_t)len, .member = member, .signature = signature, .body = body};
    struct postern_call call = {.size = sizeof(call), .caller = caller, .message = &message};
    struct postern_reply reply = {.size = sizeof(reply)};

    memset(outcome, 0, sizeof(*outcome));
    outcome->result = postern_mediator1_call(mediator, &call, &reply);
    if (outcome->result != 0)
        return;
    snprintf(outcome->error, sizeof(outcome->error), "%s %s", reply.error_name != NULL ? reply.error_name : "", reply.error_text != NULL ? reply.error_text : "");
    if (reply.error_name != NULL || reply.body_len == 0)
        return;
    FUZZ_REQUIRE(postern_body_validate(postern_native_order(), reply.signature, strlen(reply.signature), reply.body, reply.body_len, 0) == 0);
    outcome->len = reply.body_len < sizeof(outcome->body) ? reply.body_len : sizeof(outcome->body);
    if (method != 0) /* the number of a grant is never the same twice */
        memcpy(outcome->body, reply.body, outcome->len);
}

/* A caller, a container of its user's, and a name. */
static void ask_both(size_t method, char order, const uint8_t *body, const uint8_t *flipped, size_t len)
{
    static const struct postern_host host = {
        .abi = {.size = sizeof(host), .major = POSTERN_ABI_MAJOR, .minor = POSTERN_ABI_MINOR}, .log = host_log, .emit = host_emit};
    struct postern_settings settings = {.max_rules = 9, .max_grants = 9, .default_mode = POSTERN_MODE_RESTRICT};
    struct postern_party nobody = {.uid = UINT32_MAX};
    struct postern_ghost_plan who = {.name = "com.example.Service", .uid = geteuid(), .like = &nobody};
    struct postern_instance_plan plan = {.type = "a.b", .name = "app", .source = "socket", .mode = POSTERN_MODE_RESTRICT, .creator_uid = geteuid()};
    struct postern_instance *instance;
    struct postern_mediator mediator;
    struct postern_ghost caller;
    struct outcome one, other;

    postern_mediator_init(&mediator, &host, 0, &settings);
    postern_ghost_init(&caller, &mediator, &who);
    FUZZ_REQUIRE(postern_instance_new(&mediator, &plan, &instance) == 0);
    ask(&mediator, &caller.party, method, order, body, len, &one);
    ask(&mediator, &caller.party, method, order == 'l' ? 'B' : 'l', flipped, len, &other);
    FUZZ_REQUIRE(memcmp(&one, &other, sizeof(one)) == 0 || method == 4); /* what is revoked once cannot be revoked again */
    postern_grants_party_gone(&caller.party);
    postern_mediator_finish(&mediator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *body, *flipped;
    const char *signature;
    size_t method;
    char order;

    if (size < 2 || size > 1 << 16)
        return 0;
    order = data[0] == 'B' ? 'B' : 'l';
    method = data[1] % N_METHODS;
    signature = methods[method].signature;
    body = malloc(size);
    flipped = malloc(size);
    FUZZ_REQUIRE(body != NULL && flipped != NULL);
    memcpy(body, data + 2, size - 2);
    if (postern_body_validate(order, signature, strlen(signature), body, size - 2, 0) == 0) {
        FUZZ_REQUIRE(postern_flip(order, signature, body, size - 2, flipped) == 0);
        ask_both(method, order, body, flipped, size - 2);
    }
    free(body);
    free(flipped);
    return 0;
}
