/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A failure in words for a person, next to the errno value that the code goes by. */
#ifndef POSTERN_UTIL_ERROR_H
#define POSTERN_UTIL_ERROR_H

struct postern_error {
    char text[1016]; /* one line, without a newline */
};

/* Writes the formatted text into *error (NULL is allowed; overlong text is cut, control characters become '?') and returns
 * code unchanged, so that a failing function can end with: return postern_error_set(error, -EINVAL, "..."). */
int postern_error_set(struct postern_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
