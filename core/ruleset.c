/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ruleset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"
#include "wire/name.h"

#define NO_RULE UINT32_MAX

/* All rules that spell the same name; in the order in which they were given. */
struct entry {
    const char *name; /* of its first rule */
    uint32_t first, last;
    UT_hash_handle hh;
};

struct postern_ruleset {
    size_t n;
    struct postern_rule *rules;
    uint32_t *next;        /* per rule: the next one with the same name */
    struct entry *entries; /* room for one per rule */
    struct entry *by_name;
    uint32_t any;          /* the first rule with the empty name */
    uint32_t any_last;
};

/* A rule with the empty name is kept out of the table: it covers connections, not names. */
static int add(struct postern_ruleset *set, uint32_t i)
{
    const char *name = set->rules[i].name;
    struct entry *entry;
    uint32_t *last = &set->any_last;

    set->next[i] = NO_RULE;
    if (*name != '\0') {
        HASH_FIND(hh, set->by_name, name, strlen(name), entry);
        if (entry == NULL) {
            entry = &set->entries[i];
            *entry = (struct entry){.name = name, .first = i, .last = i};
            HASH_ADD_KEYPTR(hh, set->by_name, entry->name, strlen(name), entry);
            return entry->hh.tbl != NULL ? 0 : -ENOMEM;
        }
        last = &entry->last;
    } else if (set->any == NO_RULE) {
        set->any = i;
        *last = i;
        return 0;
    }
    set->next[*last] = i;
    *last = i;
    return 0;
}

int postern_ruleset_new(struct postern_rule *rules, size_t n, struct postern_ruleset **set)
{
    struct postern_ruleset *made = calloc(1, sizeof(*made));

    if (made == NULL || n >= NO_RULE)
        goto fail;
    made->rules = rules;
    made->n = n;
    made->any = made->any_last = NO_RULE;
    made->next = calloc(n + 1, sizeof(*made->next));
    made->entries = calloc(n + 1, sizeof(*made->entries));
    if (made->next == NULL || made->entries == NULL)
        goto fail_made;
    for (uint32_t i = 0; i < n; i++)
        if (add(made, i) < 0)
            goto fail_made;
    *set = made;
    return 0;

fail_made:
    postern_ruleset_free(made);
    return -ENOMEM;
fail:
    for (size_t i = 0; i < n; i++)
        postern_rule_finish(&rules[i]);
    free(rules);
    free(made);
    return -ENOMEM;
}

void postern_ruleset_free(struct postern_ruleset *set)
{
    if (set == NULL)
        return;
    HASH_CLEAR(hh, set->by_name);
    for (size_t i = 0; i < set->n; i++)
        postern_rule_finish(&set->rules[i]);
    free(set->rules);
    free(set->next);
    free(set->entries);
    free(set);
}

static bool view_is(const struct postern_view *view, const char *text)
{
    return view->data != NULL && strlen(text) == view->len && memcmp(view->data, text, view->len) == 0;
}

/* Semantics 4: interface empty is any; a message without an interface is matched only by a rule that names none. */
static bool fits(const struct postern_rule *rule, const struct postern_rule_query *query)
{
    const struct postern_message *message = query->message;

    if ((rule->flags & query->need) != query->need)
        return false;
    if (message == NULL)
        return true;
    if (message->path.data == NULL)
        return false;
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
    const struct entry *entry;
    uint32_t flags = 0;

    /* No rule and no subtree is ever about the bus itself. */
    if (set == NULL || (len == strlen(POSTERN_DRIVER_NAME) && memcmp(name, POSTERN_DRIVER_NAME, len) == 0))
        return NULL;
    /* The name itself, then each of the subtrees that it lies in. */
    while (rule == NULL && len > 0) {
        HASH_FIND(hh, set->by_name, name, len, entry);
        if (entry != NULL)
            rule = first_that_fits(set, entry->first, flags, query);
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
