/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

struct supervision {
    pid_t bwrap;
    pid_t init; /* process 1 of the sandbox, the command's parent; 0 until bwrap has told */
    int status_fd;
    char reports[4096]; /* what bwrap wrote so far; a few hundred bytes */
    size_t n_reports;
    struct postern_outcome *outcome;
};

int postern_supervise_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

/* Reads the lines of --json-status-fd, see bwrap(1): {"child-pid": N, ...} at first, {"exit-code": N} only if the command was run. */
static void read_reports(struct supervision *s)
{
    const char *found;
    ssize_t n;

    while (s->n_reports < sizeof s->reports - 1) {
        n = read(s->status_fd, s->reports + s->n_reports, sizeof s->reports - 1 - s->n_reports);
        if (n <= 0)
            break;
        s->n_reports += (size_t)n;
    }
    s->reports[s->n_reports] = '\0';
    found = strstr(s->reports, "\"child-pid\": ");
    if (found != NULL && strchr(found, '\n') != NULL)
        s->init = (pid_t)strtol(found + strlen("\"child-pid\": "), NULL, 10);
    s->outcome->started = strstr(s->reports, "\"exit-code\": ") != NULL;
}

/* The command is the first child of the sandbox's process 1. 0 when it does not run yet or cannot be told. */
static pid_t find_command(const struct supervision *s)
{
    char path[64];
    int pid = 0;
    FILE *file;

    if (s->init <= 0)
        return 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)s->init, (int)s->init);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%d", &pid) != 1)
        pid = 0;
    fclose(file);
    return pid;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
    struct supervision *s = data;
    pid_t command;

    read_reports(s);
    command = find_command(s);
    kill(command > 0 ? command : s->bwrap, (int)info->ssi_signo); /* with bwrap everything inside goes: --die-with-parent */
    return 0;
}

static int on_report(sd_event_source *source, int fd, uint32_t events, void *data)
{
    read_reports(data);
    if (events & (EPOLLHUP | EPOLLERR))
        sd_event_source_set_enabled(source, SD_EVENT_OFF);
    return 0;
}

static int on_exit_of_bwrap(sd_event_source *source, const siginfo_t *info, void *data)
{
    struct supervision *s = data;

    read_reports(s);
    if (info->si_code == CLD_EXITED) {
        s->outcome->status = info->si_status;
    } else {
        s->outcome->status = 128 + info->si_status;
        s->outcome->started = true; /* a signal ended it, ours or another's: no failure to set up */
    }
    return sd_event_exit(sd_event_source_get_event(source), 0);
}

/* In the child: nothing of ours but the report pipe goes along, and bwrap does not outlive us. */
static _Noreturn void become_bwrap(const char *bwrap, const struct postern_sandbox *sandbox, int status_fd, pid_t parent, const sigset_t *mask)
{
    setpgid(0, 0); /* the terminal's Ctrl-C is ours to hand on, not bwrap's to die of */
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0 &&
        fcntl(status_fd, F_SETFD, 0) == 0)
        execve(bwrap, sandbox->argv.items, sandbox->env.items);
    dprintf(STDERR_FILENO, "postern-run: cannot run %s: %s\n", bwrap, strerror(errno));
    _exit(125);
}

static int watch(struct supervision *s, sd_event *event, sd_bus *bus)
{
    int r = sd_event_add_io(event, NULL, s->status_fd, EPOLLIN, on_report, s);

    if (r >= 0)
        r = sd_event_add_child(event, NULL, s->bwrap, WEXITED, on_exit_of_bwrap, s);
    for (size_t i = 0; r >= 0 && i < sizeof forwarded / sizeof *forwarded; i++)
        r = sd_event_add_signal(event, NULL, forwarded[i], on_signal, s);
    if (r >= 0)
        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
    if (r >= 0)
        r = sd_event_loop(event);
    sd_bus_detach_event(bus);
    return r;
}

int postern_supervise_run(const char *bwrap, const struct postern_sandbox *sandbox, int status_fds[2], sd_bus *bus,
                          struct postern_outcome *outcome, struct postern_error *error)
{
    struct supervision s = {.status_fd = status_fds[0], .outcome = outcome};
    sd_event *event = NULL;
    pid_t self = getpid();
    sigset_t signals, before;
    int r = sd_event_new(&event);

    signal(SIGCHLD, SIG_DFL); /* ignored ones leave nothing to wait for */
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        sigaddset(&signals, forwarded[i]);
    sigprocmask(SIG_BLOCK, &signals, &before);
    *outcome = (struct postern_outcome){0};
    if (r >= 0)
        s.bwrap = fork();
    if (r >= 0 && s.bwrap < 0)
        r = -errno;
    if (r >= 0 && s.bwrap == 0)
        become_bwrap(bwrap, sandbox, status_fds[1], self, &before);
    close(status_fds[1]);
    if (r >= 0)
        r = watch(&s, event, bus);
    sd_event_unref(event);
    close(status_fds[0]);
    return r >= 0 ? 0 : postern_error_set(error, r, "cannot run bubblewrap: %s", strerror(-r));
}
