/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may know of whom: docs/containers.md, "What a container sees". */
#ifndef POSTERN_CORE_SEE_H
#define POSTERN_CORE_SEE_H

#include "core/door.h"
#include "core/party.h"

/* see() of the module's table. */
uint32_t postern_see(const struct postern_party *observer, const struct postern_party *target, const char *name);

/* The same answer, with the reason as the container's door would put it, and without a word in the log. */
uint32_t postern_see_explain(const struct postern_party *observer, const struct postern_party *target, const char *name,
                             struct postern_opinion *opinion);

#endif
