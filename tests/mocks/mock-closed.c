/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sound module that does not open, and says why. */
#include "tests/mocks/mock.h"

static int32_t mock_open_fails(const struct postern_options *options, struct postern_mediator **mediator, struct postern_fault *fault)
{
    static const char why[] = "/etc/mock.conf:3:7: no such thing";

    memcpy(fault->text, why, sizeof(why));
    return -EINVAL;
}

const struct postern_module *postern_module_v1(uint16_t host_major, uint16_t host_minor)
{
    static struct postern_module table;

    table = mock_sound;
    table.open = mock_open_fails;
    return &table;
}
