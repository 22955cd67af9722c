/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long an instance lives, what a departing connection leaves behind, and what a reload does to the living. */
#include "tests/unit/core.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/rule.h"
#include "tests/unit/door-fixture.h"

#define CONTAINERS1 "org.freedesktop.DBus.Containers1"

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

static bool ask(const char *member, const char *path)
{
    struct postern_reply reply;
    struct postern_writer w;
    bool ok;

    postern_writer_init(&w);
    postern_writer_path(&w, path);
    ok = fixture_call(&fixture, manager, CONTAINERS1, member, &w, NULL, 0, &reply);
    postern_writer_free(&w);
    return ok;
}

static bool lives(const char *path)
{
    return ask("GetInstanceInfo", path);
}

/* Is there a socket file, and does the host accept on it? */
static bool listens(const struct fixture_container *container)
{
    struct stat st;
    bool file = stat(container->socket, &st) == 0;

    for (unsigned i = 0; i < fixture.n_listeners; i++)
        if (fixture.listeners[i].id == container->listener && fixture.listeners[i].fd >= 0)
            return file;
    ck_assert_msg(!file, "nobody listens, but %s is there", container->socket);
    return false;
}

START_TEST(stop_listening_without_connections)
{
    struct fixture_container container;

    set_up(NULL);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &container));
    ck_assert(lives(container.instance) && listens(&container));
    ck_assert(ask("StopListening", container.instance));
    ck_assert_uint_eq(fixture.n_removed, 1);
    ck_assert(!lives(container.instance) && !listens(&container));
    ck_assert(!ask("StopListening", container.instance));
    ck_assert_str_eq(fixture.reply_error, "org.freedesktop.DBus.Error.NotContainer");
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &container));
    ck_assert_str_eq(container.instance, "/org/freedesktop/DBus/Containers1/c2");
    tear_down();
    ck_assert_uint_eq(fixture.n_removed, 2); /* its creator left */
}
END_TEST

START_TEST(stop_listening_with_a_connection)
{
    struct fixture_container container;
    struct postern_party *inside;

    set_up(NULL);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &container));
    inside = fixture_inside(&fixture, &container, 10);
    ck_assert(ask("StopListening", container.instance));
    ck_assert(!listens(&container));
    ck_assert(ask("StopListening", container.instance)); /* succeeds and does nothing */
    ck_assert(lives(container.instance));
    ck_assert_uint_eq(fixture.n_removed, 0);
    ck_assert_uint_eq(fixture.n_disconnects, 0);
    fixture.module->party_leave(inside);
    ck_assert(lives(container.instance));
    fixture.module->party_free(inside);
    ck_assert_uint_eq(fixture.n_removed, 1);
    ck_assert(!lives(container.instance));
    tear_down();
    ck_assert_uint_eq(fixture.n_removed, 1);
}
END_TEST

START_TEST(a_last_connection_is_not_the_end)
{
    struct fixture_container container;

    set_up(NULL);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &container));
    fixture.module->party_free(fixture_inside(&fixture, &container, 10));
    ck_assert_uint_eq(fixture.n_removed, 0);
    ck_assert(lives(container.instance) && listens(&container));
    tear_down();
}
END_TEST

START_TEST(stop_instance)
{
    struct fixture_container container;
    struct postern_party *a, *b;

    set_up(NULL);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &container));
    a = fixture_inside(&fixture, &container, 10);
    b = fixture_inside(&fixture, &container, 11);
    ck_assert(ask("StopInstance", container.instance));
    ck_assert_uint_eq(fixture.n_disconnects, 2);
    ck_assert(!listens(&container) && lives(container.instance));
    fixture.module->party_free(a);
    ck_assert_uint_eq(fixture.n_removed, 0);
    fixture.module->party_free(b);
    ck_assert_uint_eq(fixture.n_removed, 1);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &container));
    ck_assert(ask("StopInstance", container.instance));
    ck_assert_uint_eq(fixture.n_removed, 2);
    tear_down();
}
END_TEST

START_TEST(the_creator_leaves)
{
    struct fixture_container container, kept;
    struct postern_party *creator, *inside;

    set_up(NULL);
    creator = fixture_outside(&fixture, 2);
    ck_assert(fixture_add_server(&fixture, creator, "org.example.T", "", NULL, NULL, 0, &container));
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &kept));
    inside = fixture_inside(&fixture, &container, 10);
    fixture.module->party_leave(creator);
    ck_assert(!listens(&container) && lives(container.instance));
    ck_assert(listens(&kept));
    fixture.module->party_free(creator);
    ck_assert_uint_eq(fixture.n_removed, 0);
    fixture.module->party_free(inside);
    ck_assert_uint_eq(fixture.n_removed, 1);
    tear_down();
}
END_TEST

/* ---- descriptors of the manager ----------------------------------------------------------------------------- */

struct managed {
    int socket, ready[2], close[2];
    char path[108];
};

static void make_managed(struct managed *m)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    m->socket = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/own", fixture.dir);
    memcpy(m->path, address.sun_path, sizeof(m->path));
    ck_assert_int_eq(bind(m->socket, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(pipe(m->ready) | pipe(m->close), 0);
}

static void finish_managed(struct managed *m)
{
    struct stat st;

    /* The manager's own path is the manager's to unlink. */
    ck_assert_int_eq(stat(m->path, &st), 0);
    unlink(m->path);
    close(m->socket);
    close(m->ready[0]);
    close(m->ready[1]);
    close(m->close[0]);
    close(m->close[1]);
}

static void add_managed(struct postern_party *creator, struct managed *m, bool with_ready, bool with_close, struct fixture_container *container)
{
    int fds[3] = {m->socket, m->ready[0], m->close[0]};
    static const char *const keys[] = {"ListenFD", "ReadyFD", "CloseFD"};
    struct postern_reply reply;
    struct postern_writer w;

    postern_writer_init(&w);
    postern_writer_string(&w, "org.example.T");
    postern_writer_string(&w, "");
    postern_writer_open(&w, 'a', "{sv}");
    postern_writer_close(&w);
    postern_writer_open(&w, 'a', "{sv}");
    for (uint32_t i = 0; i < 3; i++) {
        if ((i == 1 && !with_ready) || (i == 2 && !with_close))
            continue;
        postern_writer_open(&w, 'e', NULL);
        postern_writer_string(&w, keys[i]);
        postern_writer_open(&w, 'v', "h");
        postern_writer_fd(&w, i);
        postern_writer_close(&w);
        postern_writer_close(&w);
    }
    postern_writer_close(&w);
    ck_assert_msg(fixture_call(&fixture, creator, CONTAINERS1, "AddServer", &w, fds, 3, &reply), "%s", fixture.reply_text);
    snprintf(container->instance, sizeof(container->instance), "%s", (const char *)reply.body + 4);
    snprintf(container->socket, sizeof(container->socket), "%s", m->path);
    container->listener = fixture.n_listeners > 0 ? fixture.listeners[fixture.n_listeners - 1].id : 0;
    postern_writer_free(&w);
}

/* What the host's loop would do. */
static void run_watches(void)
{
    for (unsigned i = 0; i < fixture.n_watches; i++) {
        struct pollfd p = {.fd = fixture.watches[i].fd, .events = fixture.watches[i].events};

        if (poll(&p, 1, 0) > 0) {
            fixture.watches[i].fn(fixture.watches[i].data, p.fd, (uint32_t)p.revents);
            i = (unsigned)-1; /* the table has changed */
        }
    }
}

START_TEST(ready_fd)
{
    bool by_writing = (_i & 1) != 0, in_time = (_i & 2) != 0;
    struct fixture_container container;
    struct managed m;

    set_up(NULL);
    make_managed(&m);
    add_managed(manager, &m, true, false, &container);
    run_watches();
    ck_assert_uint_eq(fixture.n_listeners, 0);
    ck_assert(lives(container.instance));
    if (in_time)
        ck_assert_int_eq(listen(m.socket, 1), 0);
    if (by_writing)
        ck_assert_int_eq(write(m.ready[1], "x", 1), 1);
    close(m.ready[1]);
    run_watches();
    ck_assert_uint_eq(fixture.n_listeners, in_time);
    ck_assert_uint_eq(fixture.n_watches, 0);
    ck_assert(lives(container.instance) == in_time);
    ck_assert_uint_eq(fixture.n_removed, !in_time);
    m.ready[1] = dup(m.ready[0]);
    finish_managed(&m);
    tear_down();
    ck_assert_uint_eq(fixture.n_removed, 1);
}
END_TEST

START_TEST(ready_fd_and_the_creator_leaves)
{
    struct fixture_container container;
    struct postern_party *creator;
    struct managed m;

    set_up(NULL);
    make_managed(&m);
    creator = fixture_outside(&fixture, 2);
    add_managed(creator, &m, true, false, &container);
    fixture.module->party_leave(creator);
    fixture.module->party_free(creator);
    ck_assert_uint_eq(fixture.n_watches, 0);
    ck_assert_uint_eq(fixture.n_removed, 1);
    finish_managed(&m);
    tear_down();
}
END_TEST

START_TEST(close_fd)
{
    struct fixture_container container;
    struct postern_party *creator;
    struct managed m;

    set_up(NULL);
    make_managed(&m);
    ck_assert_int_eq(listen(m.socket, 1), 0);
    creator = fixture_outside(&fixture, 2);
    add_managed(creator, &m, false, true, &container);
    fixture.module->party_leave(creator);
    fixture.module->party_free(creator);
    ck_assert(lives(container.instance)); /* it outlives its creator */
    ck_assert_int_eq(write(m.close[1], "x", 1), 1);
    run_watches();
    ck_assert(lives(container.instance)); /* bytes say nothing */
    close(m.close[1]);
    run_watches();
    ck_assert(!lives(container.instance));
    ck_assert_uint_eq(fixture.n_removed, 1);
    ck_assert_uint_eq(fixture.n_watches, 0);
    m.close[1] = dup(m.close[0]);
    finish_managed(&m);
    tear_down();
}
END_TEST

/* All at once, stopped while it waits: nothing is left. */
START_TEST(stopped_while_waiting)
{
    struct fixture_container container;
    struct managed m;

    set_up(NULL);
    make_managed(&m);
    add_managed(manager, &m, true, true, &container);
    ck_assert_uint_eq(fixture.n_watches, 2);
    ck_assert(ask("StopListening", container.instance));
    ck_assert_uint_eq(fixture.n_watches, 0);
    ck_assert_uint_eq(fixture.n_removed, 1);
    add_managed(manager, &m, true, true, &container); /* still there when the mediator closes */
    finish_managed(&m);
    tear_down();
    ck_assert_uint_eq(fixture.n_removed, 1); /* nobody is left to be told */
}
END_TEST

/* ---- those who leave ------------------------------------------------------------------------------------------- */

/* Who could see it by a name sees it go; who could not does not begin to. */
START_TEST(leaving)
{
    static const struct fixture_rule rule = {POSTERN_ALLOW_SEE | POSTERN_ALLOW_PATH_SUBTREE, "com.example.A", "/", ""};
    struct fixture_container container;
    struct postern_party *inside, *server, *other;

    set_up(NULL);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, &rule, 1, &container));
    inside = fixture_inside(&fixture, &container, 10);
    server = fixture_outside(&fixture, 20);
    other = fixture_outside(&fixture, 21);
    fixture_own(&fixture, server, "com.example.A");
    fixture_own(&fixture, other, "com.example.B");
    fixture.module->party_leave(server);
    fixture.module->party_leave(other);
    ck_assert_int_eq(fixture.module->party_name(server, "com.example.A", POSTERN_NAME_GONE), 0);
    ck_assert_int_eq(fixture.module->party_name(other, "com.example.B", POSTERN_NAME_GONE), 0);
    ck_assert_uint_eq(fixture.module->see(inside, server, ":1.20"), POSTERN_SEE_INSPECT);
    ck_assert_uint_eq(fixture.module->see(inside, server, "com.example.A"), POSTERN_SEE_INSPECT);
    ck_assert_uint_eq(fixture.module->see(inside, other, ":1.21"), POSTERN_SEE_HIDDEN);
    ck_assert_uint_eq(fixture.module->see(inside, other, "com.example.B"), POSTERN_SEE_HIDDEN);
    fixture.module->party_free(server);
    fixture.module->party_free(other);
    /* One that only gives the name up is hidden at once. */
    server = fixture_outside(&fixture, 22);
    fixture_own(&fixture, server, "com.example.A");
    ck_assert_uint_eq(fixture.module->see(inside, server, ":1.22"), POSTERN_SEE_INSPECT);
    ck_assert_int_eq(fixture.module->party_name(server, "com.example.A", POSTERN_NAME_GONE), 0);
    ck_assert_uint_eq(fixture.module->see(inside, server, ":1.22"), POSTERN_SEE_HIDDEN);
    fixture.module->party_free(server);
    fixture.module->party_free(inside);
    tear_down();
}
END_TEST

/* Every order in which the two ends of a contact can go. */
START_TEST(contact_ends_with_either)
{
    struct fixture_container container;
    struct postern_party *inside, *outside;

    set_up(NULL);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "", NULL, NULL, 0, &container));
    inside = fixture_inside(&fixture, &container, 10);
    outside = fixture_outside(&fixture, 20);
    fixture.module->delivered(outside, inside);
    fixture.module->delivered(outside, inside);
    ck_assert_uint_eq(fixture.module->see(inside, outside, ":1.20"), POSTERN_SEE_EXISTS);
    if (_i == 0) {
        fixture.module->party_free(outside);
        ck_assert(ask("StopListening", container.instance));
        fixture.module->party_free(inside);
    } else {
        ck_assert(ask("StopListening", container.instance));
        fixture.module->party_free(inside);
        fixture.module->party_free(outside);
    }
    ck_assert_uint_eq(fixture.n_removed, 1);
    tear_down();
}
END_TEST

/* ---- reload -------------------------------------------------------------------------------------------------------- */

#define CONF(rules) "<mediator><container type=\"org.example.T\" name=\"app\" mode=\"identify\">" rules "</container></mediator>"

static bool may_own(struct postern_party *party, const char *name)
{
    return fixture_ask(&fixture, POSTERN_ACTION_OWN, party, name, 0);
}

START_TEST(reload)
{
    static const struct fixture_rule rule = {POSTERN_ALLOW_OWN | POSTERN_ALLOW_PATH_SUBTREE, "com.example.Given", "/", ""};
    struct postern_fault fault = {.size = sizeof(fault)};
    struct fixture_container container, other;
    struct postern_party *inside, *elsewhere;

    set_up(CONF("<allow own=\"com.example.Conf\"/>"));
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "app", NULL, &rule, 1, &container));
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "other", "restrict", NULL, 0, &other));
    inside = fixture_inside(&fixture, &container, 10);
    elsewhere = fixture_inside(&fixture, &other, 11);
    /* The file's rules are added; its mode is for implicit instances. */
    ck_assert(may_own(inside, "com.example.Given") && may_own(inside, "com.example.Conf") && !may_own(inside, "com.example.New"));
    ck_assert(!may_own(elsewhere, "com.example.Conf"));
    fixture_own(&fixture, inside, "com.example.Given");
    fixture_own(&fixture, inside, "com.example.Conf");
    fixture_configure(&fixture, "<mediator><nonsense/></mediator>");
    ck_assert_int_lt(fixture.module->reload(fixture.mediator, &fault), 0);
    ck_assert_msg(strstr(fault.text, "mediator.conf:1:") != NULL, "%s", fault.text);
    ck_assert(may_own(inside, "com.example.Conf"));
    ck_assert_uint_eq(fixture.n_released, 0);
    fixture_configure(&fixture, CONF("<allow own=\"com.example.New\"/>"));
    ck_assert_int_eq(fixture.module->reload(fixture.mediator, &fault), 0);
    ck_assert(may_own(inside, "com.example.Given") && !may_own(inside, "com.example.Conf") && may_own(inside, "com.example.New"));
    ck_assert_uint_eq(fixture.n_released, 1);
    ck_assert_str_eq(fixture.released, "com.example.Conf");
    fixture.module->party_free(inside);
    fixture.module->party_free(elsewhere);
    tear_down();
}
END_TEST

Suite *core_life_suite(void)
{
    Suite *suite = suite_create("core: lives");
    TCase *tcase = tcase_create("life");

    tcase_add_test(tcase, stop_listening_without_connections);
    tcase_add_test(tcase, stop_listening_with_a_connection);
    tcase_add_test(tcase, a_last_connection_is_not_the_end);
    tcase_add_test(tcase, stop_instance);
    tcase_add_test(tcase, the_creator_leaves);
    tcase_add_loop_test(tcase, ready_fd, 0, 4);
    tcase_add_test(tcase, ready_fd_and_the_creator_leaves);
    tcase_add_test(tcase, close_fd);
    tcase_add_test(tcase, stopped_while_waiting);
    tcase_add_test(tcase, leaving);
    tcase_add_loop_test(tcase, contact_ends_with_either, 0, 2);
    tcase_add_test(tcase, reload);
    suite_add_tcase(suite, tcase);
    return suite;
}
