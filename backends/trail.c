/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/trail.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_LIBAUDIT
#include <libaudit.h>
#endif

#define VALUE_MAX_BYTES 512u /* an audit record has less than 9000 */

#ifdef HAVE_LIBAUDIT
/* The library reports success to those who may not write, so that programs in containers do not fail for it. */
static bool may_write(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    return syscall(SYS_capget, &header, data) == 0 && (data[CAP_AUDIT_WRITE / 32].effective & (1u << (CAP_AUDIT_WRITE % 32))) != 0;
}

static int64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#define SLOW_MS 100
#define REST_MS 10000

/* The kernel lets writers wait while its queue is full, and the bus with them: after a slow write it is left alone for a while. */
static bool write_audit(struct postern_trail *trail, const char *record)
{
    int64_t begin, end;
    bool written;

    if (trail->fd < 0 || !may_write())
        return false;
    begin = milliseconds();
    if (begin < trail->after)
        return false;
    written = audit_log_user_avc_message(trail->fd, AUDIT_USER_AVC, record, NULL, NULL, NULL, getuid()) > 0;
    end = milliseconds();
    if (end - begin > SLOW_MS)
        trail->after = end + REST_MS;
    return written;
}
#endif

void postern_trail_open(struct postern_trail *trail)
{
    *trail = (struct postern_trail){.fd = -1};
#ifdef HAVE_LIBAUDIT
    trail->fd = audit_open(); /* close-on-exec */
#endif
}

void postern_trail_close(struct postern_trail *trail)
{
    if (trail->fd >= 0)
        close(trail->fd);
    trail->fd = -1;
}

void postern_trail_write(struct postern_trail *trail, const struct postern_mediator *mediator, const char *record)
{
#ifdef HAVE_LIBAUDIT
    if (write_audit(trail, record))
        return;
#endif
    mediator->host->log(mediator->host->data, LOG_NOTICE, record);
}

/* May it stand in the record as it is? */
static bool is_plain(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (value[i] < ' ' || value[i] > '~' || value[i] == '"')
            return false;
    return true;
}

void postern_trail_add(struct postern_buf *record, const char *key, const char *value, size_t len, bool quoted)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *quote = quoted ? "\"" : "";
    struct postern_buf text = {0};

    if (value == NULL)
        return;
    len = len < VALUE_MAX_BYTES ? len : VALUE_MAX_BYTES;
    if (is_plain(value, len) && (quoted || memchr(value, ' ', len) == NULL)) {
        (void)postern_buf_printf(&text, " %s=%s%.*s%s", key, quote, (int)len, value, quote);
    } else {
        (void)postern_buf_printf(&text, " %s=", key);
        for (size_t i = 0; i < len; i++)
            (void)postern_buf_append(&text, (char[]){hex[(unsigned char)value[i] >> 4], hex[value[i] & 15]}, 2);
    }
    (void)postern_buf_append(record, text.data, text.len);
    postern_buf_finish(&text);
}

void postern_trail_add_number(struct postern_buf *record, const char *key, long number)
{
    (void)postern_buf_printf(record, " %s=%ld", key, number);
}
