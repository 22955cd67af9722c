/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The listenable forms of unix: addresses: D-Bus Specification, "Unix Domain Sockets". */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/listen_part.h"
#include "util/cleanup.h"

/* Bytes of a path or abstract name: the kernel's sun_path without the NUL before or behind it. */
#define NAME_MAX_LEN (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define RANDOM_NAME_TRIES 16

/* Binds a new socket to name, abstract or in the file system, and listens. The fd or a negative errno. */
static int bind_new(const char *name, size_t len, bool abstract)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd, r;
    mode_t mask;

    memcpy(addr.sun_path + abstract, name, len);
    fd = postern_listen_hold(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
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

int postern_listen_append_unix(struct postern_listen *listen, int fd, const char *key, const char *name, size_t len,
                               char *unlink_path, const char *guid, struct postern_error *error)
{
    struct postern_listen_socket socket = {.fd = fd, .unlink_path = unlink_path};
    struct postern_buf text = {0};
    int r = postern_buf_printf(&text, "unix:%s=", key);

    if (r == 0)
        r = postern_address_escape(&text, name, len);
    if (r == 0)
        r = postern_buf_append(&text, "", 1);
    if (r == 0)
        r = postern_listen_append(listen, &socket, (const char *)text.data, guid);
    else
        postern_listen_socket_close(&socket);
    postern_buf_finish(&text);
    return r < 0 ? postern_error_set(error, r, "out of memory") : 0;
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
    return postern_listen_append_unix(listen, fd, "path", path, len, unlink_path, guid, error);
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
    return postern_listen_append_unix(listen, fd, "abstract", name, len, NULL, guid, error);
}

/* A socket of a name nobody has in a folder. tmpdir gets a file too: abstract names cannot be kept from a sandbox which shares
 * the network namespace. */
static int open_in_dir(struct postern_listen *listen, const char *key, const char *dir, const char *guid,
                       struct postern_error *error)
{
    char suffix[POSTERN_LISTEN_RANDOM + 1];
    int r;

    if (dir[0] != '/')
        return postern_error_set(error, -EINVAL, "unix:%s=%s: the folder must be given as an absolute path", key, dir);
    for (int i = 0; i < RANDOM_NAME_TRIES; i++) {
        postern_autofree char *path = NULL;
        struct stat st;

        r = postern_listen_random(suffix);
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

int postern_listen_unix(struct postern_listen *listen, const struct postern_address *address, const char *guid,
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
