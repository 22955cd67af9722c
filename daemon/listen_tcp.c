/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tcp: and nonce-tcp: addresses: D-Bus Specification, "TCP Sockets" and "Nonce-authenticated TCP Sockets". The kernel says
 * nothing of who connects here, so nobody is EXTERNAL, and nothing of what goes over the wire is secret; that is why no default
 * leads here. dbus-daemon takes nonce-tcp: on Linux, too, hence so do we: its nonce keeps strangers who cannot read a file of
 * ours from the first word.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/listen_part.h"
#include "util/cleanup.h"

#define PORT_TRIES 16 /* to find one that is free on all addresses of the host */

/* One address as it was asked for. */
struct tcp_plan {
    const char *method; /* tcp or nonce-tcp */
    const char *host;   /* what clients are told */
    const char *bind;   /* where to listen; NULL: everywhere */
    int family;         /* AF_UNSPEC: any */
    uint16_t port;      /* 0: any */
};

/* ---- what was asked for ------------------------------------------------------------------------------- */

static int read_port(const char *value, uint16_t *port)
{
    unsigned long number = 0;
    size_t i;

    for (i = 0; value[i] >= '0' && value[i] <= '9' && i < 6; i++)
        number = 10 * number + (unsigned long)(value[i] - '0');
    if (i == 0 || value[i] != '\0' || number > UINT16_MAX)
        return -EINVAL;
    *port = (uint16_t)number;
    return 0;
}

static int read_option(struct tcp_plan *plan, const struct postern_address_option *option, struct postern_error *error)
{
    const char *value = option->value;

    if (strcmp(option->key, "host") == 0) {
        plan->host = value;
    } else if (strcmp(option->key, "bind") == 0) {
        plan->bind = value;
    } else if (strcmp(option->key, "port") == 0) {
        if (read_port(value, &plan->port) < 0)
            return postern_error_set(error, -EINVAL, "%s:port=%s: a port is a number from 0 (any that is free) to 65535",
                                     plan->method, value);
    } else if (strcmp(option->key, "family") == 0) {
        if (strcmp(value, "ipv4") != 0 && strcmp(value, "ipv6") != 0)
            return postern_error_set(error, -EINVAL, "%s:family=%s: the families are ipv4 and ipv6", plan->method, value);
        plan->family = strcmp(value, "ipv4") == 0 ? AF_INET : AF_INET6;
    } else {
        return postern_error_set(error, -EINVAL, "%s:%s= is not supported: use host, bind, port and family", plan->method,
                                 option->key);
    }
    return 0;
}

/* Without bind= the host is where to listen; "*" is everywhere. */
static int read_plan(struct tcp_plan *plan, const struct postern_address *address, struct postern_error *error)
{
    int r = 0;

    *plan = (struct tcp_plan){.method = address->transport, .host = "localhost", .family = AF_UNSPEC};
    for (size_t i = 0; r == 0 && i < address->n_options; i++)
        r = read_option(plan, &address->options[i], error);
    if (plan->bind == NULL)
        plan->bind = plan->host;
    if (strcmp(plan->bind, "*") == 0)
        plan->bind = NULL;
    return r;
}

/* ---- sockets --------------------------------------------------------------------------------------------- */

static void set_port(struct sockaddr_storage *addr, uint16_t port)
{
    if (addr->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)addr)->sin_port = htons(port);
}

static int port_of(int fd, uint16_t *port)
{
    struct sockaddr_storage addr;
    socklen_t size = sizeof(addr);

    if (getsockname(fd, (struct sockaddr *)&addr, &size) < 0)
        return -errno;
    *port = ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&addr)->sin6_port
                                             : ((struct sockaddr_in *)(void *)&addr)->sin_port);
    return 0;
}

/* Connections have the options of the socket that they come by: messages do not wait for more, and a peer whose machine is gone
 * is noticed in the end. */
static int set_options(int fd, int family)
{
    int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        return -errno;
    /* Else the one for IPv6 would take IPv4's connections, too, and its port with them. */
    return family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0 ? -errno : 0;
}

/* A listening socket on one address and this port. The fd or a negative errno. */
static int bind_one(const struct addrinfo *info, uint16_t port)
{
    struct sockaddr_storage addr = {0};
    int fd = postern_listen_hold(socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), r;

    if (fd < 0)
        return -errno;
    memcpy(&addr, info->ai_addr, info->ai_addrlen);
    set_port(&addr, port);
    r = set_options(fd, info->ai_family);
    if (r == 0 && (bind(fd, (struct sockaddr *)&addr, info->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0))
        r = -errno;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

/* A name service may list an address twice. */
static bool seen_before(const struct addrinfo *all, const struct addrinfo *info)
{
    for (; all != info; all = all->ai_next)
        if (all->ai_addrlen == info->ai_addrlen && memcmp(all->ai_addr, info->ai_addr, info->ai_addrlen) == 0)
            return true;
    return false;
}

/* Opens one socket for each address of the host, all with one port, and appends them. An address that this machine does not have
 * (any more) is passed over, as long as there is another; one that is taken is not: whoever has it would get what is meant for
 * the bus. */
static int open_all(struct postern_listen *listen, const struct tcp_plan *plan, const struct addrinfo *all, const char *guid)
{
    size_t before = listen->n;
    uint16_t port = plan->port;
    int last = -EADDRNOTAVAIL, r = 0;

    for (const struct addrinfo *info = all; r == 0 && info != NULL; info = info->ai_next) {
        struct postern_listen_socket socket = {0};

        if ((info->ai_family != AF_INET && info->ai_family != AF_INET6) || seen_before(all, info))
            continue;
        socket.fd = bind_one(info, port);
        if (socket.fd == -EADDRNOTAVAIL || socket.fd == -EAFNOSUPPORT) {
            last = socket.fd;
            continue;
        }
        r = socket.fd < 0 ? socket.fd : 0;
        if (r == 0 && port == 0)
            r = port_of(socket.fd, &port);
        if (r == 0)
            r = listen->n == before
                    ? postern_listen_append_tcp(listen, &socket, plan->method, plan->host, info->ai_family, port, guid)
                    : postern_listen_append(listen, &socket, NULL, guid);
        else if (socket.fd >= 0)
            close(socket.fd);
    }
    if (r == 0 && listen->n == before)
        r = last;
    while (r < 0 && listen->n > before)
        postern_listen_socket_close(&listen->sockets[--listen->n]);
    return r;
}

int postern_listen_append_tcp(struct postern_listen *listen, struct postern_listen_socket *socket, const char *method,
                              const char *host, int family, uint16_t port, const char *guid)
{
    struct postern_buf text = {0};
    int r = postern_buf_printf(&text, "%s:host=", method);

    if (r == 0)
        r = postern_address_escape(&text, host, strlen(host));
    if (r == 0)
        r = postern_buf_printf(&text, ",port=%u,family=%s", port, family == AF_INET6 ? "ipv6" : "ipv4");
    if (r == 0)
        r = postern_buf_append(&text, "", 1);
    if (r == 0)
        r = postern_listen_append(listen, socket, (const char *)text.data, guid);
    else
        postern_listen_socket_close(socket);
    postern_buf_finish(&text);
    return r;
}

/* ---- the nonce --------------------------------------------------------------------------------------------- */

static int write_nonce(const char *path, const uint8_t *nonce)
{
    postern_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    return write(fd, nonce, POSTERN_NONCE_BYTES) == POSTERN_NONCE_BYTES ? 0 : -EIO;
}

/* Writes the nonce to a file in a folder of its own, which the first socket then has to remove. */
static int make_nonce(struct postern_listen_socket *first, uint8_t *nonce)
{
    const char *tmp = getenv("TMPDIR");
    char *folder = NULL, *path = NULL;
    int r;

    if (getrandom(nonce, POSTERN_NONCE_BYTES, 0) != POSTERN_NONCE_BYTES)
        return -EIO;
    if (asprintf(&folder, "%s/dbus_nonce-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp") < 0)
        return -ENOMEM;
    if (mkdtemp(folder) == NULL) {
        r = -errno;
        free(folder);
        return r;
    }
    first->rmdir_path = folder;
    if (asprintf(&path, "%s/nonce", folder) < 0)
        return -ENOMEM;
    first->unlink_path = path;
    return write_nonce(path, nonce);
}

/* Tells where the nonce is in the address, before its guid. */
static int name_nonce(struct postern_listen_socket *first, const char *guid)
{
    struct postern_buf text = {0};
    size_t plain = strlen(first->address) - strlen(",guid=") - strlen(guid);
    int r = postern_buf_append(&text, first->address, plain);

    if (r == 0)
        r = postern_buf_printf(&text, ",noncefile=");
    if (r == 0)
        r = postern_address_escape(&text, first->unlink_path, strlen(first->unlink_path));
    if (r == 0)
        r = postern_buf_printf(&text, ",guid=%s", guid);
    if (r == 0)
        r = postern_buf_append(&text, "", 1);
    if (r < 0) {
        postern_buf_finish(&text);
        return r;
    }
    free(first->address);
    first->address = (char *)text.data;
    return 0;
}

/* Asks for a nonce on all sockets from this one on. */
static int add_nonce(struct postern_listen *listen, size_t from, const char *guid)
{
    struct postern_listen_socket *first = &listen->sockets[from];
    uint8_t nonce[POSTERN_NONCE_BYTES];
    int r = make_nonce(first, nonce);

    for (size_t i = from; r == 0 && i < listen->n; i++) {
        listen->sockets[i].has_nonce = true;
        memcpy(listen->sockets[i].nonce, nonce, sizeof(nonce));
    }
    return r == 0 ? name_nonce(first, guid) : r;
}

/* ---- all ------------------------------------------------------------------------------------------------------ */

int postern_listen_tcp(struct postern_listen *listen, const struct postern_address *address, const char *guid,
                       struct postern_error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *all;
    struct tcp_plan plan;
    size_t before = listen->n;
    const char *where;
    int r = read_plan(&plan, address, error);

    if (r < 0)
        return r;
    where = plan.bind != NULL ? plan.bind : "*";
    hints.ai_family = plan.family;
    r = getaddrinfo(plan.bind, "0", &hints, &all);
    if (r != 0)
        return postern_error_set(error, r == EAI_MEMORY ? -ENOMEM : -EADDRNOTAVAIL, "%s: cannot find an address of \"%s\": %s",
                                 plan.method, where, gai_strerror(r));
    r = -EADDRINUSE;
    for (int i = 0; r == -EADDRINUSE && i < (plan.port == 0 ? PORT_TRIES : 1); i++)
        r = open_all(listen, &plan, all, guid);
    freeaddrinfo(all);
    if (r < 0)
        return postern_error_set(error, r, "%s: cannot listen on %s, port %u: %s", plan.method, where, plan.port, strerror(-r));
    if (strcmp(plan.method, "nonce-tcp") == 0)
        r = add_nonce(listen, before, guid);
    return r < 0 ? postern_error_set(error, r, "%s: cannot make the file of the nonce: %s", plan.method, strerror(-r)) : 0;
}
