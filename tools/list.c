/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the string over; NULL means that memory for it ran out. */
static void append(struct postern_list *list, char *text)
{
    char **items = text != NULL ? reallocarray(list->items, list->n + 2, sizeof *items) : NULL;

    if (items == NULL) {
        free(text);
        list->failed = true;
        return;
    }
    items[list->n++] = text;
    items[list->n] = NULL;
    list->items = items;
}

void postern_list_add(struct postern_list *list, ...)
{
    const char *text;
    va_list args;

    va_start(args, list);
    while ((text = va_arg(args, const char *)) != NULL)
        append(list, strdup(text));
    va_end(args);
}

void postern_list_addf(struct postern_list *list, const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    append(list, text);
}

void postern_list_finish(struct postern_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct postern_list){0};
}
