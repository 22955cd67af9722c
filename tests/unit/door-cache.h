/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the cache of verdicts have in common. */
#ifndef POSTERN_TESTS_UNIT_DOOR_CACHE_H
#define POSTERN_TESTS_UNIT_DOOR_CACHE_H

#include <stdbool.h>
#include <string.h>

#include "core/recall.h"
#include "tests/unit/door-scene.h"

/* What a policy begins with. */
#define EVERYBODY "<allow user=\"*\"/><allow own=\"*\"/>"

/* How often the XML door was asked, since the mediator was last told to count: what it was not asked came from the cache. */
extern unsigned cache_n_asked;

/* Has the fixture's mediator count; again after a reload. */
void count_questions(void);
/* Is this answered without any door asked? */
bool is_cached(const struct postern_request *request);

static inline struct postern_view view(const char *text)
{
    return (struct postern_view){.data = text, .len = text != NULL ? (uint32_t)strlen(text) : 0};
}

#endif
