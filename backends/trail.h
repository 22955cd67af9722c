/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit trail of the security modules: where audit2allow(1) and aa-logprof(8) look for what was denied. Records go to the kernel's
 * audit system as USER_AVC; where the process may not write there, or the build cannot, into the log of the host.
 */
#ifndef POSTERN_BACKENDS_TRAIL_H
#define POSTERN_BACKENDS_TRAIL_H

#include <stddef.h>
#include <stdint.h>

#include "core/mediator.h"
#include "util/buf.h"

struct postern_trail {
    int fd;        /* -1: the audit system cannot be written to */
    int64_t after; /* milliseconds of the monotonic clock until which it is left alone, because it was slow */
};

/* Cannot fail: without the audit system there is the log. */
void postern_trail_open(struct postern_trail *trail);
/* Also one that was never opened, if its fd is -1. */
void postern_trail_close(struct postern_trail *trail);

/* Writes one record, a line without its end. */
void postern_trail_write(struct postern_trail *trail, const struct postern_mediator *mediator, const char *record);

/* Appends " key=value" to a record, the value without quotes or, with quoted, in them. What could be misread is written in hexadecimal
 * without quotes, as the kernel does; long values are cut. An absent value (data NULL) adds nothing. Without memory the record lacks it. */
void postern_trail_add(struct postern_buf *record, const char *key, const char *value, size_t len, bool quoted);
/* Appends " key=number". */
void postern_trail_add_number(struct postern_buf *record, const char *key, long number);

#endif
