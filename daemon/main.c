/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* posternd: from the command line to a serving bus, and back. */
#include <errno.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <unistd.h>

#include "config/location.h"
#include "daemon/bus.h"
#include "daemon/check.h"
#include "daemon/introspect.h"
#include "daemon/mechanisms.h"
#include "daemon/mediation.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/privilege.h"
#include "daemon/process.h"
#include "util/cleanup.h"
#include "wire/name.h"

struct program {
    struct postern_daemon_options options;
    struct postern_bus bus;
    struct postern_source signals;
    char *config_file;     /* absolute: the daemon may leave its folder */
    char *mediator_config;
    const char *pidfile;   /* written; to be removed */
    int ready_fd;
};

/* ---- signals ------------------------------------------------------------------------------------------ */

static void signals_ready(void *data, uint32_t events)
{
    struct program *program = data;
    struct signalfd_siginfo info;

    (void)events;
    if (read(program->signals.fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP)
        postern_reload_request(&program->bus);
    else
        program->bus.loop.quit = true;
}

static int watch_signals(struct program *program)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    program->signals = (struct postern_source){.fd = fd, .events = EPOLLIN, .ready = signals_ready, .data = program};
    return postern_loop_add(&program->bus.loop, &program->signals);
}

/* ---- configuration --------------------------------------------------------------------------------------- */

/* Says of a fault where in the configuration it is. */
static int locate(int r, const struct postern_location *where, struct postern_error *error)
{
    char text[sizeof(error->text)];

    if (r < 0) {
        snprintf(text, sizeof(text), "%s", error->text);
        postern_location_error(where, error, "%s", text);
    }
    return r;
}

static void choose_log(struct program *program)
{
    enum postern_log_choice choice = program->options.log;
    bool configured = choice == POSTERN_LOG_CONFIGURED && program->bus.config->syslog;

    program->bus.log.verbose = program->options.verbose;
    postern_log_choose(&program->bus.log, choice != POSTERN_LOG_SYSLOG,
                       configured || choice == POSTERN_LOG_BOTH || choice == POSTERN_LOG_SYSLOG);
}

/* A path that still works after a change of folder. Those under /proc/self name descriptors and must not be resolved. */
static int absolute(const char *path, char **result)
{
    postern_autofree char *here = NULL;

    if (path == NULL || path[0] == '/') {
        *result = path != NULL ? strdup(path) : NULL;
        return path != NULL && *result == NULL ? -ENOMEM : 0;
    }
    here = getcwd(NULL, 0);
    if (here == NULL)
        return -errno;
    if (asprintf(result, "%s/%s", here, path) < 0) {
        *result = NULL;
        return -ENOMEM;
    }
    return 0;
}

static int read_config(struct program *program, struct postern_error *error)
{
    struct postern_bus *bus = &program->bus;
    int r = absolute(program->options.config_file, &program->config_file);

    if (r == 0)
        r = absolute(program->options.mediator_config, &program->mediator_config);
    if (r < 0)
        return postern_error_set(error, r, "the current folder is not known: %s", strerror(-r));
    bus->config_file = program->config_file;
    r = postern_reload_first(bus, error);
    if (r < 0)
        return r;
    choose_log(program);
    return 0;
}

/* ---- start -------------------------------------------------------------------------------------------------- */

static int go_to_background(struct program *program, struct postern_error *error)
{
    enum postern_fork_choice choice = program->options.fork;
    int r;

    if (choice == POSTERN_FORK_NO || (choice == POSTERN_FORK_AS_CONFIGURED && !program->bus.config->fork))
        return 0;
    r = postern_process_fork(program->bus.config->keep_umask, &program->ready_fd);
    return r < 0 ? postern_error_set(error, r, "cannot go to the background: %s", strerror(-r)) : 0;
}

static int open_sockets(struct program *program, struct postern_error *error)
{
    struct postern_bus *bus = &program->bus;
    const struct postern_busconfig *config = bus->config;
    int r = 0;

    if (program->options.address != NULL)
        return postern_listen_open(&bus->listen, program->options.address, bus->guid, error);
    if (config->listen == NULL)
        return postern_error_set(error, -EINVAL, "%s has no <listen> element; add one or give --address=ADDRESS", bus->config_file);
    for (size_t i = 0; r == 0 && config->listen[i] != NULL; i++)
        r = locate(postern_listen_open(&bus->listen, config->listen[i], bus->guid, error), &config->listen_where[i], error);
    return r;
}

static int become_user(struct postern_bus *bus, struct postern_error *error)
{
    const struct passwd *entry = getpwnam(bus->config->user);
    const char *lost = NULL;
    int r;

    if (entry != NULL)
        postern_listen_give(&bus->listen, entry->pw_uid, entry->pw_gid);
    r = locate(postern_privilege_drop(bus->config->user, &lost, error), &bus->config->user_where, error);

    if (r == 0 && lost != NULL)
        postern_log(&bus->log, LOG_INFO, "denials will not be in the audit log: %s", lost);
    return r;
}

static int open_mediator(struct program *program, struct postern_error *error)
{
    postern_autofree char *path = program->options.module != NULL ? strdup(program->options.module) : postern_loader_default_path();

    if (path == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    return postern_mediation_open(&program->bus, path, program->mediator_config, program->options.verbose, error);
}

static int print_one(int fd, const char *text, const char *option, struct postern_error *error)
{
    int r = fd >= 0 ? postern_process_print(fd, text) : 0;

    return r < 0 ? postern_error_set(error, r, "cannot write to the descriptor of %s=%d", option, fd) : 0;
}

/* Both may share a descriptor: the address comes first. A reader may wait for the end of its pipe. */
static int print_all(struct program *program, struct postern_error *error)
{
    const struct postern_daemon_options *options = &program->options;
    postern_autofree char *addresses = postern_listen_addresses(&program->bus.listen);
    char pid[16];
    int r;

    if (addresses == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    r = print_one(options->print_address, addresses, "--print-address", error);
    if (r == 0)
        r = print_one(options->print_pid, pid, "--print-pid", error);
    if (options->print_address > STDERR_FILENO)
        close(options->print_address);
    if (options->print_pid > STDERR_FILENO && options->print_pid != options->print_address)
        close(options->print_pid);
    return r;
}

/* In the order of what each step needs: sockets, pid file and user while still privileged, the mediator as the user that it will reload
 * as. Clients are told the address when all stands. */
static int start(struct program *program, struct postern_error *error)
{
    struct postern_bus *bus = &program->bus;
    int r = read_config(program, error);

    if (r == 0 && program->options.check) {
        r = open_mediator(program, error);
        return r < 0 ? r : postern_check_run(bus, error);
    }
    if (r == 0)
        r = go_to_background(program, error);
    if (r == 0) {
        r = postern_bus_init(bus);
        if (r == 0)
            r = watch_signals(program);
        if (r < 0)
            return postern_error_set(error, r, "cannot start: %s", strerror(-r));
        bus->systemd_activation = program->options.systemd_activation;
        bus->launch_unit = program->options.launch_unit;
        if (getrlimit(RLIMIT_NOFILE, &bus->fd_limit) < 0)
            bus->fd_limit.rlim_max = 0;
        r = postern_process_raise_fds();
        if (r < 0)
            postern_log(&bus->log, LOG_WARNING, "the limit of open descriptors cannot be raised, and with it the number of connections: %s", strerror(-r));
        r = open_sockets(program, error);
    }
    if (r == 0 && bus->config->pidfile != NULL && !program->options.no_pidfile) {
        r = postern_process_write_pidfile(bus->config->pidfile, error);
        if (r == 0)
            program->pidfile = strdup(bus->config->pidfile);
    }
    if (r == 0 && bus->config->user != NULL)
        r = become_user(bus, error);
    if (r == 0)
        r = postern_mechanisms_enable(bus, error);
    if (r == 0)
        r = open_mediator(program, error);
    if (r == 0) {
        r = postern_bus_serve(bus);
        if (r < 0)
            return postern_error_set(error, r, "cannot serve: %s", strerror(-r));
        r = print_all(program, error);
    }
    return r;
}

static int serve(struct program *program)
{
    int r;

    if (program->ready_fd >= 0)
        program->bus.log.to_stderr = false;
    postern_process_ready(program->ready_fd);
    postern_notify_ready(&program->bus, NULL);
    r = postern_loop_run(&program->bus.loop);
    postern_notify("STOPPING=1\nSTATUS=Closing connections");
    if (r < 0)
        postern_log(&program->bus.log, LOG_CRIT, "the event loop failed: %s", strerror(-r));
    return r;
}

static void finish(struct program *program)
{
    int fd = program->signals.fd;

    if (program->signals.fd >= 0) {
        postern_loop_remove(&program->bus.loop, &program->signals);
        close(fd);
    }
    postern_bus_finish(&program->bus);
    if (program->pidfile != NULL)
        unlink(program->pidfile);
    free((void *)(uintptr_t)program->pidfile);
    free(program->config_file);
    free(program->mediator_config);
}

/* ---- questions ------------------------------------------------------------------------------------------------- */

static int say(const char *text)
{
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? -EIO : 0;
}

/* What a bus would answer; without a mediator that can be loaded, that is without its interfaces. */
static int introspect(struct program *program)
{
    struct postern_bus *bus = &program->bus;
    postern_autofree char *path = program->options.module != NULL ? strdup(program->options.module) : postern_loader_default_path();
    struct postern_error error = {.text = "out of memory"};
    struct postern_buf xml = {0};
    int r;

    if (path != NULL && strcmp(path, "none") != 0 && postern_loader_open(&bus->loader, path, &error) == 0)
        bus->module = bus->loader.module;
    else if (path == NULL || strcmp(path, "none") != 0)
        postern_log(&bus->log, LOG_WARNING, "the mediator's interfaces are not shown: %s", error.text);
    r = postern_introspect(bus, POSTERN_DRIVER_PATH, &xml);
    if (r == 0)
        r = say((const char *)xml.data);
    postern_buf_finish(&xml);
    if (bus->module != NULL)
        postern_loader_close(&bus->loader);
    return r;
}

/* Large messages come and go. With the library's defaults their memory is given back to the system after each, and faulted in again for the next,
 * which costs a fifth of what such a message costs. */
static void keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
}

int main(int argc, char **argv)
{
    struct program program = {.ready_fd = -1, .signals = {.fd = -1}};
    struct postern_error error = {.text = "out of memory"};
    int r;

    if (postern_process_hold_streams() < 0)
        return EXIT_FAILURE;
    program.bus.log.to_stderr = true;
    program.bus.loop.epoll_fd = program.bus.spare_fd = -1;
    if (postern_options_parse(argc, argv, &program.options, &error) < 0) {
        postern_log(&program.bus.log, LOG_ERR, "%s", error.text);
        return EXIT_FAILURE;
    }
    if (program.options.introspect)
        return introspect(&program) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (program.options.help || program.options.version)
        return say(program.options.help ? postern_options_help() : postern_options_version()) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    signal(SIGPIPE, SIG_IGN);
    keep_memory();
    r = start(&program, &error);
    if (r < 0)
        postern_log(&program.bus.log, LOG_ERR, "%s", error.text);
    else if (!program.options.check)
        r = serve(&program);
    finish(&program);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
