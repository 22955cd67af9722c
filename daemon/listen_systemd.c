/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets that a service manager hands over at start: sd_listen_fds(3). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "daemon/listen_part.h"

#ifdef HAVE_LIBSYSTEMD
/* What clients connect to is what the kernel says of the socket. */
static int append_unix(struct postern_listen *listen, int fd, const struct sockaddr_un *addr, socklen_t size, const char *guid,
                       struct postern_error *error)
{
    bool abstract = addr->sun_path[0] == '\0';
    size_t len = size - offsetof(struct sockaddr_un, sun_path);

    len = abstract ? len - 1 : strnlen(addr->sun_path, len);
    return postern_listen_append_unix(listen, fd, abstract ? "abstract" : "path", addr->sun_path + abstract, len, NULL, guid,
                                      error);
}

static int append_tcp(struct postern_listen *listen, int fd, const struct sockaddr_storage *addr, const char *guid,
                      struct postern_error *error)
{
    struct postern_listen_socket socket = {.fd = fd};
    const struct sockaddr_in *in = (const void *)addr;
    const struct sockaddr_in6 *in6 = (const void *)addr;
    bool six = addr->ss_family == AF_INET6;
    char host[INET6_ADDRSTRLEN];
    int r;

    inet_ntop(addr->ss_family, six ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr, host, sizeof(host));
    r = postern_listen_append_tcp(listen, &socket, "tcp", host, addr->ss_family, ntohs(six ? in6->sin6_port : in->sin_port),
                                  guid);
    return r < 0 ? postern_error_set(error, r, "out of memory") : 0;
}

/* Takes over one inherited socket, whose file belongs to who made it. */
static int take_inherited(struct postern_listen *listen, int fd, const char *guid, struct postern_error *error)
{
    struct sockaddr_storage addr = {0};
    socklen_t size = sizeof(addr);
    int flags = fcntl(fd, F_GETFL);
    int r = 0;

    if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
        r = postern_error_set(error, -EINVAL, "systemd: the inherited descriptor %d is not a listening stream socket", fd);
    else if (getsockname(fd, (struct sockaddr *)&addr, &size) < 0 || size <= offsetof(struct sockaddr_un, sun_path))
        r = postern_error_set(error, -EINVAL, "systemd: the inherited socket %d has no name", fd);
    else if (addr.ss_family != AF_UNIX && addr.ss_family != AF_INET && addr.ss_family != AF_INET6)
        r = postern_error_set(error, -EINVAL, "systemd: the inherited socket %d is neither a Unix nor an Internet socket", fd);
    else if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        r = postern_error_set(error, -errno, "systemd: the inherited socket %d: %s", fd, strerror(errno));
    if (r < 0) {
        close(fd);
        return r;
    }
    if (addr.ss_family == AF_UNIX)
        return append_unix(listen, fd, (struct sockaddr_un *)(void *)&addr, size, guid, error);
    return append_tcp(listen, fd, &addr, guid, error);
}

int postern_listen_systemd(struct postern_listen *listen, const struct postern_address *address, const char *guid,
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
int postern_listen_systemd(struct postern_listen *listen, const struct postern_address *address, const char *guid,
                           struct postern_error *error)
{
    return postern_error_set(error, -EOPNOTSUPP,
                             "systemd: addresses are not supported: this program was built without libsystemd");
}
#endif
