/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/procguard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/peer.h"

#define PF_EXITING 0x4u /* of include/linux/sched.h; proc_pid_stat(5) shows the flags */

int postern_proc_read(const char *path, struct postern_buf *text)
{
    postern_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t before = text->len;
    ssize_t n = 1;
    int r = fd < 0 ? -errno : 0;

    while (r == 0 && n > 0) {
        r = postern_buf_reserve(text, 4096);
        n = r == 0 ? read(fd, text->data + text->len, 4096) : 0;
        if (n < 0 && errno != EINTR)
            r = -errno;
        if (n > 0)
            text->len += (size_t)n;
        else if (n < 0)
            n = 1; /* interrupted: once more */
        if (text->len - before > POSTERN_PROCGUARD_TEXT_MAX)
            r = -EFBIG;
    }
    if (r < 0)
        text->len = before;
    return r;
}

/* The same as a string, into a buffer that the caller finishes whatever comes. */
static int read_string(const char *path, struct postern_buf *text)
{
    int r = postern_proc_read(path, text);

    return r < 0 ? r : postern_buf_append(text, "", 1);
}

/* The number of the process, from the pidfd itself. */
static int read_pid(int pidfd, pid_t *pid, struct postern_error *error)
{
    struct postern_buf text = {0};
    char path[64];
    const char *line;
    int value = 0, r;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    r = read_string(path, &text);
    line = r == 0 ? strstr((const char *)text.data, "\nPid:") : NULL;
    if (r == 0 && (line == NULL || sscanf(line, "\nPid: %d", &value) != 1))
        r = -EPROTO;
    postern_buf_finish(&text);
    if (r < 0)
        return postern_error_set(error, r, "cannot read %s: %s", path, strerror(-r));
    if (value < 0)
        return postern_error_set(error, -ESRCH, "the process that connected is gone");
    if (value == 0)
        return postern_error_set(error, -EPERM, "the process that connected is in another pid namespace");
    *pid = value;
    return 0;
}

/* proc_pid_stat(5): flags is the 9th field, starttime the 22nd; the name, the 2nd, may hold anything but ends with the last ")". */
static int read_stat(pid_t pid, char *state, unsigned *flags, uint64_t *start)
{
    struct postern_buf text = {0};
    char path[64];
    const char *fields;
    int r;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    r = read_string(path, &text);
    fields = r == 0 ? strrchr((const char *)text.data, ')') : NULL;
    if (r == 0 && (fields == NULL || sscanf(fields, ") %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
                                            state, flags, start) != 3))
        r = -EPROTO;
    postern_buf_finish(&text);
    return r;
}

/* A pidfd is readable when its process has ended, all threads of it, whether or not somebody has waited for it. */
static bool has_ended(int pidfd)
{
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    int r;

    do
        r = poll(&poll_fd, 1, 0);
    while (r < 0 && errno == EINTR);
    return r != 0; /* an error, too: nobody knows */
}

/* Is it still the process, and whole? In a hierarchy of version 1 the kernel says of a process whose first thread has ended, or is
 * ending, that it is in the root group, though other threads run on: proc_cgroup_show(). */
static int check_alive(const struct postern_procguard *guard, struct postern_error *error)
{
    unsigned flags;
    uint64_t start;
    char state;
    int r = read_stat(guard->pid, &state, &flags, &start);

    if (has_ended(guard->pidfd) || r == -ESRCH)
        return postern_error_set(error, -ESRCH, "the process that connected (%d) is gone", (int)guard->pid);
    if (r == -ENOENT) /* and it lives: it was not there before anybody looked whether it had ended */
        return postern_error_set(error, -ENOENT, "/proc hides the process that connected (%d)", (int)guard->pid);
    if (r < 0)
        return postern_error_set(error, r, "cannot read /proc/%d/stat: %s", (int)guard->pid, strerror(-r));
    if ((flags & PF_EXITING) != 0 || state == 'Z' || state == 'X')
        return postern_error_set(error, -ESRCH, "the process that connected (%d) is ending", (int)guard->pid);
    if (!guard->pinned && start != guard->start)
        return postern_error_set(error, -ESRCH, "the process that connected (%d) is gone, and another has its number", (int)guard->pid);
    return 0;
}

static bool is_unix(int fd)
{
    int domain = 0;
    socklen_t len = sizeof(domain);

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain == AF_UNIX;
}

/* By the number, for kernels that cannot tell the process of a socket. */
static int open_unpinned(pid_t pid, struct postern_procguard *guard, struct postern_error *error)
{
    struct postern_procguard opened = {.pid = pid};
    unsigned flags;
    char state;
    int r;

    if (pid <= 0)
        return postern_error_set(error, -EPERM, "the process that connected is in another pid namespace");
    opened.pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec without asking */
    if (opened.pidfd < 0)
        return postern_error_set(error, -errno, "cannot open process %d: %s", (int)pid, strerror(errno));
    r = read_stat(pid, &state, &flags, &opened.start);
    if (r == -ENOENT && has_ended(opened.pidfd))
        r = -ESRCH;
    if (r < 0) {
        postern_procguard_close(&opened);
        return postern_error_set(error, r, "cannot read /proc/%d/stat: %s", (int)pid, strerror(-r));
    }
    *guard = opened;
    return 1;
}

int postern_procguard_open(int fd, pid_t pid, bool unpinned_ok, struct postern_procguard *guard, struct postern_error *error)
{
    struct postern_procguard opened = {.pidfd = -1, .pinned = true};
    int r;

    if (!is_unix(fd))
        return 0; /* a peer somewhere in the network is in no container of this machine that /proc could tell */
    opened.pidfd = postern_peer_pidfd(fd);
    if (opened.pidfd == -EOPNOTSUPP)
        return unpinned_ok ? open_unpinned(pid, guard, error) : 0;
    if (opened.pidfd == -ESRCH)
        return postern_error_set(error, -ESRCH, "the process that connected is gone");
    if (opened.pidfd < 0)
        return postern_error_set(error, opened.pidfd, "cannot tell the process that connected: %s", strerror(-opened.pidfd));
    r = read_pid(opened.pidfd, &opened.pid, error);
    /* Gone is for the reader to say: from the pidfd some things can still be asked. */
    if (r < 0 && r != -ESRCH) {
        postern_procguard_close(&opened);
        return r;
    }
    *guard = opened;
    return 1;
}

int postern_procguard_read(const struct postern_procguard *guard, const char *file, struct postern_buf *text, struct postern_error *error)
{
    size_t before = text->len;
    char path[128];
    int r, alive;

    if (guard->pid <= 0)
        return postern_error_set(error, -ESRCH, "the process that connected is gone");
    if (snprintf(path, sizeof(path), "/proc/%d/%s", (int)guard->pid, file) >= (int)sizeof(path))
        return postern_error_set(error, -ENAMETOOLONG, "no file of a process: %s", file);
    r = postern_proc_read(path, text);
    alive = check_alive(guard, error);
    if (alive == 0 && r < 0)
        postern_error_set(error, r, "cannot read %s: %s", path, strerror(-r));
    if (alive < 0 || r < 0)
        text->len = before;
    return alive < 0 ? alive : r;
}

void postern_procguard_close(struct postern_procguard *guard)
{
    if (guard->pidfd >= 0)
        close(guard->pidfd);
    guard->pidfd = -1;
}

int postern_proc_file_of_peer(int fd, pid_t pid, bool unpinned_ok, const char *file, struct postern_buf *text, bool *pinned,
                              struct postern_error *error)
{
    struct postern_procguard guard;
    int r = postern_procguard_open(fd, pid, unpinned_ok, &guard, error);

    if (r <= 0)
        return r;
    r = postern_procguard_read(&guard, file, text, error);
    postern_procguard_close(&guard);
    if (r < 0)
        return r;
    *pinned = guard.pinned;
    return 1;
}

int postern_proc_attr_of_peer(int fd, pid_t pid, bool unpinned_ok, const char *name, struct postern_buf *text, bool *pinned,
                              struct postern_error *error)
{
    char file[64];

    if (snprintf(file, sizeof(file), "attr/%s", name) >= (int)sizeof(file))
        return postern_error_set(error, -ENAMETOOLONG, "no attribute of a process: %s", name);
    return postern_proc_file_of_peer(fd, pid, unpinned_ok, file, text, pinned, error);
}

bool postern_procguard_hides_others(void)
{
    struct stat found;

    /* The first process is root's. Hidden it does not exist, or may not be looked into; what a security module forbids is EACCES. */
    return stat("/proc/1/stat", &found) < 0 && (errno == ENOENT || errno == EPERM);
}
