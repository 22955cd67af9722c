/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <include> and <includedir>. */
#include <errno.h>
#include <stdio.h>

#ifdef HAVE_LIBSELINUX
#include <selinux/selinux.h>
#endif

#include "config/reader.h"
#include "util/cleanup.h"

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

/* Where an <include> points. NULL when out of memory. */
static char *include_path(const struct postern_markup_node *node, bool selinux_relative)
{
    char *path;

    if (!selinux_relative || *node->text == '/')
        return postern_path_beside(node->where.file, node->text);
    return asprintf(&path, "%s/%s", selinux_root(), node->text) < 0 ? NULL : path;
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
    if (selinux_relative && selinux_root() == NULL)
        return postern_location_error(&node->where, error, "selinux_root_relative: this machine has no SELinux policy");
    path = include_path(node, selinux_relative);
    if (path == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    return postern_files_read(&reader->files, path, &node->where, ignore_missing, error);
}

int postern_busconfig_includedir(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig_reader *reader = data;
    postern_autofree char *dir = postern_path_beside(node->where.file, node->text);

    if (dir == NULL || postern_strings_append_unique(&reader->config->includedirs, dir) < 0)
        return postern_error_set(error, -ENOMEM, "out of memory");
    return postern_files_each(dir, &node->where, postern_busconfig_part, reader, error);
}
