/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a line of the log says, as fields for a log that can be searched by them, such as systemd's journal: POSTERN_VERDICT,
 * POSTERN_SENDER_..., POSTERN_MESSAGE_..., listed in posternd(1). MESSAGE_ID tells apart what happened, and by OBJECT_PID
 * journald adds what it knows of the sender.
 */
#ifndef POSTERN_CORE_FIELDS_H
#define POSTERN_CORE_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "core/door.h"

#define POSTERN_FIELDS_MAX 48
#define POSTERN_FIELD_NAMES 4 /* well-known names told of one end */

/* Of what happened: what the log line says in words. NULL and 0: not said. */
struct postern_audit_event {
    const char *verdict; /* "denied", "allowed", "complained", "refused" */
    const char *door, *rule, *why, *needs, *action, *name;
    uint8_t end; /* enum postern_end */
    uint64_t suppressed;
    const struct postern_request *request; /* NULL: there was none, or nothing in it can be relied on */
    const struct postern_party *from;      /* without a request: who did it */
    const struct postern_instance *to_instance; /* of a connection that was refused: where it wanted to go, and who it is; NULL: not known */
    const struct postern_peer_facts *facts;
};

struct postern_fields {
    uint32_t n;
    const char *keys[POSTERN_FIELDS_MAX];
    const char *values[POSTERN_FIELDS_MAX];
    size_t used;
    char text[8192]; /* of keys that are made, and of values */
};

/* Collects the fields of an event. What does not fit is left out, a long value cut. */
void postern_fields_collect(struct postern_fields *fields, const struct postern_audit_event *event);

/* "method_call" and so on. */
const char *postern_fields_type(const struct postern_message *message);

#endif
