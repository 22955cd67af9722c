/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/cgroup/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backends/procguard.h"
#include "util/cleanup.h"

#define MOUNT "/sys/fs/cgroup"

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

#define HANDLE_TYPE_KERNFS 0xfe /* FILEID_KERNFS of linux/exportfs.h: the handle is the number of the group, in 64 bits */
#define ROOT_CGROUP_ID 1u
#define INITIAL_CGROUP_NAMESPACE 0xeffffffbu /* PROC_CGROUP_INIT_INO of linux/proc_ns.h */

/* Room for a file handle, which ends with an array of unknown length. */
union handle {
    struct file_handle head;
    alignas(8) uint8_t room[sizeof(struct file_handle) + sizeof(uint64_t)];
};

static int cgroup_id(int pidfd, uint64_t *id)
{
    struct info info = {.mask = INFO_CGROUPID | INFO_EXIT};

    if (ioctl(pidfd, GET_INFO, &info) < 0)
        return -errno;
    if ((info.mask & INFO_CGROUPID) == 0 || info.cgroupid == 0)
        return -ENODATA;
    *id = info.cgroupid;
    return 0;
}

/* The hierarchy's mount: it is one of version 2, and its root is the root group, so that paths in it are those of /proc. */
static int open_mount(const char *mount)
{
    int fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct statfs fs;
    struct stat st;

    if (fd < 0)
        return -errno;
    if (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC || fstat(fd, &st) < 0 || st.st_ino != ROOT_CGROUP_ID) {
        close(fd);
        return -ENODEV;
    }
    return fd;
}

/* The path of an open directory, with its NUL, into room for PATH_MAX. */
static int path_of(int fd, uint64_t id, char *path)
{
    char link[64];
    struct stat st;
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_MAX - 1);
    if (n < 0)
        return -errno;
    if (n == PATH_MAX - 1)
        return -ENAMETOOLONG;
    path[n] = '\0';
    /* It must lead there: a group that is removed meanwhile, or cannot be reached from here, has a path that does not. */
    if (lstat(path, &st) < 0)
        return -errno;
    return st.st_ino == id ? 0 : -ESTALE;
}

int postern_cgroup_by_pidfd(int pidfd, const char *mount, struct postern_buf *text)
{
    postern_autoclose int mount_fd = open_mount(mount);
    postern_autoclose int fd = -1;
    union handle handle = {.head = {.handle_bytes = sizeof(uint64_t), .handle_type = HANDLE_TYPE_KERNFS}};
    size_t mount_len = strlen(mount);
    char path[PATH_MAX];
    uint64_t id = 0;
    int r = mount_fd < 0 ? mount_fd : cgroup_id(pidfd, &id);

    if (r < 0)
        return r;
    memcpy(handle.room + offsetof(struct file_handle, f_handle), &id, sizeof(id));
    fd = open_by_handle_at(mount_fd, &handle.head, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    r = path_of(fd, id, path);
    if (r < 0)
        return r;
    if (strncmp(path, mount, mount_len) != 0 || (path[mount_len] != '/' && path[mount_len] != '\0'))
        return -EXDEV;
    return postern_buf_printf(text, "0::%s\n", path[mount_len] != '\0' ? path + mount_len : "/");
}

int postern_cgroup_of_self(struct postern_buf *text, struct postern_error *error)
{
    int r = postern_proc_read("/proc/self/cgroup", text);

    return r < 0 ? postern_error_set(error, r, "cannot read /proc/self/cgroup: %s", strerror(-r)) : 0;
}

/* Is the unified hierarchy the only one, and seen whole? All processes are in the same hierarchies, so that one may ask about oneself. */
static bool is_unified(void)
{
    struct postern_buf text = {0};
    const char *newline = NULL;
    struct stat st;
    bool only = stat("/proc/self/ns/cgroup", &st) == 0 && st.st_ino == INITIAL_CGROUP_NAMESPACE &&
                postern_proc_read("/proc/self/cgroup", &text) == 0 && text.len > 3 && memcmp(text.data, "0::", 3) == 0;

    if (only)
        newline = memchr(text.data, '\n', text.len);
    only = only && newline == (const char *)text.data + text.len - 1;
    postern_buf_finish(&text);
    return only;
}

int postern_cgroup_of_peer(int fd, pid_t pid, bool unpinned_ok, struct postern_buf *text, bool *pinned, struct postern_error *error)
{
    struct postern_procguard guard;
    int r = postern_procguard_open(fd, pid, unpinned_ok, &guard, error);

    if (r <= 0)
        return r;
    /* Whatever is wrong with the quick way: the other one knows, or says why it does not. */
    if (!guard.pinned || !is_unified() || postern_cgroup_by_pidfd(guard.pidfd, MOUNT, text) < 0)
        r = postern_procguard_read(&guard, "cgroup", text, error);
    else
        r = 0;
    postern_procguard_close(&guard);
    if (r < 0)
        return r;
    *pinned = guard.pinned;
    return 1;
}
