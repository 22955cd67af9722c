/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names, visibility and who may connect. */
#include "tests/unit/door-scene.h"

#include <string.h>
#include <unistd.h>

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

TCase *door_names_case(void)
{
    TCase *tcase = tcase_create("names");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, owned_names, 0, sizeof(name_rows) / sizeof(name_rows[0]));
    tcase_add_loop_test(tcase, visibility, 0, sizeof(see_rows) / sizeof(see_rows[0]));
    tcase_add_test(tcase, contact);
    tcase_add_test(tcase, leaving);
    tcase_add_test(tcase, who_may_connect);
    tcase_add_test(tcase, copies_and_waiting_calls);
    tcase_add_test(tcase, nothing_sticks_to_a_released_name);
    return tcase;
}
