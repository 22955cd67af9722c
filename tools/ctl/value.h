/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the bus answered, as a tree: the verbs build it, and both what people read and JSON are written from it.
 *
 * Running out of memory is remembered instead of reported: a value that could not be made is NULL, what NULL is put into is marked as
 * failed, and so is everything around it. Whoever prints the whole looks once.
 */
#ifndef POSTERN_TOOLS_CTL_VALUE_H
#define POSTERN_TOOLS_CTL_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum postern_value_kind {
    POSTERN_VALUE_NULL,
    POSTERN_VALUE_BOOL,
    POSTERN_VALUE_UNSIGNED,
    POSTERN_VALUE_SIGNED,
    POSTERN_VALUE_DOUBLE,
    POSTERN_VALUE_STRING,
    POSTERN_VALUE_ARRAY,
    POSTERN_VALUE_OBJECT,
};

struct postern_value {
    enum postern_value_kind kind;
    bool failed; /* something is missing in it: memory ran out */
    union {
        bool boolean;
        uint64_t number;
        int64_t integer;
        double real;
        char *text;
    };
    struct postern_value **items; /* of an array or an object */
    char **keys;                  /* of an object, one for each item */
    size_t n;
};

/* All of them: NULL when out of memory. Without a text: POSTERN_VALUE_NULL. */
struct postern_value *postern_value_new(enum postern_value_kind kind);
struct postern_value *postern_value_string(const char *text);
struct postern_value *postern_value_unsigned(uint64_t number);
struct postern_value *postern_value_bool(bool boolean);
/* NULL allowed. */
void postern_value_free(struct postern_value *value);
static inline void postern_value_freep(struct postern_value **value)
{
    postern_value_free(*value);
}

/* Appends to an array, or to an object under a key that is not looked for before. Both take the item over, in any case. */
void postern_value_add(struct postern_value *array, struct postern_value *item);
void postern_value_set(struct postern_value *object, const char *key, struct postern_value *item);
/* Takes what an object has under the key out of it and frees it, if there is any. */
void postern_value_unset(struct postern_value *object, const char *key);

/* What an object has under a key: NULL when it is none, or has no such. */
const struct postern_value *postern_value_get(const struct postern_value *object, const char *key);
/* The same of a string or a number: NULL or 0 when it is none. */
const char *postern_value_text(const struct postern_value *object, const char *key);
uint64_t postern_value_number(const struct postern_value *object, const char *key);
bool postern_value_is_true(const struct postern_value *object, const char *key);

#endif
