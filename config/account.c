/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"
#include "util/buf.h"

#define ENTRY_MAX (1u << 20) /* bytes that one passwd or group entry may need */

typedef int lookup_fn(const char *name, char *buffer, size_t size, uint32_t *id, bool *found);

static int lookup_user(const char *name, char *buffer, size_t size, uint32_t *id, bool *found)
{
    struct passwd entry, *result = NULL;
    int code = getpwnam_r(name, &entry, buffer, size, &result);

    *found = result != NULL;
    if (result != NULL)
        *id = entry.pw_uid;
    return code;
}

static int lookup_group(const char *name, char *buffer, size_t size, uint32_t *id, bool *found)
{
    struct group entry, *result = NULL;
    int code = getgrnam_r(name, &entry, buffer, size, &result);

    *found = result != NULL;
    if (result != NULL)
        *id = entry.gr_gid;
    return code;
}

/* getpwnam(3) lists these among the ways to say that there is no such entry; anything else is a look-up that failed. */
static bool means_missing(int code)
{
    return code == 0 || code == ENOENT || code == ESRCH || code == EBADF || code == EPERM;
}

static int look_up(const char *name, lookup_fn *fn, uint32_t *id)
{
    struct postern_buf buf = {0};
    size_t size = 1024;
    bool found;
    int code;

    do {
        if (postern_buf_reserve(&buf, size) < 0) {
            postern_buf_finish(&buf);
            return -ENOMEM;
        }
        code = fn(name, (char *)buf.data, buf.cap, id, &found);
        if (code == ERANGE)
            size = buf.cap * 2;
    } while (code == EINTR || (code == ERANGE && size <= ENTRY_MAX));
    postern_buf_finish(&buf);
    if (found)
        return 1;
    return means_missing(code) ? 0 : -code;
}

/* A number stands for itself, whether or not somebody has it. UINT32_MAX is nobody's. */
static int account(const char *name, lookup_fn *fn, uint32_t *id)
{
    unsigned long long number;

    if (*name == '\0')
        return 0;
    if (name[strspn(name, "0123456789")] != '\0')
        return look_up(name, fn, id);
    errno = 0;
    number = strtoull(name, NULL, 10);
    if (errno != 0 || number >= UINT32_MAX)
        return 0;
    *id = (uint32_t)number;
    return 1;
}

int postern_account_user(const char *name, uint32_t *id)
{
    return account(name, lookup_user, id);
}

int postern_account_group(const char *name, uint32_t *id)
{
    return account(name, lookup_group, id);
}
