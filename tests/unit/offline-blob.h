/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled AppArmor profiles made by hand, for what no parser would write. */
#ifndef POSTERN_TESTS_UNIT_OFFLINE_BLOB_H
#define POSTERN_TESTS_UNIT_OFFLINE_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

/* Appends a file in the folder of test data. */
void offline_read(const char *name, struct postern_buf *file);

struct offline_dfa {
    uint32_t magic;
    uint32_t header; /* bytes of it */
    uint16_t flags;
    uint32_t states; /* at most 4 */
    uint32_t accept[4], accept2[4], base[4], otherwise[4];
    uint32_t n_next, n_check;       /* transitions; all lead to state 0 and belong to it, but for: */
    uint32_t at, next, check;       /* this one */
    uint32_t n_classes;             /* 0: no table */
    uint32_t width;                 /* of numbers of states */
    unsigned int left_out, doubled; /* tables: 1 << number in the file */
    uint32_t odd_table;             /* a table of this kind at the end; 0: none */
    uint32_t claimed;               /* what the base table says about its entries; 0: the truth */
    size_t cut;                     /* bytes that the end lacks */
};

/* A byte 0x20 leads to state 2, from where every byte leads to state 2. It permits 0x02 in the accept tables. */
struct offline_dfa offline_dfa_plain(void);

struct offline_perms {
    uint32_t version;
    uint32_t n;       /* at most 4 */
    uint32_t claimed; /* how many there are, as the array says; 0: the truth */
    uint32_t words[4][14];
};

struct offline_blob {
    uint32_t version;
    const char *ns; /* NULL: none */
    const char *name;
    uint32_t mode;
    struct offline_dfa dfa;
    const struct offline_perms *perms; /* NULL: none */
    uint32_t permsv;                   /* 0: none */
    uint32_t start;                    /* 0: none */
    unsigned int depth;                /* structs in each other that nobody knows, ahead of the rules */
    unsigned int policies;             /* how often the rules are there */
    unsigned int flags;                /* how often the flags are there */
};

struct offline_blob offline_blob_plain(void);

/* Appends the profile. */
void offline_blob_write(const struct offline_blob *blob, struct postern_buf *file);

#endif
