/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/decide.h"
#include "core/question.h"
#include "core/see.h"
#include "core/words.h"
#include "wire/name.h"

/* ---- one door ---------------------------------------------------------------------------------------------------- */

static const char *verdict_of(const struct postern_opinion *opinion)
{
    static const char *const kinds[] = {"deny", "abstain", "allow"};

    return opinion->complaints != 0 ? "complain" : kinds[opinion->kind];
}

static const char *label_of(const struct postern_party *party)
{
    return party == NULL ? "the bus's" : party->facts.label != NULL ? party->facts.label : "an unknown one";
}

/* Where the rule is, in words. */
static void write_source(struct postern_writer *w, const struct postern_request *request, const struct postern_opinion *opinion)
{
    const struct postern_rule_ref *rule = &opinion->rule;
    const struct postern_party *own = opinion->end == POSTERN_END_SENDER ? request->from : request->to;
    const struct postern_party *peer = opinion->end == POSTERN_END_SENDER ? request->to : request->from;
    char text[600] = "";

    switch (rule->kind) {
    case POSTERN_RULE_FILE:
        snprintf(text, sizeof(text), "%s:%" PRIu32, rule->file, rule->line);
        break;
    case POSTERN_RULE_INDEX:
        snprintf(text, sizeof(text), "rule %" PRIu32 " of %s", rule->index, own != NULL && own->instance != NULL ? own->instance->path : "the container");
        break;
    case POSTERN_RULE_GRANT:
        snprintf(text, sizeof(text), "grant %" PRIu32 " of %s", rule->index, peer != NULL && peer->unique_name != NULL ? peer->unique_name : "the service");
        break;
    case POSTERN_RULE_BASELINE:
        snprintf(text, sizeof(text), "statement %" PRIu32 " of what every container may do", rule->index);
        break;
    case POSTERN_RULE_LABELS:
        snprintf(text, sizeof(text), "label %.250s to label %.250s", label_of(request->from),
                 request->action == POSTERN_ACTION_OWN ? "of the name" : label_of(request->to));
        break;
    default:
        break;
    }
    /* A label need not be text. */
    for (char *p = text; !postern_utf8_is_valid(text, strlen(text)) && *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    postern_writer_entry_string(w, "source", text);
}

static void write_fix(struct postern_mediator *mediator, int place, const struct postern_request *request, const struct postern_opinion *opinion)
{
    const struct postern_door_slot *slot = &mediator->doors[place];
    struct postern_buf fix = {.len = 0};

    if (slot->fix == NULL || (opinion->kind == POSTERN_OPINION_ALLOW && opinion->complaints == 0) || opinion->kind == POSTERN_OPINION_ABSTAIN)
        return;
    if (slot->fix(slot->door, request, opinion, &fix) < 0 || (fix.len > 0 && postern_buf_append(&fix, "", 1) < 0))
        mediator->reply.error = -ENOMEM;
    else if (fix.len > 0 && postern_utf8_is_valid((const char *)fix.data, fix.len - 1))
        postern_writer_entry_string(&mediator->reply, "fix", (const char *)fix.data);
    postern_buf_finish(&fix);
}

static void write_door(struct postern_mediator *mediator, const char *name, int place, const struct postern_request *request,
                       const struct postern_opinion *opinion)
{
    struct postern_writer *w = &mediator->reply;
    char rule[POSTERN_WORDS_RULE_MAX];

    postern_writer_entry_open(w, name, "a{sv}");
    postern_writer_open(w, 'a', "{sv}");
    postern_writer_entry_string(w, "verdict", verdict_of(opinion));
    if (opinion->kind != POSTERN_OPINION_ABSTAIN) {
        postern_writer_entry_string(w, "rule", postern_words_rule(&opinion->rule, rule));
        write_source(w, request, opinion);
        postern_writer_entry_string(w, "end", postern_words_end(opinion->end));
        if (opinion->why != NULL)
            postern_writer_entry_string(w, "why", opinion->why);
        write_fix(mediator, place, request, opinion);
    }
    postern_writer_close(w);
    postern_writer_entry_close(w);
}

/* Of two security modules the one that denies counts, else the one that has an opinion. */
static int lsm_place(const struct postern_opinion opinions[POSTERN_PLACES])
{
    if (opinions[POSTERN_PLACE_SELINUX].kind == POSTERN_OPINION_DENY)
        return POSTERN_PLACE_SELINUX;
    return opinions[POSTERN_PLACE_APPARMOR].kind != POSTERN_OPINION_ABSTAIN ? POSTERN_PLACE_APPARMOR : POSTERN_PLACE_SELINUX;
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */

static void write_head(struct postern_writer *w, bool allowed, uint8_t door)
{
    postern_writer_open(w, 'a', "{sv}");
    postern_writer_entry_open(w, "allowed", "b");
    postern_writer_bool(w, allowed);
    postern_writer_entry_close(w);
    postern_writer_entry_string(w, "door", allowed ? "" : postern_words_door(door));
}

static void write_doors(struct postern_mediator *mediator, const struct postern_request *request, const struct postern_opinion opinions[POSTERN_PLACES])
{
    int lsm = lsm_place(opinions);

    write_door(mediator, "xml", POSTERN_PLACE_XML, request, &opinions[POSTERN_PLACE_XML]);
    write_door(mediator, "container", POSTERN_PLACE_CONTAINER, request, &opinions[POSTERN_PLACE_CONTAINER]);
    write_door(mediator, "lsm", lsm, request, &opinions[lsm]);
    postern_writer_close(&mediator->reply);
}

/* Visibility is the container's door alone. */
static void explain_see(struct postern_mediator *mediator, const struct postern_asking *asking)
{
    static const char *const words[] = {"hidden", "exists", "inspect"};
    struct postern_opinion opinions[POSTERN_PLACES];
    struct postern_opinion *opinion = &opinions[POSTERN_PLACE_CONTAINER];
    uint32_t seen = postern_see_explain(asking->sender.party, asking->destination.party, asking->destination.name, opinion);

    for (int place = 0; place < POSTERN_PLACES; place++)
        if (place != POSTERN_PLACE_CONTAINER)
            opinions[place] = (struct postern_opinion){.kind = POSTERN_OPINION_ABSTAIN};
    write_head(&mediator->reply, seen != POSTERN_SEE_HIDDEN, POSTERN_DOOR_CONTAINER);
    postern_writer_entry_string(&mediator->reply, "see", words[seen]);
    write_doors(mediator, &asking->request, opinions);
}

int postern_explain(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    const struct postern_message *m = call->message;
    struct postern_opinion opinions[POSTERN_PLACES];
    struct postern_decision decision;
    struct postern_asking asking;
    struct postern_reader reader;
    int r;

    if (!postern_object_is_privileged(call->caller))
        return postern_error_set(error, -EACCES, "only root and the user of this bus may ask for reasons");
    postern_reader_init(&reader, (char)m->order, m->signature.data, m->body, m->body_len);
    r = postern_question_read(mediator, call->caller, &reader, &asking, error);
    if (r < 0)
        return r;
    if (asking.kind == POSTERN_QUESTION_SEE) {
        explain_see(mediator, &asking);
        return 0;
    }
    postern_decide_all(mediator, &asking.request, opinions, &decision);
    if (decision.faulty)
        return postern_error_set(error, -EINVAL, "this cannot be asked: %s", decision.opinion.why);
    write_head(&mediator->reply, decision.allowed, decision.door);
    write_doors(mediator, &asking.request, opinions);
    return 0;
}
