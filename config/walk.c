/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holding a tree of elements to the description of a language. */
#include "config/markup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

const char *postern_markup_value(const struct postern_markup_node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attributes; i++)
        if (strcmp(node->attributes[i].name, name) == 0)
            return node->attributes[i].value;
    return NULL;
}

const struct postern_location *postern_markup_where(const struct postern_markup_node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attributes; i++)
        if (strcmp(node->attributes[i].name, name) == 0)
            return &node->attributes[i].where;
    return &node->where;
}

static int check_attributes(const struct postern_markup_node *node, const char *const *known, struct postern_error *error)
{
    struct postern_buf list = {0};
    const struct postern_markup_attribute *wrong = NULL;

    for (size_t i = 0; i < node->n_attributes && wrong == NULL; i++) {
        size_t k = 0;

        while (known != NULL && known[k] != NULL && strcmp(known[k], node->attributes[i].name) != 0)
            k++;
        if (known == NULL || known[k] == NULL)
            wrong = &node->attributes[i];
    }
    if (wrong == NULL)
        return 0;
    if (known == NULL)
        return postern_location_error(&wrong->where, error, "attribute \"%s\" on <%s>, which has no attributes", wrong->name, node->name);
    for (size_t k = 0; known[k] != NULL; k++)
        if (postern_buf_printf(&list, "%s%s", k > 0 ? ", " : "", known[k]) < 0)
            break;
    postern_location_error(&wrong->where, error, "unknown attribute \"%s\" on <%s>; known are: %.*s", wrong->name, node->name,
                           (int)list.len, (const char *)list.data);
    postern_buf_finish(&list);
    return -EINVAL;
}

static int check_content(const struct postern_markup_node *node, enum postern_markup_content content, struct postern_error *error)
{
    if (content != POSTERN_MARKUP_NODES && node->children != NULL)
        return postern_location_error(&node->children->where, error, "element <%s> inside <%s>, which has no elements in it",
                                      node->children->name, node->name);
    if (content != POSTERN_MARKUP_TEXT && *node->text != '\0')
        return postern_location_error(&node->where, error, "text inside <%s>, which has none: \"%.60s\"", node->name, node->text);
    if (content == POSTERN_MARKUP_TEXT && *node->text == '\0')
        return postern_location_error(&node->where, error, "<%s> needs text inside", node->name);
    return 0;
}

static int check_element(const struct postern_markup_node *node, const struct postern_markup_element *element,
                         struct postern_error *error)
{
    int code = check_attributes(node, element->attributes, error);

    return code < 0 ? code : check_content(node, element->content, error);
}

int postern_markup_check_root(const struct postern_markup_node *root, const struct postern_markup_element *element,
                              struct postern_error *error)
{
    if (strcmp(root->name, element->name) != 0)
        return postern_location_error(&root->where, error, "root element is <%s>; expected <%s>", root->name, element->name);
    return check_element(root, element, error);
}

static int unknown_element(const struct postern_markup_node *node, const struct postern_markup_element *elements, size_t n,
                           struct postern_error *error)
{
    struct postern_buf list = {0};

    for (size_t i = 0; i < n; i++)
        if (postern_buf_printf(&list, "%s<%s>", i > 0 ? ", " : "", elements[i].name) < 0)
            break;
    postern_location_error(&node->where, error, "unknown element <%s> in <%s>; known are: %.*s", node->name, node->parent->name,
                           (int)list.len, (const char *)list.data);
    postern_buf_finish(&list);
    return -EINVAL;
}

int postern_markup_walk(const struct postern_markup_node *node, const struct postern_markup_element *elements, size_t n, void *data,
                        struct postern_error *error)
{
    for (const struct postern_markup_node *child = node->children; child != NULL; child = child->next) {
        const struct postern_markup_element *element = elements;
        int code;

        while (element < elements + n && strcmp(element->name, child->name) != 0)
            element++;
        if (element == elements + n)
            return unknown_element(child, elements, n, error);
        code = check_element(child, element, error);
        if (code == 0)
            code = element->fn(data, child, error);
        if (code != 0)
            return code;
    }
    return 0;
}

int postern_markup_bool(const struct postern_markup_node *node, const char *name, const char *yes, const char *no, bool *value,
                        struct postern_error *error)
{
    const char *text = postern_markup_value(node, name);

    if (text == NULL)
        return 0;
    if (strcmp(text, yes) != 0 && strcmp(text, no) != 0)
        return postern_location_error(postern_markup_where(node, name), error, "%s=\"%s\": expected \"%s\" or \"%s\"", name, text, yes, no);
    *value = strcmp(text, yes) == 0;
    return 0;
}

int postern_markup_number(const struct postern_markup_node *node, const char *name, uint64_t max, uint64_t *value,
                          struct postern_error *error)
{
    const char *text = postern_markup_value(node, name);
    unsigned long long number;

    if (text == NULL)
        return 0;
    errno = 0;
    number = strtoull(text, NULL, 10);
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0' || errno != 0 || number > max)
        return postern_location_error(postern_markup_where(node, name), error, "%s=\"%s\": expected a number from 0 to %llu", name, text,
                                      (unsigned long long)max);
    *value = number;
    return 0;
}
