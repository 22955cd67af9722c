/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Containers1: faulty arguments make nothing, limits hold, and what is told of an instance is true. */
#include "tests/unit/core.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/rule.h"
#include "tests/unit/door-fixture.h"
#include "wire/message.h"
#include "wire/reader.h"

#define CONTAINERS1 "org.freedesktop.DBus.Containers1"
#define ERROR "org.freedesktop.DBus.Error."

static struct fixture fixture;
static struct postern_party *manager;

static void set_up(const char *mediator_conf)
{
    fixture_open(&fixture, NULL, mediator_conf);
    manager = fixture_outside(&fixture, 1);
}

static void tear_down(void)
{
    fixture.module->party_free(manager);
    fixture_close(&fixture);
}

static unsigned count_files(const char *path)
{
    DIR *dir = opendir(path);
    unsigned n = 0;

    while (dir != NULL && readdir(dir) != NULL)
        n++;
    if (dir != NULL)
        closedir(dir);
    return n;
}

static unsigned count_fds(void)
{
    return count_files("/proc/self/fd");
}

static unsigned count_sockets(void)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/dbus-1/containers", fixture.dir);
    return count_files(path);
}

/* ---- faulty arguments ---------------------------------------------------------------------------------- */

enum what { TEXT, NUMBER, HANDLE, ALLOW, LIMITS };

struct argument {
    const char *key;
    enum what what;
    const char *text; /* of TEXT, the key of LIMITS, the name of a rule of ALLOW */
    uint32_t number;  /* handle, limit, flags of the rule */
};

static void write_allow(struct postern_writer *w, const struct argument *a)
{
    postern_writer_open(w, 'v', "a(usos)");
    postern_writer_open(w, 'a', "(usos)");
    for (int i = 0; i < 2; i++) { /* the second is the one in question */
        postern_writer_open(w, 'r', NULL);
        postern_writer_u32(w, i == 0 ? POSTERN_ALLOW_SEE : a->number);
        postern_writer_string(w, i == 0 ? "a.b" : a->text);
        postern_writer_path(w, "/");
        postern_writer_string(w, "");
        postern_writer_close(w);
    }
    postern_writer_close(w);
    postern_writer_close(w);
}

static void write_limits(struct postern_writer *w, const struct argument *a)
{
    postern_writer_open(w, 'v', "a{su}");
    postern_writer_open(w, 'a', "{su}");
    postern_writer_open(w, 'e', NULL);
    postern_writer_string(w, a->text);
    postern_writer_u32(w, a->number);
    postern_writer_close(w);
    postern_writer_close(w);
    postern_writer_close(w);
}

static void write_argument(struct postern_writer *w, const struct argument *a)
{
    postern_writer_open(w, 'e', NULL);
    postern_writer_string(w, a->key);
    if (a->what == ALLOW) {
        write_allow(w, a);
    } else if (a->what == LIMITS) {
        write_limits(w, a);
    } else {
        postern_writer_open(w, 'v', a->what == TEXT ? "s" : a->what == NUMBER ? "u" : "h");
        if (a->what == TEXT)
            postern_writer_string(w, a->text);
        else if (a->what == NUMBER)
            postern_writer_u32(w, a->number);
        else
            postern_writer_fd(w, a->number);
        postern_writer_close(w);
    }
    postern_writer_close(w);
}

static bool add_server(struct postern_party *caller, const char *type, const char *metadata, const struct argument *args, size_t n, const int *fds,
                       uint32_t n_fds, struct postern_reply *reply)
{
    struct postern_writer w;
    bool ok;

    postern_writer_init(&w);
    postern_writer_string(&w, type);
    postern_writer_string(&w, "");
    postern_writer_open(&w, 'a', "{sv}");
    if (metadata != NULL)
        postern_writer_entry_string(&w, "key", metadata);
    postern_writer_close(&w);
    postern_writer_open(&w, 'a', "{sv}");
    for (size_t i = 0; i < n && args[i].key != NULL; i++)
        write_argument(&w, &args[i]);
    postern_writer_close(&w);
    ok = fixture_call(&fixture, caller, CONTAINERS1, "AddServer", &w, fds, n_fds, reply);
    postern_writer_free(&w);
    return ok;
}

/* The descriptors that come with each call: what the handles of the table mean. */
enum { UNBOUND, DATAGRAM, PAIR, PIPE, BOUND, LISTENING, N_FDS };

static const struct {
    struct argument args[3];
    const char *type; /* NULL: a good one */
    const char *says; /* NULL: it works */
} faults[] = {
    {{{NULL, TEXT, NULL, 0}}, NULL, NULL},
    {{{NULL, TEXT, NULL, 0}}, "nodots", "type"},
    {{{NULL, TEXT, NULL, 0}}, "", "type"},
    {{{"Unknown", TEXT, "", 0}}, NULL, "Unknown"},
    {{{"allow", TEXT, "", 0}}, NULL, "allow"},
    {{{"Mode", NUMBER, NULL, 1}}, NULL, "Mode"},
    {{{"Mode", TEXT, "permit", 0}}, NULL, "Mode"},
    {{{"Mode", TEXT, "", 0}}, NULL, "Mode"},
    {{{"Mode", TEXT, "restrict", 0}}, NULL, NULL},
    {{{"Mode", TEXT, "restrict", 0}, {"Mode", TEXT, "restrict", 0}}, NULL, "Mode"},
    {{{"Mode", TEXT, "identify", 0}}, NULL, NULL},
    {{{"Mode", TEXT, "identify", 0}, {"Allow", ALLOW, "a.b", POSTERN_ALLOW_SEE}}, NULL, "Mode identify"},
    {{{"Allow", ALLOW, "a.b", POSTERN_ALLOW_SEE}, {"Mode", TEXT, "identify", 0}}, NULL, "Allow"},
    {{{"Mode", TEXT, "complain", 0}, {"Allow", ALLOW, "a.b", POSTERN_ALLOW_SEE}}, NULL, NULL},
    {{{"Allow", TEXT, "", 0}}, NULL, "Allow"},
    {{{"Allow", ALLOW, "a.b", 0}}, NULL, "rule 1"},
    {{{"Allow", ALLOW, "bad", POSTERN_ALLOW_SEE}}, NULL, "rule 1"},
    {{{"Allow", ALLOW, "org.freedesktop.DBus", POSTERN_ALLOW_SEE}}, NULL, "rule 1"},
    {{{"Limits", LIMITS, "wishes", 3}}, NULL, "wishes"},
    {{{"Limits", LIMITS, "connections", 0}}, NULL, "connections"},
    {{{"Limits", LIMITS, "connections", 1}}, NULL, NULL},
    {{{"Limits", LIMITS, "connections", 128}}, NULL, NULL},
    {{{"Limits", LIMITS, "connections", 129}}, NULL, "connections"},
    {{{"Limits", LIMITS, "names", 0}}, NULL, NULL},
    {{{"Limits", LIMITS, "names", UINT32_MAX}}, NULL, "names"},
    {{{"Limits", LIMITS, "fds", 0}}, NULL, NULL},
    {{{"Limits", LIMITS, "pending-replies", 0}}, NULL, NULL},
    {{{"Limits", TEXT, "", 0}}, NULL, "Limits"},
    {{{"ListenFD", NUMBER, NULL, 0}}, NULL, "ListenFD"},
    {{{"ListenFD", HANDLE, NULL, 99}}, NULL, "ListenFD"},
    {{{"ListenFD", HANDLE, NULL, UNBOUND}}, NULL, "ListenFD"},
    {{{"ListenFD", HANDLE, NULL, DATAGRAM}}, NULL, "ListenFD"},
    {{{"ListenFD", HANDLE, NULL, PAIR}}, NULL, "ListenFD"},
    {{{"ListenFD", HANDLE, NULL, PIPE}}, NULL, "ListenFD"},
    {{{"ListenFD", HANDLE, NULL, BOUND}}, NULL, "ListenFD"},
    {{{"ListenFD", HANDLE, NULL, LISTENING}}, NULL, NULL},
    {{{"ListenFD", HANDLE, NULL, BOUND}, {"ReadyFD", HANDLE, NULL, PIPE}}, NULL, NULL},
    {{{"ListenFD", HANDLE, NULL, UNBOUND}, {"ReadyFD", HANDLE, NULL, PIPE}}, NULL, "ListenFD"},
    {{{"ReadyFD", HANDLE, NULL, PIPE}}, NULL, "ReadyFD"},
    {{{"ReadyFD", TEXT, "", 0}}, NULL, "ReadyFD"},
    {{{"CloseFD", HANDLE, NULL, PIPE}}, NULL, NULL},
    {{{"CloseFD", TEXT, "", 0}}, NULL, "CloseFD"},
    {{{"CloseFD", HANDLE, NULL, PIPE}, {"Unknown", TEXT, "", 0}}, NULL, "Unknown"},
    {{{"ListenFD", HANDLE, NULL, LISTENING}, {"CloseFD", HANDLE, NULL, PIPE}, {"Mode", TEXT, "x", 0}}, NULL, "Mode"},
};

static void make_fds(int fds[N_FDS], int others[2])
{
    struct sockaddr_un bound = {.sun_family = AF_UNIX}, listening = {.sun_family = AF_UNIX};
    int pair[2], ends[2];

    snprintf(bound.sun_path, sizeof(bound.sun_path), "%s/bound", fixture.dir);
    snprintf(listening.sun_path, sizeof(listening.sun_path), "%s/listening", fixture.dir);
    fds[UNBOUND] = socket(AF_UNIX, SOCK_STREAM, 0);
    fds[DATAGRAM] = socket(AF_UNIX, SOCK_DGRAM, 0);
    fds[BOUND] = socket(AF_UNIX, SOCK_STREAM, 0);
    fds[LISTENING] = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(pipe(ends), 0);
    fds[PAIR] = pair[0];
    fds[PIPE] = ends[0];
    others[0] = pair[1];
    others[1] = ends[1];
    ck_assert_int_eq(bind(fds[BOUND], (struct sockaddr *)&bound, sizeof(bound)), 0);
    ck_assert_int_eq(bind(fds[LISTENING], (struct sockaddr *)&listening, sizeof(listening)), 0);
    ck_assert_int_eq(listen(fds[LISTENING], 1), 0);
    ck_assert_int_eq(unlink(bound.sun_path) | unlink(listening.sun_path), 0);
}

START_TEST(faulty_arguments)
{
    struct postern_reply reply;
    unsigned n_fds, n_sockets;
    int fds[N_FDS], others[2];
    bool ok;

    set_up(NULL);
    make_fds(fds, others);
    n_fds = count_fds();
    n_sockets = count_sockets();
    ok = add_server(manager, faults[_i].type != NULL ? faults[_i].type : "org.example.T", NULL, faults[_i].args, 3, fds, N_FDS, &reply);
    ck_assert_msg(ok == (faults[_i].says == NULL), "row %d: %s %s", _i, fixture.reply_error, fixture.reply_text);
    if (!ok) {
        ck_assert_str_eq(fixture.reply_error, ERROR "InvalidArgs");
        ck_assert_msg(strstr(fixture.reply_text, faults[_i].says) != NULL, "\"%s\" is not in: %s", faults[_i].says, fixture.reply_text);
        ck_assert_uint_eq(count_fds(), n_fds);
        ck_assert_uint_eq(count_sockets(), n_sockets);
        ck_assert_uint_eq(fixture.n_listeners, 0);
        ck_assert_uint_eq(fixture.n_watches, 0);
        /* The number of the next instance tells that there was none. */
        ck_assert(add_server(manager, "org.example.T", NULL, NULL, 0, NULL, 0, &reply));
        ck_assert_str_eq((const char *)reply.body + 4, "/org/freedesktop/DBus/Containers1/c1");
    }
    for (int i = 0; i < N_FDS; i++)
        close(fds[i]);
    close(others[0]);
    close(others[1]);
    tear_down();
}
END_TEST

START_TEST(no_place_for_sockets)
{
    struct postern_reply reply;

    fixture_open(&fixture, NULL, NULL);
    fixture.module->close(fixture.mediator);
    unsetenv("XDG_RUNTIME_DIR");
    fixture_reopen(&fixture);
    manager = fixture_outside(&fixture, 1);
    ck_assert(!add_server(manager, "org.example.T", NULL, NULL, 0, NULL, 0, &reply));
    ck_assert_str_eq(fixture.reply_error, ERROR "Failed");
    ck_assert_ptr_nonnull(strstr(fixture.reply_text, "XDG_RUNTIME_DIR"));
    tear_down();
}
END_TEST

/* ---- limits ------------------------------------------------------------------------------------------------ */

START_TEST(number_of_containers)
{
    static const char *const confs[] = {"<mediator><containers max-total=\"2\"/></mediator>", "<mediator><containers max-per-user=\"2\"/></mediator>"};
    struct fixture_container first, second;
    struct postern_reply reply;
    struct postern_writer w;

    set_up(confs[_i]);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &first));
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &second));
    ck_assert(!add_server(manager, "org.example.T", NULL, NULL, 0, NULL, 0, &reply));
    ck_assert_str_eq(fixture.reply_error, ERROR "LimitsExceeded");
    postern_writer_init(&w);
    postern_writer_path(&w, first.instance);
    ck_assert(fixture_call(&fixture, manager, CONTAINERS1, "StopListening", &w, NULL, 0, &reply));
    postern_writer_free(&w);
    ck_assert(add_server(manager, "org.example.T", NULL, NULL, 0, NULL, 0, &reply));
    tear_down();
}
END_TEST

/* type: 4 + 13 + 1, to 4; name: 4 + 1, to 4; dictionary: 4, to 8, then its entries. */
START_TEST(size_of_metadata)
{
    struct postern_reply reply;
    char text[64];

    set_up("<mediator><containers max-metadata=\"64\"/></mediator>");
    memset(text, 'x', sizeof(text));
    for (size_t len = 0; len < 40; len++) {
        /* Where the value ends: the entry begins at 32, its key takes 8, the signature 3, then padding to 44 and the length. */
        bool fits = 32 + 8 + 3 + 1 + 4 + len + 1 <= 64;

        text[len] = '\0';
        ck_assert_msg(add_server(manager, "org.example.T", text, NULL, 0, NULL, 0, &reply) == fits, "%zu", len);
        ck_assert(fits || strcmp(fixture.reply_error, ERROR "LimitsExceeded") == 0);
        text[len] = 'x';
    }
    tear_down();
}
END_TEST

static int enter(uint64_t listener, uint64_t id, struct postern_party **party)
{
    struct postern_peer peer = {.size = sizeof(peer), .host_id = id, .listener = listener};
    int pair[2], r;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    peer.fd = pair[0];
    r = fixture.module->party_new(fixture.mediator, &peer, party);
    close(pair[0]);
    close(pair[1]);
    return r;
}

/* From accept on, authenticated or not; a place that is free again is free at once. */
START_TEST(connections)
{
    static const struct argument two[] = {{"Limits", LIMITS, "connections", 2}};
    struct postern_party *a, *b, *c;
    struct postern_identity identity = {.size = sizeof(identity)};
    struct postern_reply reply;
    uint64_t listener;

    set_up(NULL);
    ck_assert(add_server(manager, "org.example.T", NULL, two, 1, NULL, 0, &reply));
    listener = fixture.listeners[0].id;
    ck_assert_int_eq(enter(listener, 10, &a), 0);
    ck_assert_int_eq(enter(listener, 11, &b), 0);
    ck_assert_int_eq(enter(listener, 12, &c), -EMFILE);
    fixture.module->party_free(a);
    ck_assert_int_eq(enter(listener, 13, &c), 0);
    ck_assert_int_eq(fixture.module->party_identity(c, &identity), 0);
    ck_assert_uint_eq(identity.mode, POSTERN_MODE_RESTRICT);
    ck_assert_uint_eq(identity.account, 1);
    ck_assert_uint_eq(identity.quota.connections, 2);
    ck_assert_str_eq(identity.source.data, "socket");
    ck_assert_int_eq(enter(listener + 1000, 14, &a), -EPERM);
    fixture.module->party_free(b);
    fixture.module->party_free(c);
    tear_down();
}
END_TEST

/* Only the creator's user. */
START_TEST(who_may_connect)
{
    static const struct {
        uint32_t uid_offset;
        bool anonymous, allowed;
    } users[] = {{0, false, true}, {1, false, false}, {0, true, false}};

    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_CONNECT};
        struct postern_verdict verdict = {.size = sizeof(verdict)};
        struct fixture_container container;
        struct postern_party *party;

        set_up(NULL);
        ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &container));
        ck_assert_int_eq(enter(container.listener, 10, &party), 0);
        request.from = party;
        ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &request, &verdict), 0);
        ck_assert_uint_eq(verdict.allowed, 0); /* nobody knows yet who it is */
        fixture.module->party_authenticated(party, users[i].anonymous ? UINT32_MAX : geteuid() + users[i].uid_offset);
        ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &request, &verdict), 0);
        ck_assert_msg(verdict.allowed == users[i].allowed, "row %zu", i);
        fixture.module->party_free(party);
        tear_down();
    }
}
END_TEST

/* ---- what is told -------------------------------------------------------------------------------------------- */

static bool ask_info(struct postern_party *caller, const char *member, const char *text, struct postern_reply *reply)
{
    struct postern_writer w;
    bool ok;

    postern_writer_init(&w);
    if (text[0] == '/')
        postern_writer_path(&w, text);
    else
        postern_writer_string(&w, text);
    ok = fixture_call(&fixture, caller, CONTAINERS1, member, &w, NULL, 0, reply);
    postern_writer_free(&w);
    return ok;
}

START_TEST(told_of_an_instance)
{
    struct fixture_container one, two;
    struct postern_party *inside, *stranger;
    struct postern_reply reply;

    set_up(NULL);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "one", NULL, NULL, 0, &one));
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "two", "identify", NULL, 0, &two));
    inside = fixture_inside(&fixture, &one, 10);
    stranger = fixture_inside(&fixture, &two, 11);
    fixture_own(&fixture, stranger, "com.example.Two");
    ck_assert(ask_info(manager, "GetInstanceInfo", one.instance, &reply));
    ck_assert_str_eq(reply.signature, "a{sv}ssa{sv}");
    ck_assert(ask_info(manager, "GetConnectionInstance", ":1.10", &reply));
    ck_assert_str_eq(reply.signature, "oa{sv}ssa{sv}");
    ck_assert_str_eq((const char *)reply.body + 4, one.instance);
    ck_assert(ask_info(manager, "GetConnectionInstance", "com.example.Two", &reply));
    ck_assert_str_eq((const char *)reply.body + 4, two.instance);
    ck_assert(!ask_info(manager, "GetConnectionInstance", ":1.1", &reply));
    ck_assert_str_eq(fixture.reply_error, ERROR "NotContainer");
    ck_assert(!ask_info(manager, "GetConnectionInstance", "org.freedesktop.DBus", &reply));
    ck_assert_str_eq(fixture.reply_error, ERROR "NotContainer");
    ck_assert(!ask_info(manager, "GetConnectionInstance", "com.example.Nobody", &reply));
    ck_assert_str_eq(fixture.reply_error, ERROR "NameHasNoOwner");
    ck_assert(!ask_info(manager, "GetInstanceInfo", "/org/freedesktop/DBus/Containers1/c3", &reply));
    ck_assert_str_eq(fixture.reply_error, ERROR "NotContainer");
    /* From inside: its own, and nothing else, in every mode. */
    ck_assert(ask_info(inside, "GetInstanceInfo", one.instance, &reply));
    ck_assert(ask_info(inside, "GetConnectionInstance", ":1.10", &reply));
    ck_assert(!ask_info(inside, "GetInstanceInfo", two.instance, &reply));
    ck_assert_str_eq(fixture.reply_error, ERROR "NotContainer");
    ck_assert(!ask_info(stranger, "GetInstanceInfo", one.instance, &reply));
    ck_assert_str_eq(fixture.reply_error, ERROR "NotContainer");
    for (const char *const *name = (const char *const[]){":1.11", ":1.1", "com.example.Two", "com.example.Nobody", NULL}; *name != NULL; name++) {
        ck_assert(!ask_info(inside, "GetConnectionInstance", *name, &reply));
        ck_assert_str_eq(fixture.reply_error, ERROR "NameHasNoOwner");
    }
    for (const char *const *member = (const char *const[]){"StopListening", "StopInstance", NULL}; *member != NULL; member++) {
        ck_assert(!ask_info(inside, *member, one.instance, &reply));
        ck_assert_str_eq(fixture.reply_error, ERROR "AccessDenied");
    }
    ck_assert(!add_server(inside, "org.example.T", NULL, NULL, 0, NULL, 0, &reply));
    ck_assert_str_eq(fixture.reply_error, ERROR "AccessDenied");
    fixture.module->party_free(inside);
    fixture.module->party_free(stranger);
    tear_down();
}
END_TEST

/* Another user may look, but not stop. */
START_TEST(other_users)
{
    struct fixture_container container;
    struct postern_party *other;
    struct postern_reply reply;

    set_up(NULL);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &container));
    ck_assert_int_eq(enter(0, 10, &other), 0);
    ck_assert_int_eq(fixture.module->party_authenticated(other, geteuid() + 1), 0);
    ck_assert_int_eq(fixture.module->party_hello(other, ":1.10"), 0);
    ck_assert(ask_info(other, "GetInstanceInfo", container.instance, &reply));
    ck_assert(!ask_info(other, "StopListening", container.instance, &reply));
    ck_assert_str_eq(fixture.reply_error, ERROR "AccessDenied");
    ck_assert(!ask_info(other, "StopInstance", container.instance, &reply));
    ck_assert_str_eq(fixture.reply_error, ERROR "AccessDenied");
    ck_assert(ask_info(manager, "StopInstance", container.instance, &reply));
    fixture.module->party_free(other);
    tear_down();
}
END_TEST

/* The same AddServer in the other byte order: ("org.example.T", "n", {"k": <uint16 0x0102>, "s": <("x", [1.5])>}, {}). */
static size_t write_foreign(uint8_t *body)
{
    static const uint8_t big[] = {
        0, 0, 0, 13, 'o', 'r', 'g', '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e', '.', 'T', 0, 0, 0, /* 20 */
        0, 0, 0, 1, 'n', 0, 0, 0,                                                             /* 28 */
        0, 0, 0, 48, /* the entries begin at 32 */
        0, 0, 0, 1, 'k', 0, 1, 'q', 0, 0, 1, 2, 0, 0, 0, 0, /* one ends at 44, the next begins at 48 */
        0, 0, 0, 1, 's', 0, 5, '(', 's', 'a', 'd', ')', 0, 0, 0, 0, /* the struct begins at 64 */
        0, 0, 0, 1, 'x', 0, 0, 0, 0, 0, 0, 8, /* the array's element begins at 80 */
        0, 0, 0, 0,
    };
    static const uint8_t tail[] = {0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

    memcpy(body, big, sizeof(big));
    memcpy(body + sizeof(big), tail, sizeof(tail));
    body[31] = (uint8_t)(sizeof(big) + 8 - 32);
    return sizeof(big) + 8 + 8; /* and the empty array of named arguments, padded */
}

START_TEST(other_byte_order)
{
    uint8_t body[256];
    size_t len = write_foreign(body);
    struct postern_message message = {
        .size = sizeof(message), .type = POSTERN_MESSAGE_METHOD_CALL, .order = 'B', .serial = 1, .body_len = (uint32_t)len,
        .path = {"/org/freedesktop/DBus", 21, 0}, .interface = {CONTAINERS1, sizeof(CONTAINERS1) - 1, 0}, .member = {"AddServer", 9, 0},
        .signature = {"ssa{sv}a{sv}", 12, 0}, .body = body,
    };
    struct postern_call call = {.size = sizeof(call), .message = &message};
    struct postern_reply reply = {.size = sizeof(reply)};
    struct postern_reader r;
    const char *text;
    uint8_t doubled[8];
    double number;

    set_up(NULL);
    call.caller = manager;
    ck_assert_int_eq(fixture.module->driver_call(fixture.mediator, &call, &reply), 0);
    ck_assert_msg(reply.error_name == NULL, "%s", reply.error_text);
    ck_assert(ask_info(manager, "GetInstanceInfo", "/org/freedesktop/DBus/Containers1/c1", &reply));
    postern_reader_init(&r, postern_native_order(), reply.signature, reply.body, reply.body_len);
    postern_reader_skip(&r);
    ck_assert_int_eq(postern_reader_string(&r, &text, NULL), 0);
    ck_assert_str_eq(text, "org.example.T");
    ck_assert_int_eq(postern_reader_string(&r, &text, NULL), 0);
    ck_assert_str_eq(text, "n");
    postern_reader_enter(&r, 'a');
    postern_reader_enter(&r, 'e');
    postern_reader_skip(&r);
    postern_reader_skip(&r);
    postern_reader_leave(&r);
    postern_reader_enter(&r, 'e');
    ck_assert_int_eq(postern_reader_string(&r, &text, NULL), 0);
    ck_assert_str_eq(text, "s");
    postern_reader_enter(&r, 'v');
    postern_reader_enter(&r, 'r');
    ck_assert_int_eq(postern_reader_string(&r, &text, NULL), 0);
    ck_assert_str_eq(text, "x");
    postern_reader_enter(&r, 'a');
    memcpy(doubled, r.data + r.pos, sizeof(doubled));
    memcpy(&number, doubled, sizeof(number));
    ck_assert_double_eq(number, 1.5);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(postern_reader_leave(&r), 0);
    ck_assert_int_eq(postern_reader_finish(&r), 0);
    tear_down();
}
END_TEST

static int32_t count_entry(void *data, const char *key, const char *signature, const void *value, uint32_t len)
{
    (void)len;
    ck_assert_str_eq(signature, strstr(key, "Instance") != NULL ? "o" : "s");
    ck_assert_ptr_nonnull(value);
    ++*(int *)data;
    return 0;
}

START_TEST(properties_and_credentials)
{
    struct fixture_container container;
    struct postern_party *inside;
    struct postern_reply reply = {.size = sizeof(reply)};
    int n = 0;

    set_up(NULL);
    ck_assert_int_eq(fixture.module->get_property(fixture.mediator, CONTAINERS1, "SupportedArguments", &reply), 0);
    ck_assert_str_eq(reply.signature, "as");
    ck_assert_int_eq(fixture.module->get_property(fixture.mediator, CONTAINERS1, NULL, &reply), 0);
    ck_assert_str_eq(reply.signature, "a{sv}");
    ck_assert_int_eq(fixture.module->get_property(fixture.mediator, CONTAINERS1, "Nothing", &reply), 0);
    ck_assert_str_eq(reply.error_name, ERROR "UnknownProperty");
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &container));
    inside = fixture_inside(&fixture, &container, 10);
    ck_assert_int_eq(fixture.module->credentials(inside, count_entry, &n), 0);
    ck_assert_int_eq(n, 4);
    ck_assert_int_eq(fixture.module->credentials(manager, count_entry, &n), 0);
    ck_assert_int_eq(n, 4);
    fixture.module->party_free(inside);
    tear_down();
}
END_TEST

Suite *core_server_suite(void)
{
    Suite *suite = suite_create("core: Containers1");
    TCase *tcase = tcase_create("server");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, faulty_arguments, 0, sizeof(faults) / sizeof(faults[0]));
    tcase_add_test(tcase, no_place_for_sockets);
    tcase_add_loop_test(tcase, number_of_containers, 0, 2);
    tcase_add_test(tcase, size_of_metadata);
    tcase_add_test(tcase, connections);
    tcase_add_test(tcase, who_may_connect);
    tcase_add_test(tcase, told_of_an_instance);
    tcase_add_test(tcase, other_users);
    tcase_add_test(tcase, other_byte_order);
    tcase_add_test(tcase, properties_and_credentials);
    suite_add_tcase(suite, tcase);
    return suite;
}
