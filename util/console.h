/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who sits at the machine, as told by files on a tmpfs: nothing here asks another process, or NSS. */
#ifndef POSTERN_UTIL_CONSOLE_H
#define POSTERN_UTIL_CONSOLE_H

#include <stdbool.h>
#include <sys/types.h>

/* Where pam_console(8) makes a file for each user who has logged in at the console, called as the user. */
#define POSTERN_CONSOLE_DIR "/run/console"

/* Has the user a session on a seat, as far as systemd-logind knows? Always false in a build without libsystemd. */
bool postern_console_seated(uid_t uid);

typedef bool postern_console_fn(void *data, const char *name);

/* Calls fn with the name of each file in the directory, a few hundred at most, until one call returns true: so does this then. False also
 * for a directory that is missing. */
bool postern_console_any(const char *dir, postern_console_fn *fn, void *data);

#endif
