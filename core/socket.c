/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/listen.h"
#include "util/buf.h"
#include "wire/address.h"

/* ---- where it is ------------------------------------------------------------------------------------ */

static int describe(const struct sockaddr_un *addr, socklen_t len, struct postern_socket_place *place)
{
    size_t n = len - offsetof(struct sockaddr_un, sun_path);
    bool abstract = addr->sun_path[0] == '\0';
    struct postern_socket_place made = {.path = ""};
    struct postern_buf text = {0};
    int r;

    if (!abstract) {
        n = strnlen(addr->sun_path, n);
        memcpy(made.path, addr->sun_path, n);
    }
    r = postern_buf_printf(&text, "unix:%s=", abstract ? "abstract" : "path");
    if (r == 0)
        r = postern_address_escape(&text, abstract ? addr->sun_path + 1 : addr->sun_path, abstract ? n - 1 : n);
    if (r == 0 && text.len >= sizeof(made.address))
        r = -ENAMETOOLONG;
    if (r == 0) {
        memcpy(made.address, text.data, text.len);
        *place = made;
    }
    postern_buf_finish(&text);
    return r;
}

/* ---- one of ours --------------------------------------------------------------------------------------- */

/* Makes the directory and those above it that are missing; what exists is left as it is. A directory that others have to pass
 * must not depend on the umask. */
static int make_directories(const char *path, mode_t mode)
{
    char part[sizeof(struct sockaddr_un)];
    size_t len = strlen(path);

    if (len >= sizeof(part))
        return -ENAMETOOLONG;
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, mode) == 0 ? chmod(part, mode) < 0 : errno != EEXIST)
            return -errno;
    }
    return 0;
}

static int name_socket(const struct postern_settings *settings, struct sockaddr_un *addr)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    uint8_t random[16];
    char suffix[sizeof(random) + 1];
    int n;

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -EIO;
    for (size_t i = 0; i < sizeof(random); i++)
        suffix[i] = letters[random[i] % (sizeof(letters) - 1)];
    suffix[sizeof(random)] = '\0';
    n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/dbus-%s", settings->socket_dir, suffix);
    return n < (int)sizeof(addr->sun_path) ? 0 : -ENAMETOOLONG;
}

/* Everybody may try to connect, whatever the umask; who is let in is decided by the credentials (only the creator's uid). */
static int bind_and_listen(int fd, const struct sockaddr_un *addr)
{
    int r;

    if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
        return -errno;
    if (chmod(addr->sun_path, 0666) == 0 && listen(fd, SOMAXCONN) == 0)
        return 0;
    r = -errno;
    unlink(addr->sun_path);
    return r;
}

int postern_socket_make(const struct postern_settings *settings, int *fd, struct postern_socket_place *place,
                        struct postern_error *error)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct postern_socket_place made;
    int sock, r;

    if (settings->socket_dir == NULL)
        return postern_error_set(error, -EOPNOTSUPP, "there is no place for the sockets of containers: %s",
                                 settings->socket_dir_missing);
    sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sock < 0)
        return postern_error_set(error, -errno, "cannot make a socket: %s", strerror(errno));
    r = make_directories(settings->socket_dir, settings->socket_dir_mode);
    if (r == 0)
        r = name_socket(settings, &addr);
    if (r == 0)
        r = describe(&addr, sizeof(addr), &made);
    if (r == 0)
        r = bind_and_listen(sock, &addr);
    if (r < 0) {
        close(sock);
        return postern_error_set(error, r, "cannot make a socket in %s: %s", settings->socket_dir, strerror(-r));
    }
    *fd = sock;
    *place = made;
    return 0;
}

/* ---- a manager's ---------------------------------------------------------------------------------------- */

static int socket_number(int fd, int option)
{
    socklen_t len = sizeof(int);
    int value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -errno;
}

int postern_socket_check(int fd, bool must_listen, struct postern_socket_place *place, struct postern_error *error)
{
    struct sockaddr_un addr, peer;
    socklen_t len = sizeof(addr), peer_len = sizeof(peer);

    if (socket_number(fd, SO_DOMAIN) != AF_UNIX)
        return postern_error_set(error, -EINVAL, "it is not an AF_UNIX socket");
    if (socket_number(fd, SO_TYPE) != SOCK_STREAM)
        return postern_error_set(error, -EINVAL, "it is not a SOCK_STREAM socket");
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 || errno != ENOTCONN)
        return postern_error_set(error, -EINVAL, "the socket is connected");
    if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0 || len <= offsetof(struct sockaddr_un, sun_path) ||
        len > sizeof(addr))
        return postern_error_set(error, -EINVAL, "the socket is not bound");
    if (must_listen && socket_number(fd, SO_ACCEPTCONN) != 1)
        return postern_error_set(error, -EINVAL,
                                 "the socket does not listen, and there is no ReadyFD that would tell when it does");
    if (describe(&addr, len, place) < 0)
        return postern_error_set(error, -EINVAL, "its address is too long");
    return 0;
}
