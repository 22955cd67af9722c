/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was decided about messages before. Nothing is ever looked up by who somebody is, only by a class: a number for all parties whom the doors
 * cannot tell apart: those for whom the same XML rules apply, in the same container, with the same label, without names and grants. Whatever
 * changes about a party gives it another number; what changes for everybody begins a new generation. So an old answer is not found any more,
 * and no change has to find the answers that it ends. Texts of a message count only as far as the doors looked at them: those that no rule
 * compares with are all alike, and what a client makes up does not fill the cache. Of the rest a sender's class fills one of a few parts, which it
 * shares with some others; memory is bounded by what the tables hold. What is pushed out is asked for again.
 *
 * A security module tells by itself, without a call of ours, when its policy is another (postern_current_fn): it is asked before one of its
 * opinions is used again.
 */
#ifndef POSTERN_CORE_CACHE_H
#define POSTERN_CORE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/module.h"

struct postern_decision;
struct postern_mediator;
struct postern_party;

struct postern_cache {
    uint64_t generation; /* counts; never 0 */
    uint32_t turn;       /* which of the places that would do is given away next */
    uint64_t last_own;   /* class that one party had for itself */
    uint64_t input;         /* counts what the host received; core/decide.c */
    uint64_t checked_input; /* when the security modules last said that what they said holds */
    uint64_t numbers;       /* that decisions got when they were kept */
    struct postern_cache_label *labels; /* by text */
    /* The last question, when the answer to it may be that to the next one about the same message: */
    const struct postern_message *last_message; /* NULL: it may not */
    const struct postern_decision *last_decision;
    uint64_t last_from, last_to; /* classes */
    uint64_t last_generation;
    uint32_t last_flags;

    struct postern_cache_pair *pairs; /* NULL until the first answer */
    struct postern_cache_text *texts; /* NULL until the first answer that depends on texts */
    struct postern_cache_kind *kinds; /* NULL until the first answer to a question about a message of a known kind */
};

/* What a decision is kept under, besides the texts. */
struct postern_cache_key {
    uint64_t from, to; /* classes */
    uint64_t how;      /* type, flags, which fields there are, and the lower half of the generation */
};

void postern_cache_init(struct postern_cache *cache);
void postern_cache_finish(struct postern_cache *cache);

/* Rules have changed, or something else that no class tells: all that is kept is void. */
void postern_cache_flush(struct postern_cache *cache);
/* Something about the party has changed that a door may look at: its names, its grants. What else a class is made of does not change once it has
 * said Hello, and before that it has none. */
void postern_cache_forget(struct postern_party *party);

/* May the answer to this question be kept? It must be one that postern_request_fault() finds nothing wrong with. True with *key. */
bool postern_cache_key_of(struct postern_mediator *mediator, const struct postern_request *request, struct postern_cache_key *key);

/* This was the question, and the answer as it is kept; NULL: it is not. */
void postern_cache_note(struct postern_cache *cache, const struct postern_request *request, const struct postern_cache_key *key,
                        const struct postern_decision *kept);

/* What was decided, valid until the next call of a function of this cache; or NULL. */
const struct postern_decision *postern_cache_find(const struct postern_cache *cache, const struct postern_cache_key *key,
                                                  const struct postern_request *request);
/* Keeps a decision that depends on nothing but the key and the texts that `looked` names (POSTERN_LOOKS_...). Returns it as kept, or NULL when it
 * is not: without memory, or with texts that are too long. */
const struct postern_decision *postern_cache_keep(struct postern_cache *cache, const struct postern_cache_key *key, const struct postern_request *request,
                                                  uint8_t looked, const struct postern_decision *decision);

#endif
