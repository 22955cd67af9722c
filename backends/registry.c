/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/registry.h"

#include <string.h>

#ifdef HAVE_LIBAPPARMOR
#include "backends/apparmor.h"
#endif
#include "backends/cgroup.h"
#ifdef HAVE_LIBSELINUX
#include "backends/selinux.h"
#endif
#include "backends/socket.h"

static const struct postern_backend *const backends[] = {
    &postern_socket_backend,
#ifdef HAVE_LIBSELINUX
    &postern_selinux_backend,
#endif
#ifdef HAVE_LIBAPPARMOR
    &postern_apparmor_backend,
#endif
    &postern_cgroup_backend,
};

const struct postern_backend *const *postern_registry_list(size_t *n)
{
    *n = sizeof(backends) / sizeof(backends[0]);
    return backends;
}
