/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the busconfig reader: what its files share while one configuration is being read. Not for others. */
#ifndef POSTERN_CONFIG_READER_H
#define POSTERN_CONFIG_READER_H

#include "config/busconfig.h"
#include "config/markup.h"

#define POSTERN_BUSCONFIG_FILES_MAX 4096u
#define POSTERN_BUSCONFIG_BYTES_MAX (64u << 20) /* of all files together */
#define POSTERN_BUSCONFIG_DEPTH_MAX 16u         /* files that include one another */
#define POSTERN_BUSCONFIG_RULES_MAX (1u << 18)

/* A file that is being read, and the one that includes it. */
struct postern_busconfig_frame {
    const char *file;
    dev_t dev;
    ino_t ino;
    unsigned depth;
    const struct postern_busconfig_frame *parent;
};

struct postern_busconfig_reader {
    struct postern_busconfig *config;
    const struct postern_busconfig_frame *frame; /* the file that is being read */
    size_t n_files, n_bytes;
    size_t cap_rules;
    struct postern_busconfig_rule blank; /* a rule with the context of the <policy> that is being read */
};

/* Appends a copy of s to a NULL-terminated array that starts out as NULL. 0 or -ENOMEM. */
int postern_strings_append(char ***array, const char *s);
/* The same, unless the array has it already. */
int postern_strings_append_unique(char ***array, const char *s);
/* Replaces *s by a copy of value. 0 or -ENOMEM. */
int postern_string_replace(char **s, const char *value);
/* A new string: path itself when absolute, else relative to the directory of file. NULL when out of memory. */
char *postern_path_beside(const char *file, const char *path);

/* config/include.c: reads one file into reader->config; `where` asks for it (NULL: the first file). 0, or a negative errno with
 * *error; a missing file is 0 when ignore_missing is set. */
int postern_busconfig_file(struct postern_busconfig_reader *reader, const char *file, const struct postern_location *where, bool ignore_missing,
                           struct postern_error *error);
int postern_busconfig_include(void *reader, const struct postern_markup_node *node, struct postern_error *error);
int postern_busconfig_includedir(void *reader, const struct postern_markup_node *node, struct postern_error *error);

/* config/busconfig.c: takes what stands below a <busconfig>. */
int postern_busconfig_elements(struct postern_busconfig_reader *reader, const struct postern_markup_node *root, struct postern_error *error);

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
void postern_busconfig_rule_finish(struct postern_busconfig_rule *rule);

/* config/account.c: looks a user or group up, by name or number. 1 with *id, 0 when there is none, or a negative errno when the
 * look-up itself failed. */
int postern_account_user(const char *name, uint32_t *id);
int postern_account_group(const char *name, uint32_t *id);

#endif
