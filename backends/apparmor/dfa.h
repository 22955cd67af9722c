/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The automaton of a compiled AppArmor profile, in the table format that apparmor_parser writes and the kernel loads: tables of
 * big-endian numbers behind a header with the magic number of flex. Everything is checked when it is read, so that stepping
 * through it cannot leave the tables or loop.
 */
#ifndef POSTERN_BACKENDS_APPARMOR_DFA_H
#define POSTERN_BACKENDS_APPARMOR_DFA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define POSTERN_APPARMOR_DFA_START 1u /* the usual first state; 0 is the one from which nothing matches */
/* States of a chain of differences that may be asked for one byte. The parser's chains are far shorter. */
#define POSTERN_APPARMOR_DFA_CHAIN_MAX (1u << 16)

struct postern_apparmor_table {
    const uint8_t *data; /* NULL: there is none */
    uint32_t n;          /* entries */
    uint32_t width;      /* bytes of each: 1, 2 or 4 */
};

/* Points into the bytes it was read from. A zeroed struct has no tables. */
struct postern_apparmor_dfa {
    struct postern_apparmor_table accept;    /* per state: permissions, or an index into a table of them */
    struct postern_apparmor_table accept2;   /* per state: what is audited and what is denied quietly; may be absent */
    struct postern_apparmor_table base;      /* per state: where its transitions begin, and flags */
    struct postern_apparmor_table otherwise; /* per state: where bytes without a transition lead ("default") */
    struct postern_apparmor_table next;      /* per transition: the state it leads to */
    struct postern_apparmor_table check;     /* per transition: the state it belongs to */
    struct postern_apparmor_table classes;   /* per byte: its class; absent: each byte is one of its own */
};

/*
 * Reads and checks the contents of an "aadfa" element: data[0..len), with the padding in front of the tables. 0, or -EBADMSG with
 * *error (what the kernel would refuse, too, or a format that is not known), or -ENOMEM. The bytes must outlive *dfa, which owns
 * nothing.
 */
int postern_apparmor_dfa_read(const uint8_t *data, size_t len, struct postern_apparmor_dfa *dfa, struct postern_error *error);

/* How many states there are: at least 2. */
uint32_t postern_apparmor_dfa_states(const struct postern_apparmor_dfa *dfa);

/* Where a byte leads from a state, which must be one of those that there are. */
uint32_t postern_apparmor_dfa_step(const struct postern_apparmor_dfa *dfa, uint32_t state, uint8_t byte);

/* Where bytes[0..len) lead from a state; 0 when they begin in 0. */
uint32_t postern_apparmor_dfa_match(const struct postern_apparmor_dfa *dfa, uint32_t state, const uint8_t *bytes, size_t len);

/* The entries of a state in the first and the second accept table; 0 when there is no second one. */
uint32_t postern_apparmor_dfa_accept(const struct postern_apparmor_dfa *dfa, uint32_t state);
uint32_t postern_apparmor_dfa_accept2(const struct postern_apparmor_dfa *dfa, uint32_t state);

#endif
