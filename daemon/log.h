/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's log: standard error, syslog, or both. */
#ifndef POSTERN_DAEMON_LOG_H
#define POSTERN_DAEMON_LOG_H

#include <stdbool.h>

struct postern_log {
    bool to_stderr;
    bool to_syslog;
    bool verbose; /* LOG_DEBUG too */
};

/* Writes one line. priority: that of syslog(3). Control characters in the text become '?', so that a hostile name cannot forge
 * lines. */
void postern_log(const struct postern_log *log, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
