/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The suites of test-cgroup. */
#ifndef POSTERN_TESTS_UNIT_CGROUP_H
#define POSTERN_TESTS_UNIT_CGROUP_H

#include <check.h>
#include <sys/types.h>

Suite *cgroup_path_suite(void);
Suite *cgroup_peer_suite(void);
Suite *cgroup_shipped_suite(void);

enum life {
    ALIVE,
    ZOMBIE,   /* ended, and nobody has waited for it */
    REAPED,   /* ended and waited for; a child of it keeps the socket open */
    HEADLESS, /* its first thread has ended, another runs */
};

/* Somebody who has connected. */
struct peer {
    pid_t pid, keeper;
    int fd; /* our end */
};

/* One who has connected and has come that far. Our end of the socket is accepted. */
struct peer peer_new(enum life life);
/* Ends all that is left of it. */
void peer_free(struct peer *peer);
/* How many descriptors are open here. */
int n_fds(void);

#endif
