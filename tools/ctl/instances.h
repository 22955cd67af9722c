/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The container instances of a bus, as values. */
#ifndef POSTERN_TOOLS_CTL_INSTANCES_H
#define POSTERN_TOOLS_CTL_INSTANCES_H

#include "tools/ctl/ctl.h"

/* All of them: an array of objects with instance ("c7"), path, type, name, source, connections. NULL with *error. */
struct postern_value *postern_ctl_instances(struct postern_ctl *ctl, struct postern_error *error);

#endif
