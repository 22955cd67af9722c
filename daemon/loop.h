/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The event loop: one thread, one epoll. A round is: wait; handle everything that is ready but listeners, and write what that has led to; then who
 * was not through in the round before; then the listeners; then the end of the round, where dead connections go and each receiver's queue is written at
 * once. Listeners come last so that a slot which a closing client frees is there for the next one. Each source has one turn in a round,
 * and what a turn may be is up to the source: so nobody waits for longer than one turn of each other. While nobody but those who are not through
 * has anything to say, several rounds have one end.
 */
#ifndef POSTERN_DAEMON_LOOP_H
#define POSTERN_DAEMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/* Something with a descriptor that can become ready. Embedded in its owner, which must not free it before the end of the round in
 * which it removes it. */
struct postern_source {
    int fd; /* -1: not in the loop */
    uint32_t events; /* EPOLLIN, EPOLLOUT; hang-up and error are always told */
    bool listener;
    void (*ready)(void *data, uint32_t events);
    void *data;
    struct postern_source *next_accept; /* the loop's own: waits for the end of the round */
    bool accept_pending;
    struct postern_source *prev_again, *next_again; /* the loop's own: has a turn in the next round */
    bool again;
};

struct postern_loop {
    int epoll_fd;
    bool quit;
    uint64_t round; /* that runs, or ran last */
    int (*timeout)(void *data);    /* milliseconds until something is due; -1: nothing is */
    void (*round_end)(void *data); /* after all that was ready has been handled */
    void *data;
    struct postern_source *accepting;
    struct postern_source *again; /* in the order of their turns */
    unsigned n_again;
    unsigned unwritten; /* rounds since the last one that ended with writing */
};

/* 0 or negative errno. */
int postern_loop_init(struct postern_loop *loop);
void postern_loop_finish(struct postern_loop *loop);
int postern_loop_add(struct postern_loop *loop, struct postern_source *source);
/* Changes what is waited for; nothing is done when it is the same as before. */
void postern_loop_set(struct postern_loop *loop, struct postern_source *source, uint32_t events);
/* It has more to do than it may in one turn: its ready function is called again in the next round, with no events. */
void postern_loop_again(struct postern_loop *loop, struct postern_source *source);
/* Nothing more is told of it; it still has to be removed. */
void postern_loop_ignore(struct postern_loop *loop, struct postern_source *source);
/* The descriptor must still be open. Removing twice is allowed. */
void postern_loop_remove(struct postern_loop *loop, struct postern_source *source);
/* Runs rounds until quit is set. 0 or negative errno. */
int postern_loop_run(struct postern_loop *loop);

#endif
