/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of version 1.3, or 1.4, and allows what that version could ask: what came later it refuses, as a module must. For a bus that is to serve with it. */
#include <stdbool.h>
#include <stddef.h>

#include "tests/mocks/mock-yes.h"

#ifndef OLDER_MINOR
#define OLDER_MINOR 3u
#endif
#define FLAGS_KNOWN (OLDER_MINOR < 4u ? 0x3fu : 0xffu)

static int32_t older_open(const struct postern_options *options, struct postern_mediator **mediator, struct postern_fault *fault)
{
    if ((options->flags & ~POSTERN_OPTION_LOG_ALL) != 0)
        return -EINVAL;
    *mediator = (struct postern_mediator *)mediator;
    return 0;
}

static int32_t older_mediate(struct postern_mediator *mediator, const struct postern_request *request, struct postern_verdict *verdict)
{
    bool says_more = request->size > offsetof(struct postern_request, kind) && request->kind != 0;

    *verdict = (struct postern_verdict){.size = verdict->size, .allowed = (request->flags & ~FLAGS_KNOWN) == 0 && !says_more};
    return 0;
}

const struct postern_module *postern_module_v1(uint16_t host_major, uint16_t host_minor)
{
    static struct postern_module table;

    yes_fill(&table);
    table.abi.minor = OLDER_MINOR;
    table.open = older_open;
    table.mediate = older_mediate;
    return &table;
}
