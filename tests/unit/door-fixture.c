/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/door-fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/message.h"
#include "wire/reader.h"

extern postern_module_fn postern_module_v1;

/* ---- the host --------------------------------------------------------------------------------------- */

static void host_log(void *data, int32_t priority, const char *text)
{
    const char *suppressed = strstr(text, " suppressed=");
    struct fixture *fixture = data;

    (void)priority;
    fixture->n_lines++;
    fixture->n_suppressed += suppressed != NULL ? (unsigned)atoi(suppressed + strlen(" suppressed=")) : 0;
    snprintf(fixture->log, sizeof(fixture->log), "%s", text);
}

static int32_t host_watch_add(void *data, int32_t fd, uint32_t events, postern_watch_fn *fn, void *fn_data, uint64_t *watch)
{
    struct fixture *fixture = data;

    ck_assert_uint_lt(fixture->n_watches, FIXTURE_LISTENERS);
    *watch = ++fixture->next_id;
    fixture->watches[fixture->n_watches].fn = fn;
    fixture->watches[fixture->n_watches].data = fn_data;
    fixture->watches[fixture->n_watches].fd = fd;
    fixture->watches[fixture->n_watches].events = (short)events;
    fixture->watches[fixture->n_watches++].id = *watch;
    return 0;
}

static void host_watch_remove(void *data, uint64_t watch)
{
    struct fixture *fixture = data;

    for (unsigned i = 0; i < fixture->n_watches; i++)
        if (fixture->watches[i].id == watch)
            fixture->watches[i--] = fixture->watches[--fixture->n_watches];
}

static int32_t host_listener_add(void *data, int32_t fd, uint64_t *listener)
{
    struct fixture *fixture = data;

    ck_assert_uint_lt(fixture->n_listeners, FIXTURE_LISTENERS);
    *listener = ++fixture->next_id;
    fixture->listeners[fixture->n_listeners].id = *listener;
    fixture->listeners[fixture->n_listeners++].fd = fd;
    return 0;
}

static void host_listener_remove(void *data, uint64_t listener)
{
    struct fixture *fixture = data;

    for (unsigned i = 0; i < fixture->n_listeners; i++) {
        if (fixture->listeners[i].id == listener && fixture->listeners[i].fd >= 0) {
            close(fixture->listeners[i].fd);
            fixture->listeners[i].fd = -1;
        }
    }
}

static void host_disconnect(void *data, uint64_t host_id, const char *why)
{
    struct fixture *fixture = data;

    (void)why;
    fixture->n_disconnects++;
    fixture->disconnected = host_id;
}

static int32_t host_emit(void *data, const struct postern_signal *signal)
{
    struct fixture *fixture = data;

    if (strcmp(signal->member, "InstanceRemoved") == 0)
        fixture->n_removed++;
    return 0;
}

static void host_release_name(void *data, uint64_t host_id, const char *name)
{
    struct fixture *fixture = data;

    (void)host_id;
    snprintf(fixture->released, sizeof(fixture->released), "%s", name);
    fixture->n_released++;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *before, const char *content, const char *after)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fprintf(file, "%s%s%s", before, content, after);
    ck_assert_int_eq(fclose(file), 0);
}

void fixture_configure(struct fixture *fixture, const char *mediator_conf)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/mediator.conf", fixture->dir);
    write_file(path, "", mediator_conf != NULL ? mediator_conf : "<mediator/>", "\n");
}

void fixture_reopen(struct fixture *fixture)
{
    struct postern_options options = {.size = sizeof(options)};
    struct postern_fault fault = {.size = sizeof(fault)};
    char bus[96], mediator[96];

    snprintf(bus, sizeof(bus), "%s/bus.conf", fixture->dir);
    snprintf(mediator, sizeof(mediator), "%s/mediator.conf", fixture->dir);
    options.flags = fixture->quiet ? 0 : POSTERN_OPTION_LOG_ALL;
    fixture->module = postern_module_v1(POSTERN_ABI_MAJOR, POSTERN_ABI_MINOR);
    ck_assert_ptr_nonnull(fixture->module);
    options.host = &fixture->host;
    options.bus_config = bus;
    options.mediator_config = mediator;
    if (fixture->module->open(&options, &fixture->mediator, &fault) < 0)
        ck_abort_msg("%s", fault.text);
}

void fixture_open(struct fixture *fixture, const char *policy, const char *mediator_conf)
{
    char bus[96];

    *fixture = (struct fixture){.quiet = fixture->quiet};
    snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/postern-door-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fixture->dir));
    setenv("XDG_RUNTIME_DIR", fixture->dir, 1);
    snprintf(bus, sizeof(bus), "%s/bus.conf", fixture->dir);
    write_file(bus, "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context=\"default\">",
               policy != NULL ? policy : "<allow user=\"*\"/><allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/>"
                                         "<allow send_requested_reply=\"false\" send_type=\"method_return\"/>"
                                         "<allow send_requested_reply=\"false\" send_type=\"error\"/>"
                                         "<allow receive_requested_reply=\"false\"/>",
               "</policy></busconfig>\n");
    fixture_configure(fixture, mediator_conf);
    fixture->host = (struct postern_host){
        .abi = {.size = sizeof(fixture->host), .major = POSTERN_ABI_MAJOR, .minor = POSTERN_ABI_MINOR},
        .data = fixture,
        .log = host_log,
        .watch_add = host_watch_add,
        .watch_remove = host_watch_remove,
        .listener_add = host_listener_add,
        .listener_remove = host_listener_remove,
        .disconnect = host_disconnect,
        .emit = host_emit,
        .release_name = host_release_name,
    };
    fixture_reopen(fixture);
}

void fixture_close(struct fixture *fixture)
{
    char command[128];

    fixture->module->close(fixture->mediator);
    for (unsigned i = 0; i < fixture->n_listeners; i++)
        ck_assert_int_eq(fixture->listeners[i].fd, -1);
    ck_assert_uint_eq(fixture->n_watches, 0);
    snprintf(command, sizeof(command), "%s/bus.conf", fixture->dir);
    unlink(command);
    snprintf(command, sizeof(command), "%s/mediator.conf", fixture->dir);
    unlink(command);
    for (const char *const *sub = (const char *const[]){"/dbus-1/containers", "/dbus-1", "", NULL}; *sub != NULL; sub++) {
        snprintf(command, sizeof(command), "%s%s", fixture->dir, *sub);
        rmdir(command); /* fails, and leaves a trace for the tests of sockets, when something is left in it */
    }
}

/* ---- parties --------------------------------------------------------------------------------------------- */

/* Authenticates as uid; was it allowed to connect? */
static bool enter_as(struct fixture *fixture, int fd, uint64_t listener, unsigned n, uint32_t uid, struct postern_party **party)
{
    struct postern_peer peer = {.size = sizeof(peer), .fd = fd, .host_id = n, .listener = listener};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_CONNECT};
    struct postern_verdict verdict = {.size = sizeof(verdict)};

    ck_assert_int_eq(fixture->module->party_new(fixture->mediator, &peer, party), 0);
    ck_assert_int_eq(fixture->module->party_authenticated(*party, uid), 0);
    request.from = *party;
    ck_assert_int_eq(fixture->module->mediate(fixture->mediator, &request, &verdict), 0);
    return verdict.allowed == 1;
}

static struct postern_party *enter(struct fixture *fixture, int fd, uint64_t listener, unsigned n)
{
    struct postern_party *party;
    char unique[16];

    ck_assert(enter_as(fixture, fd, listener, n, geteuid(), &party));
    snprintf(unique, sizeof(unique), ":1.%u", n);
    ck_assert_int_eq(fixture->module->party_hello(party, unique), 0);
    return party;
}

struct postern_party *fixture_outside(struct fixture *fixture, unsigned n)
{
    struct postern_party *party;
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    party = enter(fixture, pair[0], 0, n);
    close(pair[0]);
    close(pair[1]);
    return party;
}

/* A connection to the container's socket: both ends. */
static int connect_to(struct fixture *fixture, const struct fixture_container *container, int *client_end)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int client = socket(AF_UNIX, SOCK_STREAM, 0), server = -1;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", container->socket);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    for (unsigned i = 0; i < fixture->n_listeners; i++)
        if (fixture->listeners[i].id == container->listener)
            server = accept(fixture->listeners[i].fd, NULL, NULL);
    ck_assert_int_ge(server, 0);
    *client_end = client;
    return server;
}

struct postern_party *fixture_inside(struct fixture *fixture, const struct fixture_container *container, unsigned n)
{
    int client, server = connect_to(fixture, container, &client);
    struct postern_party *party = enter(fixture, server, container->listener, n);

    close(client);
    close(server);
    return party;
}

bool fixture_may_connect_as(struct fixture *fixture, const struct fixture_container *container, unsigned n, uint32_t uid)
{
    int client, server = connect_to(fixture, container, &client);
    struct postern_party *party;
    bool allowed = enter_as(fixture, server, container->listener, n, uid, &party);

    fixture->module->party_free(party);
    close(client);
    close(server);
    return allowed;
}

void fixture_own(struct fixture *fixture, struct postern_party *party, const char *name)
{
    ck_assert_int_eq(fixture->module->party_name(party, name, POSTERN_NAME_PRIMARY), 0);
}

/* ---- calls --------------------------------------------------------------------------------------------------- */

static struct postern_view view(const char *s)
{
    return (struct postern_view){.data = s, .len = s != NULL ? (uint32_t)strlen(s) : 0};
}

bool fixture_call(struct fixture *fixture, struct postern_party *caller, const char *interface, const char *member, struct postern_writer *args,
                  const int *fds, uint32_t n_fds, struct postern_reply *reply)
{
    struct postern_message message = {
        .size = sizeof(message),
        .type = POSTERN_MESSAGE_METHOD_CALL,
        .order = (uint8_t)postern_native_order(),
        .serial = 1,
        .fds = n_fds,
        .path = view("/org/freedesktop/DBus"),
        .interface = view(interface),
        .member = view(member),
        .destination = view("org.freedesktop.DBus"),
    };
    struct postern_call call = {.size = sizeof(call), .n_fds = n_fds, .caller = caller, .message = &message, .fds = fds};

    if (args != NULL) {
        ck_assert_int_eq(postern_writer_finish(args), 0);
        message.signature = view(args->signature);
        message.body = args->buf.data;
        message.body_len = (uint32_t)args->buf.len;
    }
    *reply = (struct postern_reply){.size = sizeof(*reply)};
    fixture->reply_error[0] = fixture->reply_text[0] = '\0';
    ck_assert_int_eq(fixture->module->driver_call(fixture->mediator, &call, reply), 0);
    if (reply->error_name == NULL)
        return true;
    snprintf(fixture->reply_error, sizeof(fixture->reply_error), "%s", reply->error_name);
    snprintf(fixture->reply_text, sizeof(fixture->reply_text), "%s", reply->error_text);
    return false;
}

bool fixture_add_server(struct fixture *fixture, struct postern_party *caller, const char *type, const char *name, const char *mode,
                        const struct fixture_rule *rules, size_t n_rules, struct fixture_container *container)
{
    struct postern_reply reply;
    struct postern_writer w;
    struct postern_reader r;
    const char *text;
    bool ok;

    postern_writer_init(&w);
    postern_writer_string(&w, type);
    postern_writer_string(&w, name);
    postern_writer_open(&w, 'a', "{sv}");
    postern_writer_close(&w);
    postern_writer_open(&w, 'a', "{sv}");
    if (rules != NULL) {
        postern_writer_open(&w, 'e', NULL);
        postern_writer_string(&w, "Allow");
        postern_writer_open(&w, 'v', "a(usos)");
        postern_writer_open(&w, 'a', "(usos)");
        for (size_t i = 0; i < n_rules; i++) {
            postern_writer_open(&w, 'r', NULL);
            postern_writer_u32(&w, rules[i].flags);
            postern_writer_string(&w, rules[i].name);
            postern_writer_path(&w, rules[i].path);
            postern_writer_string(&w, rules[i].interface);
            postern_writer_close(&w);
        }
        postern_writer_close(&w);
        postern_writer_close(&w);
        postern_writer_close(&w);
    }
    if (mode != NULL)
        postern_writer_entry_string(&w, "Mode", mode);
    postern_writer_close(&w);
    ok = fixture_call(fixture, caller, "org.freedesktop.DBus.Containers1", "AddServer", &w, NULL, 0, &reply);
    if (ok) {
        ck_assert_str_eq(reply.signature, "oays");
        postern_reader_init(&r, postern_native_order(), reply.signature, reply.body, reply.body_len);
        ck_assert_int_eq(postern_reader_string(&r, &text, NULL), 0);
        snprintf(container->instance, sizeof(container->instance), "%s", text);
        ck_assert_int_eq(postern_reader_skip(&r), 0);
        ck_assert_int_eq(postern_reader_string(&r, &text, NULL), 0);
        ck_assert_mem_eq(text, "unix:path=", 10);
        snprintf(container->socket, sizeof(container->socket), "%.*s", (int)strcspn(text + 10, ","), text + 10);
        container->listener = fixture->listeners[fixture->n_listeners - 1].id;
    }
    postern_writer_free(&w);
    return ok;
}

/* ---- questions ------------------------------------------------------------------------------------------------- */

bool fixture_send(struct fixture *fixture, const struct postern_party *from, struct postern_party *to, const struct fixture_message *row,
                  struct postern_verdict *verdict)
{
    struct postern_message message = {
        .size = sizeof(message),
        .type = row->type,
        .order = 'l',
        .serial = 7,
        .reply_serial = row->reply_serial,
        .fds = row->fds,
        .path = view(row->path),
        .interface = view(row->interface),
        .member = view(row->member),
        .error = view(row->type == POSTERN_MESSAGE_ERROR ? "com.example.Error" : NULL),
        .destination = view(row->destination),
    };
    struct postern_request request = {
        .size = sizeof(request), .action = POSTERN_ACTION_SEND, .flags = row->flags, .from = from, .to = to, .addressed = to, .message = &message};

    *verdict = (struct postern_verdict){.size = sizeof(*verdict)};
    return fixture->module->mediate(fixture->mediator, &request, verdict) == 0 && verdict->allowed == 1;
}

bool fixture_ask(struct fixture *fixture, uint32_t action, const struct postern_party *from, const char *name, uint32_t flags)
{
    struct postern_request request = {.size = sizeof(request), .action = action, .flags = flags, .from = from, .name = view(name)};
    struct postern_verdict verdict = {.size = sizeof(verdict)};

    return fixture->module->mediate(fixture->mediator, &request, &verdict) == 0 && verdict.allowed == 1;
}
