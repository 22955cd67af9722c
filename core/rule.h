/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One additive rule of a container: what it opens. See docs/containers.md. The same struct comes out of AddServer's Allow
 * argument, of <allow> in mediator.conf and of the text form of the tools.
 */
#ifndef POSTERN_CORE_RULE_H
#define POSTERN_CORE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/door.h"
#include "util/error.h"

#define POSTERN_ALLOW_SEE 0x01u         /* the name and its owner are visible and may be inspected */
#define POSTERN_ALLOW_CALL 0x02u        /* method calls and unicast signals to its owner, activation; implies SEE */
#define POSTERN_ALLOW_HEAR 0x04u        /* its owner's broadcasts; implies SEE */
#define POSTERN_ALLOW_OWN 0x08u         /* own the name; implies SEE */
#define POSTERN_ALLOW_SEND_FDS 0x10u    /* with CALL: those messages, and replies to that peer, may carry fds */
#define POSTERN_ALLOW_RECEIVE_FDS 0x20u /* messages from that peer may carry fds */
#define POSTERN_ALLOW_NAME_SUBTREE 0x100u
#define POSTERN_ALLOW_PATH_SUBTREE 0x200u
#define POSTERN_ALLOW_MEMBER 0x400u /* the last element of interface is a member name */

#define POSTERN_ALLOW_ACTIONS (POSTERN_ALLOW_SEE | POSTERN_ALLOW_CALL | POSTERN_ALLOW_HEAR | POSTERN_ALLOW_OWN)
#define POSTERN_ALLOW_TALK (POSTERN_ALLOW_SEE | POSTERN_ALLOW_CALL | POSTERN_ALLOW_HEAR)
#define POSTERN_ALLOW_ALL (POSTERN_ALLOW_ACTIONS | 0x30u | 0x700u)

struct postern_rule {
    uint32_t flags; /* POSTERN_ALLOW_... */
    char *name;     /* owns the memory of all four strings. Bus name; "" any connection outside other containers */
    char *path;
    char *interface;             /* without the member; "" any */
    char *member;                /* "" any */
    struct postern_rule_ref ref; /* where it was written */
};

/* Checks and copies one rule as it comes over the wire: path is an object path; interface carries the member at its end when
 * POSTERN_ALLOW_MEMBER is set. 0 with *rule filled, -EINVAL with what is wrong in *error, or -ENOMEM. *rule needs
 * postern_rule_finish(). */
int postern_rule_init(struct postern_rule *rule, uint32_t flags, const char *name, const char *path, const char *interface,
                      struct postern_error *error);
void postern_rule_finish(struct postern_rule *rule);

#endif
