/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/rulelist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/name.h"

/* Makes room for one more, doubling. */
static int grow(struct postern_rulelist *list)
{
    struct postern_rule *rules;

    if ((list->n & (list->n - 1)) != 0)
        return 0;
    rules = reallocarray(list->rules, list->n == 0 ? 1 : 2 * list->n, sizeof(*rules));
    if (rules == NULL)
        return -ENOMEM;
    list->rules = rules;
    return 0;
}

static int read_rule(struct postern_reader *r, const char *what, struct postern_rulelist *list, struct postern_error *error)
{
    const char *name, *path, *interface;
    struct postern_error why = {.text = ""};
    uint32_t flags;
    int result;

    if (grow(list) < 0)
        return postern_error_set(error, -ENOMEM, "out of memory");
    postern_reader_enter(r, 'r');
    postern_reader_u32(r, &flags);
    postern_reader_string(r, &name, NULL);
    postern_reader_string(r, &path, NULL);
    postern_reader_string(r, &interface, NULL);
    if (postern_reader_leave(r) < 0)
        return postern_error_set(error, -EINVAL, "%s cannot be read", what);
    result = postern_rule_init(&list->rules[list->n], flags, name, path, interface, &why);
    if (result < 0)
        return postern_error_set(error, result, "%s: rule %zu: %s", what, list->n, why.text);
    list->rules[list->n].ref = (struct postern_rule_ref){.kind = POSTERN_RULE_INDEX, .index = (uint32_t)list->n};
    list->n++;
    return 0;
}

int postern_rulelist_read(struct postern_reader *r, const char *what, uint64_t max, struct postern_rulelist *list, struct postern_error *error)
{
    struct postern_rulelist found = {.rules = NULL};
    size_t start = r->pos, len = 0;
    int result = 0;

    *list = found;
    if (postern_reader_enter(r, 'a') == 0)
        len = r->levels[r->depth].end - start;
    if (len > POSTERN_RULELIST_BYTES_MAX)
        return postern_error_set(error, -EDQUOT, "%s takes %zu bytes, %u are allowed", what, len, POSTERN_RULELIST_BYTES_MAX);
    while (result == 0 && postern_reader_more(r))
        result = found.n >= max ? postern_error_set(error, -EDQUOT, "%s has more than %" PRIu64 " rules, the most that it may have", what, max)
                                : read_rule(r, what, &found, error);
    if (result == 0 && postern_reader_leave(r) < 0)
        result = postern_error_set(error, -EINVAL, "%s cannot be read", what);
    if (result < 0)
        postern_rulelist_finish(&found);
    *list = found;
    return result;
}

void postern_rulelist_finish(struct postern_rulelist *list)
{
    for (size_t i = 0; i < list->n; i++)
        postern_rule_finish(&list->rules[i]);
    free(list->rules);
    *list = (struct postern_rulelist){.rules = NULL};
}

void postern_rulelist_write(struct postern_writer *w, const struct postern_rule *rule)
{
    char interface[2 * POSTERN_NAME_MAX + 2];

    snprintf(interface, sizeof(interface), "%s%s%s", rule->interface, *rule->interface != '\0' && *rule->member != '\0' ? "." : "", rule->member);
    postern_writer_u32(w, rule->flags);
    postern_writer_string(w, rule->name);
    postern_writer_path(w, rule->path);
    postern_writer_string(w, interface);
}
