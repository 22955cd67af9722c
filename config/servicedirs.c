/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The standard places of service files: D-Bus Specification, "Message Bus Starting Services", and dbus-daemon(1). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"

/* Appends base/below, unless base is no absolute path: the XDG base directory specification wants relative ones ignored. */
static int append(struct postern_busconfig_reader *reader, const char *base, size_t len, const char *below)
{
    char *path;
    int code;

    if (len == 0 || *base != '/')
        return 0;
    while (len > 1 && base[len - 1] == '/')
        len--;
    if (asprintf(&path, "%.*s/%s", (int)len, base, below) < 0)
        return -ENOMEM;
    code = postern_strings_append_unique(&reader->config->servicedirs, path);
    free(path);
    return code;
}

static int append_home(struct postern_busconfig_reader *reader)
{
    const char *data_home = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

    if (data_home != NULL && *data_home != '\0')
        return append(reader, data_home, strlen(data_home), "dbus-1/services");
    return home != NULL ? append(reader, home, strlen(home), ".local/share/dbus-1/services") : 0;
}

/* Services that are there for this session only. The daemon makes the folder, for those who want to put one there. */
static int append_runtime(struct postern_busconfig_reader *reader, const char *runtime)
{
    if (*runtime != '/')
        return 0;
    if (postern_string_replace(&reader->config->runtime_dir, runtime) < 0)
        return -ENOMEM;
    return append(reader, runtime, strlen(runtime), "dbus-1/services");
}

int postern_busconfig_session_dirs(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    struct postern_busconfig_reader *reader = data;
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *dirs = getenv("XDG_DATA_DIRS");
    int code = 0;

    if (runtime != NULL)
        code = append_runtime(reader, runtime);
    if (code == 0)
        code = append_home(reader);
    if (dirs == NULL || *dirs == '\0')
        dirs = "/usr/local/share:/usr/share";
    while (code == 0 && *dirs != '\0') {
        size_t len = strcspn(dirs, ":");

        code = append(reader, dirs, len, "dbus-1/services");
        dirs += len + (dirs[len] == ':' ? 1 : 0);
    }
    if (code == 0)
        code = append(reader, POSTERN_DBUS_DATADIR, strlen(POSTERN_DBUS_DATADIR), "services");
    return code < 0 ? postern_error_set(error, code, "out of memory") : 0;
}

int postern_busconfig_system_dirs(void *data, const struct postern_markup_node *node, struct postern_error *error)
{
    static const char *const dirs[] = {"/etc/dbus-1", "/run/dbus-1", "/usr/local/share/dbus-1", "/usr/share/dbus-1",
                                       POSTERN_DBUS_DATADIR, "/lib/dbus-1"};
    struct postern_busconfig_reader *reader = data;

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        if (append(reader, dirs[i], strlen(dirs[i]), "system-services") < 0)
            return postern_error_set(error, -ENOMEM, "out of memory");
    return 0;
}
