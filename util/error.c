/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>

int postern_error_set(struct postern_error *error, int code, const char *format, ...)
{
    va_list args;

    if (error == NULL)
        return code;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    /* Names in these texts can come from hostile clients; a log line must stay one line. */
    for (unsigned char *c = (unsigned char *)error->text; *c != '\0'; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
    return code;
}
