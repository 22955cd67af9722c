/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/journal.h"

#define LINE_MAX_BYTES 4096
#define PREFIX "posternd: "

void postern_log_choose(struct postern_log *log, bool to_stderr, bool to_syslog)
{
    bool redirected = to_stderr && postern_journal_is_stderr();

    log->to_journal = postern_journal_is_there() && (to_syslog || redirected);
    log->to_stderr = to_stderr && !(redirected && log->to_journal);
    log->to_syslog = to_syslog && !log->to_journal;
    if (log->to_syslog)
        openlog("posternd", LOG_PID, LOG_DAEMON);
}

/* A log that cannot be written is no reason to stop. line: of len bytes behind PREFIX, with room for one more. */
static void write_line(const struct postern_log *log, int priority, char *line, size_t len, uint32_t n, const char *const *keys,
                       const char *const *values)
{
    const char *text = line + sizeof(PREFIX) - 1;

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[len] = '\0';
    if (log->to_journal && postern_journal_send(priority, text, n, keys, values) < 0 && !log->to_stderr)
        syslog(LOG_DAEMON | priority, "%s", text);
    if (log->to_syslog)
        syslog(LOG_DAEMON | priority, "%s", text);
    line[len] = '\n';
    /* One write a line, so that lines of several processes do not mix. */
    if (log->to_stderr && write(STDERR_FILENO, line, len + 1) < 0)
        return;
}

void postern_log(const struct postern_log *log, int priority, const char *format, ...)
{
    char line[LINE_MAX_BYTES] = PREFIX;
    size_t len = sizeof(PREFIX) - 1;
    va_list args;
    int n;

    if (priority == LOG_DEBUG && !log->verbose)
        return;
    va_start(args, format);
    n = vsnprintf(line + len, sizeof(line) - len - 1, format, args);
    va_end(args);
    if (n < 0)
        return;
    len += (size_t)n < sizeof(line) - len - 1 ? (size_t)n : sizeof(line) - len - 2;
    write_line(log, priority, line, len, 0, NULL, NULL);
}

void postern_log_fields(const struct postern_log *log, int priority, const char *text, uint32_t n, const char *const *keys,
                        const char *const *values)
{
    char line[LINE_MAX_BYTES] = PREFIX;
    size_t len = sizeof(PREFIX) - 1, text_len = strnlen(text, sizeof(line) - len - 1);

    if (priority == LOG_DEBUG && !log->verbose)
        return;
    memcpy(line + len, text, text_len);
    write_line(log, priority, line, len + text_len, n, keys, values);
}
