/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers questions about two members in ways that are no answer, and allows all else. For a bus that is to serve with it. */
#include <stdbool.h>
#include <string.h>

#include "tests/mocks/mock-yes.h"

static int32_t odd_open(const struct postern_options *options, struct postern_mediator **mediator, struct postern_fault *fault)
{
    *mediator = (struct postern_mediator *)mediator;
    return 0;
}

static bool is_about(const struct postern_request *request, const char *member)
{
    const struct postern_message *m = request->message;

    return m != NULL && m->member.data != NULL && strcmp(m->member.data, member) == 0;
}

static int32_t odd_mediate(struct postern_mediator *mediator, const struct postern_request *request, struct postern_verdict *verdict)
{
    *verdict = (struct postern_verdict){.size = verdict->size, .allowed = is_about(request, "Two") ? 2 : 1};
    return is_about(request, "Fails") ? -EIO : 0;
}

const struct postern_module *postern_module_v1(uint16_t host_major, uint16_t host_minor)
{
    static struct postern_module table;

    yes_fill(&table);
    table.open = odd_open;
    table.mediate = odd_mediate;
    return &table;
}
