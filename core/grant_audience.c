/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/grant_audience.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "wire/name.h"

/* What a cell is found by: whether it is a subtree, the interface, the member and the path, the path last: a search for all of its
 * parents makes the rest once. */
#define KEY_MAX (1 + 2 * (POSTERN_NAME_MAX + 1) + POSTERN_GRANT_PATH_MAX)
#define SHAPE_INTERFACE 1u
#define SHAPE_MEMBER 2u

/* ---- whom it is for -------------------------------------------------------------------------------------- */

static enum postern_audience_kind kind_of(const struct postern_grant_who *who)
{
    if (who->instance != NULL)
        return POSTERN_AUDIENCE_INSTANCE;
    if (who->type != NULL)
        return who->name != NULL ? POSTERN_AUDIENCE_TYPE_NAME : POSTERN_AUDIENCE_TYPE;
    return who->name != NULL ? POSTERN_AUDIENCE_NAME : POSTERN_AUDIENCE_ANY;
}

struct postern_audience_key postern_audience_key_of(enum postern_audience_kind kind, const struct postern_instance *instance)
{
    struct postern_audience_key key = {.kind = (uint64_t)kind};

    if (kind == POSTERN_AUDIENCE_INSTANCE)
        key.type = instance->number;
    if (kind == POSTERN_AUDIENCE_TYPE || kind == POSTERN_AUDIENCE_TYPE_NAME)
        key.type = instance->type_hash;
    if (kind == POSTERN_AUDIENCE_NAME || kind == POSTERN_AUDIENCE_TYPE_NAME)
        key.name = instance->name_hash;
    return key;
}

bool postern_audience_has(const struct postern_audience *audience, const struct postern_instance *instance)
{
    if (audience->instance != NULL)
        return audience->instance == instance;
    return (audience->type == NULL || strcmp(audience->type, instance->type) == 0) &&
           (audience->name == NULL || strcmp(audience->name, instance->name) == 0);
}

int postern_audience_new(const struct postern_grant_who *who, struct postern_audience **audience)
{
    struct postern_audience *made = calloc(1, sizeof(*made));

    if (made == NULL)
        return -ENOMEM;
    made->key.kind = (uint64_t)kind_of(who);
    made->instance = who->instance;
    if (who->instance != NULL) {
        made->key.type = who->instance->number;
    } else {
        made->type = who->type != NULL ? strdup(who->type) : NULL;
        made->name = who->name != NULL ? strdup(who->name) : NULL;
        if ((who->type != NULL && made->type == NULL) || (who->name != NULL && made->name == NULL)) {
            postern_audience_free(made);
            return -ENOMEM;
        }
        if (made->type != NULL)
            made->key.type = postern_hash(made->type, strlen(made->type));
        if (made->name != NULL)
            made->key.name = postern_hash(made->name, strlen(made->name));
    }
    *audience = made;
    return 0;
}

void postern_audience_free(struct postern_audience *audience)
{
    free(audience->type);
    free(audience->name);
    free(audience);
}

/* ---- cells ------------------------------------------------------------------------------------------------ */

static uint32_t shape_of(const struct postern_rule *rule)
{
    return (*rule->interface != '\0' ? SHAPE_INTERFACE : 0) | (*rule->member != '\0' ? SHAPE_MEMBER : 0);
}

static size_t put(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    to[len] = '\0';
    return len + 1;
}

/* Everything but the path; how long it is. */
static size_t begin_key(char key[KEY_MAX], bool subtree, const char *interface, size_t interface_len, const char *member, size_t member_len)
{
    size_t len = 1;

    key[0] = subtree ? 'S' : 'P';
    len += put(key + len, interface, interface_len);
    return len + put(key + len, member, member_len);
}

static size_t key_of(const struct postern_rule *rule, char key[KEY_MAX])
{
    size_t len = begin_key(key, (rule->flags & POSTERN_ALLOW_PATH_SUBTREE) != 0, rule->interface, strlen(rule->interface), rule->member,
                           strlen(rule->member));
    size_t path_len = strlen(rule->path);

    memcpy(key + len, rule->path, path_len);
    return len + path_len;
}

unsigned postern_audience_depth(const char *path)
{
    unsigned depth = 0;

    for (const char *p = path; path[1] != '\0' && *p != '\0'; p++)
        depth += *p == '/';
    return depth;
}

static struct postern_cell *get_cell(struct postern_audience *audience, const struct postern_rule *rule)
{
    char key[KEY_MAX];
    size_t len = key_of(rule, key);
    struct postern_cell *cell;

    HASH_FIND(hh, audience->cells, key, len, cell);
    if (cell != NULL)
        return cell;
    cell = calloc(1, sizeof(*cell) + len);
    if (cell == NULL)
        return NULL;
    memcpy(cell->key, key, len);
    cell->key_len = len;
    HASH_ADD_KEYPTR(hh, audience->cells, cell->key, cell->key_len, cell);
    if (cell->hh.tbl == NULL) {
        free(cell);
        return NULL;
    }
    return cell;
}

static void drop_cell_if_empty(struct postern_audience *audience, struct postern_cell *cell)
{
    if (cell->n > 0)
        return;
    HASH_DEL(audience->cells, cell);
    free(cell);
}

/* ---- names ------------------------------------------------------------------------------------------------ */

static struct postern_granted_name *find_name(const struct postern_audience *audience, const char *name)
{
    struct postern_granted_name *entry;

    HASH_FIND(hh, audience->names, name, strlen(name) + 1, entry);
    return entry;
}

static int add_name(struct postern_audience *audience, struct postern_granted *granted)
{
    const char *name = granted->rule.name;
    struct postern_granted_name *entry = find_name(audience, name);
    size_t size = strlen(name) + 1;

    if (entry == NULL) {
        entry = calloc(1, sizeof(*entry) + size);
        if (entry == NULL)
            return -ENOMEM;
        memcpy(entry->name, name, size);
        HASH_ADD_KEYPTR(hh, audience->names, entry->name, size, entry);
        if (entry->hh.tbl == NULL) {
            free(entry);
            return -ENOMEM;
        }
    }
    DL_APPEND2(entry->rules, granted, name_prev, name_next);
    return 0;
}

static void remove_name(struct postern_audience *audience, struct postern_granted *granted)
{
    struct postern_granted_name *entry = find_name(audience, granted->rule.name);

    DL_DELETE2(entry->rules, granted, name_prev, name_next);
    if (entry->rules != NULL)
        return;
    HASH_DEL(audience->names, entry);
    free(entry);
}

const struct postern_rule *postern_audience_find_name(const struct postern_audience *audience, const char *name)
{
    const struct postern_granted_name *entry = find_name(audience, "");

    if (entry == NULL)
        entry = find_name(audience, name);
    return entry != NULL ? &entry->rules->rule : NULL;
}

/* ---- adding and taking out -------------------------------------------------------------------------------- */

static const uint32_t list_bits[POSTERN_AUDIENCE_LISTS] = {
    [POSTERN_AUDIENCE_CALL] = POSTERN_ALLOW_CALL,
    [POSTERN_AUDIENCE_SEND_FDS] = POSTERN_ALLOW_SEND_FDS,
    [POSTERN_AUDIENCE_RECEIVE_FDS] = POSTERN_ALLOW_RECEIVE_FDS,
};

static void link_lists(struct postern_audience *audience, struct postern_granted *granted)
{
    for (int i = 0; i < POSTERN_AUDIENCE_LISTS; i++) {
        if ((granted->rule.flags & list_bits[i]) != list_bits[i])
            continue;
        granted->lists[i] = (struct postern_granted_link){.next = audience->lists[i]};
        if (audience->lists[i] != NULL)
            audience->lists[i]->lists[i].prev = granted;
        audience->lists[i] = granted;
    }
}

static void unlink_list(struct postern_audience *audience, struct postern_granted *granted, int i)
{
    struct postern_granted_link *link = &granted->lists[i];

    if ((granted->rule.flags & list_bits[i]) != list_bits[i])
        return;
    if (link->prev != NULL)
        link->prev->lists[i].next = link->next;
    else
        audience->lists[i] = link->next;
    if (link->next != NULL)
        link->next->lists[i].prev = link->prev;
}

int postern_audience_add(struct postern_audience *audience, struct postern_granted *granted)
{
    const struct postern_rule *rule = &granted->rule;
    size_t path_len = strlen(rule->path);
    struct postern_cell *cell;

    if (add_name(audience, granted) < 0)
        return -ENOMEM;
    cell = get_cell(audience, rule);
    if (cell == NULL || cell->n >= POSTERN_GRANT_ALIKE_MAX) {
        remove_name(audience, granted);
        return cell == NULL ? -ENOMEM : -EDQUOT;
    }
    DL_APPEND2(cell->rules, granted, cell_prev, cell_next);
    cell->n++;
    cell->flags |= rule->flags;
    granted->cell = cell;
    granted->audience = audience;
    link_lists(audience, granted);
    audience->n_rules++;
    audience->shapes |= 1u << shape_of(rule);
    if ((rule->flags & POSTERN_ALLOW_PATH_SUBTREE) != 0)
        audience->depths |= 1u << postern_audience_depth(rule->path);
    if (path_len > audience->longest)
        audience->longest = path_len;
    return 0;
}

void postern_audience_remove(struct postern_granted *granted)
{
    struct postern_audience *audience = granted->audience;

    DL_DELETE2(granted->cell->rules, granted, cell_prev, cell_next);
    granted->cell->n--;
    drop_cell_if_empty(audience, granted->cell);
    for (int i = 0; i < POSTERN_AUDIENCE_LISTS; i++)
        unlink_list(audience, granted, i);
    remove_name(audience, granted);
    audience->n_rules--;
}

/* ---- finding ---------------------------------------------------------------------------------------------- */

static const struct postern_rule *find_cell(const struct postern_audience *audience, const char *key, size_t len, uint32_t need)
{
    struct postern_cell *cell;

    HASH_FIND(hh, audience->cells, key, len, cell);
    if (cell == NULL || (cell->flags & need) != need)
        return NULL;
    for (struct postern_granted *granted = cell->rules; granted != NULL; granted = granted->cell_next)
        if ((granted->rule.flags & need) == need)
            return &granted->rule;
    return NULL;
}

/* The path alone, then the subtrees that it lies in, as far as there are any so deep. */
static const struct postern_rule *find_path(const struct postern_audience *audience, char key[KEY_MAX], size_t base,
                                            const struct postern_view *path, uint32_t need)
{
    size_t len = path->len < audience->longest ? path->len : audience->longest;
    const struct postern_rule *rule = NULL;
    unsigned depth = 0;

    memcpy(key + base, path->data, len);
    key[0] = 'P';
    if (len == path->len)
        rule = find_cell(audience, key, base + len, need);
    key[0] = 'S';
    if (rule == NULL && (audience->depths & 1) != 0)
        rule = find_cell(audience, key, base + 1, need); /* "/" */
    for (size_t i = 1; rule == NULL && i <= len && path->len > 1; i++) {
        if (i < path->len && path->data[i] != '/')
            continue;
        depth++;
        if (depth > POSTERN_GRANT_ELEMENTS_MAX || (audience->depths >> depth) == 0)
            break;
        if ((audience->depths >> depth & 1) != 0)
            rule = find_cell(audience, key, base + i, need);
    }
    return rule;
}

static const struct postern_rule *find_message(const struct postern_audience *audience, const struct postern_message *m, uint32_t need)
{
    const struct postern_rule *rule = NULL;
    char key[KEY_MAX];

    if (m->path.data == NULL || m->interface.len > POSTERN_NAME_MAX || m->member.len > POSTERN_NAME_MAX)
        return NULL;
    for (uint32_t shape = 0; rule == NULL && shape <= (SHAPE_INTERFACE | SHAPE_MEMBER); shape++) {
        size_t interface_len = (shape & SHAPE_INTERFACE) != 0 ? m->interface.len : 0, member_len = (shape & SHAPE_MEMBER) != 0 ? m->member.len : 0;

        /* A message without an interface is matched only by a rule that names neither it nor a member. */
        if ((audience->shapes >> shape & 1) == 0 || (shape != 0 && (m->interface.data == NULL || m->member.data == NULL)))
            continue;
        rule = find_path(audience, key,
                         begin_key(key, false, interface_len > 0 ? m->interface.data : "", interface_len, member_len > 0 ? m->member.data : "", member_len),
                         &m->path, need);
    }
    return rule;
}

const struct postern_rule *postern_audience_find(const struct postern_audience *audience, const struct postern_rule_query *query)
{
    if (query->message != NULL)
        return find_message(audience, query->message, query->need);
    for (int i = 0; i < POSTERN_AUDIENCE_LISTS; i++)
        if (list_bits[i] == query->need)
            return audience->lists[i] != NULL ? &audience->lists[i]->rule : NULL;
    return NULL; /* nothing asks for more without a message */
}
