/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What /proc says of the process at the other end of a Unix socket, and of no other. A pid alone may have passed to another process
 * since: so a pidfd that the kernel took from the socket is held while the file is read, and its process must live after that.
 *
 * The answer is of the process as it is now, not as it was when it connected. What cannot be read is an error.
 */
#ifndef POSTERN_BACKENDS_PROCGUARD_H
#define POSTERN_BACKENDS_PROCGUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/error.h"

#define POSTERN_PROCGUARD_TEXT_MAX 65536u

/* What can be found out once about the machine, so that less has to be asked for each peer. */
struct postern_procview {
    int fd;         /* of /proc as it is mounted now, whatever is mounted there later; -1: not open */
    bool same_pids; /* its numbers of processes are those that the kernel's other answers to this process have */
};

struct postern_procguard {
    int pidfd;
    pid_t pid;    /* the process, as /proc knows it */
    bool pinned;  /* the pidfd is the socket's; else it was opened by the number, and is only as good as the number then was */
    uint64_t start; /* when the process began, in ticks; only when it is not pinned */
    int proc_fd;        /* the view's; -1: "/proc" is looked up */
};

/* Never fails: a view that cannot be had costs the peers more system calls, and nothing else. */
void postern_procview_open(struct postern_procview *view);
void postern_procview_close(struct postern_procview *view);

/*
 * Begins: view may be NULL, else it must outlive the guard; fd is the connected socket, pid what SO_PEERCRED said of it. 1 with *guard, which postern_procguard_close() ends; 0: nothing
 * can be said, because it is no Unix socket, or because the kernel has no SO_PEERPIDFD (before Linux 6.5) and unpinned_ok is false.
 * A negative errno with *error: -ESRCH when the process is gone, -EPERM when it cannot be seen from here (another pid namespace).
 */
int postern_procguard_open(const struct postern_procview *view, int fd, pid_t pid, bool unpinned_ok, struct postern_procguard *guard,
                           struct postern_error *error);

/* Appends all of /proc/PID/file to *text. 0, or a negative errno with *error and *text's len as it was: -ESRCH when the process has
 * ended or is about to, -ENOENT when it lives and /proc does not show it (hidepid=), -EFBIG beyond POSTERN_PROCGUARD_TEXT_MAX, else why it cannot be read. */
int postern_procguard_read(const struct postern_procguard *guard, const char *file, struct postern_buf *text, struct postern_error *error);

/* Has its first thread ended, or can that not be seen, while others run on? What the kernel says by a pidfd is about that thread, and as old as its end.
 * Of a thread that has only begun to end it may say no: only for groups of the unified hierarchy is that enough (procguard.c). */
bool postern_procguard_is_headless(const struct postern_procguard *guard);

/* Closes the pidfd. */
void postern_procguard_close(struct postern_procguard *guard);

/* All of that at once for /proc/PID/attr/NAME: name is "apparmor/current", for example, the label on kernels whose sockets have none.
 * Appends the text as it stands there, perhaps with a newline at its end. 1 with *pinned; 0 and negative errno as those above, then with
 * *text's len as it was and *pinned untouched. */
int postern_proc_attr_of_peer(int fd, pid_t pid, bool unpinned_ok, const char *name, struct postern_buf *text, bool *pinned,
                              struct postern_error *error);

/* The same for any other file of /proc/PID. */
int postern_proc_file_of_peer(int fd, pid_t pid, bool unpinned_ok, const char *file, struct postern_buf *text, bool *pinned,
                              struct postern_error *error);

/* Does /proc hide the processes of other users (hidepid=)? Then one that is there looks as one that is gone. */
bool postern_procguard_hides_others(void);

/* The number of the group in the unified hierarchy that the kernel says by a pidfd; 0: it does not say (before Linux 6.13). Of an ended process, too,
 * from Linux 6.15 on. */
uint64_t postern_pidfd_cgroup(int pidfd);

/* Appends a file of bounded length to *text. 0, or a negative errno with *text's len as it was; -EFBIG: it is longer. */
int postern_proc_read(const char *path, struct postern_buf *text);

#endif
