/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the busconfig reader: what its files share while one configuration is being read. Not for others. */
#ifndef POSTERN_CONFIG_READER_H
#define POSTERN_CONFIG_READER_H

#include "config/busconfig.h"
#include "config/files.h"

#define POSTERN_BUSCONFIG_RULES_MAX (1u << 18)

struct postern_busconfig_reader {
    struct postern_busconfig *config; /* while a file of an <includedir> is read, only what this file says */
    struct postern_busconfig_source source;
    struct postern_files files;
    size_t cap_rules; /* room in config->rules */
    struct postern_busconfig_rule blank; /* a rule with the context of the <policy> that is being read */
};

/* Replaces *s by a copy of value. 0 or -ENOMEM. */
int postern_string_replace(char **s, const char *value);

/* The functions below that take `void *reader` take what one element says, as postern_markup_element.fn. */

/* config/include.c */
int postern_busconfig_include(void *reader, const struct postern_markup_node *node, struct postern_error *error);
int postern_busconfig_includedir(void *reader, const struct postern_markup_node *node, struct postern_error *error);

/* config/part.c: reads a file of an <includedir>, all or nothing; a postern_files_fn. */
int postern_busconfig_part(void *reader, const char *file, const struct postern_location *where, struct postern_error *error);
/* Keeps what the administrator should hear: the first of it, should there be very much. 0 or -ENOMEM. */
int postern_busconfig_warn(struct postern_busconfig *config, const char *text);

/* config/servicedirs.c */
int postern_busconfig_session_dirs(void *reader, const struct postern_markup_node *node, struct postern_error *error);
int postern_busconfig_system_dirs(void *reader, const struct postern_markup_node *node, struct postern_error *error);

/* config/limits.c */
void postern_busconfig_limits_init(struct postern_limits *limits);
/* Fills in the defaults that depend on <type>, once all has been read. */
void postern_busconfig_limits_finish(struct postern_limits *limits, const char *type);
int postern_busconfig_limit(void *reader, const struct postern_markup_node *node, struct postern_error *error);

/* config/rules.c */
int postern_busconfig_policy(void *reader, const struct postern_markup_node *node, struct postern_error *error);
/* Appends n rules, which are the configuration's then. 0, -ENOMEM, or -E2BIG when there would be too many. */
int postern_busconfig_rules_append(struct postern_busconfig_reader *reader, const struct postern_busconfig_rule *rules, size_t n);
void postern_busconfig_rule_finish(struct postern_busconfig_rule *rule);

#endif
