/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything below the home is opened by one name at a time, without following symbolic links, and must be the user's alone: who
 * could make us read or write another file could be anybody on the bus.
 */
#include "daemon/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"

#define FOLDER ".dbus-keyrings"
#define FILE_NAME POSTERN_COOKIE_CONTEXT
#define LOCK_NAME FILE_NAME ".lock"
#define NEW_NAME FILE_NAME ".new"
#define LOCK_TRIES 5
#define LOCK_PAUSE 2000000 /* nanoseconds */
#define LOCK_STALE 10      /* seconds */

int postern_keyring_init(struct postern_keyring *keyring, const char *home, struct postern_error *error)
{
    const struct passwd *entry;

    errno = 0;
    entry = getpwuid(geteuid());
    if (entry == NULL)
        return postern_error_set(error, errno != 0 ? -errno : -ENOENT, "the user database does not know uid %u",
                                 (unsigned)geteuid());
    if (home == NULL || home[0] != '/')
        home = entry->pw_dir;
    if (home == NULL || home[0] != '/')
        return postern_error_set(error, -ENOENT, "%s has no home", entry->pw_name);
    keyring->uid = geteuid();
    keyring->user = strdup(entry->pw_name);
    keyring->home = strdup(home);
    if (keyring->user != NULL && keyring->home != NULL)
        return 0;
    postern_keyring_finish(keyring);
    return postern_error_set(error, -ENOMEM, "out of memory");
}

void postern_keyring_finish(struct postern_keyring *keyring)
{
    free(keyring->user);
    free(keyring->home);
    *keyring = (struct postern_keyring){0};
}

/* ---- files --------------------------------------------------------------------------------------------- */

/* Is what fd stands for the user's alone, and of this type? */
static int check_private(const struct postern_keyring *keyring, int fd, mode_t type, const char *name,
                         struct postern_error *error)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return postern_error_set(error, -errno, "%s in %s: %s", name, keyring->home, strerror(errno));
    if ((st.st_mode & S_IFMT) != type)
        return postern_error_set(error, -EPERM, "%s in %s is not what it should be, a %s", name, keyring->home,
                                 type == S_IFDIR ? "folder" : "file");
    if (st.st_uid != keyring->uid)
        return postern_error_set(error, -EPERM, "%s in %s belongs to uid %u, not to %s", name, keyring->home, (unsigned)st.st_uid,
                                 keyring->user);
    if ((st.st_mode & 077) != 0)
        return postern_error_set(error, -EPERM, "%s in %s is open to others: its mode is %04o, make it 0%o00", name,
                                 keyring->home, (unsigned)st.st_mode & 07777, type == S_IFDIR ? 7u : 6u);
    return 0;
}

/* The folder of keyrings, made when it is not there. A descriptor or a negative errno. */
static int open_folder(const struct postern_keyring *keyring, struct postern_error *error)
{
    postern_autoclose int home = open(keyring->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd, r;

    if (home < 0)
        return postern_error_set(error, -errno, "the home %s: %s", keyring->home, strerror(errno));
    if (mkdirat(home, FOLDER, 0700) < 0 && errno != EEXIST)
        return postern_error_set(error, -errno, "%s cannot be made in %s: %s", FOLDER, keyring->home, strerror(errno));
    fd = openat(home, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return postern_error_set(error, -errno, "%s in %s cannot be opened: %s", FOLDER, keyring->home, strerror(errno));
    r = check_private(keyring, fd, S_IFDIR, FOLDER, error);
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

/* All of fd, as far as it may be long. */
static int read_all(int fd, struct postern_buf *text)
{
    uint8_t *to = postern_buf_grow(text, POSTERN_KEYRING_FILE_MAX + 1);
    size_t len = 0;
    ssize_t n;

    if (to == NULL)
        return -ENOMEM;
    do {
        n = read(fd, to + len, POSTERN_KEYRING_FILE_MAX + 1 - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0 || (n < 0 && errno == EINTR));
    text->len = len;
    return n < 0 ? -errno : len > POSTERN_KEYRING_FILE_MAX ? -EFBIG : 0;
}

/* Reads the cookies; a file that is not there has none. */
static int load(const struct postern_keyring *keyring, int folder, int64_t now, struct postern_cookies *cookies,
                struct postern_error *error)
{
    /* Somebody could have put a pipe there, whose other end nobody opens. */
    postern_autoclose int fd = openat(folder, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct postern_buf text = {0};
    int r;

    cookies->n = 0;
    if (fd < 0)
        return errno == ENOENT
                   ? 0
                   : postern_error_set(error, -errno, "%s/%s/%s: %s", keyring->home, FOLDER, FILE_NAME, strerror(errno));
    r = check_private(keyring, fd, S_IFREG, FOLDER "/" FILE_NAME, error);
    if (r < 0)
        return r;
    r = read_all(fd, &text);
    if (r == 0)
        postern_cookies_parse((const char *)text.data, text.len, now, cookies);
    else
        postern_error_set(error, r, "%s/%s/%s: %s", keyring->home, FOLDER, FILE_NAME, strerror(-r));
    if (text.data != NULL)
        explicit_bzero(text.data, text.len);
    postern_buf_finish(&text);
    return r;
}

/* Was the lock forgotten by a program that is gone? Nobody holds it for longer than it takes to write a small file. */
static bool is_stale(int folder)
{
    struct stat st;
    time_t now = time(NULL);

    if (fstatat(folder, LOCK_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    return st.st_mtime > now + LOCK_STALE || st.st_mtime < now - LOCK_STALE;
}

static int lock(struct postern_keyring *keyring, int folder, int64_t now, struct postern_error *error)
{
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE};
    int tries = keyring->waited == now ? 2 : LOCK_TRIES; /* clients that ask again and again cannot make it wait */

    for (int i = 0; i < tries; i++) {
        int fd = openat(folder, LOCK_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd >= 0) {
            close(fd);
            return 0;
        }
        if (errno != EEXIST)
            return postern_error_set(error, -errno, "%s/%s/%s: %s", keyring->home, FOLDER, LOCK_NAME, strerror(errno));
        if (is_stale(folder)) {
            unlinkat(folder, LOCK_NAME, 0);
        } else if (keyring->waited != now || tries == LOCK_TRIES) {
            keyring->waited = now;
            nanosleep(&pause, NULL);
        }
    }
    return postern_error_set(error, -EBUSY, "%s/%s/%s: another program is at work on the cookies", keyring->home, FOLDER,
                             LOCK_NAME);
}

/* Puts a new file in the place of the old one. */
static int store(const struct postern_keyring *keyring, int folder, const struct postern_cookies *cookies,
                 struct postern_error *error)
{
    struct postern_buf text = {0};
    int fd = -1, r = postern_cookies_format(cookies, &text);

    if (r == 0) {
        unlinkat(folder, NEW_NAME, 0); /* ours, under the lock: of a program that was stopped in the middle */
        fd = openat(folder, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        r = fd < 0 ? -errno : 0;
    }
    if (r == 0 && write(fd, text.data, text.len) != (ssize_t)text.len)
        r = -EIO;
    if (fd >= 0 && close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && renameat(folder, NEW_NAME, folder, FILE_NAME) < 0)
        r = -errno;
    if (text.data != NULL)
        explicit_bzero(text.data, text.len);
    postern_buf_finish(&text);
    return r < 0 ? postern_error_set(error, r, "%s/%s/%s cannot be written: %s", keyring->home, FOLDER, FILE_NAME, strerror(-r))
                 : 0;
}

/* ---- a cookie -------------------------------------------------------------------------------------------- */

/* Under the lock; another bus of the same user may have made one since we looked. */
static int renew(struct postern_keyring *keyring, int folder, int64_t now, struct postern_cookies *cookies,
                 struct postern_error *error)
{
    int r = lock(keyring, folder, now, error);

    if (r < 0)
        return r;
    r = load(keyring, folder, now, cookies, error);
    if (r == 0 && postern_cookies_best(cookies, now) == NULL) {
        r = postern_cookies_add(cookies, now);
        r = r < 0 ? postern_error_set(error, r, "no random numbers") : store(keyring, folder, cookies, error);
    }
    unlinkat(folder, LOCK_NAME, 0);
    return r;
}

int postern_keyring_current(struct postern_keyring *keyring, int64_t now, struct postern_cookie *cookie,
                            struct postern_error *error)
{
    postern_autoclose int folder = open_folder(keyring, error);
    struct postern_cookies *cookies;
    const struct postern_cookie *best;
    int r;

    if (folder < 0)
        return folder;
    cookies = malloc(sizeof(*cookies));
    if (cookies == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    r = load(keyring, folder, now, cookies, error);
    if (r == 0 && postern_cookies_best(cookies, now) == NULL)
        r = renew(keyring, folder, now, cookies, error);
    best = r == 0 ? postern_cookies_best(cookies, now) : NULL;
    if (best != NULL)
        *cookie = *best;
    else if (r == 0)
        r = postern_error_set(error, -EIO, "the clock makes no sense");
    explicit_bzero(cookies, sizeof(*cookies));
    free(cookies);
    return r;
}
