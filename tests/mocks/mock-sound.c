/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Odd in no way. */
#include "tests/mocks/mock.h"

const struct postern_module *postern_module_v1(uint16_t host_major, uint16_t host_minor)
{
    return &mock_sound;
}
