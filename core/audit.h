/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions as lines of the host's log: "key=value" pairs, for people and for scripts. */
#ifndef POSTERN_CORE_AUDIT_H
#define POSTERN_CORE_AUDIT_H

#include <stdint.h>

#include "core/door.h"

struct postern_decision;
struct postern_instance;

/* Of a decision that is not quiet, or that somebody watches, or wants in the log whatever it is: writes what belongs into the log. That is a denial,
 * if the budget of its instance or party is not used up; each thing that mode complain let through; an allowed request whose rule asks for it;
 * everything when the host wants all; and beside that, from a budget of their own, the records of security modules. The clock is read only when a
 * line could be due. */
void postern_audit_decision(struct postern_mediator *mediator, const struct postern_request *request,
                            const struct postern_decision *decision);

/* A connection was refused before anybody could be asked about it. Counts against the budget of the instance (NULL: nobody's),
 * since a contained app may try as often as it likes. `why` may hold any text. */
void postern_audit_refused(struct postern_mediator *mediator, struct postern_instance *instance,
                           const struct postern_peer_facts *facts, const char *why);

/* Mode complain: the observer was shown `name`, which restrict would have hidden, or not let be inspected. */
void postern_audit_shown(const struct postern_party *observer, const char *name);

#endif
