/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Allows everything and logs with which flags it was asked about messages to a connection. */
#include <stdio.h>
#include <syslog.h>

#include "tests/mocks/mock-yes.h"

static const struct postern_host *host;

static int32_t flags_open(const struct postern_options *options, struct postern_mediator **mediator, struct postern_fault *fault)
{
    host = options->host;
    *mediator = (struct postern_mediator *)mediator;
    return 0;
}

static int32_t flags_mediate(struct postern_mediator *mediator, const struct postern_request *request, struct postern_verdict *verdict)
{
    const struct postern_message *m = request->message;
    char text[300];

    if (request->action == POSTERN_ACTION_SEND && request->to != NULL && m->member.data != NULL) {
        snprintf(text, sizeof(text), "asked about %.*s: input=%s", (int)m->member.len, m->member.data,
                 (request->flags & POSTERN_REQUEST_SAME_INPUT) != 0 ? "same" : "new");
        host->log(host->data, LOG_ERR, text);
    }
    *verdict = (struct postern_verdict){.size = verdict->size, .allowed = 1};
    return 0;
}

const struct postern_module *postern_module_v1(uint16_t host_major, uint16_t host_minor)
{
    static struct postern_module table;

    yes_fill(&table);
    table.open = flags_open;
    table.mediate = flags_mediate;
    return &table;
}
