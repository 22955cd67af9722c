/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon as a client of the module interface: every question to the mediator goes through here, and here alone it is
 * known that there may be none (--module=none, for measuring: then the bus is open to its own user and root, as a bus without
 * any policy).
 */
#ifndef POSTERN_DAEMON_MEDIATION_H
#define POSTERN_DAEMON_MEDIATION_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "daemon/bus.h"
#include "daemon/conn.h"
#include "postern/module.h"
#include "util/error.h"
#include "wire/header.h"

/* Loads and opens the mediator. 0, or a negative errno with *error saying why. path "none": none. */
int postern_mediation_open(struct postern_bus *bus, const char *path, const char *mediator_config, bool verbose, struct postern_error *error);
int postern_mediation_reload(struct postern_bus *bus, struct postern_error *error);
/* Tells the mediator which services there are. 0; -EAGAIN when it asked for a user who was not looked up yet; or another negative errno, and then
 * it knows what it knew before. */
int postern_mediation_services(struct postern_bus *bus);
void postern_mediation_close(struct postern_bus *bus);

/* A connection comes, is let in, gets its name, goes. 0 or negative errno. */
int postern_mediation_enter(struct postern_conn *conn, uint64_t listener);
bool postern_mediation_may_connect(struct postern_conn *conn);
int postern_mediation_hello(struct postern_conn *conn);
void postern_mediation_leaving(struct postern_conn *conn);
void postern_mediation_leave(struct postern_conn *conn);

/* A well-known name changed its state (POSTERN_NAME_...) towards the connection. 0 or negative errno. */
int postern_mediation_name(struct postern_conn *conn, const char *name, uint32_t state);

/* What is asked of the mediator about a message; from or to NULL: the driver or nobody, as flags say. */
struct postern_mediation {
    uint32_t action;
    uint32_t flags; /* POSTERN_REQUEST_... */
    const struct postern_conn *from, *to, *addressed;
    const struct postern_message *message;
    uint64_t kind; /* header->kind of the message */
    const char *name;          /* OWN, ACTIVATE */
    const char *assumed_label; /* ACTIVATE: of the service's file; NULL: it gives none */
};

/* True: allowed. False: denied; *verdict tells what the sender is told. */
static inline bool postern_mediation_may(struct postern_bus *bus, const struct postern_mediation *question, struct postern_verdict *verdict);

/* The same in two steps, for a message with many receivers: the question as the module gets it, made once, and asked for each of them. Who `to` is
 * in question does not matter. The message must stay as it is. */
static inline void postern_mediation_prepare(const struct postern_bus *bus, const struct postern_mediation *question, struct postern_request *request);
bool postern_mediation_may_reach(const struct postern_conn *to, struct postern_request *request, struct postern_verdict *verdict);

/* How much may `observer` know of a connection (NULL: of whoever it is) and name: POSTERN_SEE_... */
uint32_t postern_mediation_see(const struct postern_conn *observer, const struct postern_conn *target, const char *name);

/* The object path in header field 10 of messages from `from` (NULL: the driver) to `to`; NULL: the field is absent. */
const char *postern_mediation_stamp(const struct postern_conn *from, const struct postern_conn *to);

/* Can the mediator tell facts about senders? Then this daemon writes them for it: what Features calls org.postern.SenderFacts. */
bool postern_mediation_has_facts(const struct postern_bus *bus);

/* The value of header field 250 of messages from `from` to `to`, in this byte order; data NULL: the field is absent. Valid until the
 * mediator is asked again. 0, or -ENOMEM: the message must not be delivered. */
int postern_mediation_facts(const struct postern_conn *from, const struct postern_conn *to, char order, struct postern_facts_value *facts);

void postern_mediation_delivered(const struct postern_conn *from, const struct postern_conn *to);

/* Shows a parsed header to the mediator; body NULL: without its body. The views point into the message. */
static inline void postern_mediation_view(struct postern_message *view, const struct postern_header *header, const uint8_t *body);

/* ---- of one piece with who asks, which each message does --------------------------------------------- */

/* Asks what was prepared. */
bool postern_mediation_ask(struct postern_bus *bus, struct postern_request *request, struct postern_verdict *verdict);

/* NULL: absent. */
static inline struct postern_view postern_mediation_text(const char *text)
{
    return (struct postern_view){.data = text, .len = text != NULL ? (uint32_t)strlen(text) : 0};
}

static inline void postern_mediation_prepare(const struct postern_bus *bus, const struct postern_mediation *question, struct postern_request *request)
{
    *request = (struct postern_request){
        .size = sizeof(*request),
        .action = question->action,
        .flags = question->flags,
        .from = question->from != NULL ? question->from->party : NULL,
        .to = question->to != NULL ? question->to->party : NULL,
        .addressed = question->addressed != NULL ? question->addressed->party : NULL,
        .message = question->message,
        .name = postern_mediation_text(question->name),
        .kind = bus->tells_kinds ? question->kind : 0,
    };
    /* A module that does not know the label would refuse the whole question for it. */
    if (question->assumed_label != NULL && bus->module != NULL && bus->module->abi.minor >= 2)
        request->assumed_label = postern_mediation_text(question->assumed_label);
}

static inline bool postern_mediation_may(struct postern_bus *bus, const struct postern_mediation *question, struct postern_verdict *verdict)
{
    struct postern_request request;

    postern_mediation_prepare(bus, question, &request);
    return postern_mediation_ask(bus, &request, verdict);
}

static inline struct postern_view postern_mediation_field(struct postern_field_view field)
{
    return (struct postern_view){.data = field.s, .len = field.len};
}

static inline void postern_mediation_view(struct postern_message *view, const struct postern_header *header, const uint8_t *body)
{
    *view = (struct postern_message){
        .size = sizeof(*view),
        .type = header->type,
        .flags = header->flags,
        .order = (uint8_t)header->order,
        .serial = header->serial,
        .reply_serial = header->reply_serial,
        .fds = header->fds,
        .body_len = header->body_len,
        .path = postern_mediation_field(header->path),
        .interface = postern_mediation_field(header->interface),
        .member = postern_mediation_field(header->member),
        .error = postern_mediation_field(header->error),
        .destination = postern_mediation_field(header->destination),
        .signature = postern_mediation_field(header->signature),
        .body = body,
    };
}

#endif
