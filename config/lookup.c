/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "config/lookup.h"
#include "util/buf.h"

#define ENTRY_MAX (1u << 20) /* bytes that one passwd or group entry may need */

typedef int entry_fn(const char *name, char *buffer, size_t size, uint32_t *id, bool *found);

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

static int look_up(const char *name, entry_fn *fn, uint32_t *id)
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
    if (means_missing(code))
        return 0;
    return code != ESTALE ? -code : -EIO; /* -ESTALE has a meaning of its own here */
}

int postern_lookup_nss(void *data, enum postern_lookup_kind kind, const char *name, uint32_t *id)
{
    (void)data;
    return look_up(name, kind == POSTERN_LOOKUP_GROUP ? lookup_group : lookup_user, id);
}

bool postern_lookup_number(const char *name, uint32_t *id, bool *exists)
{
    unsigned long long number;

    if (name[strspn(name, "0123456789")] != '\0')
        return false;
    errno = 0;
    number = strtoull(name, NULL, 10);
    *exists = *name != '\0' && errno == 0 && number < UINT32_MAX;
    if (*exists)
        *id = (uint32_t)number;
    return true;
}
