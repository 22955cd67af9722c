/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/apparmor/dfa.h"

#include <errno.h>
#include <stdlib.h>

#define MAGIC 0x1b5e783du
#define HEADER_MIN 16u /* magic, size of the header, size of all, flags, and the NULs of two strings */
#define TABLE_HEADER 12u

/* Flags of the header. */
#define WITH_DIFFERENCES 1u
#define WITH_OUT_OF_BAND 2u

/* The highest byte of an entry of the base table. */
#define BASE_INDEX 0x00ffffffu
#define BASE_DIFFERENCE 0x80000000u  /* a byte that has no transition here is looked up in the default state */
#define BASE_OUT_OF_BAND 0x20000000u /* there is a transition that no byte takes */

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return be16(p) << 16 | be16(p + 2);
}

/* i < table->n */
static uint32_t entry(const struct postern_apparmor_table *table, uint32_t i)
{
    const uint8_t *p = table->data + (size_t)i * table->width;

    return table->width == 4 ? be32(p) : table->width == 2 ? be16(p) : p[0];
}

/* The table with this number in the file, and the widths that it may have. NULL: no such table. */
static struct postern_apparmor_table *table_of(struct postern_apparmor_dfa *dfa, uint32_t id, uint32_t *widths)
{
    switch (id) {
    case 1:
        *widths = 4;
        return &dfa->accept;
    case 2:
        *widths = 4;
        return &dfa->base;
    case 3:
        *widths = 2 | 4; /* 4 since states may be more than 65536 ("state32") */
        return &dfa->check;
    case 4:
        *widths = 2 | 4;
        return &dfa->otherwise;
    case 5:
        *widths = 1;
        return &dfa->classes;
    case 7:
        *widths = 4;
        return &dfa->accept2;
    case 8:
        *widths = 2 | 4;
        return &dfa->next;
    default:
        return NULL;
    }
}

/* Reads the table at the start of data[0..len) and says how many bytes it takes. */
static int read_table(const uint8_t *data, size_t len, struct postern_apparmor_dfa *dfa, size_t *taken,
                      struct postern_error *error)
{
    struct postern_apparmor_table *table;
    uint32_t id, width, n, widths = 0;
    uint64_t size;

    if (len < TABLE_HEADER)
        return postern_error_set(error, -EBADMSG, "the automaton ends in the header of a table");
    id = be16(data);
    width = be16(data + 2);
    n = be32(data + 8);
    table = table_of(dfa, id, &widths);
    if (table == NULL)
        return postern_error_set(error, -EBADMSG, "the automaton has a table of an unknown kind, %u", id);
    if (table->data != NULL)
        return postern_error_set(error, -EBADMSG, "the automaton has table %u twice", id);
    if ((width != 1 && width != 2 && width != 4) || (width & widths) == 0 || be32(data + 4) != 0)
        return postern_error_set(error, -EBADMSG, "table %u of the automaton has entries of an unknown kind", id);
    size = ((uint64_t)n * width + TABLE_HEADER + 7) & ~(uint64_t)7;
    if (size > len)
        return postern_error_set(error, -EBADMSG, "table %u of the automaton ends behind the end", id);
    table->data = data + TABLE_HEADER;
    table->n = n;
    table->width = width;
    *taken = (size_t)size;
    return 0;
}

/* The tables belong together. */
static int check_sizes(const struct postern_apparmor_dfa *dfa, struct postern_error *error)
{
    uint32_t states = dfa->base.n;

    if (dfa->accept.data == NULL || dfa->base.data == NULL || dfa->otherwise.data == NULL || dfa->next.data == NULL ||
        dfa->check.data == NULL)
        return postern_error_set(error, -EBADMSG, "the automaton lacks a table");
    if (states < 2 || dfa->accept.n != states || dfa->otherwise.n != states ||
        (dfa->accept2.data != NULL && dfa->accept2.n != states))
        return postern_error_set(error, -EBADMSG, "the tables of states do not belong together");
    if (dfa->next.n != dfa->check.n || (dfa->classes.data != NULL && dfa->classes.n != 256))
        return postern_error_set(error, -EBADMSG, "the tables of transitions do not belong together");
    return 0;
}

/* No step can leave the tables. */
static int check_states(const struct postern_apparmor_dfa *dfa, uint32_t flags, struct postern_error *error)
{
    uint32_t states = dfa->base.n, allowed = BASE_INDEX;

    allowed |= (flags & WITH_DIFFERENCES) != 0 ? BASE_DIFFERENCE : 0;
    allowed |= (flags & WITH_OUT_OF_BAND) != 0 ? BASE_OUT_OF_BAND : 0;
    for (uint32_t i = 0; i < states; i++) {
        uint32_t base = entry(&dfa->base, i);

        if ((base & ~allowed) != 0)
            return postern_error_set(error, -EBADMSG, "state %u of the automaton has unknown flags", i);
        if (entry(&dfa->otherwise, i) >= states)
            return postern_error_set(error, -EBADMSG, "state %u of the automaton leads nowhere", i);
        if ((base & BASE_INDEX) + 255 >= dfa->next.n)
            return postern_error_set(error, -EBADMSG, "state %u of the automaton has transitions behind the end", i);
    }
    for (uint32_t i = 0; i < dfa->next.n; i++)
        if (entry(&dfa->next, i) >= states || entry(&dfa->check, i) >= states)
            return postern_error_set(error, -EBADMSG, "transition %u of the automaton leads nowhere", i);
    return 0;
}

/* A byte that has no transition in this state is looked up in the default state, and perhaps on from there. */
static bool goes_on(const struct postern_apparmor_dfa *dfa, uint32_t state)
{
    return (entry(&dfa->base, state) & BASE_DIFFERENCE) != 0;
}

/* Chains of differences end. Each state is walked over twice at most: what is known of a chain's rest is kept in depth[]. */
static int check_chains(const struct postern_apparmor_dfa *dfa, struct postern_error *error)
{
    uint32_t *depth = calloc(dfa->base.n, sizeof(*depth));
    int r = depth != NULL ? 0 : -ENOMEM;

    for (uint32_t i = 0; r == 0 && i < dfa->base.n; i++) {
        uint32_t state = i, length = 0;

        while (goes_on(dfa, state) && depth[state] == 0 && length <= POSTERN_APPARMOR_DFA_CHAIN_MAX) {
            state = entry(&dfa->otherwise, state);
            length++;
        }
        length += depth[state];
        if (length > POSTERN_APPARMOR_DFA_CHAIN_MAX)
            r = postern_error_set(error, -EBADMSG, "the chain of differences from state %u of the automaton does not end", i);
        for (state = i; r == 0 && goes_on(dfa, state) && depth[state] == 0; state = entry(&dfa->otherwise, state))
            depth[state] = length--;
    }
    free(depth);
    return r;
}

int postern_apparmor_dfa_read(const uint8_t *data, size_t len, struct postern_apparmor_dfa *dfa, struct postern_error *error)
{
    struct postern_apparmor_dfa read = {0};
    size_t padding = len % 8, at, taken = 0; /* what follows it is a multiple of 8 */
    uint32_t flags;
    int r;

    data += padding;
    len -= padding;
    if (len < HEADER_MIN || be32(data) != MAGIC)
        return postern_error_set(error, -EBADMSG, "what should be an automaton is none");
    at = be32(data + 4);
    flags = be16(data + 12);
    if (at < HEADER_MIN || at > len || (flags & ~(WITH_DIFFERENCES | WITH_OUT_OF_BAND)) != 0)
        return postern_error_set(error, -EBADMSG, "the header of the automaton is not understood");
    for (; at < len; at += taken) {
        r = read_table(data + at, len - at, &read, &taken, error);
        if (r < 0)
            return r;
    }
    r = check_sizes(&read, error);
    if (r == 0)
        r = check_states(&read, flags, error);
    if (r == 0)
        r = check_chains(&read, error);
    if (r == 0)
        *dfa = read;
    return r;
}

uint32_t postern_apparmor_dfa_states(const struct postern_apparmor_dfa *dfa)
{
    return dfa->base.n;
}

uint32_t postern_apparmor_dfa_step(const struct postern_apparmor_dfa *dfa, uint32_t state, uint8_t byte)
{
    uint32_t class = dfa->classes.data != NULL ? entry(&dfa->classes, byte) : byte;

    /* Ends: check_chains() has seen to it. */
    for (;;) {
        uint32_t base = entry(&dfa->base, state);
        uint32_t at = (base & BASE_INDEX) + class;

        if (entry(&dfa->check, at) == state)
            return entry(&dfa->next, at);
        state = entry(&dfa->otherwise, state);
        if ((base & BASE_DIFFERENCE) == 0)
            return state;
    }
}

uint32_t postern_apparmor_dfa_match(const struct postern_apparmor_dfa *dfa, uint32_t state, const uint8_t *bytes, size_t len)
{
    if (state == 0)
        return 0;
    /* On the way state 0 is one like any other, as in the kernel. */
    for (size_t i = 0; i < len; i++)
        state = postern_apparmor_dfa_step(dfa, state, bytes[i]);
    return state;
}

uint32_t postern_apparmor_dfa_accept(const struct postern_apparmor_dfa *dfa, uint32_t state)
{
    return entry(&dfa->accept, state);
}

uint32_t postern_apparmor_dfa_accept2(const struct postern_apparmor_dfa *dfa, uint32_t state)
{
    return dfa->accept2.data != NULL ? entry(&dfa->accept2, state) : 0;
}
