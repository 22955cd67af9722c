/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sound module that does nothing and allows nothing. Each mock takes its table and is odd in one way, so that a loader that
 * refuses it refuses it for that.
 */
#ifndef POSTERN_TESTS_MOCKS_MOCK_H
#define POSTERN_TESTS_MOCKS_MOCK_H

#include <errno.h>
#include <string.h>

#include "postern/module.h"

extern postern_module_fn postern_module_v1;

static int32_t mock_open(const struct postern_options *options, struct postern_mediator **mediator, struct postern_fault *fault)
{
    *mediator = (struct postern_mediator *)mediator;
    return 0;
}
static void mock_close(struct postern_mediator *mediator) {}
static int32_t mock_reload(struct postern_mediator *mediator, struct postern_fault *fault) { return 0; }
static int32_t mock_party_new(struct postern_mediator *mediator, const struct postern_peer *peer, struct postern_party **party) { return -EPERM; }
static int32_t mock_party_identity(const struct postern_party *party, struct postern_identity *identity) { return -EPERM; }
static int32_t mock_party_authenticated(struct postern_party *party, uint32_t uid) { return -EPERM; }
static int32_t mock_party_hello(struct postern_party *party, const char *unique_name) { return -EPERM; }
static int32_t mock_party_name(struct postern_party *party, const char *name, uint32_t state) { return -EPERM; }
static void mock_party_end(struct postern_party *party) {}
static int32_t mock_mediate(struct postern_mediator *mediator, const struct postern_request *request, struct postern_verdict *verdict)
{
    return -EPERM;
}
static uint32_t mock_see(const struct postern_party *observer, const struct postern_party *target, const char *name)
{
    return POSTERN_SEE_HIDDEN;
}
static void mock_delivered(const struct postern_party *from, struct postern_party *to) {}
static void mock_stamp(const struct postern_party *from, const struct postern_party *to, struct postern_view *path)
{
    memset(path, 0, sizeof(*path));
}
static uint32_t mock_interfaces(const struct postern_interface **list) { return 0; }
static int32_t mock_driver_call(struct postern_mediator *mediator, const struct postern_call *call, struct postern_reply *reply) { return -EPERM; }
static int32_t mock_get_property(struct postern_mediator *mediator, const char *interface, const char *member, struct postern_reply *reply)
{
    return -EPERM;
}
static int32_t mock_credentials(const struct postern_party *party, postern_credential_fn *fn, void *fn_data) { return 0; }
static const char *const *mock_features(void)
{
    static const char *const none[] = {NULL};

    return none;
}

static const struct postern_module mock_sound = {
    .abi = {.size = sizeof(struct postern_module), .major = POSTERN_ABI_MAJOR, .minor = POSTERN_ABI_MINOR},
    .name = "mock",
    .version = "0",
    .open = mock_open,
    .close = mock_close,
    .reload = mock_reload,
    .party_new = mock_party_new,
    .party_identity = mock_party_identity,
    .party_authenticated = mock_party_authenticated,
    .party_hello = mock_party_hello,
    .party_name = mock_party_name,
    .party_leave = mock_party_end,
    .party_free = mock_party_end,
    .mediate = mock_mediate,
    .see = mock_see,
    .delivered = mock_delivered,
    .stamp = mock_stamp,
    .interfaces = mock_interfaces,
    .driver_call = mock_driver_call,
    .get_property = mock_get_property,
    .credentials = mock_credentials,
    .features = mock_features,
};

#endif
