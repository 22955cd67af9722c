/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From addresses to listening sockets: D-Bus Specification, "Server Addresses" and the listenable forms of unix transports. */
#ifndef POSTERN_DAEMON_LISTEN_H
#define POSTERN_DAEMON_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

#define POSTERN_NONCE_BYTES 16 /* "Nonce-authenticated TCP Sockets" */

struct postern_listen_socket {
    int fd;            /* listening, non-blocking, close-on-exec */
    char *address;     /* what clients connect to, with guid=; NULL: a further socket of the address before it */
    char *unlink_path; /* to be removed at the end; NULL */
    char *rmdir_path;  /* its folder, when that was made for it; NULL */
    bool has_nonce;    /* nonce-tcp: clients begin with these bytes */
    uint8_t nonce[POSTERN_NONCE_BYTES];
};

struct postern_listen {
    struct postern_listen_socket *sockets;
    size_t n;
};

/* Opens every socket of a ';'-separated list and appends it to *listen: unix:path, abstract, dir, tmpdir, runtime=yes; tcp: and
 * nonce-tcp: with host, bind, port and family; where built with libsystemd, systemd: (sockets inherited by LISTEN_FDS). 0, or a
 * negative errno with *error naming the address and what to do; then *listen keeps what it had. A socket left behind at a
 * unix:path is replaced, any other file is not. Everybody may connect to a socket made here, whatever the umask: the bus's policy
 * decides who stays. A host name is looked up, which can take as long as the name service takes. */
int postern_listen_open(struct postern_listen *listen, const char *addresses, const char *guid, struct postern_error *error);
/* Joins all addresses with ';'. NULL when out of memory; the caller frees it. */
char *postern_listen_addresses(const struct postern_listen *listen);
/* Closes one socket and removes its file; it is not taken off a list. */
void postern_listen_socket_close(struct postern_listen_socket *socket);
/* Closes the sockets and removes their files. */
void postern_listen_close(struct postern_listen *listen);
/* Gives the files of nonces and their folders to the user that the bus will be, who has to remove them. Without effect unless root. */
void postern_listen_give(const struct postern_listen *listen, uid_t uid, gid_t gid);
/* 32 random lower-case hex digits, for the guid of a server. 0 or negative errno. */
int postern_guid_make(char guid[33]);

#endif
