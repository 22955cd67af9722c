/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/figures.h"

#include "core/decide.h"
#include "core/instance.h"

static void count_denied(const struct postern_request *request, const struct postern_decision *decision)
{
    struct postern_instance *from = request->from != NULL ? request->from->instance : NULL;
    struct postern_instance *to = request->to != NULL ? request->to->instance : NULL;

    if (decision->opinion.end == POSTERN_END_RECEIVER && (request->flags & POSTERN_REQUEST_BROADCAST) != 0)
        return;
    if (from != NULL)
        from->figures.denied[decision->door]++;
    if (to != NULL && to != from)
        to->figures.denied[decision->door]++;
}

static void count_complaints(const struct postern_request *request, const struct postern_decision *decision)
{
    if ((decision->complaints & (1u << POSTERN_END_SENDER)) != 0)
        request->from->instance->figures.complaints++;
    if ((decision->complaints & (1u << POSTERN_END_RECEIVER)) != 0)
        request->to->instance->figures.complaints++;
}

void postern_figures_count(const struct postern_request *request, const struct postern_decision *decision)
{
    const struct postern_message *m = request->message;
    struct postern_instance *from = request->from != NULL ? request->from->instance : NULL;
    struct postern_instance *to = request->to != NULL ? request->to->instance : NULL;

    if (decision->faulty)
        return;
    count_complaints(request, decision);
    if (!decision->allowed) {
        count_denied(request, decision);
        return;
    }
    if (request->action != POSTERN_ACTION_SEND)
        return;
    if (from != NULL)
        postern_figures_sent(&from->figures, m);
    if (to != NULL)
        postern_figures_received(&to->figures, m);
}
