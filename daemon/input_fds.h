/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* File descriptors that have come and belong to no message yet. */
#ifndef POSTERN_DAEMON_INPUT_FDS_H
#define POSTERN_DAEMON_INPUT_FDS_H

#include <stdint.h>
#include <sys/socket.h>

#include "daemon/conn.h"
#include "daemon/fdset.h"

/* Takes over the descriptors of one read, which ended at conn->in_pos. NULL, or why the connection has to go. */
const char *postern_input_fds_take(struct postern_conn *conn, struct msghdr *msg);

/* Hands the first n descriptors to the message that ends at stream position `end`: *set, NULL when n is 0. 0; -ENOMEM; -EBADMSG: there are
 * not that many, or descriptors came no later than this message and no message claims them. */
static inline int postern_input_fds_claim(struct postern_conn *conn, uint32_t n, uint64_t end, struct postern_fdset **set);

/* When all whole messages have been handled, what is left came with the one that is unfinished, or would be lost on it. NULL, or why the
 * connection has to go. */
const char *postern_input_fds_excess(const struct postern_conn *conn);

/* A message that holds descriptors and never ends would hold them for ever: starts or stops the clock. Root is trusted to have a reason. */
void postern_input_fds_watch(struct postern_conn *conn);

/* Closes what no message will claim. */
void postern_input_fds_finish(struct postern_conn *conn);

/* The same where there are some, on either side. */
int postern_input_fds_claim_some(struct postern_conn *conn, uint32_t n, uint64_t end, struct postern_fdset **set);

static inline int postern_input_fds_claim(struct postern_conn *conn, uint32_t n, uint64_t end, struct postern_fdset **set)
{
    *set = NULL;
    return n > 0 || conn->in_fds != NULL ? postern_input_fds_claim_some(conn, n, end, set) : 0;
}

#endif
