/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file that is being read, and the one that includes it. */
struct postern_files_frame {
    dev_t dev;
    ino_t ino;
    unsigned depth;
    const struct postern_files_frame *parent;
};

/* Puts the place that asks for a file before what is wrong with the file. */
static int fail(const struct postern_location *where, int code, const struct postern_error *why, struct postern_error *error)
{
    if (where == NULL)
        return postern_error_set(error, code, "%s", why->text);
    postern_location_error(where, error, "%s", why->text);
    return code;
}

static int check_bounds(const struct postern_files *files, const struct postern_markup_source *source, const struct postern_location *where,
                        struct postern_error *error)
{
    struct postern_error why;

    /* By what the file is, not by what it is called: names of one file are many. */
    for (const struct postern_files_frame *frame = files->frame; frame != NULL; frame = frame->parent)
        if (frame->dev == source->dev && frame->ino == source->ino) {
            postern_error_set(&why, 0, "\"%s\" includes itself", source->file);
            return fail(where, -ELOOP, &why, error);
        }
    if (files->frame != NULL && files->frame->depth >= POSTERN_FILES_DEPTH_MAX)
        postern_error_set(&why, 0, "files include one another too deeply");
    else if (files->n_read > POSTERN_FILES_MAX || files->bytes + source->len > POSTERN_FILES_BYTES_MAX)
        postern_error_set(&why, 0, "the configuration is too large: at most %u files and %u bytes", POSTERN_FILES_MAX,
                          POSTERN_FILES_BYTES_MAX);
    else
        return 0;
    return fail(where, -E2BIG, &why, error);
}

/* Parses a file that has been read, and takes what is in it. */
static int take(struct postern_files *files, const struct postern_markup_source *source, struct postern_error *error)
{
    struct postern_files_frame frame = {
        .dev = source->dev,
        .ino = source->ino,
        .depth = files->frame != NULL ? files->frame->depth + 1 : 1,
        .parent = files->frame,
    };
    struct postern_markup_node *root;
    int code = postern_markup_parse(source, &root, error);

    if (code < 0)
        return code;
    files->frame = &frame;
    code = postern_markup_check_root(root, files->root, error);
    if (code == 0)
        code = files->root->fn(files->data, root, error);
    files->frame = frame.parent;
    postern_markup_free(root);
    return code;
}

int postern_files_read(struct postern_files *files, const char *file, const struct postern_location *where, bool ignore_missing,
                       struct postern_error *error)
{
    struct postern_markup_source source;
    struct postern_error why;
    int code = postern_markup_source_read(file, &source, &why);

    if (code == -ENOENT && ignore_missing)
        return 0;
    if (code < 0)
        return fail(where, code, &why, error);
    files->n_read++;
    code = check_bounds(files, &source, where, error);
    if (code == 0 && postern_strings_append(&files->names, file) < 0)
        code = postern_error_set(error, -ENOMEM, "out of memory");
    if (code == 0) {
        /* Locations point to the copy of the name that is kept. */
        source.file = files->names[files->n++];
        files->bytes += source.len;
        code = take(files, &source, error);
    }
    postern_markup_source_finish(&source);
    return code;
}

static int is_conf(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

/* Byte order, whatever the locale says. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int call_entry(const char *dir, const char *name, const struct postern_location *where, postern_files_fn *fn, void *data,
                      struct postern_error *error)
{
    char *file;
    int code;

    if (asprintf(&file, "%s/%s", dir, name) < 0)
        return postern_error_set(error, -ENOMEM, "out of memory");
    code = fn(data, file, where, error);
    free(file);
    return code;
}

int postern_files_each(const char *dir, const struct postern_location *where, postern_files_fn *fn, void *data, struct postern_error *error)
{
    struct dirent **entries;
    struct postern_error why;
    int n = scandir(dir, &entries, is_conf, by_name), code = 0;

    if (n < 0 && errno == ENOENT)
        return 0;
    if (n < 0) {
        code = -errno;
        postern_error_set(&why, code, "cannot list \"%s\": %s", dir, strerror(-code));
        return fail(where, code, &why, error);
    }
    for (int i = 0; i < n; i++) {
        if (code == 0)
            code = call_entry(dir, entries[i]->d_name, where, fn, data, error);
        free(entries[i]);
    }
    free(entries);
    return code;
}

/* A file that vanished since the directory was listed is not there: no error. */
static int read_entry(void *data, const char *file, const struct postern_location *where, struct postern_error *error)
{
    return postern_files_read(data, file, where, true, error);
}

int postern_files_read_dir(struct postern_files *files, const char *dir, const struct postern_location *where, struct postern_error *error)
{
    return postern_files_each(dir, where, read_entry, files, error);
}

void postern_files_forget(struct postern_files *files, size_t n)
{
    while (files->n > n) {
        free(files->names[--files->n]);
        files->names[files->n] = NULL;
    }
}

int postern_strings_append(char ***array, const char *s)
{
    char **grown;
    size_t n = 0;

    while (*array != NULL && (*array)[n] != NULL)
        n++;
    grown = reallocarray(*array, n + 2, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    *array = grown;
    grown[n + 1] = NULL;
    grown[n] = strdup(s);
    return grown[n] != NULL ? 0 : -ENOMEM;
}

int postern_strings_append_unique(char ***array, const char *s)
{
    return postern_strings_have(*array, s) ? 0 : postern_strings_append(array, s);
}

bool postern_strings_have(char *const *array, const char *s)
{
    for (size_t i = 0; array != NULL && array[i] != NULL; i++)
        if (strcmp(array[i], s) == 0)
            return true;
    return false;
}

void postern_strings_free(char **array)
{
    for (size_t i = 0; array != NULL && array[i] != NULL; i++)
        free(array[i]);
    free(array);
}

char *postern_path_beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    char *whole;

    if (*path == '/' || slash == NULL)
        return strdup(path);
    return asprintf(&whole, "%.*s/%s", (int)(slash - file), file, path) < 0 ? NULL : whole;
}
