/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/question.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/object.h"
#include "wire/message.h"
#include "wire/name.h"

static const char *const kinds[POSTERN_QUESTION_KINDS] = {
    [POSTERN_QUESTION_METHOD_CALL] = "method_call", [POSTERN_QUESTION_SIGNAL] = "signal", [POSTERN_QUESTION_BROADCAST] = "broadcast",
    [POSTERN_QUESTION_REPLY] = "reply",             [POSTERN_QUESTION_OWN] = "own",       [POSTERN_QUESTION_SEE] = "see",
    [POSTERN_QUESTION_ACTIVATE] = "activate",
};

/* ---- reading -------------------------------------------------------------------------------------------------- */

struct answers {
    const char *kind;
    struct postern_asking *asking;
};

#define AT(member) offsetof(struct postern_asking, member)
static const struct key {
    const char *key;
    const char *type; /* "p": an object path, as such or as a string */
    size_t at;        /* of a const char *, or of a uint32_t */
    size_t has;       /* of the bool beside a number */
} keys[] = {
    {"sender", "s", AT(sender.name), 0},
    {"destination", "s", AT(destination.name), 0},
    {"path", "p", AT(path), 0},
    {"interface", "s", AT(interface), 0},
    {"member", "s", AT(member), 0},
    {"fds", "u", AT(fds), AT(has_fds)},
    {"sender-instance", "p", AT(sender.instance), 0},
    {"sender-type", "s", AT(sender.type), 0},
    {"sender-name", "s", AT(sender.container), 0},
    {"sender-uid", "u", AT(sender.uid), AT(sender.has_uid)},
    {"sender-label", "s", AT(sender.label), 0},
    {"destination-instance", "p", AT(destination.instance), 0},
    {"destination-type", "s", AT(destination.type), 0},
    {"destination-name", "s", AT(destination.container), 0},
    {"destination-uid", "u", AT(destination.uid), AT(destination.has_uid)},
    {"destination-label", "s", AT(destination.label), 0},
};
#undef AT

static bool has_type(const struct postern_reader *r, const char *type)
{
    return *type == 'p' ? postern_reader_is(r, "o") || postern_reader_is(r, "s") : postern_reader_is(r, type);
}

static int read_value(struct postern_asking *asking, const struct key *key, struct postern_reader *r, struct postern_error *error)
{
    uint8_t *base = (uint8_t *)asking;
    const char **text = (const char **)(void *)(base + key->at);
    bool *has = (bool *)(base + key->has);

    if (!has_type(r, key->type))
        return postern_error_set(error, -EINVAL, "%s is not of type %s", key->key, *key->type == 'p' ? "o" : key->type);
    if (*key->type == 'u' ? *has : *text != NULL)
        return postern_error_set(error, -EINVAL, "%s is there twice", key->key);
    if (*key->type != 'u')
        return postern_reader_string(r, text, NULL) < 0 ? -EINVAL : 0;
    *has = true;
    return postern_reader_u32(r, (uint32_t *)(void *)(base + key->at)) < 0 ? -EINVAL : 0;
}

static int read_entry(void *data, struct postern_reader *r, const char *name, struct postern_error *error)
{
    struct answers *answers = data;

    if (strcmp(name, "type") == 0) {
        if (answers->kind != NULL || !postern_reader_is(r, "s"))
            return postern_error_set(error, -EINVAL, "type must be one string");
        return postern_reader_string(r, &answers->kind, NULL) < 0 ? -EINVAL : 0;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strcmp(keys[i].key, name) == 0)
            return read_value(answers->asking, &keys[i], r, error);
    return postern_error_set(error, -EINVAL, "\"%s\" is nothing that a question can have", name);
}

/* ---- the ends -------------------------------------------------------------------------------------------------- */

static bool is_supposed(const struct postern_question_end *end)
{
    return end->instance != NULL || end->type != NULL || end->container != NULL || end->label != NULL || end->has_uid;
}

static int check_end(const struct postern_question_end *end, const char *which, struct postern_error *error)
{
    if (end->name != NULL && !postern_name_is_bus(end->name, strlen(end->name)))
        return postern_error_set(error, -EINVAL, "%s: \"%s\" is not a valid bus name", which, end->name);
    if (end->instance != NULL && (end->type != NULL || end->container != NULL))
        return postern_error_set(error, -EINVAL, "%s-instance has a type and a name already", which);
    if (end->container != NULL && end->type == NULL)
        return postern_error_set(error, -EINVAL, "%s-name is the name of a container, and needs %s-type", which, which);
    if (end->type != NULL && !postern_name_is_interface(end->type, strlen(end->type)))
        return postern_error_set(error, -EINVAL, "%s-type: \"%s\" is no type that a container could have", which, end->type);
    return 0;
}

/* Whoever bears the name now, if nothing else is supposed; else a ghost with what is. */
static int find_end(struct postern_mediator *mediator, const struct postern_party *caller, struct postern_question_end *end,
                    const char *which, struct postern_error *error)
{
    struct postern_ghost_plan plan = {.name = end->name, .type = end->type, .container = end->container, .like = caller, .label = end->label};
    struct postern_party *party = end->name != NULL ? postern_party_find(mediator, end->name, strlen(end->name)) : NULL;
    int r = check_end(end, which, error);

    if (r < 0)
        return r;
    if (party != NULL && party->leaving)
        party = NULL; /* it is on the bus no more, be it as a monitor */
    end->is_driver = end->name != NULL && strcmp(end->name, POSTERN_DRIVER_NAME) == 0;
    if ((end->is_driver || party != NULL) && is_supposed(end))
        return postern_error_set(error, -EINVAL, "%s %s is there: nothing else can be supposed of it", which, end->name);
    if (end->is_driver)
        return 0;
    if (party != NULL && !party->authenticated)
        return postern_error_set(error, -EINVAL, "%s %s has not authenticated", which, end->name);
    end->is_there = party != NULL;
    end->party = party;
    if (party != NULL)
        return 0;
    if (end->instance != NULL)
        r = postern_object_find_instance(mediator, caller, end->instance, &plan.instance, error);
    if (r < 0)
        return r;
    plan.uid = end->has_uid ? end->uid : plan.instance != NULL ? plan.instance->creator_uid : caller->uid;
    postern_ghost_init(&end->ghost, mediator, &plan);
    end->party = &end->ghost.party;
    return 0;
}

/* ---- the request ------------------------------------------------------------------------------------------------ */

static struct postern_view view_of(const char *text)
{
    return (struct postern_view){.data = text, .len = text != NULL ? (uint32_t)strlen(text) : 0};
}

static int check_message(const struct postern_asking *asking, struct postern_error *error)
{
    bool reply = asking->kind == POSTERN_QUESTION_REPLY, call = asking->kind == POSTERN_QUESTION_METHOD_CALL || asking->kind == POSTERN_QUESTION_ACTIVATE;

    if (reply && (asking->path != NULL || asking->interface != NULL || asking->member != NULL))
        return postern_error_set(error, -EINVAL, "a reply has no path, interface or member");
    if (!reply && (asking->path == NULL || asking->member == NULL || (asking->interface == NULL && !call)))
        return postern_error_set(error, -EINVAL, "a message of type %s needs path%s and member", kinds[asking->kind], call ? "" : ", interface");
    if (asking->path != NULL && !postern_path_is_valid(asking->path, strlen(asking->path)))
        return postern_error_set(error, -EINVAL, "\"%s\" is not a valid object path", asking->path);
    if (asking->interface != NULL && !postern_name_is_interface(asking->interface, strlen(asking->interface)))
        return postern_error_set(error, -EINVAL, "\"%s\" is not a valid interface name", asking->interface);
    if (asking->member != NULL && !postern_name_is_member(asking->member, strlen(asking->member)))
        return postern_error_set(error, -EINVAL, "\"%s\" is not a valid member name", asking->member);
    return 0;
}

static void make_message(struct postern_asking *asking)
{
    static const uint8_t types[POSTERN_QUESTION_KINDS] = {
        [POSTERN_QUESTION_METHOD_CALL] = POSTERN_MESSAGE_METHOD_CALL, [POSTERN_QUESTION_ACTIVATE] = POSTERN_MESSAGE_METHOD_CALL,
        [POSTERN_QUESTION_SIGNAL] = POSTERN_MESSAGE_SIGNAL,           [POSTERN_QUESTION_BROADCAST] = POSTERN_MESSAGE_SIGNAL,
        [POSTERN_QUESTION_REPLY] = POSTERN_MESSAGE_METHOD_RETURN,
    };

    asking->message = (struct postern_message){
        .size = sizeof(asking->message),
        .type = types[asking->kind],
        .order = (uint8_t)postern_native_order(),
        .serial = 1,
        .reply_serial = asking->kind == POSTERN_QUESTION_REPLY,
        .fds = asking->fds,
        .path = view_of(asking->path),
        .interface = view_of(asking->interface),
        .member = view_of(asking->member),
    };
    if (asking->kind != POSTERN_QUESTION_BROADCAST)
        asking->message.destination = view_of(asking->destination.name != NULL ? asking->destination.name : asking->destination.party->unique_name);
    asking->request.message = &asking->message;
}

/* The file of the service that this message would start: nobody owns its destination, and nothing is supposed about who might. */
static const struct postern_service_entry *service_of(const struct postern_mediator *mediator, const struct postern_asking *asking)
{
    const struct postern_question_end *end = &asking->destination;

    if (asking->kind != POSTERN_QUESTION_METHOD_CALL && asking->kind != POSTERN_QUESTION_SIGNAL)
        return NULL;
    if (end->name == NULL || end->is_there || end->is_driver || is_supposed(end))
        return NULL;
    return postern_services_find_entry(mediator, end->name, strlen(end->name));
}

static void make_activation(struct postern_asking *asking, const struct postern_service_entry *service)
{
    asking->request.action = POSTERN_ACTION_ACTIVATE;
    asking->request.name = view_of(asking->destination.name);
    asking->request.assumed_label = view_of(service->assumed_label);
}

static int make_send(const struct postern_mediator *mediator, struct postern_asking *asking, struct postern_error *error)
{
    struct postern_request *request = &asking->request;
    const struct postern_service_entry *service = service_of(mediator, asking);
    int r = check_message(asking, error);

    if (r < 0)
        return r;
    make_message(asking);
    if (service != NULL && !asking->sender.is_driver) {
        make_activation(asking, service);
        return 0;
    }
    request->action = POSTERN_ACTION_SEND;
    request->to = asking->destination.party;
    if (asking->kind == POSTERN_QUESTION_REPLY)
        request->flags |= POSTERN_REQUEST_REPLY;
    if (asking->kind == POSTERN_QUESTION_BROADCAST)
        request->flags |= POSTERN_REQUEST_BROADCAST;
    if (asking->destination.is_driver)
        request->flags |= POSTERN_REQUEST_TO_DRIVER;
    return 0;
}

/* About a name alone, or with the message that waits for the service to start. */
static int make_named(const struct postern_mediator *mediator, struct postern_asking *asking, struct postern_error *error)
{
    bool message = asking->path != NULL || asking->interface != NULL || asking->member != NULL || asking->has_fds;
    const struct postern_service_entry *service;
    const char *name = asking->destination.name;
    int r = 0;

    asking->request.action = asking->kind == POSTERN_QUESTION_OWN ? POSTERN_ACTION_OWN : POSTERN_ACTION_ACTIVATE;
    if (name == NULL || is_supposed(&asking->destination))
        return postern_error_set(error, -EINVAL, "%s is about a name, which destination must be, and no more", kinds[asking->kind]);
    if (name[0] == ':' || strcmp(name, POSTERN_DRIVER_NAME) == 0)
        return postern_error_set(error, -EINVAL, "%s needs a well-known name that is not the bus's own", kinds[asking->kind]);
    if (message && asking->kind == POSTERN_QUESTION_OWN)
        return postern_error_set(error, -EINVAL, "owning a name has no path, interface, member or fds");
    if (message)
        r = check_message(asking, error);
    if (message && r == 0)
        make_message(asking);
    asking->request.name = view_of(name);
    service = asking->kind == POSTERN_QUESTION_ACTIVATE ? postern_services_find_entry(mediator, name, strlen(name)) : NULL;
    if (service != NULL)
        asking->request.assumed_label = view_of(service->assumed_label);
    return r;
}

static int make_see(struct postern_asking *asking, struct postern_error *error)
{
    if (asking->path != NULL || asking->interface != NULL || asking->member != NULL || asking->has_fds)
        return postern_error_set(error, -EINVAL, "seeing a name has no path, interface, member or fds");
    if (asking->destination.name == NULL)
        return postern_error_set(error, -EINVAL, "see is about a name, which destination must be");
    asking->request.action = POSTERN_ACTION_SEE;
    asking->request.to = asking->destination.party;
    asking->request.name = view_of(asking->destination.name);
    return 0;
}

static int make_request(const struct postern_mediator *mediator, struct postern_asking *asking, struct postern_error *error)
{
    asking->request = (struct postern_request){.size = sizeof(asking->request), .from = asking->sender.party};
    if (asking->sender.is_driver) {
        if (asking->kind >= POSTERN_QUESTION_OWN || asking->destination.is_driver)
            return postern_error_set(error, -EINVAL, "the bus itself asks nobody for this");
        asking->request.flags |= POSTERN_REQUEST_FROM_DRIVER;
    }
    switch (asking->kind) {
    case POSTERN_QUESTION_OWN:
    case POSTERN_QUESTION_ACTIVATE:
        return make_named(mediator, asking, error);
    case POSTERN_QUESTION_SEE:
        return make_see(asking, error);
    default:
        if (asking->kind == POSTERN_QUESTION_BROADCAST && asking->destination.is_driver)
            return postern_error_set(error, -EINVAL, "a broadcast is received by connections, not by the bus");
        return make_send(mediator, asking, error);
    }
}

int postern_question_read(struct postern_mediator *mediator, const struct postern_party *caller, struct postern_reader *r,
                          struct postern_asking *asking, struct postern_error *error)
{
    struct answers answers = {.asking = asking};
    int kind = 0, result;

    memset(asking, 0, sizeof(*asking));
    result = postern_object_read_entries(r, read_entry, &answers, error);
    if (result < 0)
        return result;
    if (answers.kind == NULL)
        return postern_error_set(error, -EINVAL, "the question has no type: method_call, signal, broadcast, reply, own, see or activate");
    while (kind < POSTERN_QUESTION_KINDS && strcmp(kinds[kind], answers.kind) != 0)
        kind++;
    if (kind == POSTERN_QUESTION_KINDS)
        return postern_error_set(error, -EINVAL, "there is no type \"%s\"; method_call, signal, broadcast, reply, own, see and activate are", answers.kind);
    asking->kind = (enum postern_question_kind)kind;
    if (asking->sender.name == NULL && !is_supposed(&asking->sender))
        return postern_error_set(error, -EINVAL, "the question has no sender, and nothing that could stand for one");
    if (asking->destination.name == NULL && !is_supposed(&asking->destination))
        return postern_error_set(error, -EINVAL, "the question has no destination, and nothing that could stand for one");
    result = find_end(mediator, caller, &asking->sender, "sender", error);
    if (result == 0 && (kind != POSTERN_QUESTION_OWN && kind != POSTERN_QUESTION_ACTIVATE))
        result = find_end(mediator, caller, &asking->destination, "destination", error);
    else if (result == 0)
        result = check_end(&asking->destination, "destination", error);
    return result == 0 ? make_request(mediator, asking, error) : result;
}
