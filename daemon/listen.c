/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "util/cleanup.h"
#include "wire/address.h"

/* Bytes of a path or abstract name: the kernel's sun_path without the NUL before or behind it. */
#define NAME_MAX_LEN (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define RANDOM_NAME_LEN 10
#define RANDOM_NAME_TRIES 16

int postern_guid_make(char guid[33])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return -EIO;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        guid[2 * i] = digits[bytes[i] >> 4];
        guid[2 * i + 1] = digits[bytes[i] & 15];
    }
    guid[32] = '\0';
    return 0;
}

/* A daemon may be started with closed standard streams; a socket in their place would be taken for one of them. */
static int above_standard_streams(int fd)
{
    int moved, saved;

    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    saved = errno;
    close(fd);
    errno = saved;
    return moved;
}

static char *format_address(const char *key, const char *value, size_t len, const char *guid)
{
    struct postern_buf buf = {0};

    if (postern_buf_printf(&buf, "unix:%s=", key) == 0 && postern_address_escape(&buf, value, len) == 0 &&
        postern_buf_printf(&buf, ",guid=%s", guid) == 0 && postern_buf_append(&buf, "", 1) == 0)
        return (char *)buf.data;
    postern_buf_finish(&buf);
    return NULL;
}

/* Appends a listening socket. The fd and unlink_path are taken over in every case. */
static int append(struct postern_listen *listen, int fd, const char *key, const char *value, size_t len, char *unlink_path,
                  const char *guid)
{
    struct postern_listen_socket *sockets = realloc(listen->sockets, (listen->n + 1) * sizeof(*sockets));
    char *address = format_address(key, value, len, guid);

    if (sockets != NULL)
        listen->sockets = sockets;
    if (sockets == NULL || address == NULL) {
        free(address);
        if (unlink_path != NULL)
            unlink(unlink_path);
        free(unlink_path);
        close(fd);
        return -ENOMEM;
    }
    sockets[listen->n++] = (struct postern_listen_socket){.fd = fd, .address = address, .unlink_path = unlink_path};
    return 0;
}

/* Binds a new socket to name, abstract or in the file system, and listens. The fd or a negative errno. */
static int bind_new(const char *name, size_t len, bool abstract)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd, r;
    mode_t mask;

    memcpy(addr.sun_path + abstract, name, len);
    fd = above_standard_streams(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0)
        return -errno;
    /* The file gets its mode at once, so there is no moment at which its name could lead chmod() elsewhere. */
    mask = umask(0111);
    r = bind(fd, (struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len));
    r = r < 0 ? -errno : 0;
    umask(mask);
    if (r == 0 && listen(fd, SOMAXCONN) < 0) {
        r = -errno;
        if (!abstract)
            unlink(name);
    }
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

static int check_length(const char *what, const char *name, size_t len, struct postern_error *error)
{
    if (len == 0)
        return postern_error_set(error, -EINVAL, "unix:%s= needs a value", what);
    if (len > NAME_MAX_LEN)
        return postern_error_set(error, -ENAMETOOLONG,
                                 "unix:%s=%.40s...: the socket's name has %zu bytes, at most %zu are possible", what, name, len,
                                 NAME_MAX_LEN);
    return 0;
}

/* What an earlier bus left behind makes room; anything that is no socket stays. */
static int remove_stale(const char *path, struct postern_error *error)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : postern_error_set(error, -errno, "unix:path=%s: %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return postern_error_set(error, -EEXIST, "unix:path=%s: there is a file which is not a socket; it is left alone", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return postern_error_set(error, -errno, "unix:path=%s: cannot remove the old socket: %s", path, strerror(errno));
    return 0;
}

static int open_path(struct postern_listen *listen, const char *path, const char *guid, struct postern_error *error)
{
    size_t len = strlen(path);
    char *unlink_path;
    int fd, r;

    r = check_length("path", path, len, error);
    if (r < 0)
        return r;
    if (path[0] != '/')
        return postern_error_set(error, -EINVAL, "unix:path=%s: the path must be absolute", path);
    r = remove_stale(path, error);
    if (r < 0)
        return r;
    fd = bind_new(path, len, false);
    if (fd < 0)
        return postern_error_set(error, fd, "unix:path=%s: cannot listen: %s", path, strerror(-fd));
    unlink_path = strdup(path);
    if (unlink_path == NULL) {
        unlink(path);
        close(fd);
        return postern_error_set(error, -ENOMEM, "out of memory");
    }
    r = append(listen, fd, "path", path, len, unlink_path, guid);
    return r < 0 ? postern_error_set(error, r, "out of memory") : 0;
}

static int open_abstract(struct postern_listen *listen, const char *name, const char *guid, struct postern_error *error)
{
    size_t len = strlen(name);
    int fd, r;

    r = check_length("abstract", name, len, error);
    if (r < 0)
        return r;
    fd = bind_new(name, len, true);
    if (fd < 0)
        return postern_error_set(error, fd, "unix:abstract=%s: cannot listen: %s", name, strerror(-fd));
    r = append(listen, fd, "abstract", name, len, NULL, guid);
    return r < 0 ? postern_error_set(error, r, "out of memory") : 0;
}

static int random_name(char name[RANDOM_NAME_LEN + 1])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"; /* 64 of them */
    uint8_t bytes[RANDOM_NAME_LEN];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return -EIO;
    for (size_t i = 0; i < sizeof(bytes); i++)
        name[i] = letters[bytes[i] % 64];
    name[RANDOM_NAME_LEN] = '\0';
    return 0;
}

/* A socket of a name nobody has in a folder. tmpdir gets a file too: abstract names cannot be kept from a sandbox which shares
 * the network namespace. */
static int open_in_dir(struct postern_listen *listen, const char *key, const char *dir, const char *guid,
                       struct postern_error *error)
{
    char suffix[RANDOM_NAME_LEN + 1];
    int r;

    if (dir[0] != '/')
        return postern_error_set(error, -EINVAL, "unix:%s=%s: the folder must be given as an absolute path", key, dir);
    for (int i = 0; i < RANDOM_NAME_TRIES; i++) {
        postern_autofree char *path = NULL;
        struct stat st;

        r = random_name(suffix);
        if (r < 0)
            return postern_error_set(error, r, "unix:%s=%s: no random numbers", key, dir);
        if (asprintf(&path, "%s%sdbus-%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", suffix) < 0) {
            path = NULL;
            return postern_error_set(error, -ENOMEM, "out of memory");
        }
        if (lstat(path, &st) < 0)
            return open_path(listen, path, guid, error);
    }
    return postern_error_set(error, -EEXIST, "unix:%s=%s: found no free name", key, dir);
}

static int open_runtime(struct postern_listen *listen, const char *value, const char *guid, struct postern_error *error)
{
    const char *dir = getenv("XDG_RUNTIME_DIR");
    postern_autofree char *path = NULL;

    if (strcmp(value, "yes") != 0)
        return postern_error_set(error, -EINVAL, "unix:runtime=%s: the only value is yes", value);
    if (dir == NULL || dir[0] != '/')
        return postern_error_set(error, -ENOENT, "unix:runtime=yes: XDG_RUNTIME_DIR is not set to an absolute path");
    if (asprintf(&path, "%s/bus", dir) < 0) {
        path = NULL;
        return postern_error_set(error, -ENOMEM, "out of memory");
    }
    return open_path(listen, path, guid, error);
}

static int open_unix(struct postern_listen *listen, const struct postern_address *address, const char *guid,
                     struct postern_error *error)
{
    const struct postern_address_option *option = address->options;

    if (address->n_options != 1)
        return postern_error_set(error, -EINVAL,
                                 "a unix: address to listen on needs exactly one of path, abstract, dir, tmpdir and runtime");
    if (strcmp(option->key, "path") == 0)
        return open_path(listen, option->value, guid, error);
    if (strcmp(option->key, "abstract") == 0)
        return open_abstract(listen, option->value, guid, error);
    if (strcmp(option->key, "dir") == 0 || strcmp(option->key, "tmpdir") == 0)
        return open_in_dir(listen, option->key, option->value, guid, error);
    if (strcmp(option->key, "runtime") == 0)
        return open_runtime(listen, option->value, guid, error);
    return postern_error_set(error, -EINVAL, "unix:%s= is not supported: use one of path, abstract, dir, tmpdir and runtime",
                             option->key);
}

#ifdef HAVE_LIBSYSTEMD
/* Takes over one inherited socket, whose file belongs to who made it. */
static int take_inherited(struct postern_listen *listen, int fd, const char *guid, struct postern_error *error)
{
    struct sockaddr_un addr = {0};
    socklen_t size = sizeof(addr);
    size_t len;
    int flags = fcntl(fd, F_GETFL);
    bool abstract;
    int r;

    if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0)
        r = postern_error_set(error, -EINVAL, "systemd: the inherited descriptor %d is not a listening Unix stream socket", fd);
    else if (getsockname(fd, (struct sockaddr *)&addr, &size) < 0 || size <= offsetof(struct sockaddr_un, sun_path))
        r = postern_error_set(error, -EINVAL, "systemd: the inherited socket %d has no name", fd);
    else if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        r = postern_error_set(error, -errno, "systemd: the inherited socket %d: %s", fd, strerror(errno));
    else
        r = 0;
    if (r < 0) {
        close(fd);
        return r;
    }
    abstract = addr.sun_path[0] == '\0';
    len = size - offsetof(struct sockaddr_un, sun_path);
    len = abstract ? len - 1 : strnlen(addr.sun_path, len);
    r = append(listen, fd, abstract ? "abstract" : "path", addr.sun_path + abstract, len, NULL, guid);
    return r < 0 ? postern_error_set(error, r, "out of memory") : 0;
}

static int open_systemd(struct postern_listen *listen, const struct postern_address *address, const char *guid,
                        struct postern_error *error)
{
    int n, r = 0;

    if (address->n_options > 0)
        return postern_error_set(error, -EINVAL, "systemd:%s= is not supported: use systemd: alone", address->options[0].key);
    n = sd_listen_fds(1);
    if (n < 0)
        return postern_error_set(error, n, "systemd: LISTEN_PID and LISTEN_FDS cannot be read: %s", strerror(-n));
    if (n == 0)
        return postern_error_set(
            error, -ENOENT, "systemd: there are no inherited sockets (LISTEN_PID and LISTEN_FDS), or they were taken already");
    /* All of them are taken, also behind a faulty one: none may stay open unnoticed. */
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
        if (r == 0)
            r = take_inherited(listen, fd, guid, error);
        else
            close(fd);
    }
    return r;
}
#else
static int open_systemd(struct postern_listen *listen, const struct postern_address *address, const char *guid,
                        struct postern_error *error)
{
    return postern_error_set(error, -EOPNOTSUPP,
                             "systemd: addresses are not supported: this program was built without libsystemd");
}
#endif

static int open_one(struct postern_listen *listen, const struct postern_address *address, const char *guid,
                    struct postern_error *error)
{
    if (strcmp(address->transport, "unix") == 0)
        return open_unix(listen, address, guid, error);
    if (strcmp(address->transport, "systemd") == 0)
        return open_systemd(listen, address, guid, error);
    return postern_error_set(error, -EOPNOTSUPP, "%s transports are not supported: use unix:", address->transport);
}

static void close_last(struct postern_listen *listen)
{
    struct postern_listen_socket *last = &listen->sockets[--listen->n];

    close(last->fd);
    if (last->unlink_path != NULL)
        unlink(last->unlink_path);
    free(last->unlink_path);
    free(last->address);
}

int postern_listen_open(struct postern_listen *listen, const char *addresses, const char *guid, struct postern_error *error)
{
    struct postern_address *list;
    size_t n, before = listen->n;
    int r = postern_address_parse(addresses, &list, &n, error);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n && r == 0; i++)
        r = open_one(listen, &list[i], guid, error);
    while (r < 0 && listen->n > before)
        close_last(listen);
    postern_address_free(list, n);
    return r;
}

char *postern_listen_addresses(const struct postern_listen *listen)
{
    struct postern_buf buf = {0};

    for (size_t i = 0; i < listen->n; i++)
        if (postern_buf_printf(&buf, "%s%s", i > 0 ? ";" : "", listen->sockets[i].address) < 0) {
            postern_buf_finish(&buf);
            return NULL;
        }
    if (postern_buf_append(&buf, "", 1) == 0)
        return (char *)buf.data;
    postern_buf_finish(&buf);
    return NULL;
}

void postern_listen_close(struct postern_listen *listen)
{
    while (listen->n > 0)
        close_last(listen);
    free(listen->sockets);
    *listen = (struct postern_listen){0};
}
