/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"

#define FDS_OF_ROOT 65536

int postern_process_hold_streams(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
        if (fd < 0)
            return -errno;
    } while (fd <= STDERR_FILENO);
    close(fd);
    return 0;
}

/* The parent's part: it ends as its child says. */
static void wait_for_child(pid_t child, int fd) __attribute__((noreturn));
static void wait_for_child(pid_t child, int fd)
{
    int status;
    ssize_t n;
    char byte;

    do {
        n = read(fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(EXIT_SUCCESS);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    _exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : EXIT_FAILURE);
}

int postern_process_fork(bool keep_umask, int *ready_fd)
{
    int pair[2];
    pid_t child;

    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    child = fork();
    if (child < 0) {
        int r = -errno;

        close(pair[0]);
        close(pair[1]);
        return r;
    }
    if (child > 0) {
        close(pair[1]);
        wait_for_child(child, pair[0]);
    }
    close(pair[0]);
    *ready_fd = pair[1];
    if (!keep_umask)
        umask(022);
    return setsid() < 0 || chdir("/") < 0 ? -errno : 0;
}

void postern_process_ready(int ready_fd)
{
    int null;

    if (ready_fd < 0)
        return;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
            dup2(null, fd);
        close(null);
    }
    /* A parent that is gone has nobody to report to. */
    if (write(ready_fd, "", 1) < 0)
        errno = 0;
    close(ready_fd);
}

int postern_process_write_pidfile(const char *path, struct postern_error *error)
{
    postern_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0 && errno == EEXIST)
        return postern_error_set(error, -EEXIST, "the pid file %s exists: if no bus is running, remove it and start again", path);
    if (fd < 0)
        return postern_error_set(error, -errno, "the pid file %s cannot be made: %s", path, strerror(errno));
    if (dprintf(fd, "%d\n", (int)getpid()) < 0)
        return postern_error_set(error, -EIO, "the pid file %s cannot be written", path);
    return 0;
}

int postern_process_print(int fd, const char *line)
{
    postern_autofree char *text = NULL;
    int len = asprintf(&text, "%s\n", line), r = 0;

    if (len < 0) {
        text = NULL;
        return -ENOMEM;
    }
    if (write(fd, text, (size_t)len) != len)
        r = -EIO;
    return r;
}

int postern_process_raise_fds(void)
{
    struct rlimit limit;
    rlim_t before;
    int r;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    before = limit.rlim_max;
    if (geteuid() == 0 && limit.rlim_max < FDS_OF_ROOT)
        limit.rlim_max = FDS_OF_ROOT;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return 0;
    r = -errno;
    limit.rlim_cur = limit.rlim_max = before; /* root of a user namespace may not raise it */
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : r;
}
