/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other end of the checks in a guest machine, written with sd-bus.
 *   peer serve NAME       a service that tells what it was started with: its method Facts returns lines of KEY=VALUE
 *   peer contained        asks the system bus for a container, connects through its socket, and prints the names it sees
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#define IDLE_USEC (20 * 1000000ULL)

static int must(int result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "peer: %s: %s\n", what, strerror(-result));
        exit(1);
    }
    return result;
}

/* ---- serve -------------------------------------------------------------------------------------------- */

/* The lines of /proc/self/status that tell of a sandbox. */
static void tell_status(FILE *out)
{
    static const char *const keys[] = {"NoNewPrivs:", "Seccomp:", "CapBnd:", "CapEff:"};
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");

    if (status == NULL)
        must(-errno, "/proc/self/status");
    while (fgets(line, sizeof(line), status) != NULL)
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
            if (strncmp(line, keys[i], strlen(keys[i])) == 0)
                fprintf(out, "%.*s=%s", (int)strlen(keys[i]) - 1, line, line + strlen(keys[i]) + strspn(line + strlen(keys[i]), "\t "));
    fclose(status);
}

/* Who may write into /etc is no prisoner of ProtectSystem=. */
static void tell_etc(FILE *out)
{
    char path[] = "/etc/peer-XXXXXX";
    int fd = mkstemp(path);

    fprintf(out, "etc=%s\n", fd >= 0 ? "writable" : strerror(errno));
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
}

static int on_facts(sd_bus_message *call, void *data, sd_bus_error *error)
{
    struct rlimit files;
    const char *starter = getenv("DBUS_STARTER_BUS_TYPE");
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    int r;

    (void)data;
    (void)error;
    must(out != NULL && getrlimit(RLIMIT_NOFILE, &files) == 0 ? 0 : -errno, "facts");
    fprintf(out, "uid=%d\n", (int)getuid());
    fprintf(out, "starter=%s\n", starter != NULL ? starter : "none");
    fprintf(out, "files=%llu\n", (unsigned long long)files.rlim_cur);
    tell_status(out);
    tell_etc(out);
    fclose(out);
    r = sd_bus_reply_method_return(call, "s", text);
    free(text);
    return r;
}

static const sd_bus_vtable table[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Facts", "", "s", on_facts, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

static int serve(const char *name)
{
    sd_bus *bus = NULL;

    must(sd_bus_open(&bus), "the bus of the starter");
    must(sd_bus_add_object_vtable(bus, NULL, "/", "org.postern.Switch", table, NULL), "object");
    must(sd_bus_request_name(bus, name, 0), "name");
    fprintf(stderr, "peer: serving %s\n", name);
    for (;;) {
        int r = must(sd_bus_process(bus, NULL), "process");

        if (r == 0 && must(sd_bus_wait(bus, IDLE_USEC), "wait") == 0)
            break; /* the next caller finds it started anew */
    }
    sd_bus_flush_close_unref(bus);
    return EXIT_SUCCESS;
}

/* ---- contained ---------------------------------------------------------------------------------------- */

static int contained(void)
{
    sd_bus_message *reply = NULL;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus *manager = NULL, *inside = NULL;
    const char *address;
    char **names = NULL;
    size_t n;
    const void *path;

    must(sd_bus_open_system(&manager), "system bus");
    must(sd_bus_call_method(manager, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Containers1", "AddServer", &error,
                            &reply, "ssa{sv}a{sv}", "org.postern.Switch", "guest", 0, 0),
         error.message != NULL ? error.message : "AddServer");
    must(sd_bus_message_skip(reply, "o"), "instance");
    must(sd_bus_message_read_array(reply, 'y', &path, &n), "path");
    must(sd_bus_message_read(reply, "s", &address), "address");
    printf("%s\n", address);
    must(sd_bus_new(&inside), "new");
    must(sd_bus_set_address(inside, address), "address");
    must(sd_bus_set_bus_client(inside, 1), "client");
    must(sd_bus_start(inside), "start");
    must(sd_bus_list_names(inside, &names, NULL), "names inside");
    for (char **name = names; *name != NULL; name++)
        printf("%s\n", *name);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2]);
    if (argc == 2 && strcmp(argv[1], "contained") == 0)
        return contained();
    fprintf(stderr, "usage: peer serve NAME | peer contained\n");
    return 2;
}
