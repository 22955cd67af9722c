/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/input_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/bus.h"

#define HOARD_FDS 16u /* who holds as many descriptors in unfinished messages may have to let go of them */

static void close_fds(int *fds, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        close(fds[i]);
}

/* ---- keeping ----------------------------------------------------------------------------------- */

/* Keeps the descriptors of one read until the messages that claim them are whole. */
static int keep_fds(struct postern_conn *conn, const int *fds, uint32_t n)
{
    struct postern_fdset **at = &conn->in_fds, *set;

    /* A message may carry max_message_unix_fds; a few such messages may stand in the queue of one read. */
    if (!conn->can_fds || conn->in_fds_n + n > conn->bus->config->limits.max_incoming_unix_fds)
        return -ENOBUFS;
    set = postern_fdset_new(&conn->bus->fdsets, fds, n);
    if (set == NULL)
        return -ENOMEM;
    set->end = conn->in_pos;
    while (*at != NULL)
        at = &(*at)->next;
    *at = set;
    conn->in_fds_n += n;
    conn->user->unfinished_fds += n;
    if (conn->container != NULL)
        conn->container->unfinished_fds += n;
    postern_stats_peak(&conn->stats.in_fds, conn->in_fds_n);
    return 0;
}

static void release_fds(struct postern_conn *conn, uint32_t n)
{
    conn->in_fds_n -= n;
    conn->user->unfinished_fds -= n;
    if (conn->container != NULL)
        conn->container->unfinished_fds -= n;
}

static struct postern_fdset *take_first(struct postern_conn *conn)
{
    struct postern_fdset *set = conn->in_fds;

    conn->in_fds = set->next;
    set->next = NULL;
    return set;
}

/* The first n of all that wait, when they are not what one read brought. NULL: out of memory, and they wait on. */
static struct postern_fdset *gather(struct postern_conn *conn, uint32_t n)
{
    int fds[POSTERN_FDS_MAX] = {0};
    struct postern_fdset *made;
    uint32_t got = 0;

    for (const struct postern_fdset *set = conn->in_fds; got < n; set = set->next) {
        uint32_t take = set->n < n - got ? set->n : n - got;

        memcpy(fds + got, set->fds, take * sizeof(int));
        got += take;
    }
    made = postern_fdset_new(&conn->bus->fdsets, fds, n);
    while (made != NULL && got > 0) {
        struct postern_fdset *set = conn->in_fds;
        uint32_t take = set->n < got ? set->n : got;

        memmove(set->fds, set->fds + take, (set->n - take) * sizeof(int));
        set->n -= take;
        got -= take;
        if (set->n == 0)
            postern_fdset_unref(take_first(conn));
    }
    return made;
}

int postern_input_fds_claim_some(struct postern_conn *conn, uint32_t n, uint64_t end, struct postern_fdset **set)
{
    if (n > conn->in_fds_n || n > conn->bus->config->limits.max_message_unix_fds || n > POSTERN_FDS_MAX)
        return -EBADMSG;
    if (n > 0) {
        *set = conn->in_fds->n == n ? take_first(conn) : gather(conn, n);
        if (*set == NULL)
            return -ENOMEM;
        release_fds(conn, n);
    }
    return conn->in_fds != NULL && conn->in_fds->end <= end ? -EBADMSG : 0;
}

/* ---- bounds ------------------------------------------------------------------------------------ */

const char *postern_input_fds_excess(const struct postern_conn *conn)
{
    uint32_t most = conn->bus->config->limits.max_message_unix_fds;
    const struct postern_account *container = conn->container;

    if (conn->in_fds_n > (most < POSTERN_FDS_MAX ? most : POSTERN_FDS_MAX))
        return "it sent more file descriptors than one message may carry";
    if (container != NULL && conn->in_fds_n > 0 && container->unfinished_fds > conn->in_fds_n &&
        container->unfinished_fds > postern_account_limit(container, POSTERN_CHARGE_FDS))
        return "its container has more file descriptors in unfinished messages than it may have";
    return NULL;
}

/* Somebody's descriptors were lost since the bus can have no more. Of who holds the most in messages that do not end, one has to go. */
static void make_room(struct postern_bus *bus)
{
    struct postern_conn *most = NULL;

    for (struct postern_conn *conn = bus->conns; conn != NULL; conn = conn->next) {
        if (conn->state == POSTERN_CONN_DOOMED || conn->in_fds_n == 0)
            continue;
        if (most == NULL || postern_conn_crowd(conn)->unfinished_fds > postern_conn_crowd(most)->unfinished_fds ||
            (postern_conn_crowd(conn) == postern_conn_crowd(most) && conn->in_fds_n > most->in_fds_n))
            most = conn;
    }
    if (most != NULL && postern_conn_crowd(most)->unfinished_fds >= HOARD_FDS)
        postern_conn_doom(most, "the bus is out of file descriptors, and it holds the most of all in a message that it does not finish");
}

void postern_input_fds_watch(struct postern_conn *conn)
{
    if (conn->in_fds_n == 0)
        postern_timeout_clear(&conn->bus->fd_timeouts, &conn->fd_timeout);
    else if (conn->facts.uid != 0)
        postern_timeout_set(&conn->bus->fd_timeouts, &conn->fd_timeout);
}

/* ---- coming ------------------------------------------------------------------------------------ */

/* -EMFILE when the bus can have no more descriptors; else -EACCES: the kernel's security module keeps some from it. */
static int why_truncated(const struct postern_bus *bus)
{
    int fd = fcntl(bus->spare_fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return -EMFILE;
    close(fd);
    return -EACCES;
}

/* Truncated control data means that some are lost, and nobody could tell whose. */
static int take_control(struct postern_conn *conn, struct msghdr *msg)
{
    int r = (msg->msg_flags & MSG_CTRUNC) != 0 ? why_truncated(conn->bus) : 0;

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        int fds[POSTERN_FDS_MAX];
        size_t bytes = cmsg->cmsg_len - CMSG_LEN(0);
        uint32_t n = (uint32_t)(bytes / sizeof(int));

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS || n > POSTERN_FDS_MAX)
            continue;
        memcpy(fds, CMSG_DATA(cmsg), n * sizeof(int));
        if (r == 0)
            r = keep_fds(conn, fds, n);
        if (r < 0)
            close_fds(fds, n);
    }
    return r;
}

const char *postern_input_fds_take(struct postern_conn *conn, struct msghdr *msg)
{
    int r = take_control(conn, msg);

    if (r == -EMFILE) {
        make_room(conn->bus);
        return "the bus is out of file descriptors, and those that it sent are lost";
    }
    if (r == -EACCES)
        return "it sent file descriptors that the bus may not receive";
    return r < 0 ? "it sent file descriptors that no message may carry" : NULL;
}

void postern_input_fds_finish(struct postern_conn *conn)
{
    while (conn->in_fds != NULL)
        postern_fdset_unref(take_first(conn));
    release_fds(conn, conn->in_fds_n);
}
