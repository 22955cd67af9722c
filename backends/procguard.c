/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/procguard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/peer.h"

#define PF_EXITING 0x4u /* of include/linux/sched.h; proc_pid_stat(5) shows the flags */

/* linux/pidfd.h of Linux 6.13, in its first size; headers of older kernels have none of it. */
struct info {
    uint64_t mask;
    uint64_t cgroupid;
    uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
};
#define GET_INFO _IOWR(0xff, 11, struct info)
#define INFO_CGROUPID 0x4u
#define INFO_EXIT 0x8u /* Linux 6.15: what is asked is answered of an ended process, too */

uint64_t postern_pidfd_cgroup(int pidfd)
{
    struct info info = {.mask = INFO_CGROUPID | INFO_EXIT};

    return ioctl(pidfd, GET_INFO, &info) == 0 && (info.mask & INFO_CGROUPID) != 0 ? info.cgroupid : 0;
}

#define READ_ROOM 4096

/* A file of a process is one record, which the kernel writes at one go (seq_file, single_open): a read that gives less than there was room for has
 * given the rest. */
static int read_at(int dir, const char *path, struct postern_buf *text)
{
    postern_autoclose int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t before = text->len;
    ssize_t n = READ_ROOM;
    int r = fd < 0 ? -errno : 0;

    while (r == 0 && n == READ_ROOM) {
        r = postern_buf_reserve(text, READ_ROOM);
        n = r == 0 ? read(fd, text->data + text->len, READ_ROOM) : 0;
        if (n < 0 && errno != EINTR)
            r = -errno;
        if (n > 0)
            text->len += (size_t)n;
        else if (n < 0)
            n = READ_ROOM; /* interrupted: once more */
        if (text->len - before > POSTERN_PROCGUARD_TEXT_MAX)
            r = -EFBIG;
    }
    if (r < 0)
        text->len = before;
    return r;
}

int postern_proc_read(const char *path, struct postern_buf *text)
{
    return read_at(AT_FDCWD, path, text);
}

/* The same as a string, into a buffer that the caller finishes whatever comes. */
static int read_string(int dir, const char *path, struct postern_buf *text)
{
    int r = read_at(dir, path, text);

    return r < 0 ? r : postern_buf_append(text, "", 1);
}

#define PROC "/proc/"
#define FILE_PATH_ROOM 128
#define PID_DIGITS 10

/* The path of a process's file, from proc_fd or, when that is -1, from the root; that is where openat() is to begin, and *path in room begins.
 * Written by hand, since it is done for each connection and snprintf() takes longer than the kernel does. */
static int file_path(int proc_fd, pid_t pid, const char *file, char room[FILE_PATH_ROOM], const char **path, int *dir)
{
    char *at = room + sizeof(PROC) - 1 + PID_DIGITS;
    size_t len = strlen(file);
    unsigned number = (unsigned)pid;

    if (len >= FILE_PATH_ROOM - sizeof(PROC) - PID_DIGITS - 1)
        return -ENAMETOOLONG;
    at[0] = '/';
    memcpy(at + 1, file, len + 1);
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    if (proc_fd < 0) {
        at -= sizeof(PROC) - 1;
        memcpy(at, PROC, sizeof(PROC) - 1);
    }
    *path = at;
    *dir = proc_fd >= 0 ? proc_fd : AT_FDCWD;
    return 0;
}

/* ---- what holds for all peers ----------------------------------------------------------------------- */

/* proc_pid_status(5): one number for each namespace from that of the mounted /proc down to that of the process. One alone: it is the same.
 * With /proc of an outer namespace, the numbers in it are others than those which the kernel tells us. */
static bool pids_are_same(int proc_fd)
{
    struct postern_buf text = {0};
    const char *line = NULL;
    bool same = false;

    if (read_string(proc_fd, "self/status", &text) == 0)
        line = strstr((const char *)text.data, "\nNSpid:\t");
    if (line != NULL) {
        line += strlen("\nNSpid:\t");
        same = strtol(line, NULL, 10) == getpid() && line[strspn(line, "0123456789")] == '\n';
    }
    postern_buf_finish(&text);
    return same;
}

void postern_procview_open(struct postern_procview *view)
{
    view->fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    view->same_pids = view->fd >= 0 && pids_are_same(view->fd);
}

void postern_procview_close(struct postern_procview *view)
{
    if (view->fd >= 0)
        close(view->fd);
    view->fd = -1;
}

/* ---- one peer --------------------------------------------------------------------------------------- */

/* The number of the process, from the pidfd itself, as /proc knows it. */
static int read_pid(int pidfd, pid_t *pid, struct postern_error *error)
{
    struct postern_buf text = {0};
    char path[64];
    const char *line;
    int value = 0, r;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    r = read_string(AT_FDCWD, path, &text);
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

struct stat_facts {
    char state;
    unsigned long flags;
    uint64_t start;
};

#define STAT_ROOM 1024u /* the 22 fields that matter are at most 22 * 21 bytes and a name of 64 */

/* proc_pid_stat(5): flags is the 9th field, starttime the 22nd; the name, the 2nd, may hold anything but ends with the last ")". */
static int parse_stat(const char *text, struct stat_facts *facts)
{
    const char *at = strrchr(text, ')');
    char *end;

    if (at == NULL || at[1] != ' ' || at[2] == '\0')
        return -EPROTO;
    facts->state = at[2];
    at += 3;
    for (int field = 4; field <= 22; field++) {
        if (*at != ' ')
            return -EPROTO;
        if (field == 9)
            facts->flags = strtoul(at, &end, 10);
        else if (field == 22)
            facts->start = strtoull(at, &end, 10);
        else
            end = (char *)(uintptr_t)at + 1 + strcspn(at + 1, " ");
        if (end == at + 1 || end == at)
            return -EPROTO;
        at = end;
    }
    return *at == ' ' ? 0 : -EPROTO; /* else the last number may be cut off */
}

static int read_stat(int proc_fd, pid_t pid, struct stat_facts *facts)
{
    char room[FILE_PATH_ROOM], text[STAT_ROOM + 1];
    postern_autoclose int fd = -1;
    const char *path;
    ssize_t n;
    int dir, r = file_path(proc_fd, pid, "stat", room, &path, &dir);

    if (r < 0)
        return r;
    fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    do
        n = read(fd, text, STAT_ROOM); /* what matters comes first */
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    return parse_stat(text, facts);
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
    struct stat_facts facts;
    int r = read_stat(guard->proc_fd, guard->pid, &facts);

    if (has_ended(guard->pidfd) || r == -ESRCH)
        return postern_error_set(error, -ESRCH, "the process that connected (%d) is gone", (int)guard->pid);
    if (r == -ENOENT) /* and it lives: it was not there before anybody looked whether it had ended */
        return postern_error_set(error, -ENOENT, "/proc hides the process that connected (%d)", (int)guard->pid);
    if (r < 0)
        return postern_error_set(error, r, "cannot read /proc/%d/stat: %s", (int)guard->pid, strerror(-r));
    if ((facts.flags & PF_EXITING) != 0 || facts.state == 'Z' || facts.state == 'X')
        return postern_error_set(error, -ESRCH, "the process that connected (%d) is ending", (int)guard->pid);
    if (!guard->pinned && facts.start != guard->start)
        return postern_error_set(error, -ESRCH, "the process that connected (%d) is gone, and another has its number", (int)guard->pid);
    return 0;
}

/* Does the first thread have open files? It gives them up early on its way out, and others keep theirs. From Linux 6.2 on the folder's size tells how
 * many there are; before, and where it is hidden, this says no. */
static bool has_files(const struct postern_procguard *guard)
{
    char room[FILE_PATH_ROOM];
    const char *path;
    struct stat found;
    int dir;

    return guard->pid > 0 && file_path(guard->proc_fd, guard->pid, "fd", room, &path, &dir) == 0 && fstatat(dir, path, &found, 0) == 0 &&
           found.st_size > 0;
}

/* A thread that has only begun to end may still have files. That is no lie of an app's that counts here: it would be seen in the group in which it
 * was when it began, and nobody is put into a container after its code runs. */
bool postern_procguard_is_headless(const struct postern_procguard *guard)
{
    struct stat_facts facts;
    bool first_lives = has_files(guard);

    if (!first_lives)
        first_lives = guard->pid > 0 && read_stat(guard->proc_fd, guard->pid, &facts) == 0 && (facts.flags & PF_EXITING) == 0 &&
                      facts.state != 'Z' && facts.state != 'X';
    return !first_lives && !has_ended(guard->pidfd);
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
    struct postern_procguard opened = {.pid = pid, .proc_fd = -1};
    struct stat_facts facts;
    int r;

    if (pid <= 0)
        return postern_error_set(error, -EPERM, "the process that connected is in another pid namespace");
    opened.pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec without asking */
    if (opened.pidfd < 0)
        return postern_error_set(error, -errno, "cannot open process %d: %s", (int)pid, strerror(errno));
    r = read_stat(-1, pid, &facts);
    if (r == -ENOENT && has_ended(opened.pidfd))
        r = -ESRCH;
    if (r < 0) {
        postern_procguard_close(&opened);
        return postern_error_set(error, r, "cannot read /proc/%d/stat: %s", (int)pid, strerror(-r));
    }
    opened.start = facts.start;
    *guard = opened;
    return 1;
}

/* Which process it is. Of the socket's process the kernel gave number and pidfd, of one and the same: whether it still is that one, the pidfd says to
 * whoever reads. Of one of another namespace, and always when the numbers of /proc are not ours, only /proc knows what is to be said. */
static int find_pid(const struct postern_procview *view, pid_t pid, struct postern_procguard *guard, struct postern_error *error)
{
    if (view == NULL || !view->same_pids || pid <= 0)
        return read_pid(guard->pidfd, &guard->pid, error);
    guard->pid = pid;
    return 0;
}

int postern_procguard_open(const struct postern_procview *view, int fd, pid_t pid, bool unpinned_ok, struct postern_procguard *guard,
                           struct postern_error *error)
{
    struct postern_procguard opened = {.pidfd = postern_peer_pidfd(fd), .pinned = true, .proc_fd = view != NULL ? view->fd : -1};
    int r;

    /* Only a Unix socket has the pidfd of a process. A peer somewhere in the network is in no container of this machine that /proc could tell. */
    if (opened.pidfd < 0 && !is_unix(fd))
        return 0;
    if (opened.pidfd == -EOPNOTSUPP)
        return unpinned_ok ? open_unpinned(pid, guard, error) : 0;
    if (opened.pidfd == -ESRCH)
        return postern_error_set(error, -ESRCH, "the process that connected is gone");
    if (opened.pidfd < 0)
        return postern_error_set(error, opened.pidfd, "cannot tell the process that connected: %s", strerror(-opened.pidfd));
    r = find_pid(view, pid, &opened, error);
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
    char room[FILE_PATH_ROOM];
    const char *path;
    int dir, r, alive;

    if (guard->pid <= 0)
        return postern_error_set(error, -ESRCH, "the process that connected is gone");
    if (file_path(guard->proc_fd, guard->pid, file, room, &path, &dir) < 0)
        return postern_error_set(error, -ENAMETOOLONG, "no file of a process: %s", file);
    r = read_at(dir, path, text);
    alive = check_alive(guard, error);
    if (alive == 0 && r < 0)
        postern_error_set(error, r, "cannot read /proc/%d/%s: %s", (int)guard->pid, file, strerror(-r));
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
    int r = postern_procguard_open(NULL, fd, pid, unpinned_ok, &guard, error);

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
