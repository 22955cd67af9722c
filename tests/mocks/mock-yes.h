/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module that knows of nobody in particular and lets everybody in: what mocks that serve a whole bus have in common. */
#ifndef POSTERN_TESTS_MOCKS_MOCK_YES_H
#define POSTERN_TESTS_MOCKS_MOCK_YES_H

#include "tests/mocks/mock.h"

static int32_t yes_party_new(struct postern_mediator *mediator, const struct postern_peer *peer, struct postern_party **party)
{
    *party = (struct postern_party *)mediator;
    return 0;
}

static int32_t yes_party_identity(const struct postern_party *party, struct postern_identity *identity)
{
    *identity = (struct postern_identity){.size = identity->size};
    return 0;
}

static int32_t yes_authenticated(struct postern_party *party, uint32_t uid)
{
    return 0;
}

static int32_t yes_hello(struct postern_party *party, const char *unique_name)
{
    return 0;
}

static int32_t yes_name(struct postern_party *party, const char *name, uint32_t state)
{
    return 0;
}

static void yes_fill(struct postern_module *table)
{
    *table = mock_sound;
    table->party_new = yes_party_new;
    table->party_identity = yes_party_identity;
    table->party_authenticated = yes_authenticated;
    table->party_hello = yes_hello;
    table->party_name = yes_name;
}

#endif
