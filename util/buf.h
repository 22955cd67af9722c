/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A growable run of bytes. A zeroed struct is an empty buffer. */
#ifndef POSTERN_UTIL_BUF_H
#define POSTERN_UTIL_BUF_H

#include <stddef.h>
#include <stdint.h>

struct postern_buf {
    uint8_t *data; /* NULL while cap is 0 */
    size_t len;
    size_t cap;
};

/* Frees the memory and empties the buffer. */
void postern_buf_finish(struct postern_buf *buf);

/* Makes room for n more bytes behind len, growing by doubling. 0, or -ENOMEM with the buffer unchanged. */
int postern_buf_reserve(struct postern_buf *buf, size_t n);

/* Reserves n bytes, counts them as used and returns where they start; NULL when out of memory. */
uint8_t *postern_buf_grow(struct postern_buf *buf, size_t n);

/* Appends n bytes. 0 or -ENOMEM. */
int postern_buf_append(struct postern_buf *buf, const void *data, size_t n);

/* Appends formatted text, without its NUL. 0 or -ENOMEM. */
int postern_buf_printf(struct postern_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
