/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/ctl/value.h"

#include <stdlib.h>
#include <string.h>

struct postern_value *postern_value_new(enum postern_value_kind kind)
{
    struct postern_value *value = calloc(1, sizeof *value);

    if (value != NULL)
        value->kind = kind;
    return value;
}

struct postern_value *postern_value_string(const char *text)
{
    struct postern_value *value = postern_value_new(text != NULL ? POSTERN_VALUE_STRING : POSTERN_VALUE_NULL);

    if (value != NULL && text != NULL) {
        value->text = strdup(text);
        if (value->text == NULL) {
            free(value);
            return NULL;
        }
    }
    return value;
}

struct postern_value *postern_value_unsigned(uint64_t number)
{
    struct postern_value *value = postern_value_new(POSTERN_VALUE_UNSIGNED);

    if (value != NULL)
        value->number = number;
    return value;
}

struct postern_value *postern_value_bool(bool boolean)
{
    struct postern_value *value = postern_value_new(POSTERN_VALUE_BOOL);

    if (value != NULL)
        value->boolean = boolean;
    return value;
}

void postern_value_free(struct postern_value *value)
{
    if (value == NULL)
        return;
    if (value->kind == POSTERN_VALUE_STRING)
        free(value->text);
    for (size_t i = 0; i < value->n; i++) {
        postern_value_free(value->items[i]);
        if (value->keys != NULL)
            free(value->keys[i]);
    }
    free(value->items);
    free(value->keys);
    free(value);
}

/* Room doubles at the powers of two, so that n alone says how much there is. */
static bool make_room(struct postern_value *into)
{
    void *items, *keys;

    if ((into->n & (into->n - 1)) != 0)
        return true;
    items = reallocarray(into->items, into->n != 0 ? into->n * 2 : 1, sizeof *into->items);
    if (items == NULL)
        return false;
    into->items = items;
    if (into->kind != POSTERN_VALUE_OBJECT)
        return true;
    keys = reallocarray(into->keys, into->n != 0 ? into->n * 2 : 1, sizeof *into->keys);
    if (keys != NULL)
        into->keys = keys;
    return keys != NULL;
}

static void append(struct postern_value *into, const char *key, struct postern_value *item)
{
    char *copy = NULL;

    if (into == NULL) {
        postern_value_free(item);
        return;
    }
    if (item == NULL || !make_room(into) || (key != NULL && (copy = strdup(key)) == NULL)) {
        postern_value_free(item);
        into->failed = true;
        return;
    }
    into->failed |= item->failed;
    if (key != NULL)
        into->keys[into->n] = copy;
    into->items[into->n++] = item;
}

void postern_value_add(struct postern_value *array, struct postern_value *item)
{
    append(array, NULL, item);
}

void postern_value_set(struct postern_value *object, const char *key, struct postern_value *item)
{
    append(object, key, item);
}

static size_t find(const struct postern_value *object, const char *key)
{
    size_t i = 0;

    while (i < object->n && strcmp(object->keys[i], key) != 0)
        i++;
    return i;
}

void postern_value_unset(struct postern_value *object, const char *key)
{
    size_t i = object != NULL && object->kind == POSTERN_VALUE_OBJECT ? find(object, key) : 0;

    if (object == NULL || object->kind != POSTERN_VALUE_OBJECT || i == object->n)
        return;
    postern_value_free(object->items[i]);
    free(object->keys[i]);
    object->n--;
    memmove(object->items + i, object->items + i + 1, (object->n - i) * sizeof *object->items);
    memmove(object->keys + i, object->keys + i + 1, (object->n - i) * sizeof *object->keys);
}

const struct postern_value *postern_value_get(const struct postern_value *object, const char *key)
{
    size_t i;

    if (object == NULL || object->kind != POSTERN_VALUE_OBJECT)
        return NULL;
    i = find(object, key);
    return i < object->n ? object->items[i] : NULL;
}

const char *postern_value_text(const struct postern_value *object, const char *key)
{
    const struct postern_value *value = postern_value_get(object, key);

    return value != NULL && value->kind == POSTERN_VALUE_STRING ? value->text : NULL;
}

uint64_t postern_value_number(const struct postern_value *object, const char *key)
{
    const struct postern_value *value = postern_value_get(object, key);

    return value != NULL && value->kind == POSTERN_VALUE_UNSIGNED ? value->number : 0;
}

bool postern_value_is_true(const struct postern_value *object, const char *key)
{
    const struct postern_value *value = postern_value_get(object, key);

    return value != NULL && value->kind == POSTERN_VALUE_BOOL && value->boolean;
}
