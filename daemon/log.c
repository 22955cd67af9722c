/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

void postern_log(const struct postern_log *log, int priority, const char *format, ...)
{
    static const char prefix[] = "posternd: ";
    char line[LINE_MAX_BYTES];
    size_t len = sizeof(prefix) - 1;
    va_list args;
    int n;

    if (priority == LOG_DEBUG && !log->verbose)
        return;
    memcpy(line, prefix, len);
    va_start(args, format);
    n = vsnprintf(line + len, sizeof(line) - len - 1, format, args);
    va_end(args);
    if (n < 0)
        return;
    len += (size_t)n < sizeof(line) - len - 1 ? (size_t)n : sizeof(line) - len - 2;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    if (log->to_syslog) {
        line[len] = '\0';
        syslog(LOG_DAEMON | priority, "%s", line + sizeof(prefix) - 1);
    }
    if (log->to_stderr) {
        line[len] = '\n';
        /* One write a line, so that lines of several processes do not mix. A log that cannot be written is no reason to stop. */
        if (write(STDERR_FILENO, line, len + 1) < 0)
            return;
    }
}
