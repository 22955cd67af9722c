/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that connect, and what becomes of them. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/cgroup.h"

int n_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

static void *sleep_long(void *data)
{
    sleep(60);
    return data;
}

static void client(const struct sockaddr_un *addr, socklen_t size, enum life life, int report)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    pthread_t thread;
    pid_t keeper = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (connect(fd, (const struct sockaddr *)addr, size) < 0)
        _exit(1);
    if (life == REAPED && (keeper = fork()) == 0) {
        sleep(60);
        _exit(0);
    }
    if (write(report, &keeper, sizeof(keeper)) != sizeof(keeper))
        _exit(1);
    if (life == HEADLESS && pthread_create(&thread, NULL, sleep_long, NULL) == 0)
        pthread_exit(NULL);
    if (life == ALIVE)
        sleep(60);
    _exit(0);
}

/* Waits until the state of a process is Z. */
static void wait_for_zombie(pid_t pid)
{
    char path[64], state = ' ';

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (int i = 0; state != 'Z'; i++) {
        FILE *file = fopen(path, "re");

        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(fscanf(file, "%*d %*s %c", &state), 1);
        fclose(file);
        ck_assert_int_lt(i, 5000);
        usleep(1000);
    }
}

struct peer peer_new(enum life life)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(addr);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), report[2];
    struct peer peer;

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, sizeof(sa_family_t)), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&addr, &size), 0);
    ck_assert_int_eq(pipe(report), 0);
    peer.pid = fork();
    if (peer.pid == 0)
        client(&addr, size, life, report[1]);
    peer.fd = accept(listener, NULL, NULL);
    ck_assert_int_eq(read(report[0], &peer.keeper, sizeof(peer.keeper)), sizeof(peer.keeper));
    close(report[0]);
    close(report[1]);
    close(listener);
    if (life == REAPED)
        ck_assert_int_eq(waitpid(peer.pid, NULL, 0), peer.pid);
    else if (life != ALIVE)
        wait_for_zombie(peer.pid);
    return peer;
}

void peer_free(struct peer *peer)
{
    if (peer->keeper > 0)
        kill(peer->keeper, SIGKILL);
    else
        kill(peer->pid, SIGKILL);
    close(peer->fd);
    waitpid(peer->pid, NULL, 0);
}
