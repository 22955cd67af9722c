/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/busconfig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"

int postern_string_replace(char **s, const char *value)
{
    char *copy = strdup(value);

    if (copy == NULL)
        return -ENOMEM;
    free(*s);
    *s = copy;
    return 0;
}

/* What is wrong with these is known only to who uses them, later. */
static int remember_where(struct postern_busconfig *config, const struct postern_markup_node *node)
{
    struct postern_location *grown;
    size_t n = 0;

    if (strcmp(node->name, "user") == 0)
        config->user_where = node->where;
    else if (strcmp(node->name, "auth") == 0)
        config->auth_where = node->where;
    if (strcmp(node->name, "listen") != 0)
        return 0;
    while (config->listen[n] != NULL) /* the one that was just added included */
        n++;
    grown = reallocarray(config->listen_where, n, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    grown[n - 1] = node->where;
    config->listen_where = grown;
    return 0;
}

/* Where the text of a plain element goes. */
static int on_text(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig *config = ((struct postern_busconfig_reader *)data)->config;
    const struct {
        const char *name;
        char **string;   /* the last one wins */
        char ***strings; /* all count */
    } places[] = {
        {"type", &config->type, NULL},       {"user", &config->user, NULL}, {"pidfile", &config->pidfile, NULL},
        {"listen", NULL, &config->listen},   {"auth", NULL, &config->auth},
    };
    int code = -EINVAL;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (strcmp(places[i].name, node->name) == 0)
            code = places[i].string != NULL ? postern_string_replace(places[i].string, node->text)
                                            : postern_strings_append(places[i].strings, node->text);
    if (code == 0)
        code = remember_where(config, node);
    return code < 0 ? postern_error_set(error, code, "out of memory") : 0;
}

static int on_flag(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig *config = ((struct postern_busconfig_reader *)data)->config;

    if (strcmp(node->name, "fork") == 0)
        config->fork = true;
    else if (strcmp(node->name, "keep_umask") == 0)
        config->keep_umask = true;
    else if (strcmp(node->name, "syslog") == 0)
        config->syslog = true;
    else
        config->allow_anonymous = true;
    return 0;
}

static int on_servicedir(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig_reader *reader = data;
    char *path = postern_path_beside(node->where.file, node->text);
    int code = path != NULL ? postern_strings_append_unique(&reader->config->servicedirs, path) : -ENOMEM;

    free(path);
    return code < 0 ? postern_error_set(error, code, "out of memory") : 0;
}

static int on_servicehelper(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig_reader *reader = data;
    char *path = postern_path_beside(node->where.file, node->text);

    if (path == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    free(reader->config->servicehelper);
    reader->config->servicehelper = path;
    return 0;
}

static int on_associate(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig *config = ((struct postern_busconfig_reader *)data)->config;
    const char *own = postern_markup_value(node, "own"), *context = postern_markup_value(node, "context");
    struct postern_busconfig_associate *grown, *associate;

    if (own == NULL || context == NULL)
        return postern_location_error(&node->where, error, "<associate> needs the attributes \"own\" and \"context\"");
    grown = reallocarray(config->associates, config->n_associates + 1, sizeof(*grown));
    if (grown == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    config->associates = grown;
    associate = &grown[config->n_associates];
    *associate = (struct postern_busconfig_associate){.name = strdup(own), .context = strdup(context), .where = node->where};
    config->n_associates++;
    if (associate->name == NULL || associate->context == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    return 0;
}

static int on_selinux(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    static const char *const attributes[] = {"own", "context", NULL};
    static const struct postern_markup_element elements[] = {{"associate", POSTERN_MARKUP_EMPTY, attributes, on_associate}};

    return postern_markup_walk(node, elements, 1, data, error);
}

static int on_apparmor(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    static const char *const modes[] = {
        [POSTERN_APPARMOR_ENABLED] = "enabled",
        [POSTERN_APPARMOR_DISABLED] = "disabled",
        [POSTERN_APPARMOR_REQUIRED] = "required",
    };
    struct postern_busconfig *config = ((struct postern_busconfig_reader *)data)->config;
    const char *mode = postern_markup_value(node, "mode");
    size_t i = 0;

    while (mode != NULL && i < 3 && strcmp(modes[i], mode) != 0)
        i++;
    if (i == 3)
        return postern_location_error(postern_markup_where(node, "mode"), error,
                                      "mode=\"%s\": expected \"enabled\", \"disabled\" or \"required\"", mode);
    config->apparmor_given = true;
    config->apparmor = (enum postern_apparmor_mode)i;
    config->apparmor_where = node->where;
    return 0;
}

static int on_busconfig(void *data, const struct postern_markup_node *root, struct postern_error *error)
{
    static const char *const include_attributes[] = {"ignore_missing", "if_selinux_enabled", "selinux_root_relative", NULL};
    static const char *const policy_attributes[] = {"context", "user", "group", "at_console", NULL};
    static const char *const limit_attributes[] = {"name", NULL};
    static const char *const apparmor_attributes[] = {"mode", NULL};
    static const struct postern_markup_element elements[] = {
        {"type", POSTERN_MARKUP_TEXT, NULL, on_text},
        {"user", POSTERN_MARKUP_TEXT, NULL, on_text},
        {"listen", POSTERN_MARKUP_TEXT, NULL, on_text},
        {"auth", POSTERN_MARKUP_TEXT, NULL, on_text},
        {"pidfile", POSTERN_MARKUP_TEXT, NULL, on_text},
        {"fork", POSTERN_MARKUP_EMPTY, NULL, on_flag},
        {"keep_umask", POSTERN_MARKUP_EMPTY, NULL, on_flag},
        {"syslog", POSTERN_MARKUP_EMPTY, NULL, on_flag},
        {"allow_anonymous", POSTERN_MARKUP_EMPTY, NULL, on_flag},
        {"include", POSTERN_MARKUP_TEXT, include_attributes, postern_busconfig_include},
        {"includedir", POSTERN_MARKUP_TEXT, NULL, postern_busconfig_includedir},
        {"servicedir", POSTERN_MARKUP_TEXT, NULL, on_servicedir},
        {"servicehelper", POSTERN_MARKUP_TEXT, NULL, on_servicehelper},
        {"standard_session_servicedirs", POSTERN_MARKUP_EMPTY, NULL, postern_busconfig_session_dirs},
        {"standard_system_servicedirs", POSTERN_MARKUP_EMPTY, NULL, postern_busconfig_system_dirs},
        {"limit", POSTERN_MARKUP_TEXT, limit_attributes, postern_busconfig_limit},
        {"policy", POSTERN_MARKUP_NODES, policy_attributes, postern_busconfig_policy},
        {"selinux", POSTERN_MARKUP_NODES, NULL, on_selinux},
        {"apparmor", POSTERN_MARKUP_EMPTY, apparmor_attributes, on_apparmor},
    };

    return postern_markup_walk(root, elements, sizeof(elements) / sizeof(elements[0]), data, error);
}

int postern_busconfig_read(const char *path, const struct postern_busconfig_source *source, struct postern_busconfig **config,
                           struct postern_error *error)
{
    static const struct postern_markup_element root = {"busconfig", POSTERN_MARKUP_NODES, NULL, on_busconfig};
    struct postern_busconfig_reader reader = {.config = calloc(1, sizeof(*reader.config))};
    int code;

    if (reader.config == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    if (source != NULL)
        reader.source = *source;
    if (reader.source.lookup == NULL)
        reader.source.lookup = postern_lookup_nss;
    reader.files = (struct postern_files){.root = &root, .data = &reader};
    postern_busconfig_limits_init(&reader.config->limits);
    code = postern_files_read(&reader.files, path, NULL, false, error);
    reader.config->files = reader.files.names;
    if (code == 0 && reader.config->listen == NULL)
        code = postern_error_set(error, -EINVAL, "%s:1:1: needs at least one <listen> with an address", path);
    if (code < 0) {
        postern_busconfig_free(reader.config);
        return code;
    }
    postern_busconfig_limits_finish(&reader.config->limits, reader.config->type);
    *config = reader.config;
    return 0;
}

void postern_busconfig_free(struct postern_busconfig *config)
{
    if (config == NULL)
        return;
    free(config->type);
    free(config->user);
    free(config->pidfile);
    free(config->servicehelper);
    postern_strings_free(config->listen);
    free(config->listen_where);
    postern_strings_free(config->auth);
    postern_strings_free(config->servicedirs);
    free(config->runtime_dir);
    postern_strings_free(config->includedirs);
    postern_strings_free(config->files);
    postern_strings_free(config->warnings);
    for (size_t i = 0; i < config->n_associates; i++) {
        free(config->associates[i].name);
        free(config->associates[i].context);
    }
    free(config->associates);
    for (size_t i = 0; i < config->n_rules; i++)
        postern_busconfig_rule_finish(&config->rules[i]);
    free(config->rules);
    free(config);
}
