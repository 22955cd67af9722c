/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A place in a configuration file, and how errors name it. */
#ifndef POSTERN_CONFIG_LOCATION_H
#define POSTERN_CONFIG_LOCATION_H

#include <stdint.h>

#include "util/error.h"

/* Where something was written. file belongs to whoever read the file and lives as long as what was made of it. */
struct postern_location {
    const char *file;
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1, in characters */
};

/* Writes "file:line:column: text" into *error (NULL is allowed) and returns -EINVAL. */
int postern_location_error(const struct postern_location *where, struct postern_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
