/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages between connections, and that rules only ever add. */
#include "tests/unit/door-scene.h"

#include <string.h>

/* ---- messages --------------------------------------------------------------------------------------------- */

struct message_row {
    const char *what;
    struct fixture_rule rule; /* name NULL: no rule */
    enum who from, to;
    struct fixture_message message;
    bool allowed;
};

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

TCase *door_messages_case(void)
{
    TCase *tcase = tcase_create("messages");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, messages, 0, sizeof(message_rows) / sizeof(message_rows[0]));
    tcase_add_loop_test(tcase, outside_is_free, 0, sizeof(message_rows) / sizeof(message_rows[0]));
    tcase_add_test(tcase, identify_mode);
    tcase_add_test(tcase, complain_mode);
    tcase_add_loop_test(tcase, adding_a_rule_never_denies, 0, 20);
    return tcase;
}
