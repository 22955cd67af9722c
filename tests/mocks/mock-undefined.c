/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Needs a function that nobody has. */
#include "tests/mocks/mock.h"

extern const struct postern_module *mock_nobody_has_this(void);

const struct postern_module *postern_module_v1(uint16_t host_major, uint16_t host_minor)
{
    return host_major == UINT16_MAX ? &mock_sound : mock_nobody_has_this();
}
