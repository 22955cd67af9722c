/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a request to a decision: a pure function of the request and of what the mediator knows. */
#ifndef POSTERN_CORE_DECIDE_H
#define POSTERN_CORE_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/mediator.h"

#define POSTERN_DECISION_FINDINGS_MAX (2 * POSTERN_FINDINGS_MAX)

struct postern_decision {
    bool allowed;
    bool faulty;                    /* the question could not be asked */
    bool open;                      /* no door has denied */
    bool secured;                   /* a security module was asked for what its policy says */
    uint8_t door;                   /* enum postern_door: the first that denied; of an allowed request the last that said yes */
    uint8_t complaints;             /* bit 1 << enum postern_end: what mode complain let through at this end */
    bool log;                       /* a rule asks for a line */
    bool quiet;                     /* allowed, and neither log nor records have anything to tell of it */
    uint64_t number;                /* of what is kept, each time another; 0: it is not kept */
    struct postern_opinion opinion; /* of that door; zero when the question was faulty */
    uint8_t n_findings;             /* of the security modules */
    struct postern_finding findings[POSTERN_DECISION_FINDINGS_MAX];
};

/* Asks the doors in order (XML, container, security modules) and stops at the first that denies. When all abstain it is a deny; when the
 * request is faulty it is a deny, and opinion.why says what is wrong. What they say may be what they said before, as long as they would say it
 * again (core/cache.h). The decision is in *room or in the cache, and valid until the next question. To be asked by postern_decide() in core/recall.h. */
const struct postern_decision *postern_decide_anew(struct postern_mediator *mediator, const struct postern_request *request,
                                                   struct postern_decision *room);

/* Would the security modules still say what they said? Nothing has to be asked again for what had arrived when they were asked last. */
bool postern_decide_is_current(struct postern_mediator *mediator);

/* The same, and asks every door, each anew, also those behind the one that denied: opinions is what each said, by its place. */
void postern_decide_all(const struct postern_mediator *mediator, const struct postern_request *request,
                        struct postern_opinion opinions[POSTERN_PLACES], struct postern_decision *decision);

/* What is wrong with the request, or NULL: its size, its action, and that the parties and the message that its action needs are
 * there. */
const char *postern_request_fault(const struct postern_mediator *mediator, const struct postern_request *request);

static inline bool postern_mediator_knows(const struct postern_mediator *mediator, const struct postern_party *party)
{
    return party == NULL || (party->mediator == mediator && party->authenticated);
}

/* Are all parties of the request ones that this mediator knows, and that have authenticated? */
static inline bool postern_request_ends_known(const struct postern_mediator *mediator, const struct postern_request *request)
{
    return postern_mediator_knows(mediator, request->from) && postern_mediator_knows(mediator, request->to) &&
           postern_mediator_knows(mediator, request->addressed);
}

int postern_abi_check_size(const void *made, uint32_t size, uint32_t known);
/* Is a struct of the given size, of which `known` bytes are known here, one that may be read? 0; -EINVAL: shorter than
 * version 1.0; -E2BIG: it says something that is not understood here. */
static inline int postern_abi_check(const void *made, uint32_t size, uint32_t known)
{
    return size == known ? 0 : postern_abi_check_size(made, size, known);
}

int postern_request_check_size(const struct postern_request *request);
/* May this request be read? 0; -EINVAL or -E2BIG as above. Those of version 1.0 and 1.1 end before assumed_label, those up to 1.4 before kind. */
static inline int postern_request_check(const struct postern_request *request)
{
    return request->size == sizeof(*request) ? 0 : postern_request_check_size(request);
}

/* Does the host say of what kind the message is? */
static inline bool postern_request_has_kind(const struct postern_request *request)
{
    return request->size >= sizeof(*request) && request->kind != 0;
}

/* The label that the service to be started is assumed to have; data is NULL when nothing is. */
struct postern_view postern_request_assumed_label(const struct postern_request *request);

/* The container's door; `door` is the mediator. */
void postern_door_container(void *door, const struct postern_request *request, struct postern_opinion *opinion);
int postern_door_container_fix(void *door, const struct postern_request *request, const struct postern_opinion *opinion, struct postern_buf *text);

#endif
