/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ghost.h"

#include <stdio.h>
#include <string.h>

#include "core/console.h"
#include "core/mediator.h"

/* No connection ever has it. */
static char unique_name[] = ":0.0";

/* An instance as AddServer would make it without arguments, beside the living ones. */
static void init_instance(struct postern_instance *instance, struct postern_mediator *mediator, const struct postern_ghost_plan *plan)
{
    *instance = (struct postern_instance){
        .mediator = mediator,
        .type = (char *)(uintptr_t)plan->type,
        .name = (char *)(uintptr_t)(plan->container != NULL ? plan->container : ""),
        .source = "socket",
        .mode = mediator->settings.default_mode,
        .creator_uid = plan->uid,
        .quota = mediator->settings.quota,
    };
    instance->path_len = (uint32_t)snprintf(instance->path, sizeof(instance->path), POSTERN_INSTANCE_PREFIX "0");
    instance->type_hash = postern_hash(instance->type, strlen(instance->type));
    instance->name_hash = postern_hash(instance->name, strlen(instance->name));
    instance->site_rules = postern_settings_rules(&mediator->settings, instance->type, instance->name);
}

static void give_name(struct postern_ghost *ghost, const char *name)
{
    char *bus_name = (char *)(uintptr_t)name; /* that nobody writes to */

    if (name[0] == ':') {
        ghost->party.unique_name = bus_name;
        return;
    }
    ghost->name = (struct postern_bus_name){.name = bus_name, .len = (uint32_t)strlen(name), .holders = 1, .primary = &ghost->party};
    ghost->place = (struct postern_party_name){.name = &ghost->name, .primary = true};
    ghost->party.names = &ghost->place;
    ghost->party.n_names = 1;
}

/* A container's label is told by another connection in it, if there is one; that of a program outside, by whoever asks. */
static const char *label_like(const struct postern_ghost_plan *plan)
{
    if (plan->instance != NULL)
        return plan->instance->parties != NULL ? plan->instance->parties->facts.label : NULL;
    return plan->type == NULL ? plan->like->facts.label : NULL;
}

void postern_ghost_init(struct postern_ghost *ghost, struct postern_mediator *mediator, const struct postern_ghost_plan *plan)
{
    const char *label = plan->label != NULL ? plan->label : label_like(plan);
    struct postern_party *party = &ghost->party;

    *ghost = (struct postern_ghost){.party = {.mediator = mediator, .authenticated = true, .uid = plan->uid, .unique_name = unique_name}};
    party->facts.uid = plan->uid;
    if (plan->uid == plan->like->uid) {
        party->facts.groups = plan->like->facts.groups;
        party->facts.n_groups = plan->like->facts.n_groups;
        party->facts.gid = plan->like->facts.gid;
    }
    party->facts.label = (char *)(uintptr_t)label;
    party->facts.label_len = label != NULL ? strlen(label) : 0;
    party->at_console = postern_console_has(mediator, plan->uid);
    if (plan->instance != NULL) {
        party->instance = plan->instance;
    } else if (plan->type != NULL) {
        init_instance(&ghost->instance, mediator, plan);
        party->instance = &ghost->instance;
    }
    if (plan->name != NULL)
        give_name(ghost, plan->name);
}
