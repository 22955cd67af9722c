/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/decide.h"

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

/* Asks one door after the other, until one denies; with all, also those behind it. */
static void decide(const struct postern_mediator *mediator, const struct postern_request *request, struct postern_opinion *all,
                   struct postern_decision *decision)
{
    struct postern_decision made = {.door = POSTERN_DOOR_NONE};
    bool open;

    made.opinion.why = postern_request_fault(mediator, request);
    made.faulty = made.opinion.why != NULL;
    open = !made.faulty;
    for (int place = 0; !made.faulty && (open || all != NULL) && place < POSTERN_PLACES; place++) {
        struct postern_opinion opinion = {.kind = POSTERN_OPINION_ABSTAIN};

        /* A door that this machine does not have has nothing to say; the other ones still decide. */
        if (mediator->doors[place].fn != NULL)
            ask(&mediator->doors[place], request, &opinion);
        if (all != NULL)
            all[place] = opinion;
        open = open && add(&made, place, &opinion);
    }
    if (!made.allowed && made.opinion.why == NULL)
        made.opinion.why = made.door == POSTERN_DOOR_NONE ? "no door had an opinion" : "the door gave no reason";
    *decision = made;
}

void postern_decide(const struct postern_mediator *mediator, const struct postern_request *request, struct postern_decision *decision)
{
    decide(mediator, request, NULL, decision);
}

void postern_decide_all(const struct postern_mediator *mediator, const struct postern_request *request,
                        struct postern_opinion opinions[POSTERN_PLACES], struct postern_decision *decision)
{
    for (int place = 0; place < POSTERN_PLACES; place++)
        opinions[place] = (struct postern_opinion){.kind = POSTERN_OPINION_ABSTAIN};
    decide(mediator, request, opinions, decision);
}
