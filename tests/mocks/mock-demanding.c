/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a later minor version, and means what it says at the end. */
#include "tests/mocks/mock.h"

const struct postern_module *postern_module_v1(uint16_t host_major, uint16_t host_minor)
{
    static struct {
        struct postern_module known;
        uint64_t later[3];
    } table;

    table.known = mock_sound;
    table.known.abi.size = sizeof(table);
    table.known.abi.minor = POSTERN_ABI_MINOR + 1;
    table.later[2] = 1;
    return &table.known;
}
