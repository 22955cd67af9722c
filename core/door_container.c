/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The container's door: nothing is allowed but the baseline and what some rule allows; docs/containers.md, "What a container may do". */
#include <string.h>

#include "core/decide.h"
#include "core/grant.h"
#include "core/see.h"
#include "core/words.h"
#include "wire/name.h"

/* What may be asked of the driver from inside a container; privileged and unknown methods are refused alike, in every mode. */
static const struct {
    const char *interface;
    const char *members[20];
} driver_methods[] = {
    {"org.freedesktop.DBus",
     {"Hello", "RequestName", "ReleaseName", "StartServiceByName", "ListNames", "ListActivatableNames", "NameHasOwner",
      "GetNameOwner", "ListQueuedOwners", "AddMatch", "RemoveMatch", "GetId", "GetConnectionUnixUser",
      "GetConnectionUnixProcessID", "GetConnectionCredentials", "GetConnectionSELinuxSecurityContext", "GetAdtAuditSessionData"}},
    {"org.freedesktop.DBus.Peer", {"Ping", "GetMachineId"}},
    {"org.freedesktop.DBus.Introspectable", {"Introspect"}},
    {"org.freedesktop.DBus.Properties", {"Get", "GetAll", "Set"}},
    {"org.freedesktop.DBus.Containers1", {"GetConnectionInstance", "GetInstanceInfo", "RequestHeader"}},
    {"org.postern.Mediator1", {"Grant", "Revoke", "RequestFacts"}},
};

static bool view_is(const struct postern_view *view, const char *text)
{
    return view->data != NULL && strlen(text) == view->len && memcmp(view->data, text, view->len) == 0;
}

static bool is_open_driver_method(const struct postern_message *m)
{
    for (size_t i = 0; i < sizeof(driver_methods) / sizeof(driver_methods[0]); i++) {
        if (m->interface.data != NULL && !view_is(&m->interface, driver_methods[i].interface))
            continue;
        for (const char *const *member = driver_methods[i].members; *member != NULL; member++)
            if (view_is(&m->member, *member))
                return true;
    }
    return false;
}

static bool is_reply(const struct postern_message *m)
{
    return m->type == POSTERN_MESSAGE_METHOD_RETURN || m->type == POSTERN_MESSAGE_ERROR;
}

/* ---- opinions ------------------------------------------------------------------------------------- */

static struct postern_opinion allow_by_baseline(uint32_t statement, uint8_t end)
{
    return (struct postern_opinion){
        .kind = POSTERN_OPINION_ALLOW, .end = end, .rule = {.kind = POSTERN_RULE_BASELINE, .index = statement}};
}

static struct postern_opinion deny(uint8_t end, const char *why)
{
    return (struct postern_opinion){.kind = POSTERN_OPINION_DENY, .end = end, .why = why};
}

static struct postern_opinion abstain(void)
{
    return (struct postern_opinion){.kind = POSTERN_OPINION_ABSTAIN};
}

static struct postern_opinion by_rule(const struct postern_rule *rule, uint8_t end, const char *why_not)
{
    if (rule == NULL)
        return deny(end, why_not);
    return (struct postern_opinion){.kind = POSTERN_OPINION_ALLOW, .end = end, .rule = rule->ref};
}

/* Mode complain: what the rules would deny passes and is reported. */
static struct postern_opinion soften(const struct postern_instance *instance, struct postern_opinion opinion)
{
    if (opinion.kind == POSTERN_OPINION_DENY && instance->mode == POSTERN_MODE_COMPLAIN) {
        opinion.kind = POSTERN_OPINION_ALLOW;
        opinion.complaints = (uint8_t)(1u << opinion.end);
    }
    return opinion;
}

/* Both ends of a message were asked: a deny of either counts; of two that allow, an explicit rule tells a person more. */
static struct postern_opinion both(struct postern_opinion sender, struct postern_opinion receiver)
{
    struct postern_opinion result;

    if (sender.kind == POSTERN_OPINION_DENY || receiver.kind == POSTERN_OPINION_ABSTAIN)
        return sender;
    if (receiver.kind == POSTERN_OPINION_DENY || sender.kind == POSTERN_OPINION_ABSTAIN)
        return receiver;
    /* What passes only because of mode complain is what people should hear of. */
    if (sender.complaints != 0 || receiver.complaints != 0)
        result = sender.complaints != 0 ? sender : receiver;
    else
        result = sender.rule.kind == POSTERN_RULE_BASELINE ? receiver : sender;
    result.complaints = sender.complaints | receiver.complaints;
    return result;
}

/* ---- messages between connections ------------------------------------------------------------------- */

struct passage {
    const struct postern_mediator *mediator;
    const struct postern_message *m;
    const struct postern_party *from, *to;
    bool inside; /* both ends in one instance */
    bool broadcast;
    uint8_t *looked; /* at what of the message, so far */
};

/* May the instance of the sender let it out? */
static struct postern_opinion judge_sender(const struct passage *p)
{
    const struct postern_instance *instance = p->from->instance;
    struct postern_rule_query query = {.need = POSTERN_ALLOW_SEND_FDS, .looked = p->looked};
    uint32_t statement = p->inside ? 2 : is_reply(p->m) ? 3 : 4;

    if (p->broadcast) {
        if (p->m->fds > 0)
            return deny(POSTERN_END_SENDER, "a broadcast may not carry descriptors out of a container");
        if (!p->inside && p->mediator->settings.broadcasts_inside)
            return deny(POSTERN_END_SENDER, "broadcasts stay inside the container");
        return allow_by_baseline(p->inside ? 5 : 4, POSTERN_END_SENDER);
    }
    if (p->m->fds == 0 && (p->inside || is_reply(p->m)))
        return allow_by_baseline(statement, POSTERN_END_SENDER);
    if (is_reply(p->m)) /* replies follow their call: its path and interface do not matter */
        return by_rule(postern_instance_rule_for_party(instance, p->to, &query), POSTERN_END_SENDER,
                       "no rule lets replies carry descriptors there");
    /* It may be reached by another of its names, or by its unique one; but whether this one exists is not to be found out. */
    if (!p->inside && p->m->destination.data != NULL && p->m->destination.data[0] != ':') {
        *p->looked |= POSTERN_LOOKS_DESTINATION;
        if (postern_see_hides_name(instance, p->to, p->m->destination.data))
            return deny(POSTERN_END_SENDER, "no rule shows the destination");
    }
    query.need = POSTERN_ALLOW_CALL | (p->m->fds > 0 ? POSTERN_ALLOW_SEND_FDS : 0);
    query.message = p->m;
    return by_rule(postern_instance_rule_for_party(instance, p->to, &query), POSTERN_END_SENDER,
                   p->m->fds > 0 ? "no rule allows the message with descriptors" : "no rule allows the message");
}

/* May the instance of the receiver let it in? */
static struct postern_opinion judge_receiver(const struct passage *p)
{
    const struct postern_instance *instance = p->to->instance;
    struct postern_rule_query query = {.need = POSTERN_ALLOW_HEAR, .message = p->m, .looked = p->looked};
    const struct postern_rule *rule = NULL;

    if (p->broadcast && !p->inside) {
        rule = postern_instance_rule_for_party(instance, p->from, &query);
        if (rule == NULL || p->m->fds == 0)
            return by_rule(rule, POSTERN_END_RECEIVER, "no rule lets this broadcast in");
    }
    if (p->m->fds == 0)
        return allow_by_baseline(p->broadcast ? 5 : p->inside ? 2 : 3, POSTERN_END_RECEIVER);
    query.need = POSTERN_ALLOW_RECEIVE_FDS;
    if (is_reply(p->m))
        query.message = NULL;
    return by_rule(postern_instance_rule_for_party(instance, p->from, &query), POSTERN_END_RECEIVER,
                   "no rule lets descriptors in from there");
}

static struct postern_opinion judge_passage(const struct passage *p, bool is_awaited)
{
    const struct postern_instance *sender = p->from->instance, *receiver = p->to->instance;
    struct postern_opinion out = abstain(), in = abstain();

    if (sender == NULL && receiver == NULL)
        return abstain(); /* nobody is contained */
    /* In every mode, and also inside one instance. */
    if (is_reply(p->m) && !is_awaited)
        return deny(sender != NULL ? POSTERN_END_SENDER : POSTERN_END_RECEIVER, "nobody waits for this reply");
    if (postern_instance_is_ruled(sender))
        out = soften(sender, judge_sender(p));
    if (postern_instance_is_ruled(receiver))
        in = soften(receiver, judge_receiver(p));
    return both(out, in); /* mode identify has no rules: it abstains */
}

/* ---- the driver, and nobody --------------------------------------------------------------------------- */

static struct postern_opinion judge_to_driver(const struct postern_instance *instance, const struct postern_message *m, uint8_t *looked)
{
    if (instance == NULL)
        return abstain();
    *looked |= POSTERN_LOOKS_INTERFACE | POSTERN_LOOKS_MEMBER;
    if (m->type != POSTERN_MESSAGE_METHOD_CALL)
        return deny(POSTERN_END_SENDER, "containers send the bus itself method calls only");
    if (!is_open_driver_method(m))
        return deny(POSTERN_END_SENDER, "the method is privileged or unknown");
    if (!postern_instance_is_ruled(instance))
        return abstain();
    if (m->fds > 0)
        return soften(instance, deny(POSTERN_END_SENDER, "calls of the bus itself may not carry descriptors"));
    return allow_by_baseline(1, POSTERN_END_SENDER);
}

static struct postern_opinion judge_from_driver(const struct postern_request *request, uint8_t *looked)
{
    static const char *const signals[] = {"NameOwnerChanged", "NameAcquired", "NameLost"};
    const struct postern_instance *instance = request->to->instance;
    const struct postern_message *m = request->message;

    if (!postern_instance_is_ruled(instance))
        return abstain();
    if (m->fds > 0)
        return soften(instance, deny(POSTERN_END_RECEIVER, "the bus itself sends no descriptors into containers"));
    *looked |= POSTERN_LOOKS_INTERFACE | POSTERN_LOOKS_MEMBER;
    if (is_reply(m))
        return allow_by_baseline(1, POSTERN_END_RECEIVER); /* the driver answers what it was asked */
    /* Which names it may see, the host asks with see(): the name is in the body, which is not looked at here. */
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (m->type == POSTERN_MESSAGE_SIGNAL && view_is(&m->interface, POSTERN_DRIVER_NAME) && view_is(&m->member, signals[i]))
            return allow_by_baseline(5, POSTERN_END_RECEIVER);
    return soften(instance, deny(POSTERN_END_RECEIVER, "of the bus's own signals only those about names come in"));
}

/* Nobody owns the destination. If the sender may know that, the host tells it; if not, the words are as for a hidden owner. */
static struct postern_opinion judge_to_nobody(const struct postern_request *request, uint8_t *looked)
{
    const struct postern_instance *instance = request->from->instance;
    const struct postern_view *name = &request->message->destination;
    struct postern_rule_query query = {0};

    *looked |= POSTERN_LOOKS_ALL;
    if (!postern_instance_is_ruled(instance))
        return abstain();
    return soften(instance, by_rule(postern_instance_rule_for_name(instance, name->data, name->len, &query), POSTERN_END_SENDER,
                                    "no rule covers the destination"));
}

static struct postern_opinion judge_send(const struct postern_mediator *mediator, const struct postern_request *request, uint8_t *looked)
{
    struct passage passage = {
        .mediator = mediator,
        .m = request->message,
        .from = request->from,
        .to = request->to,
        .broadcast = (request->flags & POSTERN_REQUEST_BROADCAST) != 0,
        .looked = looked,
    };

    if ((request->flags & POSTERN_REQUEST_TO_DRIVER) != 0)
        return judge_to_driver(request->from->instance, request->message, looked);
    if ((request->flags & POSTERN_REQUEST_FROM_DRIVER) != 0)
        return judge_from_driver(request, looked);
    if (request->to == NULL)
        return judge_to_nobody(request, looked);
    passage.inside = request->from->instance != NULL && request->from->instance == request->to->instance;
    return judge_passage(&passage, (request->flags & POSTERN_REQUEST_REPLY) != 0);
}

/* ---- the other actions ---------------------------------------------------------------------------------- */

/* Only the creator's uid may connect. */
static struct postern_opinion judge_connect(const struct postern_party *party)
{
    if (party->instance == NULL)
        return abstain();
    if (party->anonymous || party->uid != party->instance->creator_uid)
        return deny(POSTERN_END_SENDER, "only the user who made the container may connect");
    return allow_by_baseline(0, POSTERN_END_SENDER);
}

static struct postern_opinion judge_own(const struct postern_request *request)
{
    const struct postern_instance *instance = request->from->instance;
    struct postern_rule_query query = {.need = POSTERN_ALLOW_OWN};

    if (!postern_instance_is_ruled(instance))
        return abstain();
    return soften(instance, by_rule(postern_instance_rule_for_name(instance, request->name.data, request->name.len, &query),
                                    POSTERN_END_SENDER, "no rule lets the container own the name"));
}

static struct postern_opinion judge_activate(const struct postern_mediator *mediator, const struct postern_request *request)
{
    const struct postern_instance *instance = request->from->instance;
    struct postern_rule_query query = {.need = POSTERN_ALLOW_CALL, .message = request->message};
    const struct postern_party *owner;
    const struct postern_rule *granted;

    if (!postern_instance_is_ruled(instance))
        return abstain();
    owner = postern_party_find(mediator, request->name.data, request->name.len);
    if (owner != NULL && owner->instance == instance)
        return allow_by_baseline(2, POSTERN_END_SENDER); /* it runs already, and inside */
    granted = owner != NULL && postern_grant_find_name(owner, instance, request->name.data) != NULL ? postern_grant_find(owner, instance, &query) : NULL;
    if (granted != NULL)
        return by_rule(granted, POSTERN_END_SENDER, NULL); /* it runs already, and lets itself be called */
    return soften(instance, by_rule(postern_instance_rule_for_name(instance, request->name.data, request->name.len, &query),
                                    POSTERN_END_SENDER, "no rule lets the container call the service"));
}

static struct postern_opinion judge_private(const struct postern_party *party, uint8_t end, const char *why)
{
    /* In every mode; whoever is in no container is the other doors' to judge. */
    return party != NULL && party->instance != NULL ? deny(end, why) : abstain();
}

void postern_door_container(void *door, const struct postern_request *request, struct postern_opinion *opinion)
{
    const struct postern_mediator *mediator = door;
    uint8_t looked = 0;

    switch (request->action) {
    case POSTERN_ACTION_CONNECT:
        *opinion = judge_connect(request->from);
        break;
    case POSTERN_ACTION_OWN:
        *opinion = judge_own(request);
        break;
    case POSTERN_ACTION_SEND:
        *opinion = judge_send(mediator, request, &looked);
        opinion->ignores = (uint8_t)(POSTERN_LOOKS_ALL & ~looked);
        break;
    case POSTERN_ACTION_RECEIVE:
        *opinion = judge_private(request->to, POSTERN_END_RECEIVER, "containers do not listen to other people's messages");
        break;
    case POSTERN_ACTION_ACTIVATE:
        *opinion = judge_activate(mediator, request);
        break;
    case POSTERN_ACTION_MONITOR:
        *opinion = judge_private(request->from, POSTERN_END_SENDER, "containers do not monitor the bus");
        break;
    default:
        opinion->why = "an unknown action";
    }
}

int postern_door_container_fix(void *door, const struct postern_request *request, const struct postern_opinion *opinion, struct postern_buf *text)
{
    const struct postern_party *party = opinion->end == POSTERN_END_SENDER ? request->from : request->to;

    (void)door;
    return party != NULL && postern_instance_is_ruled(party->instance) ? postern_words_needed_rule(request, opinion->end, text) : 0;
}
