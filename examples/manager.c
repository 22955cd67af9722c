/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a program as an app in a container of the bus, with sd-bus: what a sandboxing tool does beside its sandbox.
 *
 * usage: manager APP [NAME]... -- COMMAND [ARGUMENT]...
 *
 * APP is what the container is called; the program may talk to the owners of the NAMEs, and own APP if that is a bus name. Nothing here
 * keeps the program from the real bus's socket: that is the sandbox's part.
 *
 * The socket is the manager's own, so that it can lie where the sandbox wants it (ListenFD). The bus begins to accept when the manager says so
 * (ReadyFD), and stops when the manager closes its end of a pipe, or dies (CloseFD).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#define DRIVER "org.freedesktop.DBus"
#define DRIVER_PATH "/org/freedesktop/DBus"
#define CONTAINERS "org.freedesktop.DBus.Containers1"

/* Bits of a rule of the bus: docs/containers.md, "Rules". */
#define ALLOW_TALK (0x01u | 0x02u | 0x04u) /* see, call, hear */
#define ALLOW_OWN 0x08u
#define ALLOW_PATH_SUBTREE 0x200u

struct manager {
    const char *app;
    char **names; /* whom it may talk to */
    int n_names;
    char **command;
    char folder[80]; /* of the socket; empty: not made yet */
    struct sockaddr_un socket;
    int listener;      /* -1: closed, as are those below */
    int ready, close;  /* our ends */
    int their_ready, their_close;
    char *address;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The socket, bound but not listening yet, and the two pipes. */
static int prepare(struct manager *m)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int ready[2], end[2];

    snprintf(m->folder, sizeof(m->folder), "%s/manager-XXXXXX", runtime != NULL ? runtime : "/tmp");
    if (mkdtemp(m->folder) == NULL) {
        m->folder[0] = '\0';
        return -errno;
    }
    m->socket.sun_family = AF_UNIX;
    snprintf(m->socket.sun_path, sizeof(m->socket.sun_path), "%s/bus", m->folder);
    /* The bus must not be made to wait in accept(). */
    m->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (m->listener < 0 || bind(m->listener, (struct sockaddr *)&m->socket, sizeof(m->socket)) < 0 || pipe2(ready, O_CLOEXEC) < 0)
        return -errno;
    m->their_ready = ready[0];
    m->ready = ready[1];
    if (pipe2(end, O_CLOEXEC) < 0)
        return -errno;
    m->their_close = end[0];
    m->close = end[1];
    return 0;
}

static int append_rules(const struct manager *m, sd_bus_message *call)
{
    int r = sd_bus_message_open_container(call, 'e', "sv");

    if (r >= 0)
        r = sd_bus_message_append(call, "s", "Allow");
    if (r >= 0)
        r = sd_bus_message_open_container(call, 'v', "a(usos)");
    if (r >= 0)
        r = sd_bus_message_open_container(call, 'a', "(usos)");
    for (int i = 0; r >= 0 && i < m->n_names; i++)
        r = sd_bus_message_append(call, "(usos)", ALLOW_TALK | ALLOW_PATH_SUBTREE, m->names[i], "/", "");
    if (r >= 0 && strchr(m->app, '.') != NULL)
        r = sd_bus_message_append(call, "(usos)", ALLOW_OWN | ALLOW_PATH_SUBTREE, m->app, "/", "");
    for (int i = 0; r >= 0 && i < 3; i++)
        r = sd_bus_message_close_container(call);
    return r;
}

static int append_fd(sd_bus_message *call, const char *name, int fd)
{
    return sd_bus_message_append(call, "{sv}", name, "h", fd); /* sends a copy */
}

/* AddServer(type, name, metadata, named arguments) -> (instance, socket's path, address). */
static int add_server(struct manager *m, sd_bus *bus, sd_bus_error *error)
{
    sd_bus_message *call = NULL, *reply = NULL;
    const char *instance, *address;
    int r = sd_bus_message_new_method_call(bus, &call, DRIVER, DRIVER_PATH, CONTAINERS, "AddServer");

    if (r >= 0)
        r = sd_bus_message_append(call, "ssa{sv}", "org.example.Manager", m->app, 0);
    if (r >= 0)
        r = sd_bus_message_open_container(call, 'a', "{sv}");
    if (r >= 0)
        r = append_rules(m, call);
    if (r >= 0)
        r = append_fd(call, "ListenFD", m->listener);
    if (r >= 0)
        r = append_fd(call, "ReadyFD", m->their_ready);
    if (r >= 0)
        r = append_fd(call, "CloseFD", m->their_close);
    if (r >= 0)
        r = sd_bus_message_close_container(call);
    if (r >= 0)
        r = sd_bus_call(bus, call, 0, error, &reply);
    if (r >= 0)
        r = sd_bus_message_read(reply, "o", &instance);
    if (r >= 0)
        r = sd_bus_message_skip(reply, "ay");
    if (r >= 0)
        r = sd_bus_message_read(reply, "s", &address);
    if (r >= 0) {
        m->address = strdup(address);
        r = m->address != NULL ? 0 : -ENOMEM;
    }
    sd_bus_message_unref(call);
    sd_bus_message_unref(reply);
    return r;
}

/* Runs the command; returns what the shell would make of its end, or a negative errno. */
static int run(const struct manager *m)
{
    pid_t pid = fork();
    int status;

    if (pid < 0)
        return -errno;
    if (pid == 0) {
        setenv("DBUS_SESSION_BUS_ADDRESS", m->address, 1);
        execvp(m->command[0], m->command);
        fprintf(stderr, "manager: %s: %s\n", m->command[0], strerror(errno));
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int manage(struct manager *m, sd_bus *bus, sd_bus_error *error)
{
    int r = prepare(m);

    if (r >= 0)
        r = add_server(m, bus, error);
    if (r < 0)
        return r;
    /* What the bus has got is its own now: our copies would only keep alive what it watches. */
    close_fd(&m->their_ready);
    close_fd(&m->their_close);
    /* A manager may call AddServer before it has its sandbox, and say later that all is in place. */
    if (listen(m->listener, SOMAXCONN) < 0)
        return -errno;
    close_fd(&m->listener);
    close_fd(&m->ready);
    return run(m);
}

static void clean_up(struct manager *m)
{
    close_fd(&m->close); /* nobody gets in any more; it would be the same if we died */
    close_fd(&m->ready);
    close_fd(&m->their_close);
    close_fd(&m->their_ready);
    close_fd(&m->listener);
    if (m->folder[0] != '\0') {
        unlink(m->socket.sun_path);
        rmdir(m->folder);
    }
    free(m->address);
}

/* APP [NAME]... -- COMMAND [ARGUMENT]... */
static int parse(struct manager *m, int argc, char **argv)
{
    int end = 2;

    while (end < argc && strcmp(argv[end], "--") != 0)
        end++;
    if (end + 1 >= argc)
        return -EINVAL;
    m->app = argv[1];
    m->names = argv + 2;
    m->n_names = end - 2;
    m->command = argv + end + 1;
    return 0;
}

int main(int argc, char **argv)
{
    struct manager m = {.listener = -1, .ready = -1, .close = -1, .their_ready = -1, .their_close = -1};
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus *bus = NULL;
    int r;

    if (parse(&m, argc, argv) < 0) {
        fprintf(stderr, "usage: manager APP [NAME]... -- COMMAND [ARGUMENT]...\n");
        return 2;
    }
    r = sd_bus_open_user(&bus);
    if (r >= 0)
        r = manage(&m, bus, &error);
    if (r < 0)
        fprintf(stderr, "manager: %s\n", sd_bus_error_is_set(&error) ? error.message : strerror(-r));
    clean_up(&m);
    sd_bus_error_free(&error);
    sd_bus_flush_close_unref(bus);
    return r < 0 ? 1 : r;
}
