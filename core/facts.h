/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts about the sender in header field 250, for receivers that asked for them: docs/containers.md, "For services: who is calling?". */
#ifndef POSTERN_CORE_FACTS_H
#define POSTERN_CORE_FACTS_H

#include "core/object.h"

/* Mediator1.RequestFacts. */
int postern_facts_request(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error);

/* sender_facts() of the module's table. */
int32_t postern_facts_of_sender(const struct postern_party *from, const struct postern_party *to, uint8_t order, struct postern_view *value);

#endif
