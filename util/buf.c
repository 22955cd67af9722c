/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void postern_buf_finish(struct postern_buf *buf)
{
    free(buf->data);
    *buf = (struct postern_buf){0};
}

int postern_buf_reserve(struct postern_buf *buf, size_t n)
{
    size_t cap = buf->cap ? buf->cap : 256;
    uint8_t *data;

    if (n <= buf->cap - buf->len)
        return 0;
    if (n > SIZE_MAX / 4 - buf->len)
        return -ENOMEM;
    while (cap < buf->len + n)
        cap *= 2;
    data = realloc(buf->data, cap);
    if (data == NULL)
        return -ENOMEM;
    buf->data = data;
    buf->cap = cap;
    return 0;
}

uint8_t *postern_buf_grow(struct postern_buf *buf, size_t n)
{
    uint8_t *start;

    if (postern_buf_reserve(buf, n > 0 ? n : 1) < 0)
        return NULL;
    start = buf->data + buf->len;
    buf->len += n;
    return start;
}

int postern_buf_append(struct postern_buf *buf, const void *data, size_t n)
{
    uint8_t *to = postern_buf_grow(buf, n);

    if (to == NULL)
        return -ENOMEM;
    if (n > 0)
        memcpy(to, data, n);
    return 0;
}

int postern_buf_printf(struct postern_buf *buf, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || postern_buf_reserve(buf, (size_t)n + 1) < 0)
        return -ENOMEM;
    va_start(args, format);
    vsnprintf((char *)buf->data + buf->len, (size_t)n + 1, format, args);
    va_end(args);
    buf->len += (size_t)n;
    return 0;
}
