/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/router.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemon/activation.h"
#include "daemon/bus.h"
#include "daemon/driver.h"
#include "daemon/emit.h"
#include "daemon/forward.h"
#include "daemon/mediation.h"
#include "daemon/naming.h"
#include "daemon/systemd.h"
#include "wire/name.h"

/* One message on its way to one or more receivers. */
struct delivery {
    struct postern_conn *from;
    struct postern_incoming *message;
    struct postern_message view;         /* what the mediator sees */
    struct postern_conn *addressed;      /* unicast: whom the message is for; NULL: the driver */
    uint32_t flags;                      /* POSTERN_REQUEST_... */
    struct postern_request *request;     /* while receivers are looked for: what the mediator is asked about each */
    struct postern_forward forward;
};

/* Part by part: the item is set when there is one, and nothing is set twice. */
static inline void delivery_init(struct delivery *delivery, struct postern_conn *from, struct postern_incoming *message)
{
    delivery->from = from;
    delivery->message = message;
    delivery->addressed = NULL;
    delivery->flags = 0;
    delivery->request = NULL;
    delivery->forward.from = from;
    delivery->forward.message = message;
    delivery->forward.stamp = NULL;
    delivery->forward.plain = false;
    postern_mediation_view(&delivery->view, &message->header, NULL);
}

/* Hardly ever is there a monitor. */
static inline void show(struct delivery *delivery, const struct postern_conn *to)
{
    if (delivery->from->bus->monitors.list != NULL)
        postern_monitors_show(&delivery->forward, to);
}

#define WORK_OF_DRIVER 16u /* what the bus itself is called for, in deliveries, without its answer: most calls cost no more */

static bool is_driver_name(struct postern_field_view name)
{
    return name.len == sizeof(POSTERN_DRIVER_NAME) - 1 && memcmp(name.s, POSTERN_DRIVER_NAME, name.len) == 0;
}

bool postern_router_is_for_bus(const struct postern_header *header)
{
    if (header->destination.s == NULL)
        return header->type == POSTERN_MESSAGE_METHOD_CALL;
    return is_driver_name(header->destination);
}

static bool is_reply(const struct postern_header *header)
{
    return header->type == POSTERN_MESSAGE_METHOD_RETURN || header->type == POSTERN_MESSAGE_ERROR;
}

/* ---- delivering ----------------------------------------------------------------------------------- */

/* Queues the message for one receiver. 0; -EOPNOTSUPP: it cannot take descriptors; -ENOBUFS, -EMSGSIZE, -ENOMEM. */
static int deliver(struct delivery *delivery, struct postern_conn *to, const struct postern_verdict *verdict)
{
    const struct postern_conn *from = delivery->from;
    int r;

    if (delivery->message->fds != NULL && !to->can_fds)
        return -EOPNOTSUPP;
    r = postern_forward_to(&delivery->forward, to, verdict->flags);
    return r < 0 ? r : postern_conn_queue(to, &delivery->forward.item, from->container != NULL ? from->container : from->user);
}

/* What becomes of a message that could not be queued, as an error says it. */
static struct postern_verdict delivery_error(int r)
{
    struct postern_verdict error = {.size = sizeof(error), .error_name = POSTERN_ERROR_PREFIX "LimitsExceeded"};

    switch (r) {
    case -EOPNOTSUPP:
        error.error_name = POSTERN_ERROR_PREFIX "NotSupported";
        error.error_text = "The receiver of this message did not agree to receive file descriptors";
        break;
    case -ENOBUFS:
        error.error_text = "Too much is waiting: for the receiver to read, or of what this sender sent";
        break;
    case -EMSGSIZE:
        error.error_text = "With its sender's name the message is longer than a message may be";
        break;
    default:
        error.error_name = POSTERN_ERROR_PREFIX "NoMemory";
        error.error_text = "Out of memory";
    }
    return error;
}

/* ---- match rules ------------------------------------------------------------------------------------- */

static bool is_sender(void *data, const char *name, uint32_t len)
{
    return postern_bus_bears(((struct delivery *)data)->from, name, len);
}

static bool is_destination(void *data, const char *name, uint32_t len)
{
    return postern_bus_bears(((struct delivery *)data)->addressed, name, len);
}

/* To whom a name is hidden, a rule with it matches nothing: else hearing somebody would tell which other names it has. A unique name
 * is in the message anyway. */
static bool knows(void *data, struct postern_match_owner *owner, const char *name)
{
    const struct delivery *delivery = data;

    return name[0] == ':' || postern_mediation_see(postern_conn_of_matches(owner), delivery->from, name) != POSTERN_SEE_HIDDEN;
}

/* A receiver of a broadcast, or an eavesdropper of somebody else's message. */
static void found(void *data, struct postern_match_owner *owner)
{
    struct delivery *delivery = data;
    struct postern_conn *to = postern_conn_of_matches(owner);
    struct postern_verdict verdict;
    int r;

    if (to->state != POSTERN_CONN_ACTIVE || to == delivery->addressed)
        return;
    if (!postern_mediation_may_reach(to, delivery->request, &verdict)) {
        to->bus->work++;
        postern_emit_refusal(to->bus, delivery->from, delivery->message->header.serial, &verdict);
        return;
    }
    r = deliver(delivery, to, &verdict);
    if (r < 0) {
        /* A receiver whose queue is full misses the signal, as on every bus; its sender must not learn of it. */
        verdict = delivery_error(r);
        postern_emit_refusal(to->bus, delivery->from, delivery->message->header.serial, &verdict);
    }
}

static void find_receivers(struct delivery *delivery)
{
    const struct postern_conn *from = delivery->from;
    bool broadcast = (delivery->flags & POSTERN_REQUEST_BROADCAST) != 0;
    struct postern_mediation question = {
        .action = broadcast ? POSTERN_ACTION_SEND : POSTERN_ACTION_RECEIVE,
        .flags = delivery->flags,
        .from = from,
        .addressed = delivery->addressed,
        .message = &delivery->view,
        .kind = delivery->message->header.kind,
    };
    struct postern_match_route route = {
        .is_sender = is_sender,
        .is_destination = is_destination,
        .knows = knows,
        .found = found,
        .data = delivery,
        .sender = {.s = from->unique, .len = from->unique_len},
        .sender_names = &from->names,
    };
    const struct postern_incoming *message = delivery->message;
    struct postern_match_args args;
    struct postern_request request;

    postern_mediation_prepare(from->bus, &question, &request);
    delivery->request = &request;
    postern_match_args_init(&args, &message->header, message->bytes + message->header.body_start);
    postern_matchset_find(from->bus->matches, &message->header, &args, !broadcast, &route);
}

static void eavesdrop(struct delivery *delivery)
{
    if (postern_matchset_has_eavesdrop(delivery->from->bus->matches))
        find_receivers(delivery);
}

/* ---- unicast ------------------------------------------------------------------------------------------- */

/* Who learns that a message was refused: the sender of a call; the caller who waits, when it was the reply. What the policy of the bus
 * refuses, every sender outside of containers is told, of whatever type it was, as by other daemons. */
static void refuse(struct delivery *delivery, struct postern_conn *to, const struct postern_verdict *verdict)
{
    const struct postern_header *header = &delivery->message->header;

    if (header->type == POSTERN_MESSAGE_METHOD_CALL || (verdict->door == POSTERN_DOOR_XML && !delivery->from->contained))
        postern_emit_denied(delivery->from, header->serial, verdict);
    else
        postern_emit_refusal(delivery->from->bus, delivery->from, header->serial, verdict);
    if ((delivery->flags & POSTERN_REQUEST_REPLY) != 0)
        postern_emit_error(to, header->reply_serial, POSTERN_ERROR_PREFIX "AccessDenied", "The reply to this call was refused");
}

/* As with a refusal, every sender outside of containers is told, of whatever type the message was. */
static void not_delivered(struct delivery *delivery, struct postern_conn *to, int r)
{
    const struct postern_header *header = &delivery->message->header;
    struct postern_verdict error = delivery_error(r);

    if (header->type == POSTERN_MESSAGE_METHOD_CALL || !delivery->from->contained)
        postern_emit_denied(delivery->from, header->serial, &error);
    else
        postern_emit_refusal(delivery->from->bus, delivery->from, header->serial, &error);
    if ((delivery->flags & POSTERN_REQUEST_REPLY) != 0)
        postern_emit_denied(to, header->reply_serial, &error);
}

/* Outside of containers every sender is told that nobody is there, whatever it sent, as by other daemons. */
static void not_there(struct delivery *delivery)
{
    struct postern_conn *from = delivery->from;
    const struct postern_header *header = &delivery->message->header;

    if (from->contained && header->type != POSTERN_MESSAGE_METHOD_CALL)
        return;
    if ((header->flags & POSTERN_MESSAGE_FLAG_NO_AUTO_START) != 0)
        postern_emit_error(from, header->serial, POSTERN_ERROR_PREFIX "NameHasNoOwner", "Nobody owns the name %s", header->destination.s);
    else
        postern_emit_error(from, header->serial, POSTERN_ERROR_PREFIX "ServiceUnknown", "The name %s was not provided by any .service files",
                           header->destination.s);
}

/* Nobody owns the destination: the message waits for its service to start, if there is one and the sender lets it. What the sender may
 * not know exists is refused in the same words as if it did; outside of containers all may know what exists, and to nobody nothing is
 * sent that policy could refuse. Programs take the one error for "not installed" and the other for a fault. */
static void dispatch_unowned(struct delivery *delivery)
{
    struct postern_conn *from = delivery->from;
    const struct postern_header *header = &delivery->message->header;
    const struct postern_service *service = NULL;
    struct postern_mediation question = {.action = POSTERN_ACTION_SEND, .from = from, .message = &delivery->view};
    struct postern_verdict verdict;

    if ((header->flags & POSTERN_MESSAGE_FLAG_NO_AUTO_START) == 0)
        service = postern_services_find(&from->bus->services, header->destination.s);
    if (service != NULL) {
        question.action = POSTERN_ACTION_ACTIVATE;
        question.name = service->name;
        question.assumed_label = service->apparmor_label;
    }
    if ((from->contained || service != NULL) && !postern_mediation_may(from->bus, &question, &verdict)) {
        show(delivery, NULL);
        refuse(delivery, NULL, &verdict);
    } else if (service != NULL) {
        postern_activation_message(&delivery->forward, service);
    } else {
        show(delivery, NULL);
        not_there(delivery);
    }
}

static bool expects_reply(const struct postern_header *header)
{
    return header->type == POSTERN_MESSAGE_METHOD_CALL && (header->flags & POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED) == 0;
}

/* Remembers the call, so that its reply will be known as one. */
static bool expect_reply(struct postern_conn *from, struct postern_conn *to, uint32_t serial)
{
    int r = postern_reply_expect(&from->bus->replies, from, to, serial);

    if (r == -EEXIST)
        postern_emit_error(from, serial, POSTERN_ERROR_PREFIX "AccessDenied", "A call with this serial to the same receiver is still waiting for its reply");
    else if (r == -ENOBUFS)
        postern_emit_error(from, serial, POSTERN_ERROR_PREFIX "LimitsExceeded", "Too many calls are waiting for their replies");
    else if (r < 0)
        postern_emit_error(from, serial, POSTERN_ERROR_PREFIX "NoMemory", "Out of memory");
    return r == 0;
}

static void dispatch_unicast(struct delivery *delivery, struct postern_conn *to)
{
    struct postern_conn *from = delivery->from;
    const struct postern_header *header = &delivery->message->header;
    struct postern_mediation question = {.action = POSTERN_ACTION_SEND, .from = from, .to = to, .addressed = to, .message = &delivery->view, .kind = header->kind};
    struct postern_verdict verdict;
    int r;

    delivery->addressed = to;
    /* Used up whatever becomes of the reply: a call is answered once, be it by an error in its place. */
    if (is_reply(header) && postern_reply_take(&from->bus->replies, to, from, header->reply_serial))
        delivery->flags |= POSTERN_REQUEST_REPLY;
    question.flags = delivery->flags;
    if (!postern_mediation_may(from->bus, &question, &verdict)) {
        refuse(delivery, to, &verdict);
        return;
    }
    if (expects_reply(header) && !expect_reply(from, to, header->serial))
        return;
    r = deliver(delivery, to, &verdict);
    if (r < 0) {
        if (expects_reply(header))
            postern_reply_take(&from->bus->replies, from, to, header->serial);
        not_delivered(delivery, to, r);
        return;
    }
    if ((verdict.flags & POSTERN_VERDICT_TELL_DELIVERED) != 0)
        postern_mediation_delivered(from, to);
    eavesdrop(delivery);
}

/* ---- the rest ---------------------------------------------------------------------------------------------- */

static void dispatch_driver(struct delivery *delivery)
{
    struct postern_conn *from = delivery->from;
    const struct postern_header *header = &delivery->message->header;
    struct postern_mediation question = {
        .action = POSTERN_ACTION_SEND, .flags = POSTERN_REQUEST_TO_DRIVER, .from = from, .message = &delivery->view, .kind = header->kind};
    struct postern_verdict verdict;
    bool is_failure = postern_systemd_is_failure(from, header);
    int r = 0;

    if (!is_failure) /* monitors see what it leads to, as of dbus-daemon */
        show(delivery, NULL);
    if (!postern_mediation_may(from->bus, &question, &verdict)) {
        refuse(delivery, NULL, &verdict);
        return;
    }
    /* As other daemons do it, the call comes first: a rule that it adds hears it, one that it removes does not, what it causes is heard
     * before it, and a call that fails is not heard at all. */
    from->bus->work += WORK_OF_DRIVER;
    if (header->type == POSTERN_MESSAGE_METHOD_CALL)
        r = postern_driver_call(from, delivery->message);
    else if (is_failure)
        postern_systemd_failure(from, delivery->message);
    /* Carrying it out may have sent other messages on their way: those that waited for a name. */
    delivery->forward.stamp = NULL;
    if (r == 0)
        eavesdrop(delivery);
}

/* The specification leaves messages without a destination between two peers. To the bus they are broadcasts, when signals; of calls
 * it answers those that every peer answers. Nothing in those answers is private, so nobody is asked. */
static void dispatch_undirected(struct delivery *delivery)
{
    show(delivery, NULL);
    switch (delivery->message->header.type) {
    case POSTERN_MESSAGE_SIGNAL:
        delivery->flags = POSTERN_REQUEST_BROADCAST;
        find_receivers(delivery);
        break;
    case POSTERN_MESSAGE_METHOD_CALL:
        postern_driver_peer_call(delivery->from, delivery->message);
        break;
    default:
        break; /* a reply to nobody */
    }
}

/* Before Hello there is no name that policy could speak of. */
static void dispatch_before_hello(struct postern_conn *from, struct postern_incoming *message)
{
    const struct postern_header *header = &message->header;
    struct delivery delivery;
    bool to_driver = header->destination.s != NULL && is_driver_name(header->destination);

    /* The driver shows a call itself: Hello bears the name that it brings. */
    delivery_init(&delivery, from, message);
    if (to_driver && header->type == POSTERN_MESSAGE_METHOD_CALL) {
        if (postern_driver_first_call(&delivery.forward) == 0) {
            delivery.forward.stamp = NULL;
            eavesdrop(&delivery); /* now that it has a sender with a name */
        }
        return;
    }
    show(&delivery, NULL);
    if (!to_driver)
        postern_conn_doom(from, "its first message was not Hello");
}

void postern_router_dispatch(struct postern_conn *from, struct postern_incoming *message)
{
    const struct postern_header *header = &message->header;
    struct delivery delivery;
    struct postern_conn *to;

    if (from->state == POSTERN_CONN_HELLO) {
        dispatch_before_hello(from, message);
        return;
    }
    if (from->state == POSTERN_CONN_MONITOR) {
        postern_conn_doom(from, "it is a monitor, and monitors may not send");
        return;
    }
    delivery_init(&delivery, from, message);
    if (header->type > POSTERN_MESSAGE_SIGNAL) {
        show(&delivery, NULL);
        return; /* unknown types are ignored, as the specification asks */
    }
    if (header->destination.s == NULL) {
        dispatch_undirected(&delivery);
    } else if (is_driver_name(header->destination)) {
        dispatch_driver(&delivery);
    } else {
        to = postern_bus_find_for(from, header->destination.s, header->destination.len);
        if (to == NULL) {
            dispatch_unowned(&delivery);
            return;
        }
        show(&delivery, to);
        dispatch_unicast(&delivery, to);
    }
}

void postern_router_deliver(struct postern_conn *from, struct postern_incoming *message, struct postern_conn *to)
{
    struct delivery delivery;

    delivery_init(&delivery, from, message);
    dispatch_unicast(&delivery, to);
}

/* ---- leaving ---------------------------------------------------------------------------------------------------- */

static void end_calls(struct postern_conn *conn)
{
    struct postern_replies *replies = &conn->bus->replies;

    while (conn->calls != NULL)
        postern_reply_drop(replies, conn->calls);
    /* From the newest on, as other daemons do it. */
    while (conn->callees != NULL) {
        struct postern_pending *pending = conn->callees->callee_prev;
        struct postern_conn *caller = pending->caller;
        uint32_t serial = (uint32_t)pending->key.serial;

        postern_reply_drop(replies, pending);
        postern_emit_error(caller, serial, POSTERN_ERROR_PREFIX "NoReply", "Message recipient disconnected from message bus without replying");
    }
}

static void forget_matches(struct postern_conn *conn)
{
    int64_t matches = conn->matches.n_rules;

    postern_matchset_remove_all(conn->bus->matches, &conn->matches);
    postern_stats_matches(conn, -matches);
}

static void lose_unique_name(struct postern_conn *conn)
{
    struct postern_bus *bus = conn->bus;

    if (postern_bus_find(bus, conn->unique, conn->unique_len) != conn)
        return; /* it never had one */
    postern_emit_name_signal(conn, "NameLost", conn->unique);
    postern_emit_name_owner_changed(bus, conn->unique, conn, NULL);
    HASH_DELETE(hh_unique, bus->by_unique, conn);
    bus->names.changes++;
    postern_stats_unique_name(conn, -1);
}

void postern_router_leave(struct postern_conn *conn)
{
    if (conn->monitor != NULL) {
        postern_monitor_end(conn->monitor); /* it left the bus when it became one */
    } else {
        forget_matches(conn);
        postern_mediation_leaving(conn);
        postern_activation_leave(conn);
        postern_reload_leave(conn);
        postern_naming_release_all(conn);
        lose_unique_name(conn);
        end_calls(conn);
    }
    postern_mediation_leave(conn);
}

void postern_router_retire(struct postern_conn *conn)
{
    char name[POSTERN_NAME_MAX + 1];

    forget_matches(conn);
    postern_mediation_leaving(conn);
    postern_activation_leave(conn);
    postern_reload_leave(conn);
    /* The order of dbus-daemon: the unique name, then the others from the oldest on, where the list ends. */
    lose_unique_name(conn);
    while (conn->names.names != NULL) {
        snprintf(name, sizeof(name), "%s", conn->names.names->owner_prev->name->name);
        postern_naming_release(conn, name);
    }
    end_calls(conn);
}
