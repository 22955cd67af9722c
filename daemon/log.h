/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's log: standard error, the system log, or both. The system log is systemd's journal where there is one, with fields,
 * else syslog. */
#ifndef POSTERN_DAEMON_LOG_H
#define POSTERN_DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct postern_log {
    bool to_stderr;
    bool to_syslog;
    bool to_journal; /* instead of syslog, or of a standard error that goes there anyway */
    bool verbose;    /* LOG_DEBUG too */
};

/* Sets where lines go. The journal takes the place of syslog when it is there, and of standard error when that is the journal. */
void postern_log_choose(struct postern_log *log, bool to_stderr, bool to_syslog);

/* Writes one line. priority: that of syslog(3). Control characters in the text become '?', so that a hostile name cannot forge
 * lines. */
void postern_log(const struct postern_log *log, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same of a text that is ready, with n fields for a log that has them: log_fields() of the module interface. */
void postern_log_fields(const struct postern_log *log, int priority, const char *text, uint32_t n, const char *const *keys,
                        const char *const *values);

#endif
