/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "daemon/listen_part.h"
#include "util/cleanup.h"
#include "util/sha1.h"

int postern_guid_make(char guid[33])
{
    uint8_t bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return -EIO;
    postern_hex(bytes, sizeof(bytes), guid);
    return 0;
}

int postern_listen_random(char name[POSTERN_LISTEN_RANDOM + 1])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"; /* 64 of them */
    uint8_t bytes[POSTERN_LISTEN_RANDOM];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return -EIO;
    for (size_t i = 0; i < sizeof(bytes); i++)
        name[i] = letters[bytes[i] % 64];
    name[POSTERN_LISTEN_RANDOM] = '\0';
    return 0;
}

int postern_listen_hold(int fd)
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

/* ---- the list ------------------------------------------------------------------------------------------ */

void postern_listen_socket_close(struct postern_listen_socket *socket)
{
    close(socket->fd);
    if (socket->unlink_path != NULL)
        unlink(socket->unlink_path);
    if (socket->rmdir_path != NULL)
        rmdir(socket->rmdir_path);
    free(socket->unlink_path);
    free(socket->rmdir_path);
    free(socket->address);
}

int postern_listen_append(struct postern_listen *listen, struct postern_listen_socket *socket, const char *text, const char *guid)
{
    struct postern_listen_socket *sockets = realloc(listen->sockets, (listen->n + 1) * sizeof(*sockets));

    if (sockets != NULL)
        listen->sockets = sockets;
    if (text != NULL && asprintf(&socket->address, "%s,guid=%s", text, guid) < 0)
        socket->address = NULL;
    if (sockets == NULL || (text != NULL && socket->address == NULL)) {
        postern_listen_socket_close(socket);
        return -ENOMEM;
    }
    sockets[listen->n++] = *socket;
    return 0;
}

static int open_one(struct postern_listen *listen, const struct postern_address *address, const char *guid,
                    struct postern_error *error)
{
    if (strcmp(address->transport, "unix") == 0)
        return postern_listen_unix(listen, address, guid, error);
    if (strcmp(address->transport, "tcp") == 0 || strcmp(address->transport, "nonce-tcp") == 0)
        return postern_listen_tcp(listen, address, guid, error);
    if (strcmp(address->transport, "systemd") == 0)
        return postern_listen_systemd(listen, address, guid, error);
    return postern_error_set(error, -EOPNOTSUPP,
                             "%s transports are not supported: use unix:, tcp:, nonce-tcp: or systemd:", address->transport);
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
        postern_listen_socket_close(&listen->sockets[--listen->n]);
    postern_address_free(list, n);
    return r;
}

char *postern_listen_addresses(const struct postern_listen *listen)
{
    struct postern_buf buf = {0};

    for (size_t i = 0; i < listen->n; i++) {
        const char *address = listen->sockets[i].address;

        if (address != NULL && postern_buf_printf(&buf, "%s%s", buf.len > 0 ? ";" : "", address) < 0) {
            postern_buf_finish(&buf);
            return NULL;
        }
    }
    if (postern_buf_append(&buf, "", 1) == 0)
        return (char *)buf.data;
    postern_buf_finish(&buf);
    return NULL;
}

void postern_listen_give(const struct postern_listen *listen, uid_t uid, gid_t gid)
{
    for (size_t i = 0; i < listen->n; i++) {
        const struct postern_listen_socket *socket = &listen->sockets[i];

        /* The folder last: in it, nobody else can have put another file in the place of ours. */
        if (socket->rmdir_path != NULL && lchown(socket->unlink_path, uid, gid) == 0 && lchown(socket->rmdir_path, uid, gid) < 0)
            continue; /* it stays root's, and stays there */
    }
}

void postern_listen_close(struct postern_listen *listen)
{
    while (listen->n > 0)
        postern_listen_socket_close(&listen->sockets[--listen->n]);
    free(listen->sockets);
    *listen = (struct postern_listen){0};
}
