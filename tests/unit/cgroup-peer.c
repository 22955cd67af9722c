/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a socket to what /proc says of its peer, with real processes. */
#include "tests/unit/cgroup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/cgroup/path.h"
#include "backends/cgroup/peer.h"
#include "backends/procguard.h"
#include "util/peer.h"

/* What SO_PEERPIDFD says instead of the truth; 0: the truth. */
static int peer_pidfd_error;

int __real_postern_peer_pidfd(int fd);
int __wrap_postern_peer_pidfd(int fd);

int __wrap_postern_peer_pidfd(int fd)
{
    return peer_pidfd_error != 0 ? peer_pidfd_error : __real_postern_peer_pidfd(fd);
}

static struct postern_cgroup_view view;

static void open_view(void)
{
    postern_cgroup_view_open(&view);
}

static void close_view(void)
{
    postern_cgroup_view_close(&view);
}

static void check_text(const struct postern_buf *text, const char *path)
{
    struct postern_buf expected = {0};

    ck_assert_int_eq(postern_proc_read(path, &expected), 0);
    ck_assert_uint_eq(text->len, expected.len);
    ck_assert_mem_eq(text->data, expected.data, expected.len);
    postern_buf_finish(&expected);
}

/* Is there SO_PEERPIDFD? */
static bool kernel_pins(int fd)
{
    int pidfd = __real_postern_peer_pidfd(fd);

    if (pidfd >= 0)
        close(pidfd);
    return pidfd != -EOPNOTSUPP;
}

/* The kernel's answer; what it should be; whether the pid may be believed. */
static const struct {
    int pidfd_error;
    enum life life;
    bool unpinned_ok;
    int result;
} rows[] = {
    {0, ALIVE, false, 1},
    {0, ALIVE, true, 1},
    {0, ZOMBIE, false, -ESRCH},
    {0, REAPED, false, -ESRCH},
    {0, REAPED, true, -ESRCH},
    {0, HEADLESS, false, -ESRCH},
    {-EOPNOTSUPP, ALIVE, false, 0},
    {-EOPNOTSUPP, ALIVE, true, 1},
    {-EOPNOTSUPP, ZOMBIE, false, 0},
    {-EOPNOTSUPP, ZOMBIE, true, -ESRCH},
    {-EOPNOTSUPP, REAPED, true, -ESRCH},
    {-EOPNOTSUPP, HEADLESS, true, -ESRCH},
    {-ESRCH, REAPED, false, -ESRCH},
    {-ESRCH, REAPED, true, -ESRCH},
    {-EMFILE, ALIVE, true, -EMFILE},
};

START_TEST(files_of_a_peer)
{
    struct peer peer = peer_new(rows[_i].life);
    struct postern_buf text = {0};
    struct postern_error error = {""};
    bool pinned = rows[_i].pidfd_error == -EOPNOTSUPP;
    char path[64];
    int before = n_fds(), r;

    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)peer.pid);
    peer_pidfd_error = rows[_i].pidfd_error;
    if (peer_pidfd_error == 0 && !kernel_pins(peer.fd)) {
        peer_free(&peer);
        return; /* the rows of an older kernel are its own */
    }
    r = postern_proc_file_of_peer(peer.fd, peer.pid, rows[_i].unpinned_ok, "cgroup", &text, &pinned, &error);
    if (r != rows[_i].result)
        ck_abort_msg("%d \"%s\", expected %d", r, error.text, rows[_i].result);
    ck_assert_int_eq(n_fds(), before);
    if (r == 1) {
        ck_assert(pinned == (rows[_i].pidfd_error == 0));
        check_text(&text, path);
    } else {
        ck_assert(pinned == (rows[_i].pidfd_error == -EOPNOTSUPP));
        ck_assert_uint_eq(text.len, 0);
        ck_assert(r == 0 || error.text[0] != '\0');
    }
    postern_buf_finish(&text);
    peer_free(&peer);
}
END_TEST

/* With what was found out before, the answers are the same. */
START_TEST(files_with_a_view)
{
    struct peer peer = peer_new(rows[_i].life);
    struct postern_procguard guard = {.pidfd = -1};
    struct postern_buf text = {0};
    struct postern_error error = {""};
    char path[64];
    int before = n_fds(), r;

    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)peer.pid);
    peer_pidfd_error = rows[_i].pidfd_error;
    if (peer_pidfd_error == 0 && !kernel_pins(peer.fd)) {
        peer_free(&peer);
        return; /* the rows of an older kernel are its own */
    }
    r = postern_procguard_open(&view.proc, peer.fd, peer.pid, rows[_i].unpinned_ok, &guard, &error);
    if (r == 1) {
        ck_assert(guard.pinned == (rows[_i].pidfd_error == 0));
        r = postern_procguard_read(&guard, "cgroup", &text, &error);
        r = r == 0 ? 1 : r;
        postern_procguard_close(&guard);
    }
    if (r != rows[_i].result)
        ck_abort_msg("%d \"%s\", expected %d", r, error.text, rows[_i].result);
    ck_assert_int_eq(n_fds(), before);
    if (r == 1) {
        ck_assert_int_eq(guard.pid, peer.pid);
        check_text(&text, path);
    }
    postern_buf_finish(&text);
    peer_free(&peer);
}
END_TEST

/* In a pid namespace of its own, with /proc of the outer one: the number that the kernel tells is another process's in /proc. */
static int numbers_of_two_namespaces(void)
{
    struct postern_procview inside;
    struct postern_procguard guard;
    struct postern_buf text = {0};
    struct postern_error error;
    struct peer peer = peer_new(ALIVE);
    char last[32];
    size_t len;

    postern_procview_open(&inside);
    if (inside.same_pids)
        return 2;
    if (postern_procguard_open(&inside, peer.fd, peer.pid, false, &guard, &error) != 1 || guard.pid == peer.pid)
        return 3;
    /* The innermost number, at the end of that line, is ours. */
    if (postern_procguard_read(&guard, "status", &text, &error) < 0 || postern_buf_append(&text, "", 1) < 0)
        return 4;
    snprintf(last, sizeof(last), "\t%d\n", (int)peer.pid);
    len = strcspn(strstr((const char *)text.data, "\nNSpid:") + 1, "\n") + 1;
    if (memcmp(strstr((const char *)text.data, "\nNSpid:") + 1 + len - strlen(last), last, strlen(last)) != 0)
        return 5;
    peer_free(&peer);
    return 0;
}

START_TEST(numbers_of_another_namespace)
{
    pid_t pid = fork();
    int status;

    ck_assert(view.proc.same_pids);
    if (pid == 0) {
        peer_pidfd_error = 0;
        if (unshare(CLONE_NEWPID) < 0)
            _exit(77);
        pid = fork();
        if (pid == 0)
            _exit(fork() > 0 ? (wait(&status), WEXITSTATUS(status)) : numbers_of_two_namespaces());
        waitpid(pid, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        printf("no pid namespace of its own here\n");
    else
        ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* A number that is none of ours is looked for in /proc, whatever else is known. */
START_TEST(number_of_nobody)
{
    struct postern_procguard guard = {.pidfd = -1};
    struct peer peer = peer_new(ALIVE);
    struct postern_error error;

    peer_pidfd_error = 0;
    if (kernel_pins(peer.fd)) {
        ck_assert_int_eq(postern_procguard_open(&view.proc, peer.fd, 0, false, &guard, &error), 1);
        ck_assert_int_eq(guard.pid, peer.pid);
        postern_procguard_close(&guard);
    }
    peer_free(&peer);
}
END_TEST

/* A file is read to its end, wherever that is; one of /proc is one record, of which a read gives as much as there is room for. */
START_TEST(lengths)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 8192, 12345};
    struct postern_buf text = {0};
    char path[64], bytes[12345];
    int file = memfd_create("file", 0);

    memset(bytes, 'x', sizeof(bytes));
    bytes[sizes[_i] > 0 ? sizes[_i] - 1 : 0] = 'e';
    ck_assert_int_eq(write(file, bytes, sizes[_i]), (ssize_t)sizes[_i]);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    ck_assert_int_eq(postern_proc_read(path, &text), 0);
    ck_assert_uint_eq(text.len, sizes[_i]);
    ck_assert(text.len == 0 || memcmp(text.data, bytes, text.len) == 0);
    postern_buf_finish(&text);
    close(file);
}
END_TEST

/* With the quick way where there is one: it answers of the dead, too. */
START_TEST(cgroup_of_a_peer)
{
    struct peer peer = peer_new(rows[_i].life);
    struct postern_buf text = {0};
    struct postern_error error = {""};
    bool pinned;
    int before = n_fds(), r;

    peer_pidfd_error = rows[_i].pidfd_error;
    if (peer_pidfd_error == 0 && !kernel_pins(peer.fd)) {
        peer_free(&peer);
        return; /* the rows of an older kernel are its own */
    }
    r = postern_cgroup_of_peer(&view, peer.fd, peer.pid, rows[_i].unpinned_ok, &text, &pinned, &error);
    ck_assert_int_eq(n_fds(), before);
    if (r != rows[_i].result && !(rows[_i].life != ALIVE && rows[_i].pidfd_error == 0 && r == 1))
        ck_abort_msg("%d \"%s\", expected %d", r, error.text, rows[_i].result);
    if (r == 1) {
        ck_assert(pinned == (rows[_i].pidfd_error == 0));
        check_text(&text, "/proc/self/cgroup");
        ck_assert_int_eq(postern_cgroup_check((const char *)text.data, text.len, &error), 0);
    }
    postern_buf_finish(&text);
    peer_free(&peer);
}
END_TEST

START_TEST(cgroup_of_self)
{
    struct postern_buf text = {0};
    struct postern_error error;

    ck_assert_int_eq(postern_buf_append(&text, "", 0), 0);
    ck_assert_int_eq(postern_cgroup_of_self(&text, &error), 0);
    check_text(&text, "/proc/self/cgroup");
    postern_buf_finish(&text);
}
END_TEST

/* The socket and not the number decides; a number is nobody's when it comes from another pid namespace. */
START_TEST(wrong_numbers)
{
    struct peer peer = peer_new(ALIVE);
    struct postern_buf text = {0};
    struct postern_error error;
    bool pinned;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)peer.pid);
    if (kernel_pins(peer.fd)) {
        ck_assert_int_eq(postern_proc_file_of_peer(peer.fd, getpid(), false, "comm", &text, &pinned, &error), 1);
        ck_assert_int_eq(postern_proc_file_of_peer(peer.fd, 0, true, "cmdline", &text, &pinned, &error), 1);
        text.len = 0;
        ck_assert_int_eq(postern_proc_file_of_peer(peer.fd, getpid(), true, "stat", &text, &pinned, &error), 1);
        ck_assert_int_eq(atoi((const char *)text.data), peer.pid);
    }
    text.len = 0;
    peer_pidfd_error = -EOPNOTSUPP;
    ck_assert_int_eq(postern_proc_file_of_peer(peer.fd, 0, true, "stat", &text, &pinned, &error), -EPERM);
    ck_assert_int_eq(postern_proc_file_of_peer(peer.fd, -1, true, "stat", &text, &pinned, &error), -EPERM);
    ck_assert_uint_eq(text.len, 0);
    postern_buf_finish(&text);
    peer_free(&peer);
}
END_TEST

/* The same number, but it began at another time. */
START_TEST(number_was_reused)
{
    struct postern_procguard guard = {.pidfd = -1};
    struct peer peer = peer_new(ALIVE);
    struct postern_buf text = {0};
    struct postern_error error;

    peer_pidfd_error = -EOPNOTSUPP;
    ck_assert_int_eq(postern_procguard_open(NULL, peer.fd, peer.pid, true, &guard, &error), 1);
    ck_assert_int_eq(postern_procguard_read(&guard, "comm", &text, &error), 0);
    guard.start++;
    ck_assert_int_eq(postern_procguard_read(&guard, "comm", &text, &error), -ESRCH);
    ck_assert_ptr_nonnull(strstr(error.text, "another has its number"));
    /* And a pidfd whose process has ended, though somebody with the number runs. */
    peer_free(&peer);
    guard.pid = getpid();
    guard.pinned = true;
    ck_assert_int_eq(postern_procguard_read(&guard, "comm", &text, &error), -ESRCH);
    postern_procguard_close(&guard);
    ck_assert_int_eq(guard.pidfd, -1);
    postern_procguard_close(&guard);
    postern_buf_finish(&text);
}
END_TEST

START_TEST(descriptors_are_not_inherited)
{
    struct postern_procguard guard;
    struct peer peer = peer_new(ALIVE);
    struct postern_error error;

    peer_pidfd_error = kernel_pins(peer.fd) ? 0 : -EOPNOTSUPP;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(postern_procguard_open(NULL, peer.fd, peer.pid, true, &guard, &error), 1);
        ck_assert_int_eq(fcntl(guard.pidfd, F_GETFD), FD_CLOEXEC);
        postern_procguard_close(&guard);
        peer_pidfd_error = -EOPNOTSUPP;
    }
    peer_free(&peer);
}
END_TEST

/* A file that this machine may have or not: as good as reading it right away. */
START_TEST(attributes)
{
    static const char *const names[] = {"current", "apparmor/current", "no-such-attribute"};
    struct postern_buf text = {0}, expected = {0};
    struct postern_error error;
    struct peer peer = peer_new(ALIVE);
    bool pinned;
    char path[64];
    int r;

    peer_pidfd_error = kernel_pins(peer.fd) ? 0 : -EOPNOTSUPP;
    snprintf(path, sizeof(path), "/proc/%d/attr/%s", (int)peer.pid, names[_i]);
    r = postern_proc_read(path, &expected);
    ck_assert_int_eq(postern_proc_attr_of_peer(peer.fd, peer.pid, true, names[_i], &text, &pinned, &error), r < 0 ? r : 1);
    ck_assert_uint_eq(text.len, expected.len);
    if (text.len > 0)
        ck_assert_mem_eq(text.data, expected.data, text.len);
    postern_buf_finish(&text);
    postern_buf_finish(&expected);
    peer_free(&peer);
}
END_TEST

START_TEST(network)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(addr);
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0), server;
    struct postern_buf text = {0};
    struct postern_error error;
    bool pinned;

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, size), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&addr, &size), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, size), 0);
    server = accept(listener, NULL, NULL);
    ck_assert_int_eq(postern_cgroup_of_peer(&view, server, 0, true, &text, &pinned, &error), 0);
    close(server);
    ck_assert_int_eq(postern_cgroup_of_peer(&view, server, 0, true, &text, &pinned, &error), -EBADF);
    close(fd);
    close(listener);
}
END_TEST

START_TEST(reads_are_bounded)
{
    char path[] = "/tmp/test-cgroup.XXXXXX";
    int fd = mkstemp(path);
    struct postern_buf text = {0};

    ck_assert_int_eq(postern_buf_append(&text, "ab", 2), 0);
    ck_assert_int_eq(ftruncate(fd, POSTERN_PROCGUARD_TEXT_MAX), 0);
    ck_assert_int_eq(postern_proc_read(path, &text), 0);
    ck_assert_uint_eq(text.len, 2 + POSTERN_PROCGUARD_TEXT_MAX);
    text.len = 2;
    ck_assert_int_eq(ftruncate(fd, POSTERN_PROCGUARD_TEXT_MAX + 1), 0);
    ck_assert_int_eq(postern_proc_read(path, &text), -EFBIG);
    ck_assert_uint_eq(text.len, 2);
    ck_assert_int_eq(postern_proc_read("/nonexistent", &text), -ENOENT);
    unlink(path);
    close(fd);
    postern_buf_finish(&text);
}
END_TEST

/* Where is the unified hierarchy? false: nowhere. */
static bool find_mount(char *mount, size_t size)
{
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    struct mntent *entry = NULL;

    while (mounts != NULL && (entry = getmntent(mounts)) != NULL && strcmp(entry->mnt_type, "cgroup2") != 0)
        ;
    if (entry != NULL)
        snprintf(mount, size, "%s", entry->mnt_dir);
    if (mounts != NULL)
        endmntent(mounts);
    return entry != NULL;
}

/* Puts a process into a group. */
static bool move(const char *group, pid_t pid)
{
    char path[400];
    FILE *procs;
    bool moved;

    snprintf(path, sizeof(path), "%s/cgroup.procs", group);
    procs = fopen(path, "we");
    if (procs == NULL)
        return false;
    moved = fprintf(procs, "%d\n", (int)pid) > 0;
    return fclose(procs) == 0 && moved;
}

static void set_text(struct postern_buf *buf, const char *text)
{
    buf->len = 0;
    ck_assert_int_eq(postern_buf_append(buf, text, strlen(text)), 0);
}

/* A group whose number is known needs no /proc: as long as there are no other hierarchies, and for no other number. */
static const struct {
    const char *self; /* what the bus sees of itself */
    bool sees_all, several;
    uint64_t difference; /* of the number that is known from the peer's */
    bool known;
} knowledge[] = {
    {"0::/x\n", true, false, 0, true},
    {"0::/x\n", true, false, POSTERN_CGROUP_KNOWN, false}, /* of the same slot */
    {"0::/x\n", true, true, 0, false},
    {"0::/x\n", false, false, 0, false},
    {"1:name=systemd:/x\n0::/x\n", true, false, 0, false},
    {"0::/x\n1:freezer:/x\n", true, false, 0, false},
    {"0::/x", true, false, 0, false}, /* cut off */
    {"", true, false, 0, false},
};

START_TEST(known_groups)
{
    struct peer peer = peer_new(ALIVE);
    struct postern_buf text = {0};
    struct postern_error error;
    bool pinned;
    int pidfd = __real_postern_peer_pidfd(peer.fd), self = memfd_create("self", 0);
    uint64_t id = pidfd >= 0 ? postern_pidfd_cgroup(pidfd) : 0;
    bool asks = id != 0;

    if (!asks)
        printf("this kernel does not tell a group by a pidfd\n");
    peer_pidfd_error = 0;
    ck_assert_int_eq(write(self, knowledge[_i].self, strlen(knowledge[_i].self)), (ssize_t)strlen(knowledge[_i].self));
    close(view.self_fd);
    view.self_fd = self;
    view.sees_all = knowledge[_i].sees_all;
    view.several = knowledge[_i].several;
    view.known[id % POSTERN_CGROUP_KNOWN].id = id + knowledge[_i].difference;
    set_text(&view.known[id % POSTERN_CGROUP_KNOWN].text, "0::/known\n");
    if (asks) {
        ck_assert_int_eq(postern_cgroup_of_peer(&view, peer.fd, peer.pid, false, &text, &pinned, &error), 1);
        ck_assert(pinned);
        if (knowledge[_i].known) {
            ck_assert_uint_eq(text.len, strlen("0::/known\n"));
            ck_assert_mem_eq(text.data, "0::/known\n", text.len);
        } else {
            check_text(&text, "/proc/self/cgroup");
        }
    }
    postern_buf_finish(&text);
    close(pidfd);
    peer_free(&peer);
}
END_TEST

/* The number and the path of one group and no other. */
static void check_id(const char *mount, const struct postern_buf *text, int pidfd)
{
    struct postern_buf other = {0};
    uint64_t id = postern_pidfd_cgroup(pidfd);

    ck_assert(postern_cgroup_has_id(mount, text, id));
    ck_assert(!postern_cgroup_has_id(mount, text, id + 1));
    ck_assert(!postern_cgroup_has_id("/tmp", text, id));
    set_text(&other, "0::/\n");
    ck_assert(!postern_cgroup_has_id(mount, &other, id));
    set_text(&other, "0::/no-such-group\n");
    ck_assert(!postern_cgroup_has_id(mount, &other, id));
    other.len = 0;
    ck_assert_int_eq(postern_buf_append(&other, "1:freezer:/\n", 12), 0);
    ck_assert_int_eq(postern_buf_append(&other, text->data, text->len), 0);
    ck_assert(!postern_cgroup_has_id(mount, &other, id));
    postern_buf_finish(&other);
}

/* In a group of its own, alive and dead, until the group is gone. It needs the right to make a group, which not every machine gives. */
START_TEST(group_by_pidfd)
{
    char mount[256], group[300], expected[64];
    struct peer peer = peer_new(ALIVE);
    struct postern_buf text = {0};
    int pidfd = __real_postern_peer_pidfd(peer.fd), r = -ENODEV, before = n_fds();

    if (find_mount(mount, sizeof(mount)))
        r = postern_cgroup_by_pidfd(pidfd, mount, &text);
    ck_assert_int_eq(n_fds(), before);
    text.len = 0;
    snprintf(group, sizeof(group), "%s/postern-test-%d", mount, (int)getpid());
    snprintf(expected, sizeof(expected), "0::/postern-test-%d\n", (int)getpid());
    if (r == 0 && mkdir(group, 0700) == 0) {
        if (move(group, peer.pid)) {
            ck_assert_int_eq(postern_cgroup_by_pidfd(pidfd, mount, &text), 0);
            ck_assert_uint_eq(text.len, strlen(expected));
            ck_assert_mem_eq(text.data, expected, text.len);
            check_id(mount, &text, pidfd);
        }
        peer_free(&peer);
        r = postern_cgroup_by_pidfd(pidfd, mount, &text); /* an error before Linux 6.15 */
        ck_assert(r < 0 || text.len == 2 * strlen(expected));
        text.len = 0;
        for (int i = 0; rmdir(group) < 0; i++) { /* the kernel may take a moment to let the dead out */
            ck_assert_int_lt(i, 1000);
            usleep(1000);
        }
        ck_assert_int_lt(postern_cgroup_by_pidfd(pidfd, mount, &text), 0);
        ck_assert_uint_eq(text.len, 0);
    } else {
        printf("no group of its own here: %d\n", r);
        peer_free(&peer);
    }
    ck_assert_int_lt(postern_cgroup_by_pidfd(pidfd, "/tmp", &text), 0);
    postern_buf_finish(&text);
    close(pidfd);
}
END_TEST

/* Whose first thread has ended, and others run on: what the kernel says of it is old. */
START_TEST(headless)
{
    static const enum life lives[] = {ALIVE, ZOMBIE, REAPED, HEADLESS};
    struct peer peer = peer_new(lives[_i]);
    struct postern_procguard guard;
    struct postern_error error;
    int r;

    peer_pidfd_error = 0;
    if (kernel_pins(peer.fd)) {
        r = postern_procguard_open(NULL, peer.fd, peer.pid, false, &guard, &error);
        ck_assert_int_ge(r, 0);
        if (r == 1) {
            ck_assert(postern_procguard_is_headless(&guard) == (lives[_i] == HEADLESS));
            postern_procguard_close(&guard);
        }
    }
    peer_free(&peer);
}
END_TEST

Suite *cgroup_peer_suite(void)
{
    Suite *suite = suite_create("cgroup-peer");
    TCase *tcase = tcase_create("peer");

    tcase_add_checked_fixture(tcase, open_view, close_view);
    tcase_add_loop_test(tcase, files_of_a_peer, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(tcase, files_with_a_view, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, numbers_of_another_namespace);
    tcase_add_test(tcase, number_of_nobody);
    tcase_add_loop_test(tcase, lengths, 0, 7);
    tcase_add_loop_test(tcase, known_groups, 0, sizeof(knowledge) / sizeof(knowledge[0]));
    tcase_add_loop_test(tcase, cgroup_of_a_peer, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, cgroup_of_self);
    tcase_add_test(tcase, wrong_numbers);
    tcase_add_test(tcase, number_was_reused);
    tcase_add_test(tcase, descriptors_are_not_inherited);
    tcase_add_loop_test(tcase, attributes, 0, 3);
    tcase_add_test(tcase, network);
    tcase_add_test(tcase, reads_are_bounded);
    tcase_add_test(tcase, group_by_pidfd);
    tcase_add_loop_test(tcase, headless, 0, 4);
    suite_add_tcase(suite, tcase);
    return suite;
}
