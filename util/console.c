/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/console.h"

#include <dirent.h>
#include <stddef.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-login.h>
#endif

#define NAMES_MAX 512 /* more people than sit at any machine */

bool postern_console_seated(uid_t uid)
{
#ifdef HAVE_LIBSYSTEMD
    /* Any session on a seat counts that is not about to end, not only the one in the foreground: dbus-daemon asks the same. */
    return sd_uid_get_seats(uid, 0, NULL) > 0;
#else
    (void)uid;
    return false;
#endif
}

bool postern_console_any(const char *dir, postern_console_fn *fn, void *data)
{
    DIR *stream = opendir(dir);
    const struct dirent *entry;
    bool found = false;

    if (stream == NULL)
        return false;
    for (int i = 0; i < NAMES_MAX && !found && (entry = readdir(stream)) != NULL; i++)
        found = entry->d_name[0] != '.' && fn(data, entry->d_name);
    closedir(stream);
    return found;
}
