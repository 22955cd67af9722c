/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Service files are desktop files (Desktop Entry Specification, "Basic format of the file"): groups, keys, comments, escapes.
 * Groups and keys of others are theirs, and are passed over; what is not of this form at all spoils the file.
 */
#include "daemon/service.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "wire/name.h"

#define FILE_MAX_LEN (64u * 1024)
#define GROUP "D-BUS Service"
#define SUFFIX ".service"

/* One file being read. */
struct parser {
    const char *file;
    unsigned line;
    bool any_group, in_group, had_group;
    struct postern_service *found;
    struct postern_error *error;
};

void postern_service_free(struct postern_service *service)
{
    if (service == NULL)
        return;
    free(service->name);
    free(service->file);
    free(service->exec);
    free(service->user);
    free(service->systemd_unit);
    free(service->apparmor_label);
    free(service);
}

static int fault(const struct parser *parser, const char *what)
{
    return postern_error_set(parser->error, -EINVAL, "%s:%u: %s", parser->file, parser->line, what);
}

static char **key_target(struct postern_service *service, const char *key, size_t len)
{
    const struct {
        const char *key;
        char **target;
    } keys[] = {
        {"Name", &service->name},
        {"Exec", &service->exec},
        {"User", &service->user},
        {"SystemdService", &service->systemd_unit},
        {"AssumedAppArmorLabel", &service->apparmor_label},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strlen(keys[i].key) == len && memcmp(keys[i].key, key, len) == 0)
            return keys[i].target;
    return NULL;
}

/* The value with its escapes undone. 0, -ENOMEM, or -EINVAL with a reason. */
static int unescape(const struct parser *parser, const char *value, size_t len, char **result)
{
    static const char codes[] = "sntr\\", meanings[] = " \n\t\r\\";
    char *text = malloc(len + 1);
    size_t n = 0;

    if (text == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        const char *code;

        if (value[i] != '\\') {
            text[n++] = value[i];
            continue;
        }
        code = ++i < len ? strchr(codes, value[i]) : NULL;
        if (code == NULL) {
            free(text);
            return fault(parser, "a backslash must be followed by s, n, t, r or another backslash");
        }
        text[n++] = meanings[code - codes];
    }
    text[n] = '\0';
    *result = text;
    return 0;
}

static int take_group(struct parser *parser, const char *line, size_t len)
{
    size_t name_len = len - 2;

    if (len < 3 || line[len - 1] != ']' || memchr(line + 1, ']', name_len) != NULL || memchr(line + 1, '[', name_len) != NULL)
        return fault(parser, "a group must be written [NAME]");
    parser->any_group = true;
    parser->in_group = name_len == strlen(GROUP) && memcmp(line + 1, GROUP, name_len) == 0;
    if (parser->in_group && parser->had_group)
        return fault(parser, "the group [" GROUP "] stands there twice");
    parser->had_group = parser->had_group || parser->in_group;
    return 0;
}

/* KEY or KEY[LOCALE]; the latter is a translation, which none of our keys has. */
static bool key_is_valid(const char *key, size_t len)
{
    size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

    if (n == 0 || n >= len)
        return n == len && len > 0;
    return key[n] == '[' && key[len - 1] == ']' && len - n > 2;
}

static int take_key(struct parser *parser, const char *line, size_t len)
{
    const char *equals = memchr(line, '=', len), *value;
    char **target;
    size_t key_len;

    if (equals == NULL)
        return fault(parser, "neither a comment, nor [GROUP], nor KEY=VALUE");
    if (!parser->any_group)
        return fault(parser, "a key stands before the first [GROUP]");
    key_len = (size_t)(equals - line);
    while (key_len > 0 && line[key_len - 1] == ' ')
        key_len--;
    if (!key_is_valid(line, key_len))
        return fault(parser, "this is not the name of a key");
    target = parser->in_group ? key_target(parser->found, line, key_len) : NULL;
    if (target == NULL)
        return 0;
    if (*target != NULL)
        return fault(parser, "the key stands there twice");
    value = equals + 1;
    while (value < line + len && *value == ' ')
        value++;
    return unescape(parser, value, (size_t)(line + len - value), target);
}

static int take_line(struct parser *parser, const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
            return fault(parser, "there is a control character");
    if (strspn(line, " \t") >= len || line[0] == '#')
        return 0;
    return line[0] == '[' ? take_group(parser, line, len) : take_key(parser, line, len);
}

/* A key without a value says nothing. */
static void drop_empty(char **text)
{
    if (*text != NULL && **text == '\0') {
        free(*text);
        *text = NULL;
    }
}

/* Is what was found a service that can be started? The fault is what is missing, so there is no line to name. */
static int check_found(const struct parser *parser, bool by_helper)
{
    const struct postern_service *found = parser->found;
    const char *slash = strrchr(parser->file, '/'), *base = slash != NULL ? slash + 1 : parser->file;

    if (!parser->had_group)
        return postern_error_set(parser->error, -EINVAL, "%s: there is no group [" GROUP "]", parser->file);
    if (found->name == NULL)
        return postern_error_set(parser->error, -EINVAL, "%s: Name= is missing", parser->file);
    if (!postern_name_is_well_known(found->name, strlen(found->name)) || strcmp(found->name, POSTERN_DRIVER_NAME) == 0)
        return postern_error_set(parser->error, -EINVAL, "%s: Name=%s is not a well-known bus name", parser->file, found->name);
    if (found->exec == NULL && found->systemd_unit == NULL)
        return postern_error_set(parser->error, -EINVAL, "%s: there is neither Exec= nor SystemdService=", parser->file);
    /* dbus-daemon(1): so that the set-user-id helper finds the file by the name alone. */
    if (by_helper &&
        (strlen(base) != strlen(found->name) + strlen(SUFFIX) || strncmp(base, found->name, strlen(found->name)) != 0))
        return postern_error_set(parser->error, -EINVAL, "%s: for the <servicehelper> this file must be called %s" SUFFIX, parser->file,
                                 found->name);
    return 0;
}

static int parse_lines(struct parser *parser, const char *text, size_t len)
{
    const char *end = text + len;

    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t line_len = (size_t)((newline != NULL ? newline : end) - line);
        int r;

        parser->line++;
        r = take_line(parser, line, line_len);
        if (r < 0)
            return r;
        line += line_len + (newline != NULL);
    }
    return 0;
}

int postern_service_parse(const char *file, const char *text, size_t len, bool by_helper, struct postern_service **service,
                          struct postern_error *error)
{
    struct parser parser = {.file = file, .found = calloc(1, sizeof(*parser.found)), .error = error};
    int r;

    if (parser.found == NULL)
        return -ENOMEM;
    parser.found->file = strdup(file);
    if (parser.found->file == NULL)
        r = -ENOMEM;
    else if (!postern_utf8_is_valid(text, len))
        r = postern_error_set(error, -EINVAL, "%s: this is not UTF-8 text", file);
    else
        r = parse_lines(&parser, text, len);
    drop_empty(&parser.found->exec);
    drop_empty(&parser.found->user);
    drop_empty(&parser.found->systemd_unit);
    if (r == 0)
        r = check_found(&parser, by_helper);
    if (r < 0)
        postern_service_free(parser.found);
    else
        *service = parser.found;
    return r;
}

/* The whole file with a NUL behind. 0 or negative errno with a reason. */
static int read_file(const char *file, struct postern_buf *text, struct postern_error *error)
{
    postern_autoclose int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return postern_error_set(error, -errno, "%s: %s", file, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return postern_error_set(error, -EINVAL, "%s: not a regular file", file);
    if (postern_buf_reserve(text, FILE_MAX_LEN + 1) < 0)
        return -ENOMEM;
    while (text->len <= FILE_MAX_LEN) {
        ssize_t n = read(fd, text->data + text->len, FILE_MAX_LEN + 1 - text->len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return postern_error_set(error, -errno, "%s: %s", file, strerror(errno));
        if (n == 0)
            return postern_buf_append(text, "", 1);
        text->len += (size_t)n;
    }
    return postern_error_set(error, -EFBIG, "%s: longer than %u bytes", file, FILE_MAX_LEN);
}

const struct postern_service *postern_services_find(const struct postern_services *services, const char *name)
{
    struct postern_service *found;

    HASH_FIND_STR(services->table, name, found);
    return found;
}

/* What one load works on. */
struct loading {
    struct postern_services found;
    bool by_helper;
    postern_service_warn_fn *warn;
    void *data;
};

/* Adds a service unless an earlier directory has its name. */
static int take_service(struct loading *loading, const char *dir, struct postern_service *service)
{
    const struct postern_service *other = postern_services_find(&loading->found, service->name);
    size_t len = strlen(dir);
    struct postern_error error;

    if (other == NULL) {
        HASH_ADD_KEYPTR(hh, loading->found.table, service->name, strlen(service->name), service);
        if (service->hh.tbl != NULL)
            return 0;
        postern_service_free(service);
        return -ENOMEM;
    }
    if (strncmp(other->file, dir, len) == 0 && other->file[len] == '/' && strchr(other->file + len + 1, '/') == NULL) {
        postern_error_set(&error, 0, "%s: %s is already the service of %s", service->file, service->name, other->file);
        loading->warn(loading->data, error.text);
    }
    postern_service_free(service);
    return 0;
}

static int load_file(struct loading *loading, const char *dir, const char *base)
{
    postern_autofree char *file = NULL;
    struct postern_buf text = {0};
    struct postern_service *service;
    struct postern_error error = {""};
    int r;

    if (asprintf(&file, "%s/%s", dir, base) < 0) {
        file = NULL;
        return -ENOMEM;
    }
    r = read_file(file, &text, &error);
    if (r == 0)
        r = postern_service_parse(file, (const char *)text.data, text.len - 1, loading->by_helper, &service, &error);
    postern_buf_finish(&text);
    if (r == 0)
        return take_service(loading, dir, service);
    if (r == -ENOMEM)
        return r;
    loading->warn(loading->data, error.text);
    return 0;
}

static int is_service_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name), suffix = strlen(SUFFIX);

    return entry->d_name[0] != '.' && len > suffix && strcmp(entry->d_name + len - suffix, SUFFIX) == 0;
}

static int compare_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_dir(struct loading *loading, const char *dir)
{
    struct dirent **entries;
    struct postern_error error;
    int n = scandir(dir, &entries, is_service_file, compare_bytes);
    int r = 0;

    if (n < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (n < 0 && errno == ENOMEM)
        return -ENOMEM;
    if (n < 0) {
        postern_error_set(&error, 0, "%s: %s", dir, strerror(errno));
        loading->warn(loading->data, error.text);
        return 0;
    }
    for (int i = 0; i < n; i++) {
        if (r == 0)
            r = load_file(loading, dir, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return r;
}

int postern_services_load(struct postern_services *services, char *const *dirs, bool by_helper, postern_service_warn_fn *warn,
                          void *data)
{
    struct loading loading = {.by_helper = by_helper, .warn = warn, .data = data};
    int r = 0;

    for (size_t i = 0; dirs != NULL && dirs[i] != NULL && r == 0; i++)
        r = load_dir(&loading, dirs[i]);
    if (r < 0)
        postern_services_finish(&loading.found);
    *services = loading.found;
    return r;
}

static int make_dir(const char *runtime_dir, const char *below)
{
    postern_autofree char *path = NULL;

    if (asprintf(&path, "%s/%s", runtime_dir, below) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int postern_services_make_runtime_dir(const char *runtime_dir)
{
    int r = make_dir(runtime_dir, "dbus-1");

    return r < 0 ? r : make_dir(runtime_dir, "dbus-1/services");
}

void postern_services_finish(struct postern_services *services)
{
    struct postern_service *service, *next;

    HASH_ITER(hh, services->table, service, next)
    {
        HASH_DEL(services->table, service);
        postern_service_free(service);
    }
}
