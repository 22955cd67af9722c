/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XML as the configuration files use it: elements, attributes and text, read whole into a tree. Everything that such files never
 * need is refused: entities of their own, an internal DTD subset, other encodings than UTF-8, great depth and great size.
 */
#ifndef POSTERN_CONFIG_MARKUP_H
#define POSTERN_CONFIG_MARKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "config/location.h"

#define POSTERN_MARKUP_BYTES_MAX (8u << 20) /* of one file */
#define POSTERN_MARKUP_DEPTH_MAX 16u        /* elements inside one another; the languages need three */
#define POSTERN_MARKUP_NODES_MAX (1u << 18)

/* The bytes of one file. */
struct postern_markup_source {
    const char *file; /* as opened; not a copy */
    char *data;
    size_t len;
    dev_t dev; /* which file it really was, however it is called */
    ino_t ino;
};

struct postern_markup_attribute {
    const char *name;
    const char *value;
    struct postern_location where;
};

struct postern_markup_node {
    const char *name;
    const char *text; /* directly inside the element, joined, without white space at either end; "" when there is none */
    struct postern_markup_attribute *attributes;
    size_t n_attributes;
    struct postern_location where;
    struct postern_markup_node *parent, *children, *last, *next; /* last: of the children; next: sibling */
};

/* What may stand between the tags of an element. */
enum postern_markup_content {
    POSTERN_MARKUP_EMPTY, /* nothing */
    POSTERN_MARKUP_TEXT,  /* text, needed */
    POSTERN_MARKUP_NODES, /* elements */
};

/* One element that may stand in some place, and what to do with it. */
struct postern_markup_element {
    const char *name;
    enum postern_markup_content content;
    const char *const *attributes; /* those it may have, NULL-terminated; NULL: none */
    int (*fn)(void *data, const struct postern_markup_node *node, struct postern_error *error);
};

/* Opens and reads a regular file of at most POSTERN_MARKUP_BYTES_MAX bytes. 0, or a negative errno with *error saying why, but not
 * where it was asked for: -ENOENT when it is missing, -EFBIG when it is too large, -EINVAL when it is not a regular file.
 * *source needs postern_markup_source_finish(). */
int postern_markup_source_read(const char *file, struct postern_markup_source *source, struct postern_error *error);
void postern_markup_source_finish(struct postern_markup_source *source);

/* Parses the source into a tree; source->file must outlive it. 0 with *root, which is the caller's, -EINVAL with *error as
 * file:line:column, or -ENOMEM. */
int postern_markup_parse(const struct postern_markup_source *source, struct postern_markup_node **root, struct postern_error *error);
void postern_markup_free(struct postern_markup_node *root); /* NULL is allowed */

/* The value of an attribute, or NULL when it is absent. */
const char *postern_markup_value(const struct postern_markup_node *node, const char *name);
/* Where an attribute stands; the element, when it is absent. */
const struct postern_location *postern_markup_where(const struct postern_markup_node *node, const char *name);

/* Checks the root element against its description, without calling its fn. 0, or -EINVAL with *error. */
int postern_markup_check_root(const struct postern_markup_node *root, const struct postern_markup_element *element,
                              struct postern_error *error);
/* Walks the children of node in order. Each must be one of the n elements and keep to its description; its fn is called with data.
 * 0, -EINVAL with *error naming what was expected, or what an fn returned other than 0. */
int postern_markup_walk(const struct postern_markup_node *node, const struct postern_markup_element *elements, size_t n, void *data,
                        struct postern_error *error);

/* Reads "yes" or "no" ("true" or "false" with the other pair of words). 0, or -EINVAL with *error; *value is untouched when the
 * attribute is absent. */
int postern_markup_bool(const struct postern_markup_node *node, const char *name, const char *yes, const char *no, bool *value,
                        struct postern_error *error);
/* Reads a whole decimal number of at most max. 0, or -EINVAL with *error; *value is untouched when the attribute is absent. */
int postern_markup_number(const struct postern_markup_node *node, const char *name, uint64_t max, uint64_t *value,
                          struct postern_error *error);

#endif
