/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a container may do, statement by statement, asked through the module interface as a bus daemon would. Every denial stands
 * beside an allow that differs in one fact, so that a door which always says the same fails.
 */
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/rule.h"
#include "tests/unit/door-fixture.h"

#define CALL POSTERN_MESSAGE_METHOD_CALL
#define RETURN POSTERN_MESSAGE_METHOD_RETURN
#define ERROR POSTERN_MESSAGE_ERROR
#define SIGNAL POSTERN_MESSAGE_SIGNAL
#define REPLY POSTERN_REQUEST_REPLY
#define BROADCAST POSTERN_REQUEST_BROADCAST

#define SERVICE "com.example.Service"
#define ANY_PATH "/", ""

/* Who takes part. */
enum who {
    APP,      /* in the container under test */
    SIBLING,  /* in the same container */
    STRANGER, /* in another container; owns com.stranger.Name */
    SERVER,   /* outside; owns com.example.Service */
    OTHER,    /* outside; owns com.example.ServiceX and com.example.Other.Sub */
    NAMELESS, /* outside; owns nothing */
    WHO_MAX,
};

static struct fixture fixture;
static struct postern_party *party[WHO_MAX], *manager;
static struct fixture_container container, stranger_container;

/* The content of the bus configuration's default policy; NULL: everything is allowed. */
static const char *policy;

static void set_up(const char *mode, const struct fixture_rule *rules, size_t n_rules, const char *mediator_conf)
{
    fixture_open(&fixture, policy, mediator_conf);
    manager = fixture_outside(&fixture, 1);
    ck_assert_msg(fixture_add_server(&fixture, manager, "org.example.Test", "app", mode, rules, n_rules, &container), "%s: %s", fixture.reply_error,
                  fixture.reply_text);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.Test", "stranger", "restrict", NULL, 0, &stranger_container));
    party[APP] = fixture_inside(&fixture, &container, 10);
    party[SIBLING] = fixture_inside(&fixture, &container, 11);
    party[STRANGER] = fixture_inside(&fixture, &stranger_container, 20);
    party[SERVER] = fixture_outside(&fixture, 30);
    party[OTHER] = fixture_outside(&fixture, 31);
    party[NAMELESS] = fixture_outside(&fixture, 32);
    fixture_own(&fixture, party[STRANGER], "com.stranger.Name");
    fixture_own(&fixture, party[SERVER], SERVICE);
    fixture_own(&fixture, party[OTHER], "com.example.ServiceX");
    fixture_own(&fixture, party[OTHER], "com.example.Other.Sub");
}

static void tear_down(void)
{
    for (int i = 0; i < WHO_MAX; i++)
        fixture.module->party_free(party[i]);
    fixture.module->party_free(manager);
    fixture_close(&fixture);
}

/* ---- messages --------------------------------------------------------------------------------------------- */

struct message_row {
    const char *what;
    struct fixture_rule rule; /* name NULL: no rule */
    enum who from, to;
    struct fixture_message message;
    bool allowed;
};

#define METHOD(...) {.type = CALL, .path = "/obj", .interface = "a.b", .member = "M", __VA_ARGS__}
#define NOTE(...) {.type = SIGNAL, .path = "/obj", .interface = "a.b", .member = "M", __VA_ARGS__}
#define ANSWER(...) {.type = RETURN, .reply_serial = 3, __VA_ARGS__}
#define RULE(bits, name) {(bits) | POSTERN_ALLOW_PATH_SUBTREE, name, ANY_PATH}
#define NO_RULE {0}

static const struct message_row message_rows[] = {
    /* Baseline 2: the same instance, without fds. */
    {"call to a sibling", NO_RULE, APP, SIBLING, METHOD(.fds = 0), true},
    {"signal to a sibling", NO_RULE, APP, SIBLING, NOTE(.fds = 0), true},
    {"reply to a sibling", NO_RULE, APP, SIBLING, ANSWER(.flags = REPLY), true},
    {"unasked reply to a sibling", NO_RULE, APP, SIBLING, ANSWER(.flags = 0), false},
    {"call with fds to a sibling", NO_RULE, APP, SIBLING, METHOD(.fds = 1), false},
    /* Baseline 3: from outside. */
    {"call from outside", NO_RULE, SERVER, APP, METHOD(.fds = 0), true},
    {"unicast signal from outside", NO_RULE, NAMELESS, APP, NOTE(.fds = 0), true},
    {"call with fds from outside", NO_RULE, SERVER, APP, METHOD(.fds = 1), false},
    {"signal with fds from outside", NO_RULE, SERVER, APP, NOTE(.fds = 1), false},
    {"the reply to outside", NO_RULE, APP, SERVER, ANSWER(.flags = REPLY), true},
    {"the error to outside", NO_RULE, APP, SERVER, {.type = ERROR, .reply_serial = 3, .flags = REPLY}, true},
    {"an unasked reply to outside", NO_RULE, APP, SERVER, ANSWER(.flags = 0), false},
    {"the reply to outside with fds", NO_RULE, APP, SERVER, ANSWER(.flags = REPLY, .fds = 1), false},
    {"a call that carries a reply serial", NO_RULE, APP, SERVER, METHOD(.reply_serial = 3), false},
    {"a signal that carries a reply serial", NO_RULE, APP, SERVER, NOTE(.reply_serial = 3), false},
    {"a call that claims to be the reply", NO_RULE, APP, SERVER, METHOD(.reply_serial = 3, .flags = REPLY), false},
    /* Baseline 4 and 5: broadcasts. */
    {"broadcast to outside", NO_RULE, APP, NAMELESS, NOTE(.flags = BROADCAST), true},
    {"broadcast with fds to outside", NO_RULE, APP, NAMELESS, NOTE(.flags = BROADCAST, .fds = 1), false},
    {"broadcast to a sibling", NO_RULE, APP, SIBLING, NOTE(.flags = BROADCAST), true},
    {"broadcast from outside", NO_RULE, SERVER, APP, NOTE(.flags = BROADCAST), false},
    {"broadcast to another container", NO_RULE, APP, STRANGER, NOTE(.flags = BROADCAST), false},
    /* Everything else needs a rule. */
    {"call to outside", NO_RULE, APP, SERVER, METHOD(.fds = 0), false},
    {"signal to outside", NO_RULE, APP, SERVER, NOTE(.fds = 0), false},
    {"call to another container", NO_RULE, APP, STRANGER, METHOD(.fds = 0), false},
    /* CALL. */
    {"CALL: call", RULE(POSTERN_ALLOW_CALL, SERVICE), APP, SERVER, METHOD(.fds = 0), true},
    {"CALL: by the unique name", RULE(POSTERN_ALLOW_CALL, SERVICE), APP, SERVER, METHOD(.destination = ":1.30"), true},
    {"CALL: signal", RULE(POSTERN_ALLOW_CALL, SERVICE), APP, SERVER, NOTE(.fds = 0), true},
    {"CALL: somebody else", RULE(POSTERN_ALLOW_CALL, SERVICE), APP, OTHER, METHOD(.fds = 0), false},
    {"CALL: with fds", RULE(POSTERN_ALLOW_CALL, SERVICE), APP, SERVER, METHOD(.fds = 1), false},
    {"CALL: unasked reply", RULE(POSTERN_ALLOW_CALL, SERVICE), APP, SERVER, ANSWER(.flags = 0), false},
    {"CALL: the reply with fds", RULE(POSTERN_ALLOW_CALL, SERVICE), APP, SERVER, ANSWER(.flags = REPLY, .fds = 1), false},
    {"CALL: their broadcasts", RULE(POSTERN_ALLOW_CALL, SERVICE), SERVER, APP, NOTE(.flags = BROADCAST), false},
    {"CALL: their reply", RULE(POSTERN_ALLOW_CALL, SERVICE), SERVER, APP, ANSWER(.flags = REPLY), true},
    {"CALL: their unasked reply", RULE(POSTERN_ALLOW_CALL, SERVICE), SERVER, APP, ANSWER(.flags = 0), false},
    {"CALL: their reply with fds", RULE(POSTERN_ALLOW_CALL, SERVICE), SERVER, APP, ANSWER(.flags = REPLY, .fds = 1), false},
    {"SEE: call", RULE(POSTERN_ALLOW_SEE, SERVICE), APP, SERVER, METHOD(.fds = 0), false},
    {"HEAR: call", RULE(POSTERN_ALLOW_HEAR, SERVICE), APP, SERVER, METHOD(.fds = 0), false},
    {"OWN: call", RULE(POSTERN_ALLOW_OWN, SERVICE), APP, SERVER, METHOD(.fds = 0), false},
    {"CALL: a unique name", RULE(POSTERN_ALLOW_CALL, ":1.30"), APP, SERVER, METHOD(.fds = 0), true},
    {"CALL: another unique name", RULE(POSTERN_ALLOW_CALL, ":1.3"), APP, SERVER, METHOD(.fds = 0), false},
    {"CALL: anybody", RULE(POSTERN_ALLOW_CALL, ""), APP, NAMELESS, METHOD(.fds = 0), true},
    {"CALL: anybody is not another container", RULE(POSTERN_ALLOW_CALL, ""), APP, STRANGER, METHOD(.fds = 0), false},
    {"CALL: another container by its name", RULE(POSTERN_ALLOW_CALL, "com.stranger.Name"), APP, STRANGER, METHOD(.fds = 0), true},
    {"CALL: another container by its unique name", RULE(POSTERN_ALLOW_CALL, ":1.20"), APP, STRANGER, METHOD(.fds = 0), false},
    /* Subtrees of names. */
    {"subtree: itself", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_NAME_SUBTREE, SERVICE), APP, SERVER, METHOD(.fds = 0), true},
    {"subtree: the same letters", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_NAME_SUBTREE, SERVICE), APP, OTHER, METHOD(.fds = 0), false},
    {"subtree: below", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_NAME_SUBTREE, "com.example.Other"), APP, OTHER, METHOD(.fds = 0), true},
    {"no subtree: below", RULE(POSTERN_ALLOW_CALL, "com.example.Other"), APP, OTHER, METHOD(.fds = 0), false},
    /* Paths. */
    {"path: the same", {POSTERN_ALLOW_CALL, SERVICE, "/obj", ""}, APP, SERVER, METHOD(.fds = 0), true},
    {"path: another", {POSTERN_ALLOW_CALL, SERVICE, "/object", ""}, APP, SERVER, METHOD(.fds = 0), false},
    {"path: below, exact", {POSTERN_ALLOW_CALL, SERVICE, "/", ""}, APP, SERVER, METHOD(.fds = 0), false},
    {"path: below, subtree", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE, SERVICE, "/o", ""}, APP, SERVER, {.type = CALL, .path = "/o/b/j", .member = "M"}, true},
    {"path: same letters, subtree", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE, SERVICE, "/ob", ""}, APP, SERVER, METHOD(.fds = 0), false},
    /* Interfaces and members. */
    {"interface: the same", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE, SERVICE, "/", "a.b"}, APP, SERVER, METHOD(.fds = 0), true},
    {"interface: another", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE, SERVICE, "/", "a.c"}, APP, SERVER, METHOD(.fds = 0), false},
    {"interface: none in the message", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE, SERVICE, "/", "a.b"}, APP, SERVER, {.type = CALL, .path = "/obj", .member = "M"}, false},
    {"no interface in either", RULE(POSTERN_ALLOW_CALL, SERVICE), APP, SERVER, {.type = CALL, .path = "/obj", .member = "M"}, true},
    {"member: the same", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE | POSTERN_ALLOW_MEMBER, SERVICE, "/", "a.b.M"}, APP, SERVER, METHOD(.fds = 0), true},
    {"member: another", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE | POSTERN_ALLOW_MEMBER, SERVICE, "/", "a.b.N"}, APP, SERVER, METHOD(.fds = 0), false},
    {"member: not as interface", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE, SERVICE, "/", "a.b.M"}, APP, SERVER, METHOD(.fds = 0), false},
    {"member of any interface", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE | POSTERN_ALLOW_MEMBER, SERVICE, "/", "M"}, APP, SERVER, METHOD(.fds = 0), true},
    {"member of no interface", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE | POSTERN_ALLOW_MEMBER, SERVICE, "/", "a.b.M"}, APP, SERVER, {.type = CALL, .path = "/obj", .member = "M"}, false},
    /* HEAR. */
    {"HEAR: broadcast", RULE(POSTERN_ALLOW_HEAR, SERVICE), SERVER, APP, NOTE(.flags = BROADCAST), true},
    {"HEAR: of somebody else", RULE(POSTERN_ALLOW_HEAR, SERVICE), OTHER, APP, NOTE(.flags = BROADCAST), false},
    {"HEAR: with fds", RULE(POSTERN_ALLOW_HEAR, SERVICE), SERVER, APP, NOTE(.flags = BROADCAST, .fds = 1), false},
    {"HEAR: another path", {POSTERN_ALLOW_HEAR, SERVICE, "/else", ""}, SERVER, APP, NOTE(.flags = BROADCAST), false},
    {"HEAR: another interface", {POSTERN_ALLOW_HEAR | POSTERN_ALLOW_PATH_SUBTREE, SERVICE, "/", "a.c"}, SERVER, APP, NOTE(.flags = BROADCAST), false},
    {"HEAR: the member", {POSTERN_ALLOW_HEAR | POSTERN_ALLOW_PATH_SUBTREE | POSTERN_ALLOW_MEMBER, SERVICE, "/", "a.b.M"}, SERVER, APP, NOTE(.flags = BROADCAST), true},
    {"SEE: broadcast", RULE(POSTERN_ALLOW_SEE, SERVICE), SERVER, APP, NOTE(.flags = BROADCAST), false},
    {"HEAR: another container by name", RULE(POSTERN_ALLOW_HEAR, "com.stranger.Name"), STRANGER, APP, NOTE(.flags = BROADCAST), true},
    {"HEAR: anybody is not another container", RULE(POSTERN_ALLOW_HEAR, ""), STRANGER, APP, NOTE(.flags = BROADCAST), false},
    /* Descriptors out. */
    {"SEND_FDS: call", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS, SERVICE), APP, SERVER, METHOD(.fds = 1), true},
    {"SEND_FDS: signal", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS, SERVICE), APP, SERVER, NOTE(.fds = 2), true},
    {"SEND_FDS: reply", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS, SERVICE), APP, SERVER, ANSWER(.flags = REPLY, .fds = 1), true},
    {"SEND_FDS: reply, whatever the path", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS, SERVICE, "/else", "x.y"}, APP, SERVER, ANSWER(.flags = REPLY, .fds = 1), true},
    {"SEND_FDS: call elsewhere", {POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS, SERVICE, "/else", ""}, APP, SERVER, METHOD(.fds = 1), false},
    {"SEND_FDS: reply to somebody else", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS, SERVICE), APP, OTHER, ANSWER(.flags = REPLY, .fds = 1), false},
    {"SEND_FDS: the other direction", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS, SERVICE), SERVER, APP, ANSWER(.flags = REPLY, .fds = 1), false},
    /* Descriptors in. */
    {"RECEIVE_FDS: reply", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_RECEIVE_FDS, SERVICE), SERVER, APP, ANSWER(.flags = REPLY, .fds = 1), true},
    {"RECEIVE_FDS: call", RULE(POSTERN_ALLOW_SEE | POSTERN_ALLOW_RECEIVE_FDS, SERVICE), SERVER, APP, METHOD(.fds = 1), true},
    {"RECEIVE_FDS: call elsewhere", {POSTERN_ALLOW_SEE | POSTERN_ALLOW_RECEIVE_FDS, SERVICE, "/else", ""}, SERVER, APP, METHOD(.fds = 1), false},
    {"RECEIVE_FDS: reply, whatever the path", {POSTERN_ALLOW_SEE | POSTERN_ALLOW_RECEIVE_FDS, SERVICE, "/else", ""}, SERVER, APP, ANSWER(.flags = REPLY, .fds = 1), true},
    {"RECEIVE_FDS: from somebody else", RULE(POSTERN_ALLOW_SEE | POSTERN_ALLOW_RECEIVE_FDS, SERVICE), OTHER, APP, METHOD(.fds = 1), false},
    {"RECEIVE_FDS: the other direction", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_RECEIVE_FDS, SERVICE), APP, SERVER, METHOD(.fds = 1), false},
    {"RECEIVE_FDS: broadcast", RULE(POSTERN_ALLOW_SEE | POSTERN_ALLOW_RECEIVE_FDS, SERVICE), SERVER, APP, NOTE(.flags = BROADCAST, .fds = 1), false},
    {"HEAR and RECEIVE_FDS: broadcast", RULE(POSTERN_ALLOW_HEAR | POSTERN_ALLOW_RECEIVE_FDS, SERVICE), SERVER, APP, NOTE(.flags = BROADCAST, .fds = 1), true},
    /* Descriptors within the instance need leave in both directions. */
    {"SEND_FDS: sibling", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS, ""), APP, SIBLING, METHOD(.fds = 1), false},
    {"RECEIVE_FDS: sibling", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_RECEIVE_FDS, ""), APP, SIBLING, METHOD(.fds = 1), false},
    {"SEND_FDS: another container", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS, "com.stranger.Name"), APP, STRANGER, METHOD(.fds = 1), false},
    {"both: sibling", RULE(POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS | POSTERN_ALLOW_RECEIVE_FDS, ""), APP, SIBLING, METHOD(.fds = 1), true},
    /* Message types that do not exist. */
    {"an unknown type", RULE(POSTERN_ALLOW_CALL, SERVICE), APP, SERVER, {.type = 5, .path = "/obj", .member = "M"}, false},
};

START_TEST(messages)
{
    const struct message_row *row = &message_rows[_i];
    struct postern_verdict verdict;
    bool allowed;

    set_up("restrict", &row->rule, row->rule.name != NULL, NULL);
    allowed = fixture_send(&fixture, party[row->from], party[row->to], &row->message, &verdict);
    ck_assert_msg(allowed == row->allowed, "%s: %s, log: %s", row->what, allowed ? "allowed" : "denied", fixture.log);
    if (!allowed) {
        ck_assert_uint_eq(verdict.door, row->message.type > SIGNAL ? POSTERN_DOOR_NONE : POSTERN_DOOR_CONTAINER);
        ck_assert_str_eq(verdict.error_name, "org.freedesktop.DBus.Error.AccessDenied");
    }
    tear_down();
}
END_TEST

/* The neighbour of everything above: outside containers this door has no say. */
START_TEST(outside_is_free)
{
    const struct message_row *row = &message_rows[_i];
    struct postern_verdict verdict;

    if (row->message.type <= SIGNAL) {
        set_up("restrict", NULL, 0, NULL);
        ck_assert_msg(fixture_send(&fixture, party[NAMELESS], party[SERVER], &row->message, &verdict), "%s", row->what);
        tear_down();
    }
}
END_TEST

/* In identify mode the container rules do not apply, but contained stays contained. */
START_TEST(identify_mode)
{
    struct fixture_message fds = METHOD(.fds = 1), unasked = ANSWER(.flags = 0), call = METHOD(.fds = 0), broadcast = NOTE(.flags = BROADCAST);
    struct postern_verdict verdict;

    set_up("identify", NULL, 0, NULL);
    ck_assert(fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict));
    ck_assert(fixture_send(&fixture, party[APP], party[SERVER], &fds, &verdict));
    ck_assert(fixture_send(&fixture, party[SERVER], party[APP], &broadcast, &verdict));
    ck_assert(!fixture_send(&fixture, party[APP], party[SERVER], &unasked, &verdict));
    ck_assert(fixture_ask(&fixture, POSTERN_ACTION_OWN, party[APP], "com.example.Mine", 0));
    ck_assert(!fixture_ask(&fixture, POSTERN_ACTION_MONITOR, party[APP], NULL, 0));
    ck_assert_uint_eq(fixture.module->see(party[APP], party[OTHER], ":1.31"), POSTERN_SEE_INSPECT);
    tear_down();
}
END_TEST

START_TEST(complain_mode)
{
    struct fixture_message call = METHOD(.destination = SERVICE), unasked = ANSWER(.flags = 0);
    struct postern_verdict verdict;

    set_up("complain", NULL, 0, NULL);
    ck_assert(fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict));
    ck_assert_msg(strstr(fixture.log, SERVICE) != NULL, "no complaint in: %s", fixture.log);
    ck_assert(!fixture_send(&fixture, party[APP], party[SERVER], &unasked, &verdict));
    ck_assert(fixture_ask(&fixture, POSTERN_ACTION_OWN, party[APP], "com.example.Mine", 0));
    ck_assert(!fixture_ask(&fixture, POSTERN_ACTION_MONITOR, party[APP], NULL, 0));
    ck_assert_uint_eq(fixture.module->see(party[APP], party[OTHER], ":1.31"), POSTERN_SEE_INSPECT);
    tear_down();
}
END_TEST

/* ---- names ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *what;
    struct fixture_rule rule;
    uint32_t action;
    const char *name;
    bool allowed;
} name_rows[] = {
    {"own without a rule", NO_RULE, POSTERN_ACTION_OWN, "com.example.Mine", false},
    {"own with OWN", RULE(POSTERN_ALLOW_OWN, "com.example.Mine"), POSTERN_ACTION_OWN, "com.example.Mine", true},
    {"own below", RULE(POSTERN_ALLOW_OWN, "com.example.Mine"), POSTERN_ACTION_OWN, "com.example.Mine.Sub", false},
    {"own below a subtree", RULE(POSTERN_ALLOW_OWN | POSTERN_ALLOW_NAME_SUBTREE, "com.example.Mine"), POSTERN_ACTION_OWN, "com.example.Mine.Sub", true},
    {"own beside a subtree", RULE(POSTERN_ALLOW_OWN | POSTERN_ALLOW_NAME_SUBTREE, "com.example.Mine"), POSTERN_ACTION_OWN, "com.example.MineX", false},
    {"own with CALL", RULE(POSTERN_ALLOW_TALK, "com.example.Mine"), POSTERN_ACTION_OWN, "com.example.Mine", false},
    {"activate without a rule", NO_RULE, POSTERN_ACTION_ACTIVATE, "com.example.Mine", false},
    {"activate with CALL", RULE(POSTERN_ALLOW_CALL, "com.example.Mine"), POSTERN_ACTION_ACTIVATE, "com.example.Mine", true},
    {"activate with SEE", RULE(POSTERN_ALLOW_SEE | POSTERN_ALLOW_HEAR, "com.example.Mine"), POSTERN_ACTION_ACTIVATE, "com.example.Mine", false},
    {"activate what runs outside", NO_RULE, POSTERN_ACTION_ACTIVATE, SERVICE, false},
    {"monitor", RULE(POSTERN_ALLOW_TALK, ""), POSTERN_ACTION_MONITOR, NULL, false},
};

START_TEST(owned_names)
{
    bool allowed;

    set_up("restrict", &name_rows[_i].rule, name_rows[_i].rule.name != NULL, NULL);
    allowed = fixture_ask(&fixture, name_rows[_i].action, party[APP], name_rows[_i].name, 0);
    ck_assert_msg(allowed == name_rows[_i].allowed, "%s: %s", name_rows[_i].what, allowed ? "allowed" : "denied");
    if (name_rows[_i].action == POSTERN_ACTION_OWN)
        ck_assert(fixture_ask(&fixture, POSTERN_ACTION_OWN, party[APP], name_rows[_i].name, POSTERN_REQUEST_RELEASE) == allowed);
    if (name_rows[_i].action != POSTERN_ACTION_MONITOR)
        ck_assert(fixture_ask(&fixture, name_rows[_i].action, party[NAMELESS], name_rows[_i].name, 0));
    tear_down();
}
END_TEST

/* ---- who is seen ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *what;
    struct fixture_rule rule;
    int whom; /* -1: nobody */
    const char *name;
    uint32_t seen;
} see_rows[] = {
    {"the driver", NO_RULE, -1, "org.freedesktop.DBus", POSTERN_SEE_EXISTS},
    {"itself", NO_RULE, APP, ":1.10", POSTERN_SEE_INSPECT},
    {"a sibling", NO_RULE, SIBLING, ":1.11", POSTERN_SEE_INSPECT},
    {"another container", NO_RULE, STRANGER, ":1.20", POSTERN_SEE_HIDDEN},
    {"outside", NO_RULE, SERVER, ":1.30", POSTERN_SEE_HIDDEN},
    {"a name outside", NO_RULE, SERVER, SERVICE, POSTERN_SEE_HIDDEN},
    {"a name nobody owns", NO_RULE, -1, "com.example.Nobody", POSTERN_SEE_HIDDEN},
    {"SEE: the name", RULE(POSTERN_ALLOW_SEE, SERVICE), SERVER, SERVICE, POSTERN_SEE_INSPECT},
    {"SEE: its owner", RULE(POSTERN_ALLOW_SEE, SERVICE), SERVER, ":1.30", POSTERN_SEE_INSPECT},
    {"SEE: somebody else", RULE(POSTERN_ALLOW_SEE, SERVICE), OTHER, ":1.31", POSTERN_SEE_HIDDEN},
    {"SEE: another name of the same owner", RULE(POSTERN_ALLOW_SEE, "com.example.ServiceX"), OTHER, "com.example.Other.Sub", POSTERN_SEE_HIDDEN},
    {"SEE: a name nobody owns", RULE(POSTERN_ALLOW_SEE, "com.example.Nobody"), -1, "com.example.Nobody", POSTERN_SEE_INSPECT},
    {"CALL implies SEE", RULE(POSTERN_ALLOW_CALL, SERVICE), SERVER, ":1.30", POSTERN_SEE_INSPECT},
    {"HEAR implies SEE", RULE(POSTERN_ALLOW_HEAR, SERVICE), SERVER, SERVICE, POSTERN_SEE_INSPECT},
    {"OWN implies SEE", RULE(POSTERN_ALLOW_OWN, SERVICE), SERVER, SERVICE, POSTERN_SEE_INSPECT},
    {"SEE anybody: outside", RULE(POSTERN_ALLOW_SEE, ""), NAMELESS, ":1.32", POSTERN_SEE_INSPECT},
    {"SEE anybody: another container", RULE(POSTERN_ALLOW_SEE, ""), STRANGER, ":1.20", POSTERN_SEE_HIDDEN},
    {"SEE anybody: another container's name", RULE(POSTERN_ALLOW_SEE, ""), STRANGER, "com.stranger.Name", POSTERN_SEE_HIDDEN},
    {"SEE a container's name", RULE(POSTERN_ALLOW_SEE, "com.stranger.Name"), STRANGER, ":1.20", POSTERN_SEE_INSPECT},
};

START_TEST(visibility)
{
    uint32_t seen;

    set_up("restrict", &see_rows[_i].rule, see_rows[_i].rule.name != NULL, NULL);
    seen = fixture.module->see(party[APP], see_rows[_i].whom < 0 ? NULL : party[see_rows[_i].whom], see_rows[_i].name);
    ck_assert_msg(seen == see_rows[_i].seen, "%s: %u", see_rows[_i].what, seen);
    ck_assert_uint_eq(fixture.module->see(party[NAMELESS], see_rows[_i].whom < 0 ? NULL : party[see_rows[_i].whom], see_rows[_i].name),
                      POSTERN_SEE_INSPECT);
    tear_down();
}
END_TEST

/* Who sends into the container is known there from then on, as a connection, to the whole instance, until it goes. */
START_TEST(contact)
{
    struct fixture_message call = METHOD(.fds = 0), fds = METHOD(.fds = 1);
    struct postern_verdict verdict;

    set_up("restrict", NULL, 0, NULL);
    ck_assert(!fixture_send(&fixture, party[SERVER], party[APP], &fds, &verdict));
    ck_assert_uint_eq(verdict.flags & POSTERN_VERDICT_TELL_DELIVERED, 0);
    ck_assert(fixture_send(&fixture, party[SERVER], party[APP], &call, &verdict));
    ck_assert_uint_ne(verdict.flags & POSTERN_VERDICT_TELL_DELIVERED, 0);
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], ":1.30"), POSTERN_SEE_HIDDEN);
    fixture.module->delivered(party[SERVER], party[APP]);
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], ":1.30"), POSTERN_SEE_EXISTS);
    ck_assert_uint_eq(fixture.module->see(party[SIBLING], party[SERVER], ":1.30"), POSTERN_SEE_EXISTS);
    ck_assert_uint_eq(fixture.module->see(party[STRANGER], party[SERVER], ":1.30"), POSTERN_SEE_HIDDEN);
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], SERVICE), POSTERN_SEE_HIDDEN);
    ck_assert(!fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict));
    fixture.module->party_leave(party[SERVER]);
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], ":1.30"), POSTERN_SEE_EXISTS);
    fixture.module->party_free(party[SERVER]);
    party[SERVER] = fixture_outside(&fixture, 33);
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], ":1.33"), POSTERN_SEE_HIDDEN);
    tear_down();
}
END_TEST

/* Who could see it by its name sees it go, and nobody else does. */
START_TEST(leaving)
{
    struct fixture_rule rule = RULE(POSTERN_ALLOW_SEE, SERVICE);

    set_up("restrict", &rule, 1, NULL);
    for (enum who who = SERVER; who <= OTHER; who++) {
        fixture.module->party_leave(party[who]);
        ck_assert_int_eq(fixture.module->party_name(party[who], who == SERVER ? SERVICE : "com.example.ServiceX", POSTERN_NAME_GONE), 0);
    }
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], ":1.30"), POSTERN_SEE_INSPECT);
    ck_assert_uint_eq(fixture.module->see(party[APP], party[OTHER], ":1.31"), POSTERN_SEE_HIDDEN);
    ck_assert_uint_eq(fixture.module->see(party[STRANGER], party[SERVER], ":1.30"), POSTERN_SEE_HIDDEN);
    tear_down();
}
END_TEST

/* The socket is the creator's alone, whatever was said in authentication. */
START_TEST(who_may_connect)
{
    static const char *const modes[] = {"restrict", "complain", "identify"};

    for (size_t i = 0; i < 3; i++) {
        set_up(modes[i], NULL, 0, NULL);
        ck_assert(fixture_may_connect_as(&fixture, &container, 40, geteuid()));
        ck_assert(!fixture_may_connect_as(&fixture, &container, 41, geteuid() + 1));
        ck_assert(!fixture_may_connect_as(&fixture, &container, 42, UINT32_MAX));
        tear_down();
    }
}
END_TEST

/* Copies of what others say are for nobody inside; a call that waits for a service is bounded by the rule's path. */
START_TEST(copies_and_waiting_calls)
{
    struct fixture_rule rule = {POSTERN_ALLOW_TALK | POSTERN_ALLOW_PATH_SUBTREE, SERVICE, "/obj", ""};
    struct postern_message message = {.size = sizeof(message), .type = CALL, .serial = 7, .path = {.data = "/obj", .len = 4},
                                      .member = {.data = "M", .len = 1}, .destination = {.data = SERVICE, .len = strlen(SERVICE)}};
    struct postern_request copy = {.size = sizeof(copy), .action = POSTERN_ACTION_RECEIVE, .message = &message};
    struct postern_request wait = {.size = sizeof(wait), .action = POSTERN_ACTION_ACTIVATE, .message = &message, .name = message.destination};
    struct postern_verdict verdict = {.size = sizeof(verdict)};

    policy = "<allow user=\"*\"/><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>";
    set_up("restrict", &rule, 1, NULL);
    policy = NULL;
    copy.from = party[NAMELESS];
    copy.addressed = party[SERVER];
    copy.to = party[OTHER];
    ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &copy, &verdict), 0);
    ck_assert_uint_eq(verdict.allowed, 1);
    copy.to = party[APP];
    ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &copy, &verdict), 0);
    ck_assert_uint_eq(verdict.allowed, 0);
    wait.from = party[APP];
    ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &wait, &verdict), 0);
    ck_assert_uint_eq(verdict.allowed, 1);
    message.path.len = 2;
    message.path.data = "/o";
    ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &wait, &verdict), 0);
    ck_assert_uint_eq(verdict.allowed, 0);
    tear_down();
}
END_TEST

/* Rights hang on the name, not on who had it. */
START_TEST(nothing_sticks_to_a_released_name)
{
    struct fixture_rule rule = RULE(POSTERN_ALLOW_CALL, SERVICE);
    struct fixture_message call = METHOD(.destination = ":1.30");
    struct postern_verdict verdict;

    set_up("restrict", &rule, 1, NULL);
    ck_assert(fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict));
    ck_assert_int_eq(fixture.module->party_name(party[SERVER], SERVICE, POSTERN_NAME_QUEUED), 0);
    ck_assert(!fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict));
    ck_assert_int_eq(fixture.module->party_name(party[OTHER], SERVICE, POSTERN_NAME_PRIMARY), 0);
    ck_assert(fixture_send(&fixture, party[APP], party[OTHER], &call, &verdict));
    ck_assert_int_eq(fixture.module->party_name(party[OTHER], SERVICE, POSTERN_NAME_GONE), 0);
    ck_assert(!fixture_send(&fixture, party[APP], party[OTHER], &call, &verdict));
    tear_down();
}
END_TEST

/* ---- the driver --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *interface, *member;
    uint32_t fds;
    bool allowed;
} driver_rows[] = {
    {"org.freedesktop.DBus", "Hello", 0, true},
    {"org.freedesktop.DBus", "ListNames", 0, true},
    {NULL, "ListNames", 0, true},
    {"org.freedesktop.DBus", "ListNames", 1, false},
    {"org.freedesktop.DBus", "RequestName", 0, true}, /* whether it may own is another question */
    {"org.freedesktop.DBus", "AddMatch", 0, true},
    {"org.freedesktop.DBus", "GetConnectionCredentials", 0, true},
    {"org.freedesktop.DBus.Peer", "Ping", 0, true},
    {"org.freedesktop.DBus.Introspectable", "Introspect", 0, true},
    {"org.freedesktop.DBus.Properties", "Get", 0, true},
    {"org.freedesktop.DBus.Containers1", "RequestHeader", 0, true},
    {"org.freedesktop.DBus.Containers1", "GetInstanceInfo", 0, true},
    {"org.freedesktop.DBus.Containers1", "GetConnectionInstance", 0, true},
    {"org.freedesktop.DBus.Containers1", "AddServer", 0, false},
    {"org.freedesktop.DBus.Containers1", "StopListening", 0, false},
    {"org.freedesktop.DBus.Containers1", "StopInstance", 0, false},
    {"org.freedesktop.DBus", "ReloadConfig", 0, false},
    {NULL, "ReloadConfig", 0, false},
    {"org.freedesktop.DBus", "UpdateActivationEnvironment", 0, false},
    {"org.freedesktop.DBus.Monitoring", "BecomeMonitor", 0, false},
    {"org.freedesktop.DBus.Debug.Stats", "GetStats", 0, false},
    {"org.freedesktop.DBus.Verbose", "EnableVerbose", 0, false},
    {"org.postern.Mediator1", "SetRules", 0, false},
    {"org.postern.Mediator1", "ListInstances", 0, false},
    {"org.postern.Mediator1", "Explain", 0, false},
    {NULL, "BecomeMonitor", 0, false},
    {"org.freedesktop.DBus.Debug.Stats", "GetNameOwner", 0, false},
    {"org.postern.Mediator1", "ListNames", 0, false},
};

START_TEST(driver)
{
    static const char *const modes[] = {"restrict", "complain", "identify"};

    for (size_t i = 0; i < 3; i++) {
        struct fixture_message message = {
            .type = CALL,
            .flags = POSTERN_REQUEST_TO_DRIVER,
            .fds = driver_rows[_i].fds,
            .path = "/org/freedesktop/DBus",
            .interface = driver_rows[_i].interface,
            .member = driver_rows[_i].member,
            .destination = "org.freedesktop.DBus",
        };
        struct postern_verdict verdict;
        bool expected = driver_rows[_i].allowed || (driver_rows[_i].fds > 0 && i > 0), allowed;

        set_up(modes[i], NULL, 0, NULL);
        allowed = fixture_send(&fixture, party[APP], NULL, &message, &verdict);
        ck_assert_msg(allowed == expected, "%s: %s.%s: %s", modes[i], driver_rows[_i].interface, driver_rows[_i].member, allowed ? "allowed" : "denied");
        ck_assert(fixture_send(&fixture, party[NAMELESS], NULL, &message, &verdict));
        tear_down();
    }
}
END_TEST

#define OF_BUS(name) {.type = SIGNAL, .flags = POSTERN_REQUEST_FROM_DRIVER | BROADCAST, .path = "/org/freedesktop/DBus", \
                      .interface = "org.freedesktop.DBus", .member = name}

/* allowed: in restrict; complain only reports, identify has no rules. */
static const struct {
    const char *what;
    struct fixture_message message;
    bool allowed;
} from_driver_rows[] = {
    {"NameOwnerChanged", OF_BUS("NameOwnerChanged"), true},
    {"NameAcquired", OF_BUS("NameAcquired"), true},
    {"NameLost", OF_BUS("NameLost"), true},
    {"another signal", OF_BUS("ActivatableServicesChanged"), false},
    {"a signal of another interface", NOTE(.flags = POSTERN_REQUEST_FROM_DRIVER | BROADCAST), false},
    {"a name signal of another interface",
     {.type = SIGNAL, .flags = POSTERN_REQUEST_FROM_DRIVER | BROADCAST, .path = "/obj", .interface = "a.b", .member = "NameLost"}, false},
    {"an answer", ANSWER(.flags = POSTERN_REQUEST_FROM_DRIVER | REPLY), true},
    {"an answer with a descriptor", ANSWER(.flags = POSTERN_REQUEST_FROM_DRIVER | REPLY, .fds = 1), false},
};

START_TEST(from_driver)
{
    static const char *const modes[] = {"restrict", "complain", "identify"};

    for (size_t i = 0; i < 3; i++) {
        struct postern_verdict verdict;
        bool allowed;

        set_up(modes[i], NULL, 0, NULL);
        allowed = fixture_send(&fixture, NULL, party[APP], &from_driver_rows[_i].message, &verdict);
        ck_assert_msg(allowed == (from_driver_rows[_i].allowed || i > 0), "%s: %s: %s", modes[i], from_driver_rows[_i].what,
                      allowed ? "allowed" : "denied");
        ck_assert(fixture_send(&fixture, NULL, party[NAMELESS], &from_driver_rows[_i].message, &verdict));
        tear_down();
    }
}
END_TEST

/* The bus takes calls from containers, in every mode, and nothing else. */
START_TEST(to_driver_calls_only)
{
    static const char *const modes[] = {"restrict", "complain", "identify"};
    struct fixture_message signal = NOTE(.flags = POSTERN_REQUEST_TO_DRIVER, .destination = "org.freedesktop.DBus");
    struct postern_verdict verdict;

    signal.member = "ListNames";
    signal.interface = "org.freedesktop.DBus";
    for (size_t i = 0; i < 3; i++) {
        set_up(modes[i], NULL, 0, NULL);
        ck_assert_msg(!fixture_send(&fixture, party[APP], NULL, &signal, &verdict), "%s", modes[i]);
        tear_down();
    }
}
END_TEST

/* What is hidden is refused in the same words as what is not there. */
START_TEST(hidden_and_missing_sound_alike)
{
    struct fixture_message call = METHOD(.destination = SERVICE), missing = METHOD(.destination = "com.example.Nobody");
    struct postern_verdict verdict;
    char text[512];

    set_up("restrict", NULL, 0, NULL);
    ck_assert(!fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict));
    snprintf(text, sizeof(text), "%s %s", verdict.error_name, verdict.error_text);
    ck_assert(!fixture_send(&fixture, party[APP], NULL, &missing, &verdict));
    ck_assert_int_eq(strncmp(text, verdict.error_name, strlen(verdict.error_name)), 0);
    ck_assert_str_eq(text + strlen(verdict.error_name) + 1, verdict.error_text);
    ck_assert(fixture_send(&fixture, party[NAMELESS], NULL, &missing, &verdict));
    tear_down();
}
END_TEST

START_TEST(a_covered_name_may_be_missing)
{
    struct fixture_rule rule = RULE(POSTERN_ALLOW_CALL, "com.example.Nobody");
    struct fixture_message call = METHOD(.destination = "com.example.Nobody");
    struct postern_verdict verdict;

    set_up("restrict", &rule, 1, NULL);
    ck_assert(fixture_send(&fixture, party[APP], NULL, &call, &verdict));
    tear_down();
}
END_TEST

/* broadcasts="instance" keeps them inside. */
START_TEST(broadcasts_kept_inside)
{
    struct fixture_message broadcast = NOTE(.flags = BROADCAST);
    struct postern_verdict verdict;

    set_up("restrict", NULL, 0, "<mediator><containers broadcasts=\"instance\"/></mediator>");
    ck_assert(!fixture_send(&fixture, party[APP], party[NAMELESS], &broadcast, &verdict));
    ck_assert(fixture_send(&fixture, party[APP], party[SIBLING], &broadcast, &verdict));
    tear_down();
}
END_TEST

/* ---- the header ----------------------------------------------------------------------------------------------------- */

static const char *stamp(enum who from, enum who to)
{
    struct postern_view path = {0};

    fixture.module->stamp(from == WHO_MAX ? NULL : party[from], party[to], &path);
    return path.data;
}

START_TEST(header)
{
    struct postern_reply reply;

    set_up("restrict", NULL, 0, NULL);
    ck_assert_str_eq(stamp(APP, SERVER), container.instance);
    ck_assert_str_eq(stamp(APP, SIBLING), container.instance);
    ck_assert_ptr_null(stamp(SERVER, OTHER));
    ck_assert(fixture_call(&fixture, party[OTHER], "org.freedesktop.DBus.Containers1", "RequestHeader", NULL, NULL, 0, &reply));
    ck_assert_str_eq(stamp(SERVER, OTHER), "/");
    ck_assert_str_eq(stamp(APP, OTHER), container.instance);
    ck_assert_ptr_null(stamp(SERVER, NAMELESS));
    ck_assert_ptr_null(stamp(WHO_MAX, OTHER));
    tear_down();
    set_up("restrict", NULL, 0, "<mediator><containers instance-header=\"requested\"/></mediator>");
    ck_assert_ptr_null(stamp(APP, SERVER));
    ck_assert(fixture_call(&fixture, party[SERVER], "org.freedesktop.DBus.Containers1", "RequestHeader", NULL, NULL, 0, &reply));
    ck_assert_str_eq(stamp(APP, SERVER), container.instance);
    tear_down();
}
END_TEST

/* ---- faulty questions ------------------------------------------------------------------------------------------------- */

START_TEST(faulty_questions_are_denied)
{
    struct {
        struct postern_request request;
        uint64_t surplus;
    } longer = {.request = {.size = sizeof(longer), .action = POSTERN_ACTION_OWN, .name = {.data = "a.b", .len = 3}}};
    struct postern_request zero = {0};
    struct postern_verdict verdict = {.size = sizeof(verdict)};

    set_up("restrict", NULL, 0, NULL);
    ck_assert(fixture.module->mediate(fixture.mediator, &zero, &verdict) < 0 || verdict.allowed == 0);
    for (uint32_t action = 0; action < 12; action++) {
        struct postern_request request = {.size = sizeof(request), .action = action};

        verdict = (struct postern_verdict){.size = sizeof(verdict)};
        ck_assert(fixture.module->mediate(fixture.mediator, &request, &verdict) < 0 || verdict.allowed == 0);
    }
    longer.request.from = party[NAMELESS];
    verdict = (struct postern_verdict){.size = sizeof(verdict)};
    ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &longer.request, &verdict), 0);
    ck_assert_uint_eq(verdict.allowed, 1);
    longer.surplus = 1;
    verdict = (struct postern_verdict){.size = sizeof(verdict)};
    ck_assert(fixture.module->mediate(fixture.mediator, &longer.request, &verdict) < 0);
    ck_assert_uint_eq(verdict.allowed, 0);
    tear_down();
}
END_TEST

/* ---- rules add up --------------------------------------------------------------------------------------------------------- */

static uint64_t state;

static unsigned pick(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static struct fixture_rule random_rule(void)
{
    static const char *const names[] = {"", SERVICE, "com.example.ServiceX", "com.example.Other", ":1.30", "com.stranger.Name", "com.example"};
    static const char *const paths[] = {"/", "/obj", "/o", "/obj/sub"};
    static const char *const interfaces[] = {"", "a.b", "a.c", "a.b.M", "M"};
    static const uint32_t bits[] = {POSTERN_ALLOW_SEE, POSTERN_ALLOW_CALL, POSTERN_ALLOW_HEAR, POSTERN_ALLOW_TALK, POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS,
                                    POSTERN_ALLOW_SEE | POSTERN_ALLOW_RECEIVE_FDS};
    struct fixture_rule rule = {bits[pick(6)], names[pick(7)], paths[pick(4)], interfaces[pick(5)]};

    rule.flags |= pick(2) ? POSTERN_ALLOW_PATH_SUBTREE : 0;
    if (rule.name[0] != '\0' && rule.name[0] != ':' && pick(2))
        rule.flags |= POSTERN_ALLOW_NAME_SUBTREE;
    if (strchr(rule.interface, 'M') != NULL)
        rule.flags |= POSTERN_ALLOW_MEMBER;
    return rule;
}

/* Which of the table's messages pass, as bits. */
static void ask_all(const struct fixture_rule *rules, size_t n, bool *allowed)
{
    struct postern_verdict verdict;

    set_up("restrict", rules, n, NULL);
    for (size_t i = 0; i < sizeof(message_rows) / sizeof(message_rows[0]); i++)
        allowed[i] = fixture_send(&fixture, party[message_rows[i].from], party[message_rows[i].to], &message_rows[i].message, &verdict);
    tear_down();
}

START_TEST(adding_a_rule_never_denies)
{
    enum { ROWS = sizeof(message_rows) / sizeof(message_rows[0]), RULES = 6 };
    struct fixture_rule rules[RULES];
    bool before[ROWS], after[ROWS];

    state = (uint64_t)_i + 1;
    for (size_t n = 0; n < RULES; n++)
        rules[n] = random_rule();
    ask_all(rules, 0, before);
    for (size_t n = 1; n <= RULES; n++) {
        ask_all(rules, n, after);
        for (size_t i = 0; i < ROWS; i++)
            ck_assert_msg(!before[i] || after[i], "rule %zu took away: %s", n - 1, message_rows[i].what);
        memcpy(before, after, sizeof(before));
    }
}
END_TEST

static Suite *door_suite(void)
{
    Suite *suite = suite_create("door");
    TCase *tcase = tcase_create("container");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, messages, 0, sizeof(message_rows) / sizeof(message_rows[0]));
    tcase_add_loop_test(tcase, outside_is_free, 0, sizeof(message_rows) / sizeof(message_rows[0]));
    tcase_add_test(tcase, identify_mode);
    tcase_add_test(tcase, complain_mode);
    tcase_add_loop_test(tcase, owned_names, 0, sizeof(name_rows) / sizeof(name_rows[0]));
    tcase_add_loop_test(tcase, visibility, 0, sizeof(see_rows) / sizeof(see_rows[0]));
    tcase_add_test(tcase, contact);
    tcase_add_test(tcase, leaving);
    tcase_add_test(tcase, who_may_connect);
    tcase_add_test(tcase, copies_and_waiting_calls);
    tcase_add_test(tcase, nothing_sticks_to_a_released_name);
    tcase_add_loop_test(tcase, driver, 0, sizeof(driver_rows) / sizeof(driver_rows[0]));
    tcase_add_loop_test(tcase, from_driver, 0, sizeof(from_driver_rows) / sizeof(from_driver_rows[0]));
    tcase_add_test(tcase, to_driver_calls_only);
    tcase_add_test(tcase, hidden_and_missing_sound_alike);
    tcase_add_test(tcase, a_covered_name_may_be_missing);
    tcase_add_test(tcase, broadcasts_kept_inside);
    tcase_add_test(tcase, header);
    tcase_add_test(tcase, faulty_questions_are_denied);
    tcase_add_loop_test(tcase, adding_a_rule_never_denies, 0, 20);
    suite_add_tcase(suite, tcase);
    return suite;
}

SUITE_MAIN(door_suite)
