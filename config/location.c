/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/location.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int postern_location_error(const struct postern_location *where, struct postern_error *error, const char *format, ...)
{
    char text[sizeof(error->text)];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return postern_error_set(error, -EINVAL, "%s:%u:%u: %s", where->file, where->line, where->column, text);
}
