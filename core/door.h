/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seam between the decision and the doors. Every door has the same function type: it looks at one request and gives one
 * opinion. DENY is zero and absorbs everything; ABSTAIN is neutral; when all abstain, the answer is deny.
 */
#ifndef POSTERN_CORE_DOOR_H
#define POSTERN_CORE_DOOR_H

#include <stdint.h>

#include "core/party.h"
#include "postern/module.h"
#include "util/buf.h"

enum postern_opinion_kind {
    POSTERN_OPINION_DENY = 0,
    POSTERN_OPINION_ABSTAIN = 1, /* the door does not apply */
    POSTERN_OPINION_ALLOW = 2,
};

enum postern_rule_kind {
    POSTERN_RULE_NONE = 0, /* no rule matched: the default of the door */
    POSTERN_RULE_FILE,     /* file:line of a configuration file */
    POSTERN_RULE_INDEX,    /* index in the Allow list of the instance, from 0 */
    POSTERN_RULE_GRANT,    /* index is the number of a grant */
    POSTERN_RULE_BASELINE, /* index is the number of the baseline statement */
    POSTERN_RULE_LABELS,   /* the policy of a security module, for the labels of both ends; file is the question, as "apparmor:send" */
};

/* Which rule an opinion rests on; for people, never for the wire. */
struct postern_rule_ref {
    uint32_t kind;    /* enum postern_rule_kind */
    uint32_t index;   /* INDEX, GRANT, BASELINE */
    uint32_t line;    /* FILE */
    const char *file; /* FILE; lives as long as the rule set; LABELS: static */
};

/* Which end of a message an opinion speaks for. */
enum postern_end {
    POSTERN_END_SENDER = 0,
    POSTERN_END_RECEIVER = 1,
};

/* One question to a security module that its own records must tell of. */
struct postern_finding {
    uint32_t permission; /* as the backend numbers it; never 0 */
    uint8_t place;       /* enum postern_door_place: set by who asked the door */
    uint8_t end;         /* enum postern_end: whose permission */
    bool allowed;        /* what became of it */
    bool lenient;        /* allowed only because the policy, or the domain, is not enforced */
    int error;           /* negative errno: the question could not be asked */
};

/* What an opinion may depend on, besides the type, the flags and the fields of a message and who its ends are: the texts of these fields. */
#define POSTERN_LOOKS_PATH 0x01u
#define POSTERN_LOOKS_INTERFACE 0x02u
#define POSTERN_LOOKS_MEMBER 0x04u
#define POSTERN_LOOKS_ERROR 0x08u
#define POSTERN_LOOKS_DESTINATION 0x10u
#define POSTERN_LOOKS_SENDER 0x20u /* the unique name of who sends it */
#define POSTERN_LOOKS_TEXTS 0x3fu
#define POSTERN_LOOKS_POLICY 0x40u /* the policy of a security module, as it is now: postern_current_fn */
#define POSTERN_LOOKS_OTHER 0x80u /* anything else, as the unique name of the receiver */
#define POSTERN_LOOKS_ALL 0xffu

#define POSTERN_FINDINGS_MAX 2 /* of one opinion: send and receive */

struct postern_opinion {
    uint8_t kind;       /* enum postern_opinion_kind */
    uint8_t end;        /* enum postern_end: who was refused, or whose rule allowed */
    bool log;           /* allowed, but the rule asks for a log line (log="true" of busconfig) */
    uint8_t complaints; /* bit 1 << enum postern_end: allowed only because the container at this end is in mode complain */
    uint8_t ignores;    /* POSTERN_LOOKS_...: what could be another with a message without descriptors, and the opinion would be the same. A
                         * door that does not know says nothing, and then its opinion is not kept */
    struct postern_rule_ref rule;
    const char *why; /* a static phrase: "no rule allows the call" */
    uint8_t n_findings;
    struct postern_finding findings[POSTERN_FINDINGS_MAX];
};

/* Fills *opinion, which comes zeroed: a door that does nothing denies. Must not fail, block or allocate without bound; whatever
 * goes wrong inside is a DENY with a reason. The request has been checked: sizes, action, and that the parties and message
 * which its action needs are there. */
typedef void postern_door_fn(void *door, const struct postern_request *request, struct postern_opinion *opinion);

/* A number from 1 to 65535 that a party has in common with those whom this door could tell from it by nothing but their names and
 * containers; 0: there is none. It may change only when postern_cache_flush() or postern_cache_forget() is called. */
typedef uint32_t postern_group_fn(void *door, const struct postern_party *party);

/* Would the door still say what it said before, as far as that is for its security module to say? Asked before something that it said is used
 * again, once for all messages that had arrived by then. False: it would not, or cannot know. */
typedef bool postern_current_fn(void *door);

/* Writes the record of a finding of this door, where the tools of its security module look for it. How often is the caller's to bound. */
typedef void postern_report_fn(void *door, const struct postern_request *request, const struct postern_finding *finding);

/* Appends the smallest addition to the door's policy that would make it allow what it denied with this opinion, in the language of that policy;
 * nothing when there is none. 0 or -ENOMEM. */
typedef int postern_fix_fn(void *door, const struct postern_request *request, const struct postern_opinion *opinion, struct postern_buf *text);

#endif
