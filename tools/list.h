/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A growing, NULL-terminated list of strings, as argv and environ are. A zeroed struct is an empty list. */
#ifndef POSTERN_TOOLS_LIST_H
#define POSTERN_TOOLS_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct postern_list {
    char **items; /* NULL while nothing was added */
    size_t n;
    bool failed; /* memory ran out once: the list is incomplete and must not be used */
};

/* Appends copies of the strings up to a NULL. Failure is remembered in `failed`, to be looked at once, at the end. */
void postern_list_add(struct postern_list *list, ...) __attribute__((sentinel));
/* Appends one formatted string. */
void postern_list_addf(struct postern_list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
void postern_list_finish(struct postern_list *list);

#endif
