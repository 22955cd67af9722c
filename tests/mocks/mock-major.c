/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From another major version. */
#include "tests/mocks/mock.h"

const struct postern_module *postern_module_v1(uint16_t host_major, uint16_t host_minor)
{
    static struct postern_module table;

    table = mock_sound;
    table.abi.major = POSTERN_ABI_MAJOR + 1;
    return &table;
}
