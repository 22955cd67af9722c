/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench/stage.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/message.h"
#include "bench/options.h"

/* ---- the host ------------------------------------------------------------------------------------------- */

static void host_log(void *data, int32_t priority, const char *text)
{
}

static int32_t host_watch_add(void *data, int32_t fd, uint32_t events, postern_watch_fn *fn, void *fn_data, uint64_t *watch)
{
    *watch = 1;
    return 0;
}

static void host_watch_remove(void *data, uint64_t watch)
{
}

static int32_t host_listener_add(void *data, int32_t fd, uint64_t *listener)
{
    struct stage *stage = data;
    int *listeners = realloc(stage->listeners, (stage->n_listeners + 1) * sizeof(*listeners));

    if (listeners == NULL)
        return -ENOMEM;
    stage->listeners = listeners;
    listeners[stage->n_listeners] = fd;
    *listener = ++stage->n_listeners;
    return 0;
}

static void host_listener_remove(void *data, uint64_t listener)
{
    struct stage *stage = data;

    close(stage->listeners[listener - 1]);
    stage->listeners[listener - 1] = -1;
}

static void host_disconnect(void *data, uint64_t host_id, const char *why)
{
}

static int32_t host_emit(void *data, const struct postern_signal *signal)
{
    return 0;
}

static void host_release_name(void *data, uint64_t host_id, const char *name)
{
}

/* ---- opening --------------------------------------------------------------------------------------------- */

static void write_rule(FILE *file, const char *kind, unsigned i)
{
    if (strcmp(kind, "dest") == 0)
        fprintf(file, "<allow send_destination=\"org.example.Name%u\" send_interface=\"org.example.Interface\"/>\n", i);
    else if (strcmp(kind, "nodest") == 0)
        fprintf(file, "<allow send_interface=\"org.example.Interface%u\"/>\n", i);
    else if (strcmp(kind, "dest-match") == 0)
        fputs("<allow send_destination=\"" BENCH_SERVICE "\" send_interface=\"" BENCH_INTERFACE "\"/>\n", file);
    else if (strcmp(kind, "path") == 0)
        fprintf(file, "<allow send_destination=\"" BENCH_SERVICE "\" send_path=\"/org/example/Path%u\"/>\n", i);
    else
        fputs("<allow send_interface=\"" BENCH_INTERFACE "\"/>\n", file);
}

static void write_files(const char *bus, const char *mediator, const char *kind, unsigned rules, const char *settings)
{
    FILE *file = fopen(bus, "we");

    if (file == NULL)
        bench_fail("%s", bus);
    fputs("<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context=\"default\">"
          "<allow user=\"*\"/><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/>\n", file);
    for (unsigned i = 0; i < rules; i++)
        write_rule(file, kind, i);
    fputs("</policy></busconfig>\n", file);
    if (fclose(file) != 0 || (file = fopen(mediator, "we")) == NULL)
        bench_fail("%s", mediator);
    fprintf(file, "<mediator><containers %s/></mediator>\n", settings);
    if (fclose(file) != 0)
        bench_fail("%s", mediator);
}

static void load_module(struct stage *stage, const char *library)
{
    postern_module_fn *entry = NULL;

    errno = 0;
    stage->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (stage->library != NULL)
        entry = (postern_module_fn *)dlsym(stage->library, POSTERN_MODULE_SYMBOL);
    if (entry == NULL)
        bench_fail("%s: %s", library, dlerror());
    stage->module = entry(POSTERN_ABI_MAJOR, POSTERN_ABI_MINOR);
    if (stage->module == NULL)
        bench_fail("%s: of another version", library);
}

void stage_open(struct stage *stage, const char *library, const char *kind, unsigned rules, const char *settings, uint32_t flags)
{
    struct postern_options options = {.size = sizeof(options)};
    struct postern_fault fault = {.size = sizeof(fault)};
    char bus[96], mediator[96];

    *stage = (struct stage){.dir = "/tmp/postern-bench-XXXXXX"};
    if (mkdtemp(stage->dir) == NULL)
        bench_fail("%s", stage->dir);
    setenv("XDG_RUNTIME_DIR", stage->dir, 1);
    snprintf(bus, sizeof(bus), "%s/bus.conf", stage->dir);
    snprintf(mediator, sizeof(mediator), "%s/mediator.conf", stage->dir);
    write_files(bus, mediator, kind, rules, settings);
    load_module(stage, library);
    stage->host = (struct postern_host){
        .abi = {.size = sizeof(stage->host), .major = POSTERN_ABI_MAJOR, .minor = POSTERN_ABI_MINOR},
        .data = stage,
        .log = host_log,
        .watch_add = host_watch_add,
        .watch_remove = host_watch_remove,
        .listener_add = host_listener_add,
        .listener_remove = host_listener_remove,
        .disconnect = host_disconnect,
        .emit = host_emit,
        .release_name = host_release_name,
    };
    options.flags = flags;
    options.host = &stage->host;
    options.bus_config = bus;
    options.mediator_config = mediator;
    errno = 0;
    if (stage->module->open(&options, &stage->mediator, &fault) < 0)
        bench_fail("%s", fault.text);
    unlink(bus);
    unlink(mediator);
}

void stage_close(struct stage *stage)
{
    char path[128];

    for (size_t i = 0; i < stage->n_parties; i++)
        stage->module->party_free(stage->parties[i]);
    stage->module->close(stage->mediator);
    dlclose(stage->library);
    free(stage->parties);
    free(stage->listeners);
    for (const char *const *sub = (const char *const[]){"/dbus-1/containers", "/dbus-1", "", NULL}; *sub != NULL; sub++) {
        snprintf(path, sizeof(path), "%s%s", stage->dir, *sub);
        rmdir(path);
    }
}

/* ---- parties ----------------------------------------------------------------------------------------------- */

/* Both ends of a connection of ours: [0] is the bus' one. */
static void connect_pair(struct stage *stage, const struct stage_container *container, int pair[2])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (container == NULL) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
            bench_fail("socketpair");
        return;
    }
    memcpy(address.sun_path, container->socket, sizeof(address.sun_path));
    pair[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (pair[1] < 0 || connect(pair[1], (const struct sockaddr *)&address, sizeof(address)) < 0)
        bench_fail("%s", container->socket);
    pair[0] = accept4(stage->listeners[container->listener - 1], NULL, NULL, SOCK_CLOEXEC);
    if (pair[0] < 0)
        bench_fail("accept");
}

static void keep(struct stage *stage, struct postern_party *party)
{
    stage->parties = realloc(stage->parties, (stage->n_parties + 1) * sizeof(*stage->parties));
    if (stage->parties == NULL)
        bench_fail("memory");
    stage->parties[stage->n_parties++] = party;
}

/* The bus has accepted this socket. */
static struct postern_party *welcome(struct stage *stage, const struct stage_container *container, int fd)
{
    struct postern_peer peer = {.size = sizeof(peer), .fd = fd, .host_id = stage->n_parties + 1, .listener = container != NULL ? container->listener : 0};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_CONNECT};
    struct postern_verdict verdict = {.size = sizeof(verdict)};
    struct postern_party *party;
    char unique[32];

    errno = -stage->module->party_new(stage->mediator, &peer, &party);
    if (errno != 0)
        bench_fail("a party");
    keep(stage, party);
    snprintf(unique, sizeof(unique), ":1.%zu", stage->n_parties);
    request.from = party;
    if (stage->module->party_authenticated(party, geteuid()) < 0 || stage->module->mediate(stage->mediator, &request, &verdict) < 0 ||
        verdict.allowed != 1 || stage->module->party_hello(party, unique) < 0)
        bench_fail("a party may not stay");
    return party;
}

struct postern_party *stage_enter(struct stage *stage, const struct stage_container *container)
{
    struct postern_party *party;
    int pair[2];

    connect_pair(stage, container, pair);
    party = welcome(stage, container, pair[0]);
    close(pair[0]);
    close(pair[1]);
    return party;
}

void stage_own(struct stage *stage, struct postern_party *party, const char *name)
{
    errno = -stage->module->party_name(party, name, POSTERN_NAME_PRIMARY);
    if (errno != 0)
        bench_fail("%s", name);
}

/* ---- from another domain -------------------------------------------------------------------------------------- */

/* Its socket has the label that the process has when it makes it. Ends with us, or when it is killed. */
static _Noreturn void connect_from(const char *file, const char *text, const struct sockaddr_un *address)
{
    int attr = open(file, O_WRONLY | O_CLOEXEC), fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (attr < 0 || write(attr, text, strlen(text)) != (ssize_t)strlen(text))
        bench_fail("%s cannot be written to %s", text, file);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
        bench_fail("%s cannot connect", text);
    for (;;)
        pause();
}

/* A door of the bus itself, for one to come in by. */
static int open_door(const struct stage *stage, struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address->sun_path, sizeof(address->sun_path), "%s/door", stage->dir);
    if (fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 || chmod(address->sun_path, 0666) < 0 || listen(fd, 1) < 0)
        bench_fail("%s", address->sun_path);
    return fd;
}

struct postern_party *stage_enter_as(struct stage *stage, const struct stage_container *container, const char *file, const char *text)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int door = container != NULL ? stage->listeners[container->listener - 1] : open_door(stage, &address), fd = -1;
    struct pollfd ready = {.fd = door, .events = POLLIN};
    struct postern_party *party;
    pid_t pid;

    if (container != NULL)
        memcpy(address.sun_path, container->socket, sizeof(address.sun_path));
    pid = fork();
    if (pid == 0)
        connect_from(file, text, &address);
    if (pid > 0 && poll(&ready, 1, 10000) == 1)
        fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        bench_fail("nobody came from %s", text);
    party = welcome(stage, container, fd);
    close(fd);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    if (container == NULL) {
        close(door);
        unlink(address.sun_path);
    }
    return party;
}
