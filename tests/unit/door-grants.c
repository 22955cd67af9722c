/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a service's grant adds to the container's door, as a table; and when it ends. */
#include <stdlib.h>
#include <string.h>

#include "core/instance.h"
#include "core/mediator1.h"
#include "tests/unit/door-scene.h"

#define SEE POSTERN_ALLOW_SEE
#define CALL_ POSTERN_ALLOW_CALL
#define HEAR POSTERN_ALLOW_HEAR
#define SEND_FDS POSTERN_ALLOW_SEND_FDS
#define RECEIVE_FDS POSTERN_ALLOW_RECEIVE_FDS
#define TREE POSTERN_ALLOW_PATH_SUBTREE
#define MEMBER POSTERN_ALLOW_MEMBER

static void write_grant(struct postern_writer *w, const char *key, const char *value, const struct fixture_rule *rule)
{
    postern_writer_init(w);
    postern_writer_open(w, 'a', "{sv}");
    if (key != NULL && strcmp(key, "instance") == 0)
        postern_writer_entry_path(w, key, value);
    else if (key != NULL)
        postern_writer_entry_string(w, key, value);
    postern_writer_close(w);
    postern_writer_open(w, 'a', "(usos)");
    postern_writer_open(w, 'r', NULL);
    postern_writer_u32(w, rule->flags);
    postern_writer_string(w, rule->name);
    postern_writer_path(w, rule->path);
    postern_writer_string(w, rule->interface);
    postern_writer_close(w);
    postern_writer_close(w);
}

/* Grant({key: value}, [rule]) by somebody; its number, or 0. */
static uint32_t grant(enum who granter, const char *key, const char *value, const struct fixture_rule *rule)
{
    struct postern_reply reply = {.size = sizeof(reply)};
    struct postern_writer w;
    uint32_t id = 0;

    write_grant(&w, key, value, rule);
    if (fixture_call(&fixture, party[granter], POSTERN_MEDIATOR1, "Grant", &w, NULL, 0, &reply))
        memcpy(&id, reply.body, sizeof(id));
    postern_writer_free(&w);
    return id;
}

static bool revoke(enum who granter, uint32_t id)
{
    struct postern_reply reply = {.size = sizeof(reply)};
    struct postern_writer w;
    bool done;

    postern_writer_init(&w);
    postern_writer_u32(&w, id);
    done = fixture_call(&fixture, party[granter], POSTERN_MEDIATOR1, "Revoke", &w, NULL, 0, &reply);
    postern_writer_free(&w);
    return done;
}

/* The server's grant, and what passes then that did not before. */
static const struct row {
    const char *what;
    struct fixture_rule rule;
    enum who from, to;
    struct fixture_message message;
    bool allowed;
} rows[] = {
    {"a call", {CALL_ | TREE, "", "/", ""}, APP, SERVER, METHOD(.fds = 0), true},
    {"a call, by a name that it owns", {CALL_ | TREE, SERVICE, "/", ""}, APP, SERVER, METHOD(.fds = 0), true},
    {"a call of a sibling", {CALL_ | TREE, "", "/", ""}, SIBLING, SERVER, METHOD(.fds = 0), true},
    {"a signal", {CALL_ | TREE, "", "/", ""}, APP, SERVER, NOTE(.fds = 0), true},
    {"a call to another service", {CALL_ | TREE, "", "/", ""}, APP, OTHER, METHOD(.fds = 0), false},
    {"a call of another container", {CALL_ | TREE, "", "/", ""}, STRANGER, SERVER, METHOD(.fds = 0), true},
    {"SEE does not call", {SEE | TREE, "", "/", ""}, APP, SERVER, METHOD(.fds = 0), false},
    {"HEAR does not call", {HEAR | TREE, "", "/", ""}, APP, SERVER, METHOD(.fds = 0), false},
    {"the path", {CALL_, "", "/obj", ""}, APP, SERVER, METHOD(.fds = 0), true},
    {"another path", {CALL_, "", "/ob", ""}, APP, SERVER, METHOD(.fds = 0), false},
    {"a path below is not the path", {CALL_, "", "/", ""}, APP, SERVER, METHOD(.fds = 0), false},
    {"a subtree", {CALL_ | TREE, "", "/obj", ""}, APP, SERVER, {.type = CALL, .path = "/obj/a/b", .interface = "a.b", .member = "M"}, true},
    {"a subtree and what only begins like it", {CALL_ | TREE, "", "/obj", ""}, APP, SERVER, {.type = CALL, .path = "/object", .interface = "a.b", .member = "M"}, false},
    {"above a subtree", {CALL_ | TREE, "", "/obj/a", ""}, APP, SERVER, METHOD(.fds = 0), false},
    {"the interface", {CALL_ | TREE, "", "/", "a.b"}, APP, SERVER, METHOD(.fds = 0), true},
    {"another interface", {CALL_ | TREE, "", "/", "a.c"}, APP, SERVER, METHOD(.fds = 0), false},
    {"no interface", {CALL_ | TREE, "", "/", "a.b"}, APP, SERVER, {.type = CALL, .path = "/obj", .member = "M"}, false},
    {"no interface, and any will do", {CALL_ | TREE, "", "/", ""}, APP, SERVER, {.type = CALL, .path = "/obj", .member = "M"}, true},
    {"the member", {CALL_ | TREE | MEMBER, "", "/", "a.b.M"}, APP, SERVER, METHOD(.fds = 0), true},
    {"another member", {CALL_ | TREE | MEMBER, "", "/", "a.b.N"}, APP, SERVER, METHOD(.fds = 0), false},
    {"a member of any interface", {CALL_ | TREE | MEMBER, "", "/", "M"}, APP, SERVER, METHOD(.fds = 0), true},
    {"a member of any interface, and none is named", {CALL_ | TREE | MEMBER, "", "/", "M"}, APP, SERVER, {.type = CALL, .path = "/obj", .member = "M"}, false},
    {"descriptors out", {CALL_ | SEND_FDS | TREE, "", "/", ""}, APP, SERVER, METHOD(.fds = 1), true},
    {"descriptors out without SEND_FDS", {CALL_ | RECEIVE_FDS | TREE, "", "/", ""}, APP, SERVER, METHOD(.fds = 1), false},
    {"descriptors in", {SEE | RECEIVE_FDS | TREE, "", "/", ""}, SERVER, APP, METHOD(.fds = 1), true},
    {"descriptors in without RECEIVE_FDS", {CALL_ | SEND_FDS | TREE, "", "/", ""}, SERVER, APP, METHOD(.fds = 1), false},
    {"descriptors in a reply out", {CALL_ | SEND_FDS | TREE, "", "/x", ""}, APP, SERVER, ANSWER(.fds = 1, .flags = REPLY), true},
    {"descriptors in a reply in", {SEE | RECEIVE_FDS | TREE, "", "/x", ""}, SERVER, APP, ANSWER(.fds = 1, .flags = REPLY), true},
    {"a broadcast in", {HEAR | TREE, "", "/", ""}, SERVER, APP, NOTE(.flags = BROADCAST), true},
    {"a broadcast in without HEAR", {CALL_ | TREE, "", "/", ""}, SERVER, APP, NOTE(.flags = BROADCAST), false},
    {"a broadcast of another path", {HEAR | TREE, "", "/x", ""}, SERVER, APP, NOTE(.flags = BROADCAST), false},
    {"a reply that nobody waits for", {CALL_ | SEND_FDS | TREE, "", "/", ""}, APP, SERVER, ANSWER(.fds = 0), false},
};

START_TEST(what_passes)
{
    const struct row *row = &rows[_i];
    struct postern_verdict verdict;

    set_up("restrict", NULL, 0, NULL);
    ck_assert_msg(row->message.type == RETURN || row->message.flags == REPLY || !fixture_send(&fixture, party[row->from], party[row->to], &row->message, &verdict),
                  "%s: passes without a grant", row->what);
    ck_assert_msg(grant(SERVER, NULL, NULL, &row->rule) != 0, "%s: %s", row->what, fixture.reply_text);
    ck_assert_msg(fixture_send(&fixture, party[row->from], party[row->to], &row->message, &verdict) == row->allowed, "%s", row->what);
    tear_down();
}
END_TEST

static bool passes(void)
{
    static const struct fixture_message call = METHOD(.fds = 0);
    struct postern_verdict verdict;

    return fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict);
}

static const struct fixture_rule any = {CALL_ | TREE, "", "/", ""}, named = {CALL_ | TREE, SERVICE, "/", ""};

START_TEST(ends)
{
    uint32_t first, second;

    set_up("restrict", NULL, 0, NULL);
    first = grant(SERVER, NULL, NULL, &any);
    second = grant(SERVER, "instance", container.instance, &any);
    ck_assert(first != 0 && second != 0 && first != second);
    ck_assert(!revoke(OTHER, first) && !revoke(APP, first) && passes());
    ck_assert(revoke(SERVER, first) && passes());
    ck_assert(!revoke(SERVER, first));
    ck_assert(revoke(SERVER, second) && !passes());
    /* A rule about a name: gone with it, in the queue, too, and not back with it. */
    ck_assert(grant(SERVER, NULL, NULL, &named) > second && passes());
    ck_assert_int_eq(fixture.module->party_name(party[SERVER], SERVICE, POSTERN_NAME_QUEUED), 0);
    ck_assert(!passes());
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], SERVICE), POSTERN_SEE_HIDDEN);
    ck_assert_int_eq(fixture.module->party_name(party[SERVER], SERVICE, POSTERN_NAME_PRIMARY), 0);
    ck_assert(!passes());
    ck_assert_uint_eq(grant(OTHER, NULL, NULL, &named), 0);
    ck_assert_str_eq(fixture.reply_error, "org.freedesktop.DBus.Error.AccessDenied");
    tear_down();
}
END_TEST

/* Until somebody asks something else, whoever saw the name is to hear that it has gone. */
START_TEST(lost_names_are_seen_to_go)
{
    set_up("restrict", NULL, 0, NULL);
    ck_assert_uint_ne(grant(SERVER, "name", "app", &named), 0);
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], SERVICE), POSTERN_SEE_INSPECT);
    ck_assert_int_eq(fixture.module->party_name(party[SERVER], SERVICE, POSTERN_NAME_GONE), 0);
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], SERVICE), POSTERN_SEE_INSPECT);
    ck_assert(!passes());
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], SERVICE), POSTERN_SEE_HIDDEN);
    tear_down();
}
END_TEST

START_TEST(who)
{
    static const struct {
        const char *key, *value;
        bool granted, app, stranger;
    } cases[] = {
        {NULL, NULL, true, true, true},
        {"name", "app", true, true, false},
        {"name", "", true, false, false},
        {"type", "not a type", false, false, false},
        {"uid", "0", false, false, false},
        {"instance", "/org/freedesktop/DBus/Containers1/c99", false, false, false},
    };
    static const struct fixture_message call = METHOD(.fds = 0);
    struct postern_verdict verdict;

    set_up("restrict", NULL, 0, NULL);
    ck_assert_msg((grant(SERVER, cases[_i].key, cases[_i].value, &any) != 0) == cases[_i].granted, "%s", fixture.reply_text);
    ck_assert_int_eq(passes(), cases[_i].app);
    ck_assert_int_eq(fixture_send(&fixture, party[STRANGER], party[SERVER], &call, &verdict), cases[_i].stranger);
    tear_down();
}
END_TEST

/* Types and names are found by their hashes, which somebody might choose to be the same: they are compared as well. */
START_TEST(hashes_are_not_enough)
{
    static const struct fixture_message call = METHOD(.fds = 0);
    struct postern_instance *app, *stranger;
    struct postern_verdict verdict;

    set_up("restrict", NULL, 0, NULL);
    app = postern_instance_find(fixture.mediator, container.instance);
    stranger = postern_instance_find(fixture.mediator, stranger_container.instance);
    stranger->type_hash = app->type_hash;
    stranger->name_hash = app->name_hash;
    ck_assert_uint_ne(grant(SERVER, "name", "app", &any), 0);
    ck_assert(passes());
    ck_assert(!fixture_send(&fixture, party[STRANGER], party[SERVER], &call, &verdict));
    tear_down();
}
END_TEST

/* The door refuses these calls already; the methods do not rely on it. */
START_TEST(containers_are_refused_twice)
{
    static const char *const members[] = {"GetRules", "SetRules", "ListInstances", "GetInstanceStats", "Explain", "Watch"};
    const char *member = members[_i];
    struct postern_reply reply = {.size = sizeof(reply)};
    struct postern_writer w;

    set_up("identify", NULL, 0, NULL);
    postern_writer_init(&w);
    if (_i != 2 && _i < 4)
        postern_writer_path(&w, container.instance);
    if (_i == 1)
        postern_writer_open(&w, 'a', "(usos)");
    if (_i >= 4)
        postern_writer_open(&w, 'a', "{sv}");
    if (_i == 1 || _i >= 4)
        postern_writer_close(&w);
    ck_assert(!fixture_call(&fixture, party[APP], POSTERN_MEDIATOR1, member, _i == 2 ? NULL : &w, NULL, 0, &reply));
    ck_assert_msg(strcmp(fixture.reply_error, "org.freedesktop.DBus.Error.AccessDenied") == 0, "%s: %s %s", member, fixture.reply_error, fixture.reply_text);
    postern_writer_free(&w);
    tear_down();
}
END_TEST

TCase *door_grants_case(void)
{
    TCase *tcase = tcase_create("grants");

    tcase_add_loop_test(tcase, what_passes, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, ends);
    tcase_add_test(tcase, lost_names_are_seen_to_go);
    tcase_add_loop_test(tcase, who, 0, 6);
    tcase_add_test(tcase, hashes_are_not_enough);
    tcase_add_loop_test(tcase, containers_are_refused_twice, 0, 6);
    return tcase;
}
