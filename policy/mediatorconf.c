/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/mediatorconf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/mediatorconf_reader.h"
#include "util/buf.h"
#include "util/cleanup.h"

static const char *const provider_names[POSTERN_PROVIDERS] = {
    [POSTERN_PROVIDER_SOCKET] = "socket",
    [POSTERN_PROVIDER_SELINUX] = "selinux",
    [POSTERN_PROVIDER_APPARMOR] = "apparmor",
    [POSTERN_PROVIDER_CGROUP] = "cgroup",
};

int postern_mediatorconf_word(const struct postern_markup_node *node, const char *attribute, const char *const *words, int n,
                              struct postern_error *error)
{
    const char *value = postern_markup_value(node, attribute);
    struct postern_buf list = {0};
    int i = 0;

    if (value == NULL)
        return n;
    while (i < n && strcmp(words[i], value) != 0)
        i++;
    if (i < n)
        return i;
    for (i = 0; i < n; i++)
        if (postern_buf_printf(&list, "%s\"%s\"", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]) < 0)
            break;
    postern_location_error(postern_markup_where(node, attribute), error, "%s=\"%s\": expected %.*s", attribute, value, (int)list.len,
                           (const char *)list.data);
    postern_buf_finish(&list);
    return -1;
}

/* ---- <identity> ---------------------------------------------------------------------------------- */

static int parse_order(struct postern_mediatorconf *conf, const struct postern_markup_node *node, const char *order,
                       struct postern_error *error)
{
    const struct postern_location *where = postern_markup_where(node, "order");
    enum postern_provider list[POSTERN_PROVIDERS];
    unsigned seen = 0;
    size_t n = 0;

    for (order += strspn(order, " \t\n"); *order != '\0'; order += strspn(order, " \t\n")) {
        int len = (int)strcspn(order, " \t\n"), provider = 0;

        while (provider < POSTERN_PROVIDERS &&
               ((int)strlen(provider_names[provider]) != len || memcmp(provider_names[provider], order, (size_t)len) != 0))
            provider++;
        if (provider == POSTERN_PROVIDERS)
            return postern_location_error(where, error, "unknown provider \"%.*s\" in order; known are: socket, selinux, apparmor, cgroup",
                                          len, order);
        if (seen & 1u << provider)
            return postern_location_error(where, error, "provider \"%.*s\" is twice in order", len, order);
        seen |= 1u << provider;
        list[n++] = (enum postern_provider)provider;
        order += len;
    }
    /* What came through a container's own socket must not be taken for something else by a weaker source. */
    if (n == 0 || list[0] != POSTERN_PROVIDER_SOCKET)
        return postern_location_error(where, error, "order must begin with \"socket\"");
    memcpy(conf->order, list, n * sizeof(list[0]));
    conf->n_order = n;
    return 0;
}

static int on_identity(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    static const char *const words[] = {"ignore", "identify"};
    struct postern_mediatorconf *conf = ((struct postern_mediatorconf_reader *)data)->conf;
    const char *order = postern_markup_value(node, "order");
    int unpinned = postern_mediatorconf_word(node, "unpinned", words, 2, error);

    if (unpinned < 0)
        return -EINVAL;
    if (unpinned < 2)
        conf->unpinned_identifies = unpinned == 1;
    return order != NULL ? parse_order(conf, node, order, error) : 0;
}

/* ---- <containers> -------------------------------------------------------------------------------- */

int postern_mediatorconf_mode(const struct postern_markup_node *node, const char *attribute, enum postern_container_mode *mode,
                              struct postern_error *error)
{
    static const char *const words[] = {"restrict", "complain", "identify"};
    static const enum postern_container_mode modes[] = {POSTERN_MODE_RESTRICT, POSTERN_MODE_COMPLAIN, POSTERN_MODE_IDENTIFY};
    int i = postern_mediatorconf_word(node, attribute, words, 3, error);

    if (i < 0)
        return -EINVAL;
    if (i < 3)
        *mode = modes[i];
    return 0;
}

static int on_containers(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    static const char *const broadcasts[] = {"everyone", "instance"}, *const headers[] = {"always", "requested"};
    struct postern_mediatorconf *conf = ((struct postern_mediatorconf_reader *)data)->conf;
    int broadcast = postern_mediatorconf_word(node, "broadcasts", broadcasts, 2, error);
    int header = broadcast < 0 ? -1 : postern_mediatorconf_word(node, "instance-header", headers, 2, error);

    if (header < 0)
        return -EINVAL;
    if (broadcast < 2)
        conf->broadcasts_inside = broadcast == 1;
    if (header < 2)
        conf->header_on_request = header == 1;
    if (postern_mediatorconf_mode(node, "default-mode", &conf->default_mode, error) < 0 ||
        postern_mediatorconf_mode(node, "implicit-mode", &conf->implicit_mode, error) < 0 ||
        postern_markup_number(node, "max-total", INT32_MAX, &conf->max_total, error) < 0 ||
        postern_markup_number(node, "max-per-user", INT32_MAX, &conf->max_per_user, error) < 0 ||
        postern_markup_number(node, "max-connections", INT32_MAX, &conf->max_connections, error) < 0 ||
        postern_markup_number(node, "max-metadata", INT32_MAX, &conf->max_metadata, error) < 0 ||
        postern_markup_number(node, "max-rules", INT32_MAX, &conf->max_rules, error) < 0 ||
        postern_markup_number(node, "max-grants", INT32_MAX, &conf->max_grants, error) < 0)
        return -EINVAL;
    return 0;
}

/* ---- files --------------------------------------------------------------------------------------- */

static int on_includedir(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_mediatorconf_reader *reader = data;
    postern_autofree char *dir = postern_path_beside(node->where.file, node->text);

    if (dir == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    return postern_files_read_dir(&reader->files, dir, &node->where, error);
}

static int on_mediator(void *data, const struct postern_markup_node *root, struct postern_error *error)
{
    static const char *const identity[] = {"order", "unpinned", NULL};
    static const char *const containers[] = {"default-mode", "implicit-mode", "broadcasts", "instance-header", "max-total",
                                             "max-per-user", "max-connections", "max-metadata", "max-rules", "max-grants", NULL};
    static const char *const label[] = {"lsm", "match", "type", NULL}, *const cgroup[] = {"match", "type", NULL};
    static const char *const container[] = {"type", "name", "mode", NULL};
    static const struct postern_markup_element elements[] = {
        {"identity", POSTERN_MARKUP_EMPTY, identity, on_identity},
        {"containers", POSTERN_MARKUP_EMPTY, containers, on_containers},
        {"label", POSTERN_MARKUP_EMPTY, label, postern_mediatorconf_label},
        {"cgroup", POSTERN_MARKUP_EMPTY, cgroup, postern_mediatorconf_cgroup},
        {"container", POSTERN_MARKUP_NODES, container, postern_mediatorconf_container},
        {"includedir", POSTERN_MARKUP_TEXT, NULL, on_includedir},
    };

    return postern_markup_walk(root, elements, sizeof(elements) / sizeof(elements[0]), data, error);
}

/* What is in a directory that this user may not even search is not this user's: a program that was started with another user's HOME
 * must not fail for it. What can be seen and not be read is an error. */
static bool is_there(const char *path)
{
    return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR && errno != EACCES);
}

/* DIR/postern/mediator.conf and DIR/postern/mediator.conf.d, as far as they exist; *found says whether either does. */
static int read_default(struct postern_mediatorconf_reader *reader, const char *dir, bool *found, struct postern_error *error)
{
    postern_autofree char *file = NULL, *more = NULL;
    int code;

    if (asprintf(&file, "%s/postern/mediator.conf", dir) < 0) {
        file = NULL; /* asprintf() leaves it undefined */
        return postern_error_set(error, -ENOMEM, "out of memory");
    }
    if (asprintf(&more, "%s.d", file) < 0) {
        more = NULL;
        return postern_error_set(error, -ENOMEM, "out of memory");
    }
    *found = is_there(file) || is_there(more);
    if (!*found)
        return 0;
    code = postern_files_read(&reader->files, file, NULL, true, error);
    return code < 0 ? code : postern_files_read_dir(&reader->files, more, NULL, error);
}

static int read_user(struct postern_mediatorconf_reader *reader, bool *found, struct postern_error *error)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char *dir;
    int code;

    *found = false;
    /* The XDG base directory specification wants relative paths ignored. */
    if (config != NULL && *config == '/')
        return read_default(reader, config, found, error);
    if (home == NULL || *home != '/')
        return 0;
    if (asprintf(&dir, "%s/.config", home) < 0)
        return postern_error_set(error, -ENOMEM, "out of memory");
    code = read_default(reader, dir, found, error);
    free(dir);
    return code;
}

static int read_files(struct postern_mediatorconf_reader *reader, const char *path, bool system_bus, struct postern_error *error)
{
    bool found = false;
    int code;

    if (path != NULL)
        return postern_files_read(&reader->files, path, NULL, false, error);
    code = system_bus ? 0 : read_user(reader, &found, error);
    return code < 0 || found ? code : read_default(reader, POSTERN_SYSCONFDIR, &found, error);
}

int postern_mediatorconf_read(const char *path, bool system_bus, struct postern_mediatorconf **conf, struct postern_error *error)
{
    static const struct postern_markup_element root = {"mediator", POSTERN_MARKUP_NODES, NULL, on_mediator};
    struct postern_mediatorconf_reader reader = {.conf = calloc(1, sizeof(*reader.conf))};
    int code;

    if (reader.conf == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    *reader.conf = (struct postern_mediatorconf){
        .order = {POSTERN_PROVIDER_SOCKET, POSTERN_PROVIDER_SELINUX, POSTERN_PROVIDER_APPARMOR, POSTERN_PROVIDER_CGROUP},
        .n_order = POSTERN_PROVIDERS,
        .default_mode = POSTERN_MODE_RESTRICT,
        .implicit_mode = POSTERN_MODE_IDENTIFY,
        .max_rules = POSTERN_LIMIT_UNSET,
        .max_grants = POSTERN_LIMIT_UNSET,
        .max_total = POSTERN_LIMIT_UNSET,
        .max_per_user = POSTERN_LIMIT_UNSET,
        .max_connections = POSTERN_LIMIT_UNSET,
        .max_metadata = POSTERN_LIMIT_UNSET,
    };
    reader.files = (struct postern_files){.root = &root, .data = &reader};
    code = read_files(&reader, path, system_bus, error);
    reader.conf->files = reader.files.names;
    if (code == 0 && postern_mediatorconf_shipped(reader.conf) < 0)
        code = postern_error_set(error, -ENOMEM, "out of memory");
    if (code < 0) {
        postern_mediatorconf_free(reader.conf);
        return code;
    }
    *conf = reader.conf;
    return 0;
}

void postern_mediatorconf_free(struct postern_mediatorconf *conf)
{
    if (conf == NULL)
        return;
    for (size_t i = 0; i < conf->n_matches; i++) {
        free(conf->matches[i].pattern);
        free(conf->matches[i].type);
    }
    for (size_t i = 0; i < conf->n_containers; i++) {
        for (size_t k = 0; k < conf->containers[i].n_rules; k++)
            postern_rule_finish(&conf->containers[i].rules[k]);
        free(conf->containers[i].rules);
        free(conf->containers[i].type);
        free(conf->containers[i].name);
    }
    free(conf->matches);
    free(conf->containers);
    postern_strings_free(conf->files);
    free(conf);
}
