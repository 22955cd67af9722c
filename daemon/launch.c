/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>
#include <utlist.h>
#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-journal.h>
#endif

#include "daemon/bus.h"

#ifndef P_PIDFD
#define P_PIDFD 3 /* Linux 5.4, glibc 2.36 */
#endif

#define EXEC_FD (STDERR_FILENO + 1) /* the one descriptor that a child keeps until it has become the program */

/* ---- in the child ------------------------------------------------------------------------------------ */

/* Ignored signals stay ignored through execve(2), and blocked ones blocked. */
static void reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        sigaction(number, &action, NULL); /* SIGKILL and SIGSTOP refuse, and need it not */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The bus is protected from the out-of-memory killer; what it starts is not meant to be. */
static void drop_protection(void)
{
    char text[16] = "";
    int dumpable = prctl(PR_GET_DUMPABLE), fd;

    /* Once the bus has become its user, these files are root's while the process may not be dumped. */
    prctl(PR_SET_DUMPABLE, 1);
    fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (dumpable != 1)
        prctl(PR_SET_DUMPABLE, 0);
    if (fd < 0)
        return;
    if (read(fd, text, sizeof(text) - 1) > 0 && text[0] == '-' && pwrite(fd, "0", 1, 0) < 0)
        errno = 0; /* no reason not to start the service */
    close(fd);
}

/* Where the bus logs to the journal, so does the service, under its own name. */
static void redirect_output(const struct postern_log *log, const char *name)
{
#ifdef HAVE_LIBSYSTEMD
    int fd = log->to_journal ? sd_journal_stream_fd(name, LOG_INFO, 0) : -1;

    if (fd < 0)
        return; /* no journal here: the streams of the bus will do */
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
#endif
}

static void become(struct postern_bus *bus, const char *name, char *const words[], char *const environment[], int exec_fd)
    __attribute__((noreturn));
static void become(struct postern_bus *bus, const char *name, char *const words[], char *const environment[], int exec_fd)
{
    int null, error;
    char go;

    /* A helper cannot be killed, or be waited for in a hurry: nothing is started before the bus can watch it. */
    if (recv(exec_fd, &go, 1, 0) != 1)
        _exit(127);
    redirect_output(&bus->log, name);
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    else
        close(STDIN_FILENO);
    if (exec_fd != EXEC_FD && dup3(exec_fd, EXEC_FD, O_CLOEXEC) < 0)
        _exit(127);
    closefrom(EXEC_FD + 1);
    drop_protection();
    if (bus->fd_limit.rlim_max > 0)
        setrlimit(RLIMIT_NOFILE, &bus->fd_limit);
    reset_signals();
    execve(words[0], words, environment);
    error = errno;
    if (write(EXEC_FD, &error, sizeof(error)) < 0)
        _exit(126);
    _exit(127);
}

/* ---- in the bus -------------------------------------------------------------------------------------- */

static void close_exec_fd(const struct postern_child *child)
{
    if (child->exec_fd >= 0)
        close(child->exec_fd);
}

static void child_ready(void *data, uint32_t events)
{
    struct postern_child *child = data;
    struct postern_bus *bus = child->bus;
    struct postern_ending ending = {0};
    int fd = child->source.fd;
    siginfo_t info = {0};

    (void)events;
    if (waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) < 0)
        ending.status = EXIT_FAILURE; /* somebody else has waited for it: what became of it is lost */
    else if (info.si_pid == 0)
        return;
    else
        ending.status = info.si_status;
    ending.killed = info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
    if (child->exec_fd < 0 ||
        recv(child->exec_fd, &ending.exec_errno, sizeof(ending.exec_errno), MSG_DONTWAIT) != sizeof(ending.exec_errno))
        ending.exec_errno = 0;
    postern_loop_remove(&bus->loop, &child->source);
    close(fd);
    close_exec_fd(child);
    DL_DELETE(bus->children, child);
    DL_APPEND(bus->dead_children, child);
    if (child->ended != NULL)
        child->ended(child->data, &ending);
}

/* Forks. The pid, 0 never, or a negative errno; *exec_fd is where the child waits for a byte before it becomes the program, and tells of a
 * failed execve(). */
static pid_t spawn(struct postern_bus *bus, const char *name, char *const words[], char *const environment[], int *exec_fd)
{
    int pair[2], r;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid = fork();
    if (pid == 0) {
        close(pair[0]); /* so that it sees the end when the bus gives up */
        become(bus, name, words, environment, pair[1]);
    }
    r = -errno;
    close(pair[1]);
    if (pid > 0) {
        *exec_fd = pair[0];
        return pid;
    }
    close(pair[0]);
    return r;
}

/* Begins to watch a process that was just forked: it cannot have been waited for, so the pidfd is its own. */
static int watch(struct postern_bus *bus, struct postern_child *child)
{
    int fd = (int)syscall(SYS_pidfd_open, child->pid, 0), r;

    if (fd < 0)
        return -errno;
    child->bus = bus;
    child->source = (struct postern_source){.fd = fd, .events = EPOLLIN, .ready = child_ready, .data = child};
    r = postern_loop_add(&bus->loop, &child->source);
    if (r < 0)
        close(fd);
    return r;
}

int postern_launch(struct postern_bus *bus, const char *name, char *const words[], char *const environment[], postern_ended_fn *ended, void *data,
                   struct postern_child **result, struct postern_error *error)
{
    struct postern_child *child = calloc(1, sizeof(*child));
    int r;

    if (child == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    child->pid = spawn(bus, name, words, environment, &child->exec_fd);
    if (child->pid < 0) {
        r = child->pid;
        free(child);
        return postern_error_set(error, r, "cannot make a process: %s", strerror(-r));
    }
    r = watch(bus, child);
    if (r < 0) {
        close(child->exec_fd); /* at which it ends, before it has become anything */
        waitpid(child->pid, NULL, 0);
        free(child);
        return postern_error_set(error, r, "cannot watch a process that was started (pidfd_open, Linux 5.4): %s", strerror(-r));
    }
    if (send(child->exec_fd, "", 1, MSG_NOSIGNAL) < 0)
        postern_log(&bus->log, LOG_ERR, "cannot tell the process for %s to go on: %s", name, strerror(errno)); /* it has ended, or will be waited for */
    child->ended = ended;
    child->data = data;
    DL_APPEND(bus->children, child);
    *result = child;
    return 0;
}

pid_t postern_work_begin(postern_work_fn *work, void *data, int *fd)
{
    int pair[2], r;
    pid_t pid, bus = getpid();

    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0) {
        r = -errno;
        close(pair[0]);
        close(pair[1]);
        return r;
    }
    pid = fork();
    if (pid == 0) {
        drop_protection();
        reset_signals();
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != bus)
            _exit(EXIT_FAILURE);
        if (pair[1] != EXEC_FD && dup3(pair[1], EXEC_FD, O_CLOEXEC) < 0)
            _exit(EXIT_FAILURE);
        closefrom(EXEC_FD + 1);
        work(data, EXEC_FD);
        _exit(EXIT_SUCCESS);
    }
    r = -errno;
    close(pair[1]);
    if (pid > 0) {
        *fd = pair[0];
        return pid;
    }
    close(pair[0]);
    return r;
}

int postern_work_watch(struct postern_bus *bus, pid_t pid, postern_ended_fn *ended, void *data, struct postern_child **result)
{
    struct postern_child *child = calloc(1, sizeof(*child));
    int r = -ENOMEM;

    if (child != NULL) {
        child->pid = pid;
        child->exec_fd = -1;
        r = watch(bus, child);
    }
    if (r < 0) {
        free(child);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return r;
    }
    child->ended = ended;
    child->data = data;
    DL_APPEND(bus->children, child);
    *result = child;
    return 0;
}

void postern_child_forget(struct postern_child *child)
{
    if (child != NULL)
        child->ended = NULL;
}

void postern_child_kill(struct postern_child *child)
{
    if (child == NULL)
        return;
    child->ended = NULL;
    syscall(SYS_pidfd_send_signal, child->source.fd, SIGKILL, NULL, 0);
}

void postern_children_reap(struct postern_bus *bus)
{
    struct postern_child *child, *next;

    DL_FOREACH_SAFE(bus->dead_children, child, next)
    {
        DL_DELETE(bus->dead_children, child);
        free(child);
    }
}

void postern_children_finish(struct postern_bus *bus)
{
    struct postern_child *child, *next;

    DL_FOREACH_SAFE(bus->children, child, next)
    {
        int fd = child->source.fd;

        postern_loop_remove(&bus->loop, &child->source);
        close(fd);
        close_exec_fd(child);
        DL_DELETE(bus->children, child);
        free(child);
    }
    postern_children_reap(bus);
}
