/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Provider and door "apparmor": the labels of AppArmor, and its D-Bus rules: docs/lsm.md. */
#ifndef POSTERN_BACKENDS_APPARMOR_H
#define POSTERN_BACKENDS_APPARMOR_H

#include "core/backend.h"

extern const struct postern_backend postern_apparmor_backend;

#endif
