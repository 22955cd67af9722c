/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A shared object of another kind. */
#include "tests/mocks/mock.h"

extern postern_module_fn postern_module_v2;

const struct postern_module *postern_module_v2(uint16_t host_major, uint16_t host_minor)
{
    return &mock_sound;
}
