/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel says of the process at the other end of a connected AF_UNIX socket. All of it is pinned by the kernel at
 * connect(2): nothing here is looked up under /proc, so nothing races. Of who is at the other end of an Internet socket it says
 * nothing: then all facts are unknown.
 */
#ifndef POSTERN_UTIL_PEER_H
#define POSTERN_UTIL_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define POSTERN_PEER_UNKNOWN ((uid_t)-1)

struct postern_peer_facts {
    uid_t uid;         /* SO_PEERCRED; POSTERN_PEER_UNKNOWN: not a Unix socket, and nothing below is known either */
    gid_t gid;         /* SO_PEERCRED: the effective one */
    pid_t pid;         /* SO_PEERCRED; 0: unknown (another pid namespace) */
    gid_t *groups;     /* SO_PEERGROUPS with gid: sorted, without duplicates; NULL: unknown */
    size_t n_groups;
    char *label;       /* SO_PEERSEC as given, NUL-terminated; NULL without an LSM that labels sockets */
    size_t label_len;  /* without the NUL */
};

/* Reads the facts from fd. 0, or a negative errno with *facts untouched: on a Unix socket an unreadable fact other than those
 * that a kernel or LSM does not offer is an error, never an empty fact. */
int postern_peer_facts_read(int fd, struct postern_peer_facts *facts);

/* The same but for the groups, of which there may be many: for who needs them seldom. */
int postern_peer_facts_begin(int fd, struct postern_peer_facts *facts);
/* Adds the groups, unless they are there. They are those of the connect(2) whenever they are read. 0, or a negative errno with *facts as it was. */
int postern_peer_facts_groups(int fd, struct postern_peer_facts *facts);

/* The same facts of this process itself, as a peer would see them; for the credentials of the driver. 0 or negative errno. */
int postern_peer_facts_self(struct postern_peer_facts *facts);

/* Frees what the facts hold and zeroes them; a zeroed struct is allowed. */
void postern_peer_facts_finish(struct postern_peer_facts *facts);

/* A new pidfd of the process that connected, close-on-exec; the caller closes it. Kept out of the facts: a descriptor for each
 * connection is a price that only who needs it should pay. -EOPNOTSUPP: the kernel cannot say (before Linux 6.5); -ESRCH: the
 * process is gone and reaped (from Linux 6.16 on such a process still has a pidfd); -ENODATA: there is no process, since it is not a
 * connected Unix socket. */
int postern_peer_pidfd(int fd);

#endif
