/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/ctl/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wire/name.h"

#define INSTANCE_DIGITS_MAX 20 /* of a 64-bit number */

bool postern_ctl_number(const char *text, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (value > (max - (uint64_t)(*text - '0')) / 10)
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *number = value;
    return true;
}

char *postern_ctl_instance_path(const char *text, struct postern_error *error)
{
    const char *digits = *text == 'c' ? text + 1 : text;
    size_t len = strlen(digits);
    char *path = NULL;

    if (*text == '/' && postern_path_is_valid(text, strlen(text))) {
        path = strdup(text);
    } else if (len > 0 && len <= INSTANCE_DIGITS_MAX && strspn(digits, "0123456789") == len) {
        if (asprintf(&path, CTL_INSTANCES "c%s", digits) < 0)
            path = NULL;
    } else {
        postern_error_set(error, -EINVAL, "\"%s\" is no instance: it is written c7, 7 or %sc7", text, CTL_INSTANCES);
        return NULL;
    }
    if (path == NULL)
        postern_error_set(error, -ENOMEM, "out of memory");
    return path;
}

const char *postern_ctl_instance_short(const char *path)
{
    size_t len = strlen(CTL_INSTANCES);

    return strncmp(path, CTL_INSTANCES, len) == 0 && path[len] != '\0' ? path + len : path;
}
