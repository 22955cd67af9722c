/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The services that can be activated, and what their files say to the mediator in the group [X-Postern]: which containers may reach them before
 * they run (Allow=), and on a system bus who owns the name (OwnerUser=) and that anybody may call (AccessControl=self). One immutable table,
 * replaced as a whole. A fault anywhere in the group of a file is logged, and then nothing of that group counts.
 */
#ifndef POSTERN_CORE_SERVICES_H
#define POSTERN_CORE_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ruleset.h"
#include "postern/module.h"
#include "util/hash.h"

#define POSTERN_SERVICES_TEXT_MAX (64u * 1024) /* bytes of one Allow= */
#define POSTERN_SERVICES_RULES_PER_FILE 256u
#define POSTERN_SERVICES_RULES_MAX 16384u /* of all files together */

struct postern_mediator;

struct postern_service_entry {
    char *name;
    char *file;          /* UTF-8; opinions and rules refer to it */
    char *assumed_label; /* NULL */
    bool has_owner;      /* OwnerUser= counts: the user `owner` may own the name */
    bool is_open;        /* AccessControl=self counts: anybody may send to the name */
    uint32_t owner;
    uint32_t owner_line, open_line;
    UT_hash_handle hh;
};

struct postern_service_table {
    struct postern_service_entry *entries; /* by name, in the order in which they were told */
    struct postern_ruleset *rules;         /* of all Allow=; they refer to the entries; NULL: there are none */
    bool missed;                           /* a user was not known yet: its file does not count for now */
};

/* Whose number is it? 1 with *uid; 0: nobody's; -ESTALE: not known yet; another negative errno: the look-up failed. */
typedef int postern_services_user_fn(void *data, const char *name, uint32_t *uid);

/* Reads what a host tells with services(). 0 with a new table; -ENOMEM, or -EINVAL or -E2BIG of a list that is none. */
int postern_services_read(const struct postern_mediator *mediator, const struct postern_activatable *const *list, uint32_t n,
                          postern_services_user_fn *user, void *data, struct postern_service_table **table);
void postern_services_free(struct postern_service_table *table); /* NULL is allowed */

/* Puts a table in force, which is the mediator's then; the one before is freed. Nothing else may refer to that any more. */
void postern_services_put(struct postern_mediator *mediator, struct postern_service_table *table);

/* The service of this name, or NULL; it lives until the next services(). */
const struct postern_service_entry *postern_services_find_entry(const struct postern_mediator *mediator, const char *name, size_t len);

#endif
