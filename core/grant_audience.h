/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the rules that one connection granted to one sort of container are kept and found. For grant.c alone. */
#ifndef POSTERN_CORE_GRANT_AUDIENCE_H
#define POSTERN_CORE_GRANT_AUDIENCE_H

#include "core/grant.h"
#include "util/hash.h"

enum postern_audience_kind {
    POSTERN_AUDIENCE_ANY,
    POSTERN_AUDIENCE_TYPE,
    POSTERN_AUDIENCE_NAME,
    POSTERN_AUDIENCE_TYPE_NAME,
    POSTERN_AUDIENCE_INSTANCE,
    POSTERN_AUDIENCE_KINDS,
};

/* The lists of an audience: all its rules, and those with a bit that is asked for without a message. */
enum postern_audience_list { POSTERN_AUDIENCE_ALL, POSTERN_AUDIENCE_CALL, POSTERN_AUDIENCE_SEND_FDS, POSTERN_AUDIENCE_RECEIVE_FDS, POSTERN_AUDIENCE_LISTS };

struct postern_granted_link {
    struct postern_granted *prev, *next;
};

/* One rule of a grant. */
struct postern_granted {
    struct postern_rule rule; /* name "": about all of the granter */
    struct postern_grant *grant;
    struct postern_audience *audience;
    struct postern_cell *cell;
    bool lost; /* its name was: it counts no more than for seeing that go */
    struct postern_granted *cell_prev, *cell_next;   /* alike */
    struct postern_granted *grant_prev, *grant_next; /* of one grant */
    struct postern_granted *lost_prev, *lost_next;   /* in postern_mediator.lost_grants */
    struct postern_granted *name_prev, *name_next;   /* of one audience, about one name */
    struct postern_granted_link lists[POSTERN_AUDIENCE_LISTS];
};

/* Rules with the same interface, member and path; of a subtree or of the path alone. */
struct postern_cell {
    struct postern_granted *rules;
    uint32_t n;
    uint32_t flags; /* of all rules that it has had: what is not there no rule has */
    UT_hash_handle hh;
    size_t key_len;
    char key[];
};

/* A name that rules of the audience are about; the empty one stands for all of the granter. */
struct postern_granted_name {
    struct postern_granted *rules; /* through name_next */
    UT_hash_handle hh;
    char name[];
};

struct postern_audience_key {
    uint64_t kind;
    uint64_t type;     /* INSTANCE: its number; else the hash of the type, 0 when it does not matter */
    uint64_t name; /* the hash of the name */
};

struct postern_audience {
    struct postern_audience_key key;
    char *type, *name; /* NULL: does not matter */
    struct postern_instance *instance;
    struct postern_audience *instance_prev, *instance_next; /* others for the same instance */
    struct postern_granted *lists[POSTERN_AUDIENCE_LISTS];
    uint32_t n_rules;
    struct postern_granted_name *names;
    struct postern_cell *cells;
    uint32_t shapes; /* bit per combination of interface and member that some rule names */
    uint32_t depths; /* bit per number of elements in the paths of subtrees */
    size_t longest;  /* path */
    UT_hash_handle hh; /* in postern_grants.audiences, by key */
};

/* 0 and a new, empty audience, which is for *who; or -ENOMEM. */
int postern_audience_new(const struct postern_grant_who *who, struct postern_audience **audience);
/* Frees an audience without rules. */
void postern_audience_free(struct postern_audience *audience);

/* The key of containers like this one, of one kind. */
struct postern_audience_key postern_audience_key_of(enum postern_audience_kind kind, const struct postern_instance *instance);
/* Is it for this instance? Keys are hashes; this is the comparison. */
bool postern_audience_has(const struct postern_audience *audience, const struct postern_instance *instance);

/* Adds a rule. 0; -EDQUOT: too many alike; -ENOMEM. */
int postern_audience_add(struct postern_audience *audience, struct postern_granted *granted);
void postern_audience_remove(struct postern_granted *granted);

/* One of its rules that is about this name, or about all of the granter; NULL: there is none. */
const struct postern_rule *postern_audience_find_name(const struct postern_audience *audience, const char *name);

/* How many elements a path has: none in "/". */
unsigned postern_audience_depth(const char *path);

/* A rule that fits, or NULL. */
const struct postern_rule *postern_audience_find(const struct postern_audience *audience, const struct postern_rule_query *query);

#endif
