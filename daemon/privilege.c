/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#if defined(HAVE_LIBCAP_NG) && defined(HAVE_LIBAUDIT)
#define KEEPS_AUDIT
#include <cap-ng.h>
#endif

#ifdef KEEPS_AUDIT
/* In a container the capability may be beyond what even root has: then asking for it would fail, and the bus starts without it.
 */
static bool may_keep_audit(const char **lost)
{
    if (capng_get_caps_process() == 0 && capng_have_capability(CAPNG_PERMITTED, CAP_AUDIT_WRITE))
        return true;
    *lost = "this process does not have the capability CAP_AUDIT_WRITE";
    return false;
}

/* All capabilities but one go, or all: after the change of user, which PR_SET_KEEPCAPS has let them survive, or of who was started as
 * that user. The bounding set stays, since a helper that starts services as other users is itself set-user-id root. */
static int keep_only(bool audit)
{
    capng_clear(CAPNG_SELECT_CAPS);
    if (audit && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_AUDIT_WRITE) < 0)
        return -EPERM;
    if (capng_apply(CAPNG_SELECT_CAPS) < 0)
        return -EPERM;
    return prctl(PR_GET_KEEPCAPS) != 0 && prctl(PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L) < 0 ? -errno : 0;
}
#else
static bool may_keep_audit(const char **lost)
{
#ifdef HAVE_LIBAUDIT
    *lost = "this program was built without libcap-ng";
#else
    *lost = "this program was built without libaudit";
#endif
    return false;
}

static int keep_only(bool audit)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    (void)audit;
    return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}
#endif

/* A kernel without ambient capabilities (before Linux 4.3) has none to be cleared. */
static int clear_ambient(void)
{
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L) < 0 && errno != EINVAL ? -errno : 0;
}

/* Nobody should have to believe that it worked. */
static int finish(void)
{
    int r = clear_ambient();

    return r == 0 && setuid(0) == 0 ? -EPERM : r;
}

static int become(const struct passwd *entry, bool keep_audit)
{
    int r;

    if (keep_audit && prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) < 0)
        return -errno;
    if (initgroups(entry->pw_name, entry->pw_gid) < 0 || setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) < 0 ||
        setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0)
        return -errno;
    r = keep_audit ? keep_only(true) : 0;
    return r == 0 ? finish() : r;
}

/* For who was started as the user, by a service manager for example, perhaps with more than the bus is to have. */
static int stay(const struct passwd *entry, const char **why)
{
    int r;

    if (entry->pw_uid == 0)
        return clear_ambient();
    if (setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0)
        return -errno;
    r = keep_only(may_keep_audit(why));
    return r == 0 ? finish() : r;
}

int postern_privilege_drop(const char *user, const char **lost, struct postern_error *error)
{
    const struct passwd *entry = getpwnam(user);
    const char *why = NULL;
    int r;

    if (entry == NULL)
        return postern_error_set(error, -ENOENT, "the user %s of <user> does not exist", user);
    if (entry->pw_uid != geteuid() && geteuid() != 0)
        return postern_error_set(error, -EPERM, "only root can become the user %s of <user>: start as root, or as that user",
                                 user);
    r = entry->pw_uid == geteuid() ? stay(entry, &why) : become(entry, may_keep_audit(&why));
    if (r < 0)
        return postern_error_set(error, r, "cannot become the user %s of <user>: %s", user, strerror(-r));
    *lost = why;
    return 0;
}
