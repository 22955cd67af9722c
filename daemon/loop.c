/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

#define EVENTS_PER_WAIT 256
#define TURNS_UNWRITTEN 12u /* that follow each other without the end of a round, while nobody else has anything to say */

int postern_loop_init(struct postern_loop *loop)
{
    *loop = (struct postern_loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    return loop->epoll_fd < 0 ? -errno : 0;
}

void postern_loop_finish(struct postern_loop *loop)
{
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    loop->epoll_fd = -1;
}

int postern_loop_add(struct postern_loop *loop, struct postern_source *source)
{
    struct epoll_event event = {.events = source->events, .data.ptr = source};

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0 ? -errno : 0;
}

void postern_loop_set(struct postern_loop *loop, struct postern_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    if (source->fd < 0 || source->events == events)
        return;
    source->events = events;
    /* Cannot fail: the descriptor is registered, and changing needs no memory. */
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

void postern_loop_ignore(struct postern_loop *loop, struct postern_source *source)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
}

void postern_loop_again(struct postern_loop *loop, struct postern_source *source)
{
    if (source->again)
        return;
    source->again = true;
    DL_APPEND2(loop->again, source, prev_again, next_again);
    loop->n_again++;
}

/* It has its turn now, or none any more. */
static void drop_again(struct postern_loop *loop, struct postern_source *source)
{
    if (!source->again)
        return;
    source->again = false;
    DL_DELETE2(loop->again, source, prev_again, next_again);
    loop->n_again--;
}

void postern_loop_remove(struct postern_loop *loop, struct postern_source *source)
{
    struct postern_source **at;

    if (source->fd < 0)
        return;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    source->fd = -1;
    drop_again(loop, source);
    for (at = &loop->accepting; *at != NULL; at = &(*at)->next_accept) {
        if (*at == source) {
            *at = source->next_accept;
            break;
        }
    }
    source->accept_pending = false;
}

/* Puts off a listener to the end of the round, once. */
static void put_off(struct postern_loop *loop, struct postern_source *source)
{
    if (source->accept_pending)
        return;
    source->accept_pending = true;
    source->next_accept = loop->accepting;
    loop->accepting = source;
}

/* Waits once and handles what is ready. Returns how many events there were; *others of those who do not wait for another turn anyway. */
static int wait_once(struct postern_loop *loop, int timeout, int *others)
{
    struct epoll_event events[EVENTS_PER_WAIT];
    int n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_WAIT, timeout);

    for (int i = 0; i < n; i++) {
        struct postern_source *source = events[i].data.ptr;

        if (source->fd < 0)
            continue; /* removed by an earlier event of this round; freed at its end */
        *others += !source->again;
        if (source->listener)
            put_off(loop, source);
        else
            source->ready(source->data, events[i].events);
    }
    return n;
}

static void accept_all(struct postern_loop *loop)
{
    while (loop->accepting != NULL) {
        struct postern_source *source = loop->accepting;

        loop->accepting = source->next_accept;
        source->accept_pending = false;
        source->ready(source->data, 0);
    }
}

/* Is there nobody but those who are not through? Then what they send is worth gathering for a while before it is written: turns are short
 * for the sake of others. */
static bool goes_on(struct postern_loop *loop, int others)
{
    if (others == 0 && loop->n_again > 0 && ++loop->unwritten < TURNS_UNWRITTEN)
        return true;
    loop->unwritten = 0;
    return false;
}

int postern_loop_run(struct postern_loop *loop)
{
    while (!loop->quit) {
        /* Who asks again from now on has had a turn in this round. */
        unsigned waiting = loop->n_again;
        int others = 0, n = wait_once(loop, waiting > 0 ? 0 : loop->timeout(loop->data), &others);

        loop->round++;
        if (n < 0 && errno != EINTR)
            return -errno;
        /* A hang-up may hide behind a full set of events; it must be seen before anything is accepted. */
        if (n == EVENTS_PER_WAIT && loop->accepting != NULL)
            n = wait_once(loop, 0, &others);
        /* What others sent has waited for the turn before; it need not wait for the next one. */
        if (others > 0 && waiting > 0)
            loop->round_end(loop->data);
        for (; waiting > 0 && loop->again != NULL; waiting--) {
            struct postern_source *source = loop->again;

            drop_again(loop, source);
            source->ready(source->data, 0);
        }
        if (goes_on(loop, others))
            continue;
        loop->round_end(loop->data);
        if (loop->accepting != NULL) {
            accept_all(loop);
            loop->round_end(loop->data);
        }
    }
    return 0;
}
