/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <policy>, <allow> and <deny>: dbus-daemon(1), "<policy>". */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"
#include "postern/module.h"

/* What an attribute makes of its rule. */
enum family { SEND, RECEIVE, EITHER, OWN, CONNECT, REMARK };

enum value { STRING, TYPE, TRISTATE, COUNT };

#define AT(member) offsetof(struct postern_busconfig_rule, member)

static const struct attribute {
    const char *name;
    enum family family;
    enum value value;
    size_t offset;
} attributes[] = {
    {"send_interface", SEND, STRING, AT(send_interface)},
    {"send_member", SEND, STRING, AT(send_member)},
    {"send_error", SEND, STRING, AT(send_error)},
    {"send_destination", SEND, STRING, AT(send_destination)},
    {"send_destination_prefix", SEND, STRING, AT(send_destination_prefix)},
    {"send_path", SEND, STRING, AT(send_path)},
    {"send_type", SEND, TYPE, AT(send_type)},
    {"send_broadcast", SEND, TRISTATE, AT(send_broadcast)},
    {"send_requested_reply", SEND, TRISTATE, AT(send_requested_reply)},
    {"receive_interface", RECEIVE, STRING, AT(receive_interface)},
    {"receive_member", RECEIVE, STRING, AT(receive_member)},
    {"receive_error", RECEIVE, STRING, AT(receive_error)},
    {"receive_sender", RECEIVE, STRING, AT(receive_sender)},
    {"receive_path", RECEIVE, STRING, AT(receive_path)},
    {"receive_type", RECEIVE, TYPE, AT(receive_type)},
    {"receive_requested_reply", RECEIVE, TRISTATE, AT(receive_requested_reply)},
    {"eavesdrop", EITHER, TRISTATE, AT(eavesdrop)},
    {"min_fds", EITHER, COUNT, AT(min_fds)},
    {"max_fds", EITHER, COUNT, AT(max_fds)},
    {"own", OWN, STRING, AT(own)},
    {"own_prefix", OWN, STRING, AT(own_prefix)},
    {"user", CONNECT, STRING, AT(user)},
    {"group", CONNECT, STRING, AT(group)},
    {"log", REMARK, TRISTATE, AT(log)},
};

#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))
#define FDS_MAX (1u << 26) /* more bytes than a message can have: beyond it a bound means nothing */

static int set_type(struct postern_busconfig_rule *rule, const struct attribute *attribute, const struct postern_markup_attribute *given,
                    struct postern_error *error)
{
    static const char *const types[] = {
        "*",
        [POSTERN_MESSAGE_METHOD_CALL] = "method_call",
        [POSTERN_MESSAGE_METHOD_RETURN] = "method_return",
        [POSTERN_MESSAGE_ERROR] = "error",
        [POSTERN_MESSAGE_SIGNAL] = "signal",
    };
    uint8_t type = 0;

    while (type < sizeof(types) / sizeof(types[0]) && strcmp(types[type], given->value) != 0)
        type++;
    if (type == sizeof(types) / sizeof(types[0]))
        return postern_location_error(&given->where, error,
                                      "%s=\"%s\": expected \"method_call\", \"method_return\", \"error\", \"signal\" or \"*\"", given->name,
                                      given->value);
    *(uint8_t *)((char *)rule + attribute->offset) = type;
    if (attribute->family == SEND)
        rule->has_send_type = true;
    else
        rule->has_receive_type = true;
    return 0;
}

static int set_attribute(struct postern_busconfig_rule *rule, const struct attribute *attribute, const struct postern_markup_node *node,
                         const struct postern_markup_attribute *given, struct postern_error *error)
{
    void *place = (char *)rule + attribute->offset;
    uint64_t count = 0;
    bool flag = false;
    int code = 0;

    switch (attribute->value) {
    case STRING:
        code = postern_string_replace(place, given->value);
        if (code < 0)
            postern_error_set(error, code, "out of memory");
        break;
    case TYPE:
        code = set_type(rule, attribute, given, error);
        break;
    case TRISTATE:
        code = postern_markup_bool(node, given->name, "true", "false", &flag, error);
        *(enum postern_tristate *)place = flag ? POSTERN_TRUE : POSTERN_FALSE;
        break;
    case COUNT:
        code = postern_markup_number(node, given->name, FDS_MAX, &count, error);
        *(uint32_t *)place = (uint32_t)count;
        break;
    }
    return code;
}

/* Fills the rule in and counts what it has of each family. The walk has refused unknown attributes. */
static int set_attributes(struct postern_busconfig_rule *rule, const struct postern_markup_node *node, unsigned counts[REMARK + 1],
                          struct postern_error *error)
{
    for (size_t i = 0; i < node->n_attributes; i++)
        for (size_t k = 0; k < N_ATTRIBUTES; k++)
            if (strcmp(attributes[k].name, node->attributes[i].name) == 0) {
                int code = set_attribute(rule, &attributes[k], node, &node->attributes[i], error);

                if (code < 0)
                    return code;
                counts[attributes[k].family]++;
                break;
            }
    return 0;
}

static bool is_any(const char *s)
{
    return s != NULL && strcmp(s, "*") == 0;
}

/* The combinations that dbus-daemon refuses, because they could match nothing or not what their author meant. */
static int check_rule(const struct postern_busconfig_rule *rule, const struct postern_markup_node *node, const unsigned counts[REMARK + 1],
                      struct postern_error *error)
{
    /* <allow eavesdrop="true"/> stands for receive_sender="*" with it; bounds on fds do not make a rule by themselves. */
    bool send = counts[SEND] > 0, receive = counts[RECEIVE] > 0 || (!send && rule->eavesdrop != POSTERN_UNSET);
    unsigned message = counts[SEND] + counts[RECEIVE] + counts[EITHER] > 0;
    const struct {
        bool wrong;
        const char *why;
    } checks[] = {
        {!send && !receive && counts[OWN] + counts[CONNECT] == 0, "needs an attribute that says what it is about"},
        {message + counts[OWN] + counts[CONNECT] > 1,
         "own, own_prefix, user, group and the attributes about messages cannot be combined"},
        {send && receive, "send_* and receive_* attributes cannot be combined"},
        {rule->send_member != NULL && rule->send_interface == NULL && rule->send_path == NULL,
         "send_member needs send_interface or send_path, because messages may lack an interface"},
        {rule->receive_member != NULL && rule->receive_interface == NULL && rule->receive_path == NULL,
         "receive_member needs receive_interface or receive_path, because messages may lack an interface"},
        {rule->send_error != NULL && (rule->send_member != NULL || rule->send_interface != NULL),
         "send_error cannot be combined with send_member or send_interface"},
        {rule->receive_error != NULL && (rule->receive_member != NULL || rule->receive_interface != NULL),
         "receive_error cannot be combined with receive_member or receive_interface"},
        {rule->send_destination != NULL && rule->send_destination_prefix != NULL,
         "send_destination cannot be combined with send_destination_prefix"},
        /* "*" is no destination: it matches broadcasts too. */
        {rule->send_broadcast == POSTERN_TRUE &&
             (rule->send_destination_prefix != NULL || (rule->send_destination != NULL && !is_any(rule->send_destination))),
         "a broadcast has no destination: send_broadcast=\"true\" cannot be combined with one"},
        {counts[CONNECT] > 0 && (rule->context == POSTERN_CONTEXT_USER || rule->context == POSTERN_CONTEXT_GROUP),
         "user and group can only stand in a <policy context=...>"},
    };

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (checks[i].wrong)
            return postern_location_error(&node->where, error, "<%s>: %s", node->name, checks[i].why);
    return 0;
}

/* What a look-up gave. */
struct found {
    bool known, failed;
    uint32_t id;
};

static int note_failure(struct postern_busconfig *config, const struct postern_markup_node *node, const char *attribute, int code)
{
    struct postern_error text;

    config->n_failed++;
    postern_location_error(postern_markup_where(node, attribute), &text,
                           "cannot look up %s=\"%s\": %s - until that works, nobody is allowed what this allows, and everybody but root is denied "
                           "what it denies",
                           attribute, postern_markup_value(node, attribute), strerror(-code));
    return postern_busconfig_warn(config, text.text);
}

/* Looks an account up that a rule or policy names; one that does not exist is no error, and the rule is nobody's. */
static int resolve(struct postern_busconfig_reader *reader, const struct postern_markup_node *node, const char *attribute, bool group,
                   struct found *found, struct postern_error *error)
{
    const char *name = postern_markup_value(node, attribute);
    const struct postern_busconfig_source *source = &reader->source;
    int code;

    *found = (struct found){.known = false};
    if (postern_lookup_number(name, &found->id, &found->known))
        return 0;
    code = source->lookup(source->lookup_data, group ? POSTERN_LOOKUP_GROUP : POSTERN_LOOKUP_USER, name, &found->id);
    if (code == -ESTALE || code == -ENOMEM) {
        postern_location_error(postern_markup_where(node, attribute), error, "%s=\"%s\": %s", attribute, name,
                               code == -ENOMEM ? "out of memory" : "this file has changed while it was read; try again");
        return code;
    }
    found->known = code > 0;
    found->failed = code < 0;
    if (code < 0 && note_failure(reader->config, node, attribute, code) < 0)
        return postern_error_set(error, -ENOMEM, "out of memory");
    return 0;
}

static int resolve_rule(struct postern_busconfig_reader *reader, struct postern_busconfig_rule *rule, const struct postern_markup_node *node,
                        struct postern_error *error)
{
    bool user = rule->user != NULL && !is_any(rule->user), group = rule->group != NULL && !is_any(rule->group);
    struct found found;
    int code;

    if (!user && !group)
        return 0;
    code = resolve(reader, node, group ? "group" : "user", group, &found, error);
    if (code < 0)
        return code;
    rule->account_failed = found.failed;
    if (group) {
        rule->group_known = found.known;
        rule->group_id = found.id;
    } else {
        rule->user_known = found.known;
        rule->user_id = found.id;
    }
    return 0;
}

int postern_busconfig_rules_append(struct postern_busconfig_reader *reader, const struct postern_busconfig_rule *rules, size_t n)
{
    struct postern_busconfig *config = reader->config;

    if (n > POSTERN_BUSCONFIG_RULES_MAX - config->n_rules)
        return -E2BIG;
    if (config->n_rules + n > reader->cap_rules) {
        size_t cap = reader->cap_rules > 0 ? reader->cap_rules : 64;
        struct postern_busconfig_rule *grown;

        while (cap < config->n_rules + n)
            cap *= 2;
        grown = reallocarray(config->rules, cap, sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        config->rules = grown;
        reader->cap_rules = cap;
    }
    if (n > 0)
        memcpy(config->rules + config->n_rules, rules, n * sizeof(*rules));
    config->n_rules += n;
    return 0;
}

static int on_rule(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig_reader *reader = data;
    struct postern_busconfig_rule rule = reader->blank;
    unsigned counts[REMARK + 1] = {0};
    int code;

    if (reader->config->n_rules == POSTERN_BUSCONFIG_RULES_MAX)
        return postern_location_error(&node->where, error, "more than %u rules", POSTERN_BUSCONFIG_RULES_MAX);
    rule.allow = strcmp(node->name, "allow") == 0;
    rule.where = node->where;
    code = set_attributes(&rule, node, counts, error);
    if (code == 0)
        code = check_rule(&rule, node, counts, error);
    if (code == 0)
        code = resolve_rule(reader, &rule, node, error);
    if (code == 0 && postern_busconfig_rules_append(reader, &rule, 1) < 0)
        code = postern_error_set(error, -ENOMEM, "out of memory");
    if (code < 0)
        postern_busconfig_rule_finish(&rule);
    return code;
}

void postern_busconfig_rule_finish(struct postern_busconfig_rule *rule)
{
    for (size_t k = 0; k < N_ATTRIBUTES; k++)
        if (attributes[k].value == STRING) {
            void *place = (char *)rule + attributes[k].offset;

            free(*(char **)place);
        }
    *rule = (struct postern_busconfig_rule){0};
}

static int set_account_context(struct postern_busconfig_reader *reader, const struct postern_markup_node *node, const char *attribute,
                               struct postern_error *error)
{
    bool group = strcmp(attribute, "group") == 0;
    struct found found;
    int code = resolve(reader, node, attribute, group, &found, error);

    if (code < 0)
        return code;
    reader->blank.context = group ? POSTERN_CONTEXT_GROUP : POSTERN_CONTEXT_USER;
    reader->blank.context_known = found.known;
    reader->blank.context_failed = found.failed;
    reader->blank.context_id = found.id;
    return 0;
}

/* Reads the one attribute that says to whom a <policy> applies. */
static int set_context(struct postern_busconfig_reader *reader, const struct postern_markup_node *node, struct postern_error *error)
{
    static const struct {
        const char *attribute, *value;
        enum postern_policy_context context;
    } fixed[] = {
        {"context", "default", POSTERN_CONTEXT_DEFAULT},
        {"context", "mandatory", POSTERN_CONTEXT_MANDATORY},
        {"at_console", "false", POSTERN_CONTEXT_CONSOLE_FALSE},
        {"at_console", "true", POSTERN_CONTEXT_CONSOLE_TRUE},
    };
    struct postern_busconfig_rule *blank = &reader->blank;
    const char *name, *value;

    if (node->n_attributes != 1)
        return postern_location_error(&node->where, error, "<policy> needs exactly one of the attributes context, user, group, at_console");
    name = node->attributes[0].name;
    value = node->attributes[0].value;
    blank->context_known = true;
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        if (strcmp(fixed[i].attribute, name) == 0 && strcmp(fixed[i].value, value) == 0) {
            blank->context = fixed[i].context;
            if (blank->context == POSTERN_CONTEXT_CONSOLE_TRUE || blank->context == POSTERN_CONTEXT_CONSOLE_FALSE)
                reader->config->at_console = true;
            return 0;
        }
    if (strcmp(name, "user") == 0 || strcmp(name, "group") == 0)
        return set_account_context(reader, node, name, error);
    return postern_location_error(&node->attributes[0].where, error, "%s=\"%s\": expected %s", name, value,
                                  strcmp(name, "context") == 0 ? "\"default\" or \"mandatory\"" : "\"true\" or \"false\"");
}

int postern_busconfig_policy(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig_reader *reader = data;
    const char *names[N_ATTRIBUTES + 1] = {0};
    const struct postern_markup_element elements[] = {
        {"allow", POSTERN_MARKUP_EMPTY, names, on_rule},
        {"deny", POSTERN_MARKUP_EMPTY, names, on_rule},
    };
    int code;

    for (size_t k = 0; k < N_ATTRIBUTES; k++)
        names[k] = attributes[k].name;
    reader->blank = (struct postern_busconfig_rule){.max_fds = UINT32_MAX};
    code = set_context(reader, node, error);
    return code < 0 ? code : postern_markup_walk(node, elements, 2, reader, error);
}
