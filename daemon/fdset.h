/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The descriptors of one message, shared by all queues it stands in and closed with the last of them. */
#ifndef POSTERN_DAEMON_FDSET_H
#define POSTERN_DAEMON_FDSET_H

#include <stdint.h>

#define POSTERN_FDS_MAX 253 /* SCM_MAX_FD: as many as one sendmsg() passes */

struct postern_fdset {
    uint32_t refs;
    uint32_t n;
    int fds[];
};

/* Takes n descriptors over, on success only. NULL: out of memory. */
struct postern_fdset *postern_fdset_new(const int *fds, uint32_t n);
struct postern_fdset *postern_fdset_ref(struct postern_fdset *set);
void postern_fdset_unref(struct postern_fdset *set); /* NULL is allowed */

#endif
