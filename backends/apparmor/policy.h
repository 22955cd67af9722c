/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules of a compiled AppArmor profile: its automaton, and what the states of it permit. */
#ifndef POSTERN_BACKENDS_APPARMOR_POLICY_H
#define POSTERN_BACKENDS_APPARMOR_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/apparmor/dfa.h"
#include "util/error.h"

#define POSTERN_APPARMOR_PERMS_WORDS 14u /* of an entry in the table of permissions, version 1 */

/* Bits that a state permits, and so on: 2 is sending, as in a mask. */
struct postern_apparmor_perms {
    uint32_t allow, deny, audit, quiet;
};

struct postern_apparmor_policy {
    struct postern_apparmor_dfa dfa;
    uint32_t start;                       /* the state to begin in, POSTERN_APPARMOR_DFA_START if the file does not say */
    uint32_t abi;                         /* version of the format: it decides how the accept tables are read */
    struct postern_apparmor_perms *perms; /* NULL: permissions are in the accept tables; else owned, and accept is an index */
    uint32_t n_perms;
};

/* Reads an entry of the table of permissions. 0, or -EBADMSG with *error for one that contradicts itself. */
int postern_apparmor_perms_read(const uint32_t words[POSTERN_APPARMOR_PERMS_WORDS], struct postern_apparmor_perms *perms,
                                struct postern_error *error);

/* Checks that the parts of a policy that was read fit together. 0 or -EBADMSG with *error. */
int postern_apparmor_policy_check(const struct postern_apparmor_policy *policy, struct postern_error *error);
/* Frees the policy with what it owns; takes NULL, too. */
void postern_apparmor_policy_free(struct postern_apparmor_policy *policy);

/* Whether there are, or could be, rules in a class (the first byte of a query). */
bool postern_apparmor_policy_mediates(const struct postern_apparmor_policy *policy, uint8_t class);
/* What is permitted of that which the bytes name; all zero where nothing matches. */
struct postern_apparmor_perms postern_apparmor_policy_match(const struct postern_apparmor_policy *policy, const uint8_t *bytes,
                                                            size_t len);

#endif
