/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ruleset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"
#include "wire/name.h"

#define NO_RULE UINT32_MAX

/* The rules of one name are a chain, in the order in which they were given. A table with open addressing, at least half empty,
 * holds the first of each chain: small, because a bus may have many containers, and keyed, because names come from outside. */
struct postern_ruleset {
    size_t n;
    struct postern_rule *rules;
    uint32_t *next;  /* per rule: the next one with the same name */
    uint32_t *table; /* mask + 1 places, a power of two */
    size_t mask;
    uint32_t any; /* the first rule with the empty name; it covers connections, not names */
    bool has_unique;
};

/* The place of a name, or the empty one where it would be. */
static uint32_t *find_place(const struct postern_ruleset *set, const char *name, size_t len)
{
    size_t at = (size_t)postern_hash(name, len) & set->mask;

    for (;; at = (at + 1) & set->mask) {
        const char *there = set->table[at] != NO_RULE ? set->rules[set->table[at]].name : NULL;

        if (there == NULL || (strncmp(there, name, len) == 0 && there[len] == '\0'))
            return &set->table[at];
    }
}

/* Added from the last to the first, each at the head of its chain. */
static void add(struct postern_ruleset *set, uint32_t i)
{
    const char *name = set->rules[i].name;
    uint32_t *first = *name != '\0' ? find_place(set, name, strlen(name)) : &set->any;

    set->next[i] = *first;
    *first = i;
    set->has_unique = set->has_unique || *name == ':';
}

static int make_table(struct postern_ruleset *set)
{
    size_t size = 2;

    while (size < 2 * set->n)
        size *= 2;
    set->next = calloc(set->n + 1, sizeof(*set->next));
    set->table = calloc(size, sizeof(*set->table));
    if (set->next == NULL || set->table == NULL)
        return -ENOMEM;
    set->mask = size - 1;
    memset(set->table, 0xff, size * sizeof(*set->table)); /* NO_RULE everywhere */
    return 0;
}

static void free_rules(struct postern_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        postern_rule_finish(&rules[i]);
    free(rules);
}

int postern_ruleset_new(struct postern_rule *rules, size_t n, struct postern_ruleset **set)
{
    struct postern_ruleset *made = n < NO_RULE ? calloc(1, sizeof(*made)) : NULL;

    if (made == NULL) {
        free_rules(rules, n);
        return -ENOMEM;
    }
    made->rules = n > 0 ? reallocarray(rules, n, sizeof(*rules)) : NULL; /* what had room to grow shrinks */
    if (made->rules == NULL)
        made->rules = rules;
    made->n = n;
    made->any = NO_RULE;
    if (make_table(made) < 0) {
        postern_ruleset_free(made);
        return -ENOMEM;
    }
    for (size_t i = n; i > 0; i--)
        add(made, (uint32_t)i - 1);
    *set = made;
    return 0;
}

void postern_ruleset_free(struct postern_ruleset *set)
{
    if (set == NULL)
        return;
    free_rules(set->rules, set->n);
    free(set->next);
    free(set->table);
    free(set);
}

size_t postern_ruleset_count(const struct postern_ruleset *set)
{
    return set != NULL ? set->n : 0;
}

bool postern_ruleset_has_unique(const struct postern_ruleset *set)
{
    return set != NULL && set->has_unique;
}

void postern_ruleset_each(const struct postern_ruleset *set, void (*fn)(void *data, const struct postern_rule *rule), void *data)
{
    for (size_t i = 0; set != NULL && i < set->n; i++)
        fn(data, &set->rules[i]);
}

static bool view_is(const struct postern_view *view, const char *text)
{
    return view->data != NULL && strlen(text) == view->len && memcmp(view->data, text, view->len) == 0;
}

/* Which texts of a message matter to the rule. Every path lies in the subtree of the root. */
static uint8_t compares_with(const struct postern_rule *rule)
{
    bool any_path = (rule->flags & POSTERN_ALLOW_PATH_SUBTREE) != 0 && strcmp(rule->path, "/") == 0;

    return (uint8_t)((any_path ? 0 : POSTERN_LOOKS_PATH) | (*rule->interface != '\0' ? POSTERN_LOOKS_INTERFACE : 0) |
                     (*rule->member != '\0' ? POSTERN_LOOKS_MEMBER : 0));
}

/* An empty interface is any; a message without an interface is matched only by a rule that names none. */
static bool fits(const struct postern_rule *rule, const struct postern_rule_query *query)
{
    const struct postern_message *message = query->message;

    if ((rule->flags & query->need) != query->need)
        return false;
    if (message == NULL)
        return true;
    if (message->path.data == NULL)
        return false;
    if (query->looked != NULL)
        *query->looked |= compares_with(rule);
    if ((rule->flags & POSTERN_ALLOW_PATH_SUBTREE) != 0
            ? !postern_path_in_subtree(message->path.data, message->path.len, rule->path, strlen(rule->path))
            : !view_is(&message->path, rule->path))
        return false;
    if (*rule->interface == '\0' && *rule->member == '\0')
        return true;
    return message->interface.data != NULL && (*rule->interface == '\0' || view_is(&message->interface, rule->interface)) &&
           (*rule->member == '\0' || view_is(&message->member, rule->member));
}

static const struct postern_rule *first_that_fits(const struct postern_ruleset *set, uint32_t at, uint32_t flags,
                                                  const struct postern_rule_query *query)
{
    for (; at != NO_RULE; at = set->next[at])
        if ((set->rules[at].flags & flags) == flags && fits(&set->rules[at], query))
            return &set->rules[at];
    return NULL;
}

const struct postern_rule *postern_ruleset_find_name(const struct postern_ruleset *set, const char *name, size_t len,
                                                     const struct postern_rule_query *query)
{
    const struct postern_rule *rule = NULL;
    uint32_t flags = 0;

    /* No rule and no subtree is ever about the bus itself. */
    if (set == NULL || (len == strlen(POSTERN_DRIVER_NAME) && memcmp(name, POSTERN_DRIVER_NAME, len) == 0))
        return NULL;
    /* The name itself, then each of the subtrees that it lies in. */
    while (rule == NULL && len > 0) {
        rule = first_that_fits(set, *find_place(set, name, len), flags, query);
        flags = POSTERN_ALLOW_NAME_SUBTREE;
        do
            len--;
        while (len > 0 && name[len] != '.');
    }
    return rule;
}

const struct postern_rule *postern_ruleset_find_any(const struct postern_ruleset *set, const struct postern_rule_query *query)
{
    return set != NULL ? first_that_fits(set, set->any, 0, query) : NULL;
}
