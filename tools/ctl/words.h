/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands for something on the command line: numbers, and instances. */
#ifndef POSTERN_TOOLS_CTL_WORDS_H
#define POSTERN_TOOLS_CTL_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

#define CTL_INSTANCES "/org/freedesktop/DBus/Containers1/"

/* Decimal digits alone, up to max. False, with *number untouched, when it is anything else. */
bool postern_ctl_number(const char *text, uint64_t max, uint64_t *number);

/* "c7", "7" or the whole path as the path of an instance, which the caller frees. NULL with *error. */
char *postern_ctl_instance_path(const char *text, struct postern_error *error);
/* The short name of an instance's path, a part of the path: "c7"; the whole when it is none. */
const char *postern_ctl_instance_short(const char *path);

#endif
