/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control groups of the process at the other end of a socket. */
#ifndef POSTERN_BACKENDS_CGROUP_PEER_H
#define POSTERN_BACKENDS_CGROUP_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "backends/procguard.h"
#include "util/buf.h"
#include "util/error.h"

#define POSTERN_CGROUP_KNOWN 64u

/* A group of the unified hierarchy and what /proc says of those in it. Neither ever changes: these groups cannot be renamed, and the kernel gives a
 * number of 64 bits to no second one. */
struct postern_cgroup_known {
    uint64_t id;
    struct postern_buf text;
};

/* What is found out once, so that less has to be asked for each peer. */
struct postern_cgroup_view {
    struct postern_procview proc;
    int self_fd;   /* of /proc/self/cgroup; -1: it cannot be opened */
    bool sees_all; /* this process is in the first cgroup namespace */
    bool several;  /* the last peer was in other hierarchies than the unified one */
    struct postern_cgroup_known known[POSTERN_CGROUP_KNOWN];
};

/* Never fails: what cannot be had costs the peers more system calls. */
void postern_cgroup_view_open(struct postern_cgroup_view *view);
void postern_cgroup_view_close(struct postern_cgroup_view *view);

/*
 * Appends to *text what /proc/PID/cgroup says, for postern_cgroup_find(). fd is the connected socket, pid what SO_PEERCRED said of it.
 * 1 with *pinned: whether the kernel vouches for that it is the process that connected. 0: nothing can be said, see
 * postern_procguard_open(). A negative errno with *error: the process is gone (-ESRCH), hidden (-ENOENT) or cannot be seen otherwise, which never means that it
 * is in no container. *text's len and *pinned are untouched unless 1 is returned.
 *
 * Where the kernel tells the group by the pidfd itself (Linux 6.13), the unified hierarchy is the only one, and the group is known from an earlier
 * peer or the bus may open what it has only the number of (CAP_DAC_READ_SEARCH), no pid is looked at, and a process that has ended meanwhile is
 * answered, too.
 */
int postern_cgroup_of_peer(struct postern_cgroup_view *view, int fd, pid_t pid, bool unpinned_ok, struct postern_buf *text, bool *pinned,
                           struct postern_error *error);

/* Appends to *text what /proc/self/cgroup says. 0, or a negative errno with *error. */
int postern_cgroup_of_self(struct postern_buf *text, struct postern_error *error);

/* Does this group have this number? text: "0::PATH\n" and no more. Whoever looked at a process may have seen it in one group while its number was
 * asked for in another; the file system knows. */
bool postern_cgroup_has_id(const char *mount, const struct postern_buf *text, uint64_t id);

/* The unified hierarchy's part of it, by the pidfd alone. mount: where that hierarchy is mounted, with the group "/" at its root. Appends
 * "0::PATH\n". 0, or a negative errno with *text's len as it was: the kernel cannot, the group is removed, or it may not be opened. */
int postern_cgroup_by_pidfd(int pidfd, const char *mount, struct postern_buf *text);

#endif
