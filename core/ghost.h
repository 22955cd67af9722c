/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection that does not exist, for asking what would be if it did. Nothing finds it: no table holds it. */
#ifndef POSTERN_CORE_GHOST_H
#define POSTERN_CORE_GHOST_H

#include "core/instance.h"
#include "core/party.h"

/* What is supposed of it. */
struct postern_ghost_plan {
    const char *name;                   /* it owns this name, or bears it, when it is a unique one; NULL: none */
    struct postern_instance *instance;  /* it is in this one; NULL: see type */
    const char *type, *container;       /* it is in a new instance of this type and name; type NULL: in none */
    uint32_t uid;
    const struct postern_party *like; /* whose groups it has, when uid is the same, and whose label, when none is given */
    const char *label;                /* NULL: see like */
};

struct postern_ghost {
    struct postern_party party;
    struct postern_party_name place;
    struct postern_bus_name name;
    struct postern_instance instance;
};

/* Makes it in the caller's memory. The strings of the plan must outlive it; there is nothing to free. */
void postern_ghost_init(struct postern_ghost *ghost, struct postern_mediator *mediator, const struct postern_ghost_plan *plan);

#endif
