/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <container> and its <allow>: rules for all instances of a type and name. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/ruletext.h"
#include "policy/mediatorconf_reader.h"
#include "util/buf.h"
#include "wire/name.h"

/* The attributes of <allow> that say what is allowed; their words and meaning are those of the text form, core/ruletext.h. */
static const char *const actions[] = {"see", "talk", "call", "broadcast", "own", "send-fds", "receive-fds"};

#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

/* Checks what the text form could take for something else: "=" and "@" belong to it, not to names. */
static int check_parts(const struct postern_markup_node *node, const char *action, struct postern_error *error)
{
    const char *name = postern_markup_value(node, action), *interface = postern_markup_value(node, "interface");
    const char *member = postern_markup_value(node, "member"), *path = postern_markup_value(node, "path");

    if (strpbrk(name, "=@") != NULL)
        return postern_location_error(postern_markup_where(node, action), error,
                                      "%s=\"%s\": expected a bus name; path, interface and member are attributes", action, name);
    if (interface != NULL && !postern_name_is_interface(interface, strlen(interface)))
        return postern_location_error(postern_markup_where(node, "interface"), error, "interface=\"%s\" is no interface name", interface);
    if (member != NULL && !postern_name_is_member(member, strlen(member)))
        return postern_location_error(postern_markup_where(node, "member"), error, "member=\"%s\" is no name of a member", member);
    if (path != NULL && *path != '/')
        return postern_location_error(postern_markup_where(node, "path"), error,
                                      "path=\"%s\": expected an object path, with \"/*\" behind it for all below it, too", path);
    return 0;
}

/* NAME, or NAME=[INTERFACE.][MEMBER|*][@PATH]. 0 or -ENOMEM. */
static int write_text(const struct postern_markup_node *node, const char *action, struct postern_buf *text)
{
    const char *interface = postern_markup_value(node, "interface"), *member = postern_markup_value(node, "member");
    const char *path = postern_markup_value(node, "path");
    int code = postern_buf_printf(text, "%s", postern_markup_value(node, action));

    if (code == 0 && (interface != NULL || member != NULL || path != NULL))
        code = postern_buf_printf(text, "=%s%s%s%s%s", interface != NULL ? interface : "", interface != NULL ? "." : "",
                                  member != NULL ? member : "*", path != NULL ? "@" : "", path != NULL ? path : "");
    return code == 0 ? postern_buf_append(text, "", 1) : code;
}

static int append_rule(struct postern_mediatorconf_container *container, const struct postern_rule *rule)
{
    struct postern_rule *grown = reallocarray(container->rules, container->n_rules + 1, sizeof(*grown));

    if (grown == NULL)
        return -ENOMEM;
    container->rules = grown;
    grown[container->n_rules++] = *rule;
    return 0;
}

static int parse_rule(const struct postern_markup_node *node, const char *action, struct postern_rule *rule, struct postern_error *error)
{
    struct postern_buf text = {0};
    struct postern_error why;
    int code = check_parts(node, action, error);

    if (code < 0)
        return code;
    code = write_text(node, action, &text);
    if (code == 0)
        code = postern_ruletext_parse(action, (const char *)text.data, rule, &why);
    postern_buf_finish(&text);
    if (code == -ENOMEM)
        return postern_error_set(error, code, "out of memory");
    if (code < 0)
        return postern_location_error(&node->where, error, "<allow>: %s", why.text);
    rule->ref = (struct postern_rule_ref){.kind = POSTERN_RULE_FILE, .file = node->where.file, .line = node->where.line};
    return 0;
}

static int on_allow(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_mediatorconf_reader *reader = data;
    struct postern_mediatorconf_container *container = &reader->conf->containers[reader->container];
    const char *action = NULL;
    struct postern_rule rule;
    size_t n = 0;
    int code;

    for (size_t i = 0; i < N_ACTIONS; i++)
        if (postern_markup_value(node, actions[i]) != NULL) {
            action = actions[i];
            n++;
        }
    if (n != 1)
        return postern_location_error(&node->where, error,
                                      "<allow> needs exactly one of see, talk, call, broadcast, own, send-fds and receive-fds");
    if (container->n_rules == POSTERN_MEDIATORCONF_RULES_MAX)
        return postern_location_error(&node->where, error, "more than %u rules for one container", POSTERN_MEDIATORCONF_RULES_MAX);
    code = parse_rule(node, action, &rule, error);
    if (code == 0 && append_rule(container, &rule) < 0) {
        postern_rule_finish(&rule);
        code = postern_error_set(error, -ENOMEM, "out of memory");
    }
    return code;
}

/* Finds the container that earlier files have begun, or begins it. 0 or -ENOMEM. */
static int find_container(struct postern_mediatorconf *conf, const char *type, const char *name, size_t *index)
{
    struct postern_mediatorconf_container *grown, *container;

    for (*index = 0; *index < conf->n_containers; ++*index)
        if (strcmp(conf->containers[*index].type, type) == 0 && strcmp(conf->containers[*index].name, name) == 0)
            return 0;
    grown = reallocarray(conf->containers, conf->n_containers + 1, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    conf->containers = grown;
    container = &grown[conf->n_containers++];
    *container = (struct postern_mediatorconf_container){.type = strdup(type), .name = strdup(name)};
    return container->type != NULL && container->name != NULL ? 0 : -ENOMEM;
}

int postern_mediatorconf_container(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    static const char *const attributes[] = {"see", "talk", "call", "broadcast", "own", "send-fds", "receive-fds",
                                             "path", "interface", "member", NULL};
    static const struct postern_markup_element elements[] = {{"allow", POSTERN_MARKUP_EMPTY, attributes, on_allow}};
    struct postern_mediatorconf_reader *reader = data;
    const char *type = postern_markup_value(node, "type"), *name = postern_markup_value(node, "name");

    if (type == NULL || name == NULL)
        return postern_location_error(&node->where, error, "<container> needs the attributes \"type\" and \"name\"");
    if (!postern_name_is_interface(type, strlen(type)))
        return postern_location_error(postern_markup_where(node, "type"), error,
                                      "type=\"%s\": expected a reversed domain name such as \"org.flatpak\"", type);
    if (reader->conf->n_containers == POSTERN_MEDIATORCONF_CONTAINERS_MAX)
        return postern_location_error(&node->where, error, "more than %u containers", POSTERN_MEDIATORCONF_CONTAINERS_MAX);
    if (find_container(reader->conf, type, name, &reader->container) < 0)
        return postern_error_set(error, -ENOMEM, "out of memory");
    if (postern_mediatorconf_mode(node, "mode", &reader->conf->containers[reader->container].mode, error) < 0)
        return -EINVAL;
    return postern_markup_walk(node, elements, 1, reader, error);
}
