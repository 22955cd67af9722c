/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that include files. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBSELINUX
#include <selinux/selinux.h>
#endif

#include "config/reader.h"
#include "util/buf.h"
#include "util/cleanup.h"

static const struct postern_markup_element root_element = {"busconfig", POSTERN_MARKUP_NODES, NULL, NULL};

#ifdef HAVE_LIBSELINUX
static bool selinux_enabled(void)
{
    return is_selinux_enabled() == 1;
}

static const char *selinux_root(void)
{
    return selinux_policy_root();
}
#else
static bool selinux_enabled(void)
{
    return false;
}

static const char *selinux_root(void)
{
    return NULL;
}
#endif

/* Puts the place that asks for a file before what is wrong with the file. */
static int fail(const struct postern_location *where, int code, const struct postern_error *why, struct postern_error *error)
{
    if (where == NULL)
        return postern_error_set(error, code, "%s", why->text);
    postern_location_error(where, error, "%s", why->text);
    return code;
}

static int check_bounds(const struct postern_busconfig_reader *reader, const struct postern_markup_source *source,
                        const struct postern_location *where, struct postern_error *error)
{
    struct postern_error why;

    for (const struct postern_busconfig_frame *frame = reader->frame; frame != NULL; frame = frame->parent)
        if (frame->dev == source->dev && frame->ino == source->ino) {
            postern_error_set(&why, 0, "\"%s\" includes itself", source->file);
            return fail(where, -ELOOP, &why, error);
        }
    if (reader->frame != NULL && reader->frame->depth >= POSTERN_BUSCONFIG_DEPTH_MAX)
        postern_error_set(&why, 0, "files include one another too deeply");
    else if (reader->n_files >= POSTERN_BUSCONFIG_FILES_MAX || reader->n_bytes + source->len > POSTERN_BUSCONFIG_BYTES_MAX)
        postern_error_set(&why, 0, "the configuration is too large: at most %u files and %u bytes", POSTERN_BUSCONFIG_FILES_MAX,
                          POSTERN_BUSCONFIG_BYTES_MAX);
    else
        return 0;
    return fail(where, -E2BIG, &why, error);
}

/* Parses a file that has been read, and takes what is in it. */
static int take(struct postern_busconfig_reader *reader, const struct postern_markup_source *source, struct postern_error *error)
{
    struct postern_busconfig_frame frame = {
        .file = source->file,
        .dev = source->dev,
        .ino = source->ino,
        .depth = reader->frame != NULL ? reader->frame->depth + 1 : 1,
        .parent = reader->frame,
    };
    struct postern_markup_node *root;
    int code = postern_markup_parse(source, &root, error);

    if (code < 0)
        return code;
    reader->frame = &frame;
    code = postern_markup_check_root(root, &root_element, error);
    if (code == 0)
        code = postern_busconfig_elements(reader, root, error);
    reader->frame = frame.parent;
    postern_markup_free(root);
    return code;
}

int postern_busconfig_file(struct postern_busconfig_reader *reader, const char *file, const struct postern_location *where, bool ignore_missing,
                           struct postern_error *error)
{
    struct postern_markup_source source;
    struct postern_error why;
    int code = postern_markup_source_read(file, &source, &why);

    if (code == -ENOENT && ignore_missing)
        return 0;
    if (code < 0)
        return fail(where, code, &why, error);
    code = check_bounds(reader, &source, where, error);
    if (code == 0)
        code = postern_strings_append(&reader->config->files, file);
    if (code == 0) {
        /* Locations point to the name that the configuration keeps. */
        source.file = reader->config->files[reader->n_files++];
        reader->n_bytes += source.len;
        code = take(reader, &source, error);
    } else if (code == -ENOMEM) {
        postern_error_set(error, code, "out of memory");
    }
    postern_markup_source_finish(&source);
    return code;
}

int postern_busconfig_include(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig_reader *reader = data;
    bool ignore_missing = false, if_selinux = false, selinux_relative = false;
    postern_autofree char *path = NULL;

    if (postern_markup_bool(node, "ignore_missing", "yes", "no", &ignore_missing, error) < 0 ||
        postern_markup_bool(node, "if_selinux_enabled", "yes", "no", &if_selinux, error) < 0 ||
        postern_markup_bool(node, "selinux_root_relative", "yes", "no", &selinux_relative, error) < 0)
        return -EINVAL;
    if (if_selinux && !selinux_enabled())
        return 0;
    if (selinux_relative && *node->text != '/') {
        struct postern_buf buf = {0};

        if (selinux_root() == NULL)
            return postern_location_error(&node->where, error, "selinux_root_relative: this machine has no SELinux policy");
        if (postern_buf_printf(&buf, "%s/%s", selinux_root(), node->text) < 0 || postern_buf_append(&buf, "", 1) < 0)
            postern_buf_finish(&buf);
        path = (char *)buf.data;
    } else {
        path = postern_path_beside(reader->frame->file, node->text);
    }
    if (path == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    return postern_busconfig_file(reader, path, &node->where, ignore_missing, error);
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

static int include_entry(struct postern_busconfig_reader *reader, const char *dir, const char *name, const struct postern_location *where,
                         struct postern_error *error)
{
    struct postern_buf buf = {0};
    int code = -ENOMEM;

    /* A file that vanished since the directory was listed is not there: no error. */
    if (postern_buf_printf(&buf, "%s/%s", dir, name) == 0 && postern_buf_append(&buf, "", 1) == 0)
        code = postern_busconfig_file(reader, (const char *)buf.data, where, true, error);
    else
        postern_error_set(error, code, "out of memory");
    postern_buf_finish(&buf);
    return code;
}

int postern_busconfig_includedir(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig_reader *reader = data;
    struct dirent **entries;
    int n, code = 0;
    postern_autofree char *dir = postern_path_beside(reader->frame->file, node->text);

    if (dir == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    n = scandir(dir, &entries, is_conf, by_name);
    if (n < 0 && errno == ENOENT)
        return 0;
    if (n < 0) {
        code = -errno;
        postern_location_error(&node->where, error, "cannot list \"%s\": %s", dir, strerror(-code));
        return code;
    }
    for (int i = 0; i < n; i++) {
        if (code == 0)
            code = include_entry(reader, dir, entries[i]->d_name, &node->where, error);
        free(entries[i]);
    }
    free(entries);
    return code;
}
