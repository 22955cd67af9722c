/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd's journal as a log with fields. Without libsystemd there is none. */
#ifndef POSTERN_DAEMON_JOURNAL_H
#define POSTERN_DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does standard error go there? systemd.exec(5), JOURNAL_STREAM. */
bool postern_journal_is_stderr(void);
/* Is there a journal that can be written to? */
bool postern_journal_is_there(void);
/* Writes an entry: the text, and n keys with their values; a key that is none of the forms that the host's log_fields() takes is
 * left out. 0 or negative errno. */
int postern_journal_send(int priority, const char *text, uint32_t n, const char *const *keys, const char *const *values);

#endif
