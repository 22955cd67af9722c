/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sources of identity that this build has: the one place that knows what was configured in. */
#ifndef POSTERN_BACKENDS_REGISTRY_H
#define POSTERN_BACKENDS_REGISTRY_H

#include "core/backend.h"

/* The backend of this name, or NULL when this build has none. */
const struct postern_backend *postern_registry_find(const char *name);

#endif
