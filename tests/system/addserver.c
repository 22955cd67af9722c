/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container manager and its client as sd-bus sees them: makes a container whose listener is its own socket, with all
 * arguments that carry descriptors, connects through it with sd-bus, and calls the one service that the rules name.
 * Usage: addserver ADDRESS SOCKET ALLOWED-NAME FORBIDDEN-NAME; prints one line per step.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

static int must(int result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, strerror(-result));
        exit(1);
    }
    return result;
}

static sd_bus *open_bus(const char *address)
{
    sd_bus *bus = NULL;

    must(sd_bus_new(&bus), "new");
    must(sd_bus_set_address(bus, address), "address");
    must(sd_bus_set_bus_client(bus, 1), "client");
    must(sd_bus_negotiate_fds(bus, 1), "fds");
    must(sd_bus_start(bus), "start");
    return bus;
}

static int listen_at(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof addr.sun_path)
        return -1;
    memcpy(addr.sun_path, path, strlen(path) + 1);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        return -1;
    return fd;
}

static void add_server(sd_bus *bus, int listen_fd, int ready_fd, int close_fd, const char *allowed, char **instance, char **address)
{
    sd_bus_message *call = NULL, *reply = NULL;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    const char *path, *text;
    const void *socket_path;
    size_t n;

    must(sd_bus_message_new_method_call(bus, &call, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus.Containers1", "AddServer"), "message");
    must(sd_bus_message_append(call, "ssa{sv}", "com.example.SdBus", "an app", 1, "key", "s", "value"), "append");
    must(sd_bus_message_append(call, "a{sv}", 6,
                               "Allow", "a(usos)", 1, (uint32_t)0x207, allowed, "/", "",
                               "Mode", "s", "restrict",
                               "ListenFD", "h", listen_fd, "ReadyFD", "h", ready_fd, "CloseFD", "h", close_fd,
                               "Limits", "a{su}", 1, "connections", (uint32_t)3), "arguments");
    if (sd_bus_call(bus, call, 0, &error, &reply) < 0) {
        fprintf(stderr, "AddServer: %s: %s\n", error.name, error.message);
        exit(1);
    }
    must(sd_bus_message_read(reply, "o", &path), "instance");
    must(sd_bus_message_read_array(reply, 'y', &socket_path, &n), "socket");
    must(sd_bus_message_read(reply, "s", &text), "address");
    printf("socket %.*s\n", (int)n - 1, (const char *)socket_path);
    *instance = strdup(path);
    *address = strdup(text);
    sd_bus_message_unref(call);
    sd_bus_message_unref(reply);
}

static void try_call(sd_bus *bus, const char *name)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    const char *text = "";

    if (sd_bus_call_method(bus, name, "/obj", "com.example.Iface", "Echo", &error, &reply, "s", "hello") < 0) {
        printf("%s %s\n", name, error.name);
    } else {
        must(sd_bus_message_read(reply, "s", &text), "read");
        printf("%s %s\n", name, text);
    }
    sd_bus_error_free(&error);
    sd_bus_message_unref(reply);
}

int main(int argc, char **argv)
{
    char *instance = NULL, *address = NULL;
    int ready[2], end[2], listener;
    const char *unique;
    sd_bus *manager, *app;

    if (argc != 5 || pipe(ready) < 0 || pipe(end) < 0)
        return 2;
    manager = open_bus(argv[1]);
    listener = listen_at(argv[2]);
    if (listener < 0)
        return 2;
    add_server(manager, listener, ready[0], end[0], argv[3], &instance, &address);
    close(ready[0]);
    close(end[0]);
    if (listen(listener, 5) < 0)
        return 2;
    close(listener);
    close(ready[1]);
    printf("instance %s\n", instance);

    app = open_bus(address);
    must(sd_bus_get_unique_name(app, &unique), "name");
    printf("name %s\n", unique);
    try_call(app, argv[3]);
    try_call(app, argv[4]);
    sd_bus_flush_close_unref(app);
    close(end[1]);
    sd_bus_flush_close_unref(manager);
    free(instance);
    free(address);
    return 0;
}
