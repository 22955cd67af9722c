/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may know of whom: docs/containers.md, "What a container sees". */
#ifndef POSTERN_CORE_SEE_H
#define POSTERN_CORE_SEE_H

#include <stdbool.h>

#include "core/door.h"
#include "core/party.h"

/* see() of the module's table. */
uint32_t postern_see(const struct postern_party *observer, const struct postern_party *target, const char *name);

/* May `observer` inspect the connection `target` by the rules of its container? What mode restrict answers, also in complain, and without
 * a line in the log: for facts that every message would tell. */
bool postern_see_may_inspect(const struct postern_party *observer, const struct postern_party *target);

/* Is this well-known name of the party, which is in no container of the instance's, hidden from the instance? Sending to it would tell that it is there. */
bool postern_see_hides_name(const struct postern_instance *instance, const struct postern_party *owner, const char *name);

/* The same answer, with the reason as the container's door would put it, and without a word in the log. */
uint32_t postern_see_explain(const struct postern_party *observer, const struct postern_party *target, const char *name,
                             struct postern_opinion *opinion);

#endif
