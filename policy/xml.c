/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/xml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/policy.h"
#include "wire/name.h"

#define PEER_INTERFACE "org.freedesktop.DBus.Peer"

struct postern_xml {
    uint64_t generation;
    struct postern_busconfig *config;
    struct postern_policy *rules;
    bool has_service_rules; /* some of the rules are from services' files */
};

int postern_xml_new(struct postern_busconfig *config, uint64_t generation, struct postern_xml **xml)
{
    struct postern_xml *made = calloc(1, sizeof(*made));

    if (made == NULL)
        return -ENOMEM;
    if (postern_policy_new(config->rules, config->n_rules, &made->rules) < 0) {
        free(made);
        return -ENOMEM;
    }
    made->generation = generation;
    made->config = config;
    *xml = made;
    return 0;
}

static bool adds_rules(const struct postern_service_table *services)
{
    for (const struct postern_service_entry *entry = services->entries; entry != NULL; entry = entry->hh.next)
        if (entry->has_owner || entry->is_open)
            return true;
    return false;
}

int postern_xml_take_services(struct postern_xml *xml, uint64_t generation, const struct postern_service_table *services)
{
    const struct postern_busconfig *config = xml->config;
    bool is_system = config->type != NULL && strcmp(config->type, "system") == 0;
    bool adds = is_system && services != NULL && adds_rules(services);
    struct postern_policy *rules;

    /* Without such rules, before or now, the policy is what it was. */
    if (!adds && !xml->has_service_rules) {
        xml->generation = generation;
        return 0;
    }
    if (postern_policy_new_with(config->rules, config->n_rules, adds ? services : NULL, &rules) < 0)
        return -ENOMEM;
    xml->has_service_rules = adds;
    /* What parties have kept of the old rules they do not look at any more: it is of another generation. */
    postern_policy_free(xml->rules);
    xml->rules = rules;
    xml->generation = generation;
    return 0;
}

void postern_xml_free(struct postern_xml *xml)
{
    if (xml == NULL)
        return;
    postern_policy_free(xml->rules);
    postern_busconfig_free(xml->config);
    free(xml);
}

uint64_t postern_xml_generation(const struct postern_xml *xml)
{
    return xml->generation;
}

const struct postern_busconfig *postern_xml_config(const struct postern_xml *xml)
{
    return xml->config;
}

/* ---- opinions ------------------------------------------------------------------------------------ */

static void allow(struct postern_opinion *opinion, enum postern_end end, const char *why)
{
    opinion->kind = POSTERN_OPINION_ALLOW;
    opinion->end = end;
    opinion->why = why;
}

static void deny(struct postern_opinion *opinion, enum postern_end end, const char *why)
{
    *opinion = (struct postern_opinion){.kind = POSTERN_OPINION_DENY, .end = end, .why = why};
}

/* The opinion of the rule that decides; NULL: none matched. */
static void decide(struct postern_opinion *opinion, enum postern_end end, const struct postern_access *rule)
{
    bool log = opinion->log; /* asked for by the rule of the other end */

    *opinion = (struct postern_opinion){
        .kind = POSTERN_OPINION_DENY, .end = end, .ignores = opinion->ignores, .why = "no rule of the bus configuration allows it"};
    if (rule == NULL)
        return;
    opinion->rule = (struct postern_rule_ref){.kind = POSTERN_RULE_FILE, .file = rule->file, .line = rule->line};
    opinion->why = rule->allow ? "a rule of the bus configuration allows it" : "a rule of the bus configuration denies it";
    if (rule->allow) {
        opinion->kind = POSTERN_OPINION_ALLOW;
        opinion->log = rule->log || log;
    }
}

/* ---- questions about messages -------------------------------------------------------------------- */

/* The rules that apply to a party are looked up once for each configuration and kept in the party, which is why a question may
 * write to it: it is a cache, and no fact. */
static const void *snapshot_of(struct postern_xml *xml, const struct postern_party *party, const struct postern_subject *subject)
{
    struct postern_party *cache = (struct postern_party *)party;

    if (cache->xml_generation != xml->generation) {
        cache->xml_rules = postern_policy_snapshot(xml->rules, subject);
        cache->xml_generation = cache->xml_rules != NULL ? xml->generation : 0;
    }
    return cache->xml_rules;
}

uint32_t postern_xml_group(void *door, const struct postern_party *party)
{
    struct postern_subject subject = postern_subject_of(party);

    return postern_policy_snapshot_number(snapshot_of(door, party, &subject));
}

static const struct postern_access *find(struct postern_xml *xml, const struct postern_party *party, struct postern_question *question)
{
    return postern_policy_find(xml->rules, snapshot_of(xml, party, &question->subject), question);
}

/* What one end's rules say to a message. peer is the other end, or NULL and then `name` is its name. */
static void ask_end(struct postern_xml *xml, enum postern_end end, const struct postern_party *party, const struct postern_party *peer,
                    struct postern_view name, const struct postern_request *request, struct postern_opinion *opinion)
{
    const struct postern_message *message = request->message;
    bool copy = request->action == POSTERN_ACTION_RECEIVE;
    const struct postern_access *rule;
    struct postern_question question;

    postern_question_message(&question, end == POSTERN_END_SENDER ? POSTERN_ACCESS_SEND : POSTERN_ACCESS_RECEIVE, postern_subject_of(party),
                             message, peer, name);
    /* A copy is nobody's reply; the driver only sends replies that somebody waits for. */
    question.requested = !copy && request->flags & (POSTERN_REQUEST_REPLY | POSTERN_REQUEST_FROM_DRIVER);
    question.eavesdropping = copy && message->destination.data != NULL && request->addressed != request->to;
    rule = find(xml, party, &question);
    opinion->ignores &= (uint8_t)~question.looked;
    decide(opinion, end, rule);
}

/* Before Hello a connection has no name and no rules: all it may do is say Hello. */
static bool is_hello(const struct postern_request *request)
{
    const struct postern_message *message = request->message;
    const struct postern_view *interface = &message->interface, *member = &message->member;

    return request->flags & POSTERN_REQUEST_TO_DRIVER && message->type == POSTERN_MESSAGE_METHOD_CALL && member->len == strlen("Hello") &&
           memcmp(member->data, "Hello", member->len) == 0 &&
           (interface->data == NULL || (interface->len == strlen(POSTERN_DRIVER_NAME) &&
                                        memcmp(interface->data, POSTERN_DRIVER_NAME, interface->len) == 0));
}

/* A call to nobody on the Peer interface is for the bus itself as the other end of the wire; the policy language has no words for it,
 * and dbus-daemon answers it before it looks at any policy. */
static bool is_peer_call(const struct postern_request *request)
{
    const struct postern_message *message = request->message;

    return request->flags & POSTERN_REQUEST_TO_DRIVER && message->type == POSTERN_MESSAGE_METHOD_CALL && message->destination.data == NULL &&
           message->interface.len == strlen(PEER_INTERFACE) && memcmp(message->interface.data, PEER_INTERFACE, strlen(PEER_INTERFACE)) == 0;
}

static void ask_sender(struct postern_xml *xml, const struct postern_request *request, struct postern_opinion *opinion)
{
    static const struct postern_view driver = {.data = POSTERN_DRIVER_NAME, .len = sizeof(POSTERN_DRIVER_NAME) - 1};
    struct postern_view name = request->message->destination;

    if (request->flags & POSTERN_REQUEST_TO_DRIVER) {
        name = driver;
        opinion->ignores &= (uint8_t)~(POSTERN_LOOKS_INTERFACE | POSTERN_LOOKS_MEMBER); /* Hello, Peer */
    }
    if (request->action == POSTERN_ACTION_ACTIVATE)
        name = request->name; /* the service will have this name, and may not yet have others */
    if (request->flags & POSTERN_REQUEST_FROM_DRIVER)
        allow(opinion, POSTERN_END_SENDER, "the bus itself may send anything");
    else if (request->from->unique_name == NULL && is_hello(request))
        allow(opinion, POSTERN_END_SENDER, "everybody who may connect may say Hello");
    else if (request->from->unique_name == NULL)
        deny(opinion, POSTERN_END_SENDER, "the sender has not said Hello");
    else if (is_peer_call(request))
        allow(opinion, POSTERN_END_SENDER, "everybody may call the Peer interface of the bus");
    else
        ask_end(xml, POSTERN_END_SENDER, request->from, request->to, name, request, opinion);
}

static void ask_receiver(struct postern_xml *xml, const struct postern_request *request, struct postern_opinion *opinion)
{
    static const struct postern_view driver = {.data = POSTERN_DRIVER_NAME, .len = sizeof(POSTERN_DRIVER_NAME) - 1};
    bool from_driver = request->flags & POSTERN_REQUEST_FROM_DRIVER;

    if (request->to->unique_name != NULL)
        ask_end(xml, POSTERN_END_RECEIVER, request->to, request->from, driver, request, opinion);
    else if (from_driver)
        allow(opinion, POSTERN_END_RECEIVER, "the bus may answer a connection that has not said Hello");
    else
        deny(opinion, POSTERN_END_RECEIVER, "the receiver has not said Hello");
}

/* SEND, RECEIVE, and ACTIVATE with the message that waits for the service. */
static void ask_message(struct postern_xml *xml, const struct postern_request *request, struct postern_opinion *opinion)
{
    struct postern_opinion sender;

    if (request->message == NULL || (request->action == POSTERN_ACTION_RECEIVE && request->to == NULL)) {
        deny(opinion, POSTERN_END_SENDER, "the question lacks its message or receiver");
        return;
    }
    opinion->ignores = POSTERN_LOOKS_ALL;
    ask_sender(xml, request, opinion);
    if (opinion->kind != POSTERN_OPINION_ALLOW || request->to == NULL)
        return; /* nobody to ask: the driver takes what it is sent, and a service that is being started is asked on delivery */
    sender = *opinion;
    ask_receiver(xml, request, opinion);
    /* Both allow: the sender's rule is the one to show, unless there is none. */
    if (opinion->kind == POSTERN_OPINION_ALLOW && sender.rule.kind != POSTERN_RULE_NONE) {
        sender.log = opinion->log;
        sender.ignores = opinion->ignores;
        *opinion = sender;
    }
}

/* ---- the other questions ------------------------------------------------------------------------- */

static bool is_privileged(const struct postern_party *party)
{
    return !party->anonymous && party->uid != UINT32_MAX && (party->uid == 0 || party->uid == geteuid());
}

static void ask_connect(struct postern_xml *xml, const struct postern_party *party, struct postern_opinion *opinion)
{
    struct postern_subject subject = postern_subject_of(party);
    const struct postern_access *rule;

    if (!subject.has_uid) {
        /* The administrator's own word for it; rules cannot name a connection without identity. */
        if (xml->config->allow_anonymous)
            allow(opinion, POSTERN_END_SENDER, "<allow_anonymous/>");
        else
            deny(opinion, POSTERN_END_SENDER, "anonymous connections need <allow_anonymous/>");
        return;
    }
    rule = postern_policy_find_connect(xml->rules, &subject);
    if (rule == NULL && party->uid == geteuid())
        allow(opinion, POSTERN_END_SENDER, "the user who runs the bus may connect"); /* dbus-daemon(1): the default without rules */
    else
        decide(opinion, POSTERN_END_SENDER, rule);
}

static void ask_own(struct postern_xml *xml, const struct postern_request *request, struct postern_opinion *opinion)
{
    struct postern_question question;

    if (request->flags & POSTERN_REQUEST_RELEASE) {
        allow(opinion, POSTERN_END_SENDER, "giving up a name needs no rule");
        return;
    }
    if (request->name.data == NULL) {
        deny(opinion, POSTERN_END_SENDER, "the question lacks its name");
        return;
    }
    postern_question_own(&question, postern_subject_of(request->from), request->name);
    decide(opinion, POSTERN_END_SENDER, find(xml, request->from, &question));
}

static void ask_monitor(const struct postern_request *request, struct postern_opinion *opinion)
{
    /* Each copy that such a match rule asks for is asked of the policy by itself, as RECEIVE. */
    if (request->flags & POSTERN_REQUEST_EAVESDROP)
        allow(opinion, POSTERN_END_SENDER, "the policy decides on each eavesdropped message");
    else if (is_privileged(request->from))
        allow(opinion, POSTERN_END_SENDER, "root and the user who runs the bus may monitor it");
    else
        deny(opinion, POSTERN_END_SENDER, "only root and the user who runs the bus may monitor it");
}

void postern_xml_door(void *door, const struct postern_request *request, struct postern_opinion *opinion)
{
    struct postern_xml *xml = door;
    bool from_driver = request->flags & POSTERN_REQUEST_FROM_DRIVER;

    if (request->from != NULL ? from_driver || !request->from->authenticated : !from_driver) {
        deny(opinion, POSTERN_END_SENDER, "the sender has not authenticated");
        return;
    }
    switch (request->action) {
    case POSTERN_ACTION_CONNECT:
        ask_connect(xml, request->from, opinion);
        break;
    case POSTERN_ACTION_OWN:
        ask_own(xml, request, opinion);
        break;
    case POSTERN_ACTION_SEND:
    case POSTERN_ACTION_RECEIVE:
        ask_message(xml, request, opinion);
        break;
    case POSTERN_ACTION_ACTIVATE:
        /* Without a message: StartServiceByName. The call itself was asked as a SEND to the driver, and the language knows no more. */
        if (request->message == NULL)
            allow(opinion, POSTERN_END_SENDER, "who may call StartServiceByName may start services");
        else
            ask_message(xml, request, opinion);
        break;
    case POSTERN_ACTION_MONITOR:
        ask_monitor(request, opinion);
        break;
    default:
        deny(opinion, POSTERN_END_SENDER, "the policy language does not know this action");
    }
}
