/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/recall.h"

static const uint8_t door_of_place[POSTERN_PLACES] = {
    [POSTERN_PLACE_XML] = POSTERN_DOOR_XML,
    [POSTERN_PLACE_CONTAINER] = POSTERN_DOOR_CONTAINER,
    [POSTERN_PLACE_SELINUX] = POSTERN_DOOR_LSM,
    [POSTERN_PLACE_APPARMOR] = POSTERN_DOOR_LSM,
};

/* An opinion that is none of the three kinds is a mistake inside the door, hence a deny. */
static void ask(const struct postern_door_slot *slot, const struct postern_request *request, struct postern_opinion *opinion)
{
    *opinion = (struct postern_opinion){0};
    slot->fn(slot->door, request, opinion);
    if (opinion->kind > POSTERN_OPINION_ALLOW) {
        opinion->kind = POSTERN_OPINION_DENY;
        opinion->why = "the door gave no opinion";
    }
}

/* A door's findings are kept whatever it answered: its records are not only about denials. */
static void keep_findings(struct postern_decision *decision, int place, const struct postern_opinion *opinion)
{
    for (uint8_t i = 0; i < opinion->n_findings && i < POSTERN_FINDINGS_MAX && decision->n_findings < POSTERN_DECISION_FINDINGS_MAX; i++) {
        decision->findings[decision->n_findings] = opinion->findings[i];
        decision->findings[decision->n_findings++].place = (uint8_t)place;
    }
}

/* Adds the opinion of a door. False: it denied, and what other doors say does not matter any more. */
static bool add(struct postern_decision *decision, int place, const struct postern_opinion *opinion)
{
    if (opinion->kind == POSTERN_OPINION_ABSTAIN)
        return true;
    keep_findings(decision, place, opinion);
    decision->allowed = opinion->kind == POSTERN_OPINION_ALLOW;
    decision->door = door_of_place[place];
    decision->complaints |= opinion->complaints;
    decision->log |= opinion->log;
    decision->opinion = *opinion;
    if (decision->allowed)
        decision->opinion.why = NULL;
    return decision->allowed;
}

/* Asks one door after the other, until one denies; with all, also those behind it. Returns what of the message they looked at. */
static uint8_t ask_doors(const struct postern_mediator *mediator, const struct postern_request *request, struct postern_opinion *all,
                         struct postern_decision *decision)
{
    uint8_t looked = 0;

    for (int place = 0; place < POSTERN_PLACES && (decision->open || all != NULL); place++) {
        struct postern_opinion opinion = {.kind = POSTERN_OPINION_ABSTAIN, .ignores = POSTERN_LOOKS_ALL};

        /* A door that this machine does not have has nothing to say; the other ones still decide. */
        if (mediator->doors[place].fn != NULL)
            ask(&mediator->doors[place], request, &opinion);
        looked |= (uint8_t)~opinion.ignores;
        if (all != NULL)
            all[place] = opinion;
        decision->open = decision->open && add(decision, place, &opinion);
    }
    return looked;
}

/* The decision before any door was asked; fault: what is wrong with the request, or NULL. */
static void begin(struct postern_decision *decision, const char *fault)
{
    *decision = (struct postern_decision){.door = POSTERN_DOOR_NONE, .faulty = fault != NULL, .open = fault == NULL, .opinion.why = fault};
}

static void end(struct postern_decision *decision)
{
    if (!decision->allowed && decision->opinion.why == NULL)
        decision->opinion.why = decision->door == POSTERN_DOOR_NONE ? "no door had an opinion" : "the door gave no reason";
    decision->quiet = decision->allowed && !decision->log && decision->complaints == 0 && decision->n_findings == 0;
}

bool postern_decide_is_current(struct postern_mediator *mediator)
{
    struct postern_cache *cache = &mediator->cache;
    bool current = true;

    if (cache->checked_input == cache->input)
        return true;
    for (int place = POSTERN_PLACE_SELINUX; place < POSTERN_PLACES; place++) {
        const struct postern_door_slot *slot = &mediator->doors[place];

        if (slot->fn != NULL && (slot->current == NULL || !slot->current(slot->door)))
            current = false;
    }
    if (current)
        cache->checked_input = cache->input;
    else
        postern_cache_flush(cache);
    return current;
}

static const struct postern_decision *find_kept(struct postern_mediator *mediator, const struct postern_request *request, const struct postern_cache_key *key)
{
    const struct postern_decision *kept = postern_cache_find(&mediator->cache, key, request);

    return kept == NULL || !kept->secured || postern_decide_is_current(mediator) ? kept : NULL;
}

#define SETTLE_TRIES 4

/* What the doors say now: all of them of one policy, as far as a security module tells that it has another. When one is loaded while they are asked,
 * they are asked again; one that is loaded again and again gets no answer out of us, and that denies. Returns the decision as it is kept, under *key; NULL: it is not. */
static const struct postern_decision *ask_and_keep(struct postern_mediator *mediator, const struct postern_request *request, struct postern_cache_key *key,
                                                   struct postern_decision *room)
{
    struct postern_cache *cache = &mediator->cache;

    for (int tries = 0; tries < SETTLE_TRIES; tries++) {
        bool keeps = postern_cache_key_of(mediator, request, key);
        uint64_t generation = cache->generation;
        uint8_t looked;

        begin(room, NULL);
        looked = ask_doors(mediator, request, NULL, room);
        if (cache->generation != generation)
            continue;
        room->secured = (looked & POSTERN_LOOKS_POLICY) != 0;
        end(room);
        if (!keeps || (looked & POSTERN_LOOKS_OTHER) != 0 || room->n_findings > 0)
            return NULL;
        return postern_cache_keep(cache, key, request, looked & POSTERN_LOOKS_TEXTS, room);
    }
    begin(room, NULL);
    room->door = POSTERN_DOOR_LSM;
    room->opinion.why = "the policy of a security module changes faster than it can be asked";
    return NULL;
}

/* What the doors said before, or what they say now, which is kept if it can be. */
static const struct postern_decision *recall(struct postern_mediator *mediator, const struct postern_request *request, struct postern_decision *room)
{
    struct postern_cache_key key;
    const struct postern_decision *kept = postern_cache_key_of(mediator, request, &key) ? find_kept(mediator, request, &key) : NULL;

    if (kept == NULL)
        kept = ask_and_keep(mediator, request, &key, room);
    postern_cache_note(&mediator->cache, request, &key, kept);
    return kept != NULL ? kept : room;
}

const struct postern_decision *postern_decide_anew(struct postern_mediator *mediator, const struct postern_request *request,
                                                   struct postern_decision *room)
{
    const char *fault = postern_request_fault(mediator, request);

    if (fault == NULL)
        return recall(mediator, request, room);
    postern_cache_note(&mediator->cache, request, NULL, NULL);
    begin(room, fault);
    return room;
}

void postern_decide_all(const struct postern_mediator *mediator, const struct postern_request *request,
                        struct postern_opinion opinions[POSTERN_PLACES], struct postern_decision *decision)
{
    for (int place = 0; place < POSTERN_PLACES; place++)
        opinions[place] = (struct postern_opinion){.kind = POSTERN_OPINION_ABSTAIN};
    begin(decision, postern_request_fault(mediator, request));
    if (!decision->faulty)
        ask_doors(mediator, request, opinions, decision);
    end(decision);
}
