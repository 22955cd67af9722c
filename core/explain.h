/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mediator1.Explain: what each door says to a question, by which rule, and what would have to change. */
#ifndef POSTERN_CORE_EXPLAIN_H
#define POSTERN_CORE_EXPLAIN_H

#include "core/object.h"

/* Explain, with the answer in mediator->reply. Decides as delivery does, by the same function. */
int postern_explain(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error);

#endif
