/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/cgroup/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backends/procguard.h"
#include "util/cleanup.h"

#define MOUNT "/sys/fs/cgroup"

#define HANDLE_TYPE_KERNFS 0xfe /* FILEID_KERNFS of linux/exportfs.h: the handle is the number of the group, in 64 bits */
#define ROOT_CGROUP_ID 1u
#define INITIAL_CGROUP_NAMESPACE 0xeffffffbu /* PROC_CGROUP_INIT_INO of linux/proc_ns.h */

/* Room for a file handle, which ends with an array of unknown length. */
union handle {
    struct file_handle head;
    alignas(8) uint8_t room[sizeof(struct file_handle) + sizeof(uint64_t)];
};

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

/* Appends where the group with this number is. */
static int path_of_id(uint64_t id, const char *mount, struct postern_buf *text)
{
    postern_autoclose int mount_fd = open_mount(mount);
    postern_autoclose int fd = -1;
    union handle handle = {.head = {.handle_bytes = sizeof(uint64_t), .handle_type = HANDLE_TYPE_KERNFS}};
    size_t mount_len = strlen(mount);
    char path[PATH_MAX];
    int r;

    if (mount_fd < 0)
        return mount_fd;
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

int postern_cgroup_by_pidfd(int pidfd, const char *mount, struct postern_buf *text)
{
    uint64_t id = postern_pidfd_cgroup(pidfd);

    return id == 0 ? -ENODATA : path_of_id(id, mount, text);
}

/* ---- what holds for all peers ------------------------------------------------------------------------ */

int postern_cgroup_of_self(struct postern_buf *text, struct postern_error *error)
{
    int r = postern_proc_read("/proc/self/cgroup", text);

    return r < 0 ? postern_error_set(error, r, "cannot read /proc/self/cgroup: %s", strerror(-r)) : 0;
}

void postern_cgroup_view_open(struct postern_cgroup_view *view)
{
    struct stat st;

    *view = (struct postern_cgroup_view){.self_fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC | O_NOCTTY)};
    postern_procview_open(&view->proc);
    /* What this process sees of itself does not change: it enters no other namespace. */
    view->sees_all = stat("/proc/self/ns/cgroup", &st) == 0 && st.st_ino == INITIAL_CGROUP_NAMESPACE;
}

void postern_cgroup_view_close(struct postern_cgroup_view *view)
{
    for (size_t i = 0; i < POSTERN_CGROUP_KNOWN; i++)
        postern_buf_finish(&view->known[i].text);
    postern_procview_close(&view->proc);
    if (view->self_fd >= 0)
        close(view->self_fd);
    view->self_fd = -1;
}

#define UNIFIED_ROOM 4200u /* bytes: one line with a path that is as long as one may be */

static bool is_one_line(const char *text, size_t n)
{
    return n > 3 && memcmp(text, "0::", 3) == 0 && memchr(text, '\n', n) == text + n - 1;
}

/* Is the unified hierarchy the only one, and seen whole? All processes are in the same hierarchies, so that one may ask about oneself. It is
 * asked anew each time, since one of version 1 may be mounted at any time. The kernel writes the file at one go: less than there was room for is all. */
static bool is_unified(struct postern_cgroup_view *view)
{
    char text[UNIFIED_ROOM];
    ssize_t n;

    if (!view->sees_all || view->self_fd < 0 || view->several)
        return false;
    n = pread(view->self_fd, text, sizeof(text), 0);
    return n > 0 && (size_t)n < sizeof(text) && is_one_line(text, (size_t)n);
}

/* ---- groups that are known ----------------------------------------------------------------------------- */

bool postern_cgroup_has_id(const char *mount, const struct postern_buf *text, uint64_t id)
{
    postern_autoclose int mount_fd = open_mount(mount);
    char path[PATH_MAX] = ".";
    struct stat root, st;

    if (mount_fd < 0 || text->len >= sizeof(path) || !is_one_line((const char *)text->data, text->len))
        return false;
    memcpy(path + 1, text->data + 3, text->len - 4); /* without "0::" and the newline */
    path[text->len - 3] = '\0';
    return fstat(mount_fd, &root) == 0 && fstatat(mount_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == root.st_dev &&
           st.st_ino == id;
}

static struct postern_cgroup_known *known_slot(struct postern_cgroup_view *view, uint64_t id)
{
    return &view->known[id % POSTERN_CGROUP_KNOWN];
}

static void know(struct postern_cgroup_view *view, uint64_t id, const struct postern_buf *text)
{
    struct postern_cgroup_known *slot = known_slot(view, id);

    slot->id = 0;
    slot->text.len = 0;
    if (postern_buf_append(&slot->text, text->data, text->len) == 0)
        slot->id = id;
}

/* Appends the text of this group, as it was read before or is found now. */
static int text_of_id(struct postern_cgroup_view *view, uint64_t id, struct postern_buf *text)
{
    const struct postern_cgroup_known *slot = known_slot(view, id);
    int r;

    if (slot->id == id)
        return postern_buf_append(text, slot->text.data, slot->text.len);
    r = path_of_id(id, MOUNT, text);
    if (r == 0)
        know(view, id, text);
    return r;
}

/* ---- one peer ---------------------------------------------------------------------------------------- */

static int ask(struct postern_cgroup_view *view, const struct postern_procguard *guard, struct postern_buf *text, struct postern_error *error)
{
    uint64_t id = guard->pinned && is_unified(view) ? postern_pidfd_cgroup(guard->pidfd) : 0;
    int r;

    /* Whatever is wrong with the quick way: the other one knows, or says why it does not. */
    if (id != 0 && !postern_procguard_is_headless(guard) && text_of_id(view, id, text) == 0)
        return 0;
    r = postern_procguard_read(guard, "cgroup", text, error);
    if (r < 0)
        return r;
    /* Where there are hierarchies of version 1, who is in one is read there anyway; the answer shows when they are gone. */
    view->several = !is_one_line((const char *)text->data, text->len);
    if (id != 0 && postern_cgroup_has_id(MOUNT, text, id))
        know(view, id, text);
    return 0;
}

int postern_cgroup_of_peer(struct postern_cgroup_view *view, int fd, pid_t pid, bool unpinned_ok, struct postern_buf *text, bool *pinned,
                           struct postern_error *error)
{
    struct postern_procguard guard;
    struct postern_buf found = {0};
    int r = postern_procguard_open(&view->proc, fd, pid, unpinned_ok, &guard, error);

    if (r <= 0)
        return r;
    r = ask(view, &guard, &found, error);
    postern_procguard_close(&guard);
    if (r == 0 && postern_buf_append(text, found.data, found.len) < 0)
        r = postern_error_set(error, -ENOMEM, "out of memory");
    postern_buf_finish(&found);
    if (r < 0)
        return r;
    *pinned = guard.pinned;
    return 1;
}
