/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seam to a source of facts: it may tell which container a connection belongs to, and it may be a door. */
#ifndef POSTERN_CORE_BACKEND_H
#define POSTERN_CORE_BACKEND_H

#include "core/door.h"
#include "core/instance.h"
#include "core/settings.h"
#include "util/error.h"

#define POSTERN_BACKEND_STATUS_MAX 300

struct postern_backend {
    const char *name; /* as in <identity order="..."> and in org.postern.IdentitySource */
    /* Prepares it and finds out what this machine has of it. 1 with *data: it is a door here, and check is asked; 0 with *data: it is none;
     * or a negative errno with the reason in *error: then the mediator does not open. That a machine has nothing of it is no error. */
    int (*open)(struct postern_mediator *mediator, void **data, struct postern_error *error);
    void (*close)(void *data);
    /* Can it do what these settings ask of it? 0, or a negative errno with *error: they are not put in force. NULL: always. */
    int (*admit)(void *data, const struct postern_settings *settings, struct postern_error *error);
    /* Whose is the connection? 1 with *instance, or with NULL when it is known to be in no container; 0: nothing to say, the next
     * provider is asked; a negative errno with *error: the connection is refused, because an error never means "uncontained". NULL: it
     * tells nothing of containers. */
    int (*identify)(void *data, const struct postern_peer *peer, const struct postern_peer_facts *facts,
                    struct postern_instance **instance, struct postern_error *error);
    /* Its opinion on requests, as one of the doors; NULL: it has none. It abstains where the machine has nothing of it. */
    postern_door_fn *check;
    postern_report_fn *report; /* of its findings; NULL: it has none */
    postern_fix_fn *fix;       /* NULL: it has none */
    postern_current_fn *current; /* NULL: what it says is never kept */
    uint8_t place;             /* enum postern_door_place of check */
    /* What state the door is in here, as a sentence for people; NULL: it is none. Returns text, or a static string. */
    const char *(*status)(void *data, char text[POSTERN_BACKEND_STATUS_MAX]);
    /* Other settings are in force; NULL: it keeps nothing. */
    void (*refresh)(void *data);
};

#endif
