/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One open mediator: what it knows of the bus, and the doors that it asks. */
#ifndef POSTERN_CORE_MEDIATOR_H
#define POSTERN_CORE_MEDIATOR_H

#include <stdint.h>

#include "core/backend.h"
#include "core/cache.h"
#include "core/door.h"
#include "core/instance.h"
#include "core/party.h"
#include "core/services.h"
#include "core/settings.h"
#include "core/watch.h"
#include "wire/writer.h"

/* Doors in the order in which they are asked. */
enum postern_door_place { POSTERN_PLACE_XML, POSTERN_PLACE_CONTAINER, POSTERN_PLACE_SELINUX, POSTERN_PLACE_APPARMOR, POSTERN_PLACES };

struct postern_door_slot {
    postern_door_fn *fn; /* NULL: no such door in this mediator; it abstains */
    void *door;
    postern_report_fn *report; /* NULL: it has no findings */
    postern_fix_fn *fix;       /* NULL: it cannot tell */
    postern_group_fn *group;   /* of the XML door; NULL: everybody is different */
    postern_current_fn *current; /* of a security module; NULL: what it says is never kept */
};

#define POSTERN_BACKENDS_MAX 4

struct postern_backend_slot {
    const struct postern_backend *backend;
    void *data;
};

struct postern_mediator {
    const struct postern_host *host;
    uint32_t flags; /* POSTERN_OPTION_... */
    struct postern_settings settings;
    struct postern_door_slot doors[POSTERN_PLACES];
    struct postern_backend_slot backends[POSTERN_BACKENDS_MAX]; /* all that are open */
    size_t n_backends;
    const struct postern_backend_slot *providers[POSTERN_BACKENDS_MAX]; /* those that identify, in the order in which they are asked */
    size_t n_providers;

    struct postern_party *parties;
    struct postern_party *by_unique;
    struct postern_bus_name *names;
    struct postern_instance *instances;
    struct postern_instance *listeners;
    struct postern_instance *implicit; /* those that nobody announced, by what they were recognised by */
    uint64_t last_instance;
    struct postern_granted *lost_grants; /* rules whose name was lost; core/grant.c */
    struct postern_service_table *services;      /* what can be activated; NULL: the host has told nothing */
    const struct postern_ruleset *service_rules; /* of `services`: what their files let every container do with them; NULL: nothing */
    struct postern_watching watching;
    struct postern_cache cache;
    struct postern_audit_budget budget; /* for faulty questions, which have no one to charge */

    /* The answer of the last driver call; the text also for the last verdict. */
    struct postern_writer reply;
    char reply_error[1200];
    struct postern_writer facts; /* what sender_facts() gave last */
};

/* Takes the settings over; the container's door is put in its place, the others are the caller's to set. Cannot fail. */
void postern_mediator_init(struct postern_mediator *mediator, const struct postern_host *host, uint32_t flags,
                           struct postern_settings *settings);
/* Ends all sockets and frees everything but the doors. There are no parties any more. */
void postern_mediator_finish(struct postern_mediator *mediator);

/* Puts new settings in force and takes them over. Rules of living instances follow, and names that they do not allow any more are
 * released; who is at the console is asked anew. The old settings are freed. */
void postern_mediator_reconfigure(struct postern_mediator *mediator, struct postern_settings *settings);

/* One line for the host's log; priority as in syslog(3). */
void postern_mediator_log(const struct postern_mediator *mediator, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* mediate() of the module's table. */
int postern_mediator_mediate(struct postern_mediator *mediator, const struct postern_request *request,
                             struct postern_verdict *verdict);

#endif
