/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/registry.h"

#include <string.h>

#include "backends/socket.h"

static const struct postern_backend *const backends[] = {
    &postern_socket_backend,
};

const struct postern_backend *postern_registry_find(const char *name)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    return NULL;
}
