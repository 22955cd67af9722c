/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cookies for DBUS_COOKIE_SHA1 in the home of the daemon's own user: D-Bus Specification, "DBUS_COOKIE_SHA1". The folder
 * ~/.dbus-keyrings holds one file for each context, and a line "ID TIME SECRET" for each cookie; a lock file stands beside while
 * somebody writes.
 */
#ifndef POSTERN_DAEMON_KEYRING_H
#define POSTERN_DAEMON_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/sasl_cookie.h"
#include "util/buf.h"
#include "util/error.h"

#define POSTERN_COOKIES_MAX 256u             /* in one file */
#define POSTERN_KEYRING_FILE_MAX (64u << 10) /* bytes of it */
#define POSTERN_COOKIE_FRESH 300             /* seconds for which a cookie is given out, and by which clocks may differ */
#define POSTERN_COOKIE_KEPT 420              /* seconds for which it stays in the file, for who was asked at the last moment */

struct postern_cookie {
    uint32_t id;
    int64_t made; /* seconds since 1970 */
    char digits[POSTERN_COOKIE_DIGITS_MAX + 1];
};

struct postern_cookies {
    size_t n;
    struct postern_cookie list[POSTERN_COOKIES_MAX];
};

struct postern_keyring {
    char *user;
    uint32_t uid;
    char *home;
    int64_t waited; /* the second in which the lock was last waited for */
};

/* For the effective user. home: where the folder is, as HOME says; not an absolute path: what the user database says. Asks the
 * name service, which may take its time. 0, or a negative errno with *error. */
int postern_keyring_init(struct postern_keyring *keyring, const char *home, struct postern_error *error);
void postern_keyring_finish(struct postern_keyring *keyring);

/*
 * A cookie that is still fresh at `now`; makes one, and the folder, when there is none. 0, or a negative errno with *error: the
 * folder or a file in it is not the user's alone, a symbolic link or too large (-EPERM), somebody else is writing (-EBUSY), or
 * what a file system can answer. Waits for nobody for long: a lock that another program holds is tried for a hundredth of a
 * second at most, and that once a second; one that was left behind is broken after ten seconds.
 */
int postern_keyring_current(struct postern_keyring *keyring, int64_t now, struct postern_cookie *cookie,
                            struct postern_error *error);

/* Reads what is worth keeping at `now` in the text of a file; lines that are malformed, expired, from the future or repeat an id
 * are left out. */
void postern_cookies_parse(const char *text, size_t n, int64_t now, struct postern_cookies *cookies);
/* The fresh cookie that was made last, or NULL. */
const struct postern_cookie *postern_cookies_best(const struct postern_cookies *cookies, int64_t now);
/* Makes room and adds a cookie of random digits. 0 or -EIO. */
int postern_cookies_add(struct postern_cookies *cookies, int64_t now);
/* Appends the text of a file. 0 or -ENOMEM. */
int postern_cookies_format(const struct postern_cookies *cookies, struct postern_buf *text);

#endif
