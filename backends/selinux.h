/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Provider and door "selinux": the contexts of SELinux, and class dbus of its policy: docs/lsm.md. */
#ifndef POSTERN_BACKENDS_SELINUX_H
#define POSTERN_BACKENDS_SELINUX_H

#include "core/backend.h"

extern const struct postern_backend postern_selinux_backend;

#endif
