/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/apparmor/policy.h"

#include <errno.h>
#include <stdlib.h>

/* The words of an entry. The first is reserved, the last three (index of a transition, tag, label) do not concern D-Bus. */
enum { ALLOW = 1, DENY, SUBTREE, COND, KILL, COMPLAIN, PROMPT, AUDIT, QUIET, HIDE };

int postern_apparmor_perms_read(const uint32_t words[POSTERN_APPARMOR_PERMS_WORDS], struct postern_apparmor_perms *perms,
                                struct postern_error *error)
{
    uint32_t decided = words[ALLOW] | words[DENY];

    /* The kernel refuses the same. */
    if ((words[ALLOW] & (words[DENY] | words[KILL] | words[HIDE])) != 0 || (words[SUBTREE] & ~words[ALLOW]) != 0 ||
        (decided & (words[COND] | words[COMPLAIN] | words[PROMPT])) != 0 || (words[COMPLAIN] & words[PROMPT]) != 0)
        return postern_error_set(error, -EBADMSG, "an entry in the table of permissions contradicts itself");
    *perms = (struct postern_apparmor_perms){words[ALLOW], words[DENY], words[AUDIT], words[QUIET]};
    return 0;
}

int postern_apparmor_policy_check(const struct postern_apparmor_policy *policy, struct postern_error *error)
{
    uint32_t states = postern_apparmor_dfa_states(&policy->dfa);

    if (policy->start >= states)
        return postern_error_set(error, -EBADMSG, "the first state of the automaton, %u, is none", policy->start);
    if (policy->perms == NULL)
        return policy->dfa.accept2.data != NULL ? 0 : postern_error_set(error, -EBADMSG, "the automaton lacks a table");
    for (uint32_t i = 0; i < states; i++)
        if (postern_apparmor_dfa_accept(&policy->dfa, i) >= policy->n_perms)
            return postern_error_set(error, -EBADMSG, "state %u of the automaton has permissions behind the end of the table", i);
    return 0;
}

void postern_apparmor_policy_free(struct postern_apparmor_policy *policy)
{
    if (policy == NULL)
        return;
    free(policy->perms);
    free(policy);
}

bool postern_apparmor_policy_mediates(const struct postern_apparmor_policy *policy, uint8_t class)
{
    return postern_apparmor_dfa_match(&policy->dfa, policy->start, &class, 1) != 0;
}

/*
 * The accept tables were made for files, with a set of seven bits for the owner of a file and one for others, each followed by
 * seven bits about execution. Other classes use the first set as it is, the second one for bits further up, and since version 9
 * the bits about execution, too.
 */
static uint32_t from_others(uint32_t x)
{
    return (x & 0x03) << 8 | (x & 0x1c) << 18 | (x & 0x60) << 19;
}

static uint32_t from_execution(uint32_t x)
{
    return (x & 0x01) << 7 | (x & 0x7e) << 9;
}

static struct postern_apparmor_perms from_accept(uint32_t accept, uint32_t accept2, uint32_t abi)
{
    struct postern_apparmor_perms perms = {0};

    perms.allow = (accept & 0x8000007f) | from_others(accept >> 14 & 0x7f);
    perms.audit = (accept2 & 0x7f) | from_others(accept2 >> 14 & 0x7f);
    perms.quiet = (accept2 >> 7 & 0x7f) | from_others(accept2 >> 21 & 0x7f);
    if (abi < 9) {
        perms.allow |= 0x8000; /* to lock, for which these versions had no room */
    } else {
        perms.allow |= from_execution(accept >> 7 & 0x7f);
        perms.quiet |= from_execution(accept >> 21 & 0x7f);
    }
    return perms;
}

struct postern_apparmor_perms postern_apparmor_policy_match(const struct postern_apparmor_policy *policy, const uint8_t *bytes,
                                                            size_t len)
{
    uint32_t state = postern_apparmor_dfa_match(&policy->dfa, policy->start, bytes, len);
    uint32_t accept;

    if (state == 0)
        return (struct postern_apparmor_perms){0};
    accept = postern_apparmor_dfa_accept(&policy->dfa, state);
    if (policy->perms != NULL)
        return policy->perms[accept];
    return from_accept(accept, postern_apparmor_dfa_accept2(&policy->dfa, state), policy->abi);
}
