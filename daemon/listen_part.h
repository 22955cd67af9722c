/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of daemon/listen*.c share: one opener for each kind of address. Nobody else includes this. */
#ifndef POSTERN_DAEMON_LISTEN_PART_H
#define POSTERN_DAEMON_LISTEN_PART_H

#include <stdbool.h>

#include "daemon/listen.h"
#include "wire/address.h"

/* Each opens the sockets of one address and appends them. 0, or a negative errno with *error; sockets appended before the failure
 * are the caller's to close. */
int postern_listen_unix(struct postern_listen *listen, const struct postern_address *address, const char *guid,
                        struct postern_error *error);
int postern_listen_tcp(struct postern_listen *listen, const struct postern_address *address, const char *guid,
                       struct postern_error *error);
int postern_listen_systemd(struct postern_listen *listen, const struct postern_address *address, const char *guid,
                           struct postern_error *error);

/* Appends a socket, which is taken over in every case with all it holds: when it cannot be appended it is closed and its file is
 * gone. text: its address without guid=; NULL: a further socket of the address before it. 0 or -ENOMEM. */
int postern_listen_append(struct postern_listen *listen, struct postern_listen_socket *socket, const char *text,
                          const char *guid);
/* The same for a Unix socket of this name. key: path or abstract. unlink_path is taken over, NULL: the file is not ours to
 * remove. */
int postern_listen_append_unix(struct postern_listen *listen, int fd, const char *key, const char *name, size_t len,
                               char *unlink_path, const char *guid, struct postern_error *error);
/* The same for an Internet socket: the text of its address is made of the parts; method: tcp or nonce-tcp. */
int postern_listen_append_tcp(struct postern_listen *listen, struct postern_listen_socket *socket, const char *method,
                              const char *host, int family, uint16_t port, const char *guid);

/* A daemon may be started with closed standard streams; a socket in their place would be taken for one of them. Returns the
 * descriptor, or another one for it, or -1 with errno as it came. */
int postern_listen_hold(int fd);

/* A name that nobody can guess, of POSTERN_LISTEN_RANDOM characters. 0 or -EIO. */
#define POSTERN_LISTEN_RANDOM 10
int postern_listen_random(char name[POSTERN_LISTEN_RANDOM + 1]);

#endif
