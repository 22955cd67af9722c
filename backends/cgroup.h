/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Provider "cgroup": the control group of a process tells its container. The weak one: a user may move own processes about. */
#ifndef POSTERN_BACKENDS_CGROUP_H
#define POSTERN_BACKENDS_CGROUP_H

#include "core/backend.h"

extern const struct postern_backend postern_cgroup_backend;

#endif
