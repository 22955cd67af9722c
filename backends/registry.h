/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sources of identity that this build has: the one place that knows what was configured in. */
#ifndef POSTERN_BACKENDS_REGISTRY_H
#define POSTERN_BACKENDS_REGISTRY_H

#include "core/backend.h"

/* All backends of this build. */
const struct postern_backend *const *postern_registry_list(size_t *n);

#endif
