/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folders of service files; service_parse.c reads what stands in one file. */
#include "daemon/service.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"

#define FILE_MAX_LEN (64u * 1024)

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
        if (service->hh.tbl != NULL) {
            if (service->refused != NULL)
                loading->warn(loading->data, service->refused);
            return 0;
        }
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
    size_t len = strlen(entry->d_name), suffix = strlen(POSTERN_SERVICE_SUFFIX);

    return entry->d_name[0] != '.' && len > suffix && strcmp(entry->d_name + len - suffix, POSTERN_SERVICE_SUFFIX) == 0;
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
