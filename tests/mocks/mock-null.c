/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Serves no host. */
#include "tests/mocks/mock.h"

const struct postern_module *postern_module_v1(uint16_t host_major, uint16_t host_minor)
{
    return host_major == UINT16_MAX ? &mock_sound : NULL;
}
