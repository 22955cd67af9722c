/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/journal.h"

#include <errno.h>

#ifdef HAVE_LIBSYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "util/buf.h"

#define SOCKET "/run/systemd/journal/socket"
#define KEY_MAX 64u /* of journald */
#define FIELDS_MAX 64u
#define OWN_FIELDS 4u /* those that every entry has */

bool postern_journal_is_stderr(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    char end;

    if (stream == NULL || sscanf(stream, "%llu:%llu%c", &device, &inode, &end) != 2)
        return false;
    return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

bool postern_journal_is_there(void)
{
    return access(SOCKET, W_OK) == 0;
}

/* One bad key would make journald refuse the entry; those with an underscore in front are its own. */
static bool is_key(const char *key)
{
    size_t len = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    return len > 0 && len <= KEY_MAX && key[len] == '\0' && key[0] >= 'A' && key[0] <= 'Z';
}

/* "KEY=value" at the end of the buffer, which may move; `at` is where it begins. */
static int add(struct postern_buf *buf, size_t at[], uint32_t *n, const char *key, const char *value)
{
    at[*n] = buf->len;
    if (postern_buf_printf(buf, "%s=%s", key, value) < 0)
        return -ENOMEM;
    at[++*n] = buf->len;
    return 0;
}

int postern_journal_send(int priority, const char *text, uint32_t n, const char *const *keys, const char *const *values)
{
    struct iovec iov[FIELDS_MAX + OWN_FIELDS];
    size_t at[FIELDS_MAX + OWN_FIELDS + 1];
    const char level[] = {(char)('0' + (priority & LOG_PRIMASK)), '\0'};
    struct postern_buf buf = {0};
    uint32_t made = 0;
    int r = add(&buf, at, &made, "MESSAGE", text);

    if (r == 0)
        r = add(&buf, at, &made, "PRIORITY", level);
    if (r == 0)
        r = add(&buf, at, &made, "SYSLOG_FACILITY", "3"); /* LOG_DAEMON */
    if (r == 0)
        r = add(&buf, at, &made, "SYSLOG_IDENTIFIER", "posternd");
    for (uint32_t i = 0; r == 0 && i < n && i < FIELDS_MAX; i++)
        if (is_key(keys[i]))
            r = add(&buf, at, &made, keys[i], values[i]);
    for (uint32_t i = 0; i < made; i++)
        iov[i] = (struct iovec){.iov_base = buf.data + at[i], .iov_len = at[i + 1] - at[i]};
    if (r == 0)
        r = sd_journal_sendv(iov, (int)made);
    postern_buf_finish(&buf);
    return r;
}
#else
bool postern_journal_is_stderr(void)
{
    return false;
}

bool postern_journal_is_there(void)
{
    return false;
}

int postern_journal_send(int priority, const char *text, uint32_t n, const char *const *keys, const char *const *values)
{
    return -EOPNOTSUPP;
}
#endif
