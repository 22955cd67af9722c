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

void postern_decide(const struct postern_mediator *mediator, const struct postern_request *request,
                    struct postern_decision *decision)
{
    struct postern_decision made = {.door = POSTERN_DOOR_NONE};

    made.opinion.why = postern_request_fault(mediator, request);
    made.faulty = made.opinion.why != NULL;
    for (int place = 0; !made.faulty && place < POSTERN_PLACES; place++) {
        struct postern_opinion opinion;

        if (mediator->doors[place].fn == NULL)
            continue; /* a door that this machine does not have; the other ones still decide */
        ask(&mediator->doors[place], request, &opinion);
        if (opinion.kind == POSTERN_OPINION_ABSTAIN)
            continue;
        keep_findings(&made, place, &opinion);
        made.allowed = opinion.kind == POSTERN_OPINION_ALLOW;
        made.door = door_of_place[place];
        made.complaints |= opinion.complaints;
        made.log |= opinion.log;
        made.opinion = opinion;
        if (!made.allowed)
            break;
        made.opinion.why = NULL;
    }
    if (!made.allowed && made.opinion.why == NULL)
        made.opinion.why = made.door == POSTERN_DOOR_NONE ? "no door had an opinion" : "the door gave no reason";
    *decision = made;
}
