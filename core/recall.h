/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was decided about the same message, or about one of its kind: found in a few steps, which each message takes; hence of one piece with who
 * asks. What is not found here may still be in the cache (core/cache.h).
 */
#ifndef POSTERN_CORE_RECALL_H
#define POSTERN_CORE_RECALL_H

#include "core/decide.h"

/* Flags that say nothing of the message itself. */
#define POSTERN_REQUEST_SAME (POSTERN_REQUEST_SAME_MESSAGE | POSTERN_REQUEST_SAME_INPUT)

#define POSTERN_CACHE_CLASS_OF_BUS 1u /* those of parties are larger */
#define POSTERN_CACHE_KINDS 256u      /* so many are kept */

/* What was decided last about a kind of message, and where that is kept. */
struct postern_cache_kind {
    uint64_t kind;     /* 0: none */
    uint64_t from, to; /* classes */
    uint64_t generation;
    uint32_t flags;
    uint64_t number; /* that decision->number was then: something else may be there by now */
    const struct postern_decision *decision;
};

/* The party gets a class, which is returned; 0: it has none. */
uint64_t postern_cache_classify(struct postern_mediator *mediator, struct postern_party *party);

/* NULL: of the bus. 0: it has none. */
static inline uint64_t postern_cache_class_of(struct postern_mediator *mediator, const struct postern_party *party)
{
    if (party == NULL)
        return POSTERN_CACHE_CLASS_OF_BUS;
    if (party->class_generation == mediator->cache.generation)
        return party->class;
    return postern_cache_classify(mediator, (struct postern_party *)(uintptr_t)party);
}

/* The next question may be about the same message. */
static inline void postern_cache_note_last(struct postern_cache *cache, const struct postern_request *request, uint64_t from, uint64_t to,
                                           const struct postern_decision *kept)
{
    cache->last_message = request->message;
    cache->last_flags = request->flags & ~POSTERN_REQUEST_SAME;
    cache->last_generation = cache->generation;
    cache->last_from = from;
    cache->last_to = to;
    cache->last_decision = kept;
}

/* The answer to the question before, which the host says was about the same message, when both are about parties of the same classes; or NULL. */
static inline const struct postern_decision *postern_recall_message(struct postern_mediator *mediator, const struct postern_request *request)
{
    const struct postern_cache *cache = &mediator->cache;

    if (cache->last_message == NULL || cache->last_message != request->message || cache->last_flags != (request->flags & ~POSTERN_REQUEST_SAME) ||
        cache->last_generation != cache->generation || request->action != POSTERN_ACTION_SEND || request->to == NULL)
        return NULL;
    if (postern_cache_class_of(mediator, request->from) != cache->last_from || postern_cache_class_of(mediator, request->to) != cache->last_to)
        return NULL;
    return cache->last_decision;
}

/* What was decided about a message of this kind, when both ends are of the same classes, and the security modules would say it again; or NULL. */
static inline const struct postern_decision *postern_recall_kind(struct postern_mediator *mediator, const struct postern_request *request)
{
    struct postern_cache *cache = &mediator->cache;
    const struct postern_cache_kind *place = cache->kinds != NULL ? &cache->kinds[request->kind % POSTERN_CACHE_KINDS] : NULL;

    if (place == NULL || place->kind != request->kind || place->flags != (request->flags & ~POSTERN_REQUEST_SAME) ||
        place->generation != cache->generation || request->action != POSTERN_ACTION_SEND || request->message == NULL ||
        request->message->size != sizeof(*request->message) || place->decision->number != place->number)
        return NULL;
    if (postern_cache_class_of(mediator, request->from) != place->from || postern_cache_class_of(mediator, request->to) != place->to ||
        (place->decision->secured && !postern_decide_is_current(mediator)))
        return NULL;
    postern_cache_note_last(cache, request, place->from, place->to, place->decision);
    return place->decision;
}

/* What was decided before and holds for this question, or NULL. To be asked once for each question. */
static inline const struct postern_decision *postern_recall(struct postern_mediator *mediator, const struct postern_request *request)
{
    const struct postern_decision *kept = NULL;

    if ((request->flags & POSTERN_REQUEST_SAME) == 0)
        mediator->cache.input++;
    if (postern_request_ends_known(mediator, request) && request->reserved == 0) {
        if ((request->flags & POSTERN_REQUEST_SAME_MESSAGE) != 0)
            kept = postern_recall_message(mediator, request);
        if (kept == NULL && postern_request_has_kind(request))
            kept = postern_recall_kind(mediator, request);
    }
    return kept;
}

static inline const struct postern_decision *postern_decide(struct postern_mediator *mediator, const struct postern_request *request,
                                                            struct postern_decision *room)
{
    const struct postern_decision *kept = postern_recall(mediator, request);

    return kept != NULL ? kept : postern_decide_anew(mediator, request, room);
}

#endif
