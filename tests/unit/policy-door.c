/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose rules count, who may connect, and questions that are not about one rule. */
#include "tests/unit/policy.h"

#include <unistd.h>

#define DEFAULT(rules) "<policy context='default'>\n" rules "\n</policy>"
#define CALL POSTERN_MESSAGE_METHOD_CALL
#define SIGNAL POSTERN_MESSAGE_SIGNAL
#define TO_DRIVER POSTERN_REQUEST_TO_DRIVER
#define FROM_DRIVER POSTERN_REQUEST_FROM_DRIVER

/* Whose rules count, and in which order. Asked as uid 1000 with groups 20 and 1000. */
static const struct {
    const char *policies, *expected;
    uint32_t uid;
    bool anonymous;
} context_rows[] = {
    {"<policy context='mandatory'><deny own='a.b'/></policy>\n<policy user='1000'><allow own='a.b'/></policy>", "deny:3"},
    {"<policy user='1000'><deny own='a.b'/></policy>\n<policy group='20'><allow own='a.b'/></policy>", "deny:3"},
    {"<policy group='20'><deny own='a.b'/></policy>\n<policy context='default'><allow own='a.b'/></policy>", "deny:3"},
    {"<policy at_console='false'><deny own='a.b'/></policy>\n<policy user='1000'><allow own='a.b'/></policy>", "deny:3"},
    {"<policy context='mandatory'><allow own='a.b'/></policy>\n<policy at_console='false'><deny own='a.b'/></policy>", "allow:3"},
    {"<policy at_console='true'><allow own='a.b'/></policy>", "deny"},
    {"<policy user='1001'><allow own='a.b'/></policy>", "deny"},
    {"<policy group='21'><allow own='a.b'/></policy>", "deny"},
    {"<policy group='1000'><allow own='a.b'/></policy>", "allow:3"},
    {"<policy user='no such user'><allow own='a.b'/></policy>\n<policy group='no such group'><allow own='a.b'/></policy>", "deny"},
    {"<policy user='root'><allow own='a.b'/></policy>", "allow:3", .uid = 0},
    {"<policy context='default'><deny own='a.b'/></policy>\n<policy context='default'><allow own='a.b'/></policy>", "allow:4"},
    {"<policy user='4294967295'><allow own='a.b'/></policy>", "deny", .anonymous = true},
    {"<policy group='20'><allow own='a.b'/></policy>", "deny", .anonymous = true},
    {"<policy at_console='false'><allow own='a.b'/></policy>", "deny", .anonymous = true},
    {"<policy context='default'><allow own='a.b'/></policy>", "allow:3", .anonymous = true},
};

START_TEST(contexts)
{
    static const gid_t groups[] = {20, 1000};
    struct postern_xml *xml = xml_of(context_rows[_i].policies);
    bool root = strstr(context_rows[_i].policies, "root") != NULL;
    struct postern_party *party = party_new(":1.1", root ? context_rows[_i].uid : 1000, NULL);
    struct postern_request request = {.action = POSTERN_ACTION_OWN, .from = party, .name = view_of("a.b")};

    party_groups(party, groups, 2);
    if (context_rows[_i].anonymous) {
        party->anonymous = true;
        party->uid = UINT32_MAX;
    }
    ck_assert_str_eq(ask(xml, &request), context_rows[_i].expected);
    party_free(party);
    postern_xml_free(xml);
}
END_TEST

/* Who may connect. Asked as uid 1000 with group 20, on a bus that somebody else runs unless said otherwise. */
static const struct {
    const char *policies, *expected;
    enum { SOMEBODY, OWNER, ANONYMOUS } who;
} connect_rows[] = {
    {"", "deny"},
    {"", "allow", OWNER},
    {"", "deny", ANONYMOUS},
    {"<allow_anonymous/>", "allow", ANONYMOUS},
    {DEFAULT("<allow user='*'/>"), "deny", ANONYMOUS},
    {DEFAULT("<allow user='*'/>"), "allow:4"},
    {DEFAULT("<allow group='*'/>"), "allow:4"},
    {DEFAULT("<allow user='1000'/>"), "allow:4"},
    {DEFAULT("<allow user='1001'/>"), "deny"},
    {DEFAULT("<allow group='20'/>"), "allow:4"},
    {DEFAULT("<allow group='21'/>"), "deny"},
    {DEFAULT("<allow user='*'/>\n<deny user='1000'/>"), "deny:5"},
    {DEFAULT("<allow user='*'/>\n<deny group='20'/>"), "deny:5"},
    {DEFAULT("<allow user='*'/>\n<deny user='1001'/>\n<deny group='21'/>"), "allow:4"},
    {DEFAULT("<allow user='no such user'/>"), "deny"},
    {DEFAULT("<allow user='*'/>\n<deny user='no such user'/>"), "allow:4"},
    {DEFAULT("<deny user='*'/>"), "deny:4", OWNER},
    {"<policy context='mandatory'><allow user='1000'/></policy>" DEFAULT("<deny user='*'/>"), "allow:3"},
    {"<policy at_console='false'><allow user='*'/></policy>", "deny"},
};

START_TEST(connect_rules)
{
    static const gid_t groups[] = {20};
    struct postern_xml *xml = xml_of(connect_rows[_i].policies);
    struct postern_party *party = party_new(NULL, connect_rows[_i].who == OWNER ? geteuid() : 1000, NULL);
    struct postern_request request = {.action = POSTERN_ACTION_CONNECT, .from = party};

    party_groups(party, groups, 1);
    party->anonymous = connect_rows[_i].who == ANONYMOUS;
    ck_assert_str_eq(ask(xml, &request), connect_rows[_i].expected);
    party->authenticated = false;
    ck_assert_str_eq(ask(xml, &request), "deny");
    party_free(party);
    postern_xml_free(xml);
}
END_TEST

START_TEST(before_hello)
{
    struct postern_xml *xml = xml_of(DEFAULT("<allow send_destination='*'/><allow receive_sender='*'/>"));
    struct postern_party *new = party_new(NULL, 1000, NULL), *old = party_new(":1.1", 1000, NULL);
    struct postern_message message = {.type = CALL, .path = view_of("/p"), .member = view_of("Hello")};
    struct postern_request request = {.action = POSTERN_ACTION_SEND, .flags = TO_DRIVER, .from = new, .message = &message};

    ck_assert_str_eq(ask(xml, &request), "allow");
    message.interface = view_of("org.freedesktop.DBus");
    ck_assert_str_eq(ask(xml, &request), "allow");
    message.interface = view_of("org.freedesktop.DBu5");
    ck_assert_str_eq(ask(xml, &request), "deny");
    message.interface = view_of("org.freedesktop.DBus.Peer");
    ck_assert_str_eq(ask(xml, &request), "deny");
    message.interface = view_of("org.freedesktop.DBus");
    message.member = view_of("GetId");
    ck_assert_str_eq(ask(xml, &request), "deny");
    message.member = view_of("Hello");
    message.type = SIGNAL;
    ck_assert_str_eq(ask(xml, &request), "deny");
    request = (struct postern_request){.action = POSTERN_ACTION_SEND, .flags = FROM_DRIVER, .to = new, .message = &message};
    ck_assert_str_eq(ask(xml, &request), "allow");
    request = (struct postern_request){.action = POSTERN_ACTION_SEND, .from = old, .to = new, .message = &message};
    ck_assert_str_eq(ask(xml, &request), "deny");
    party_free(new);
    party_free(old);
    postern_xml_free(xml);
}
END_TEST

START_TEST(faulty_questions_are_denied)
{
    struct postern_xml *xml = xml_of(DEFAULT("<allow send_destination='*'/><allow eavesdrop='true'/><allow own='*'/><allow user='*'/>"));
    struct postern_party *party = party_new(":1.1", geteuid(), NULL);
    struct postern_message message = {.type = CALL};
    struct postern_request request = {0};

    ck_assert_str_eq(ask(xml, &request), "deny");
    for (request.action = 0; request.action < 100; request.action++) {
        request.from = NULL;
        request.message = NULL;
        ck_assert_str_eq(ask(xml, &request), "deny");
        request.message = &message;
        ck_assert_str_eq(ask(xml, &request), "deny");
    }
    request = (struct postern_request){.action = POSTERN_ACTION_SEND, .from = party};
    ck_assert_str_eq(ask(xml, &request), "deny");
    request = (struct postern_request){.action = POSTERN_ACTION_RECEIVE, .from = party, .message = &message};
    ck_assert_str_eq(ask(xml, &request), "deny");
    request = (struct postern_request){.action = POSTERN_ACTION_OWN, .from = party};
    ck_assert_str_eq(ask(xml, &request), "deny");
    request = (struct postern_request){.action = POSTERN_ACTION_SEE, .from = party, .name = view_of("a.b")};
    ck_assert_str_eq(ask(xml, &request), "deny");
    party_free(party);
    postern_xml_free(xml);
}
END_TEST

/* Details that no row of the tables can say. */
START_TEST(copies_and_starts)
{
    struct postern_xml *xml = xml_of(DEFAULT("<allow send_destination='x.y'/>\n<allow send_destination='a.b'/>\n<allow receive_sender='*'/>"));
    struct postern_party *from = party_new(":1.1", 1000, NULL), *to = party_new(":1.2", 1000, "a.b");
    struct postern_message message = {.type = SIGNAL, .path = view_of("/p"), .interface = view_of("a.b.I"), .member = view_of("M"),
                                      .destination = view_of("a.b")};
    struct postern_request request = {.action = POSTERN_ACTION_RECEIVE, .from = from, .to = to, .addressed = to, .message = &message};

    /* Nobody eavesdrops on what is addressed to himself. */
    ck_assert_str_eq(ask(xml, &request), "allow:5");
    request.addressed = NULL;
    ck_assert_str_eq(ask(xml, &request), "deny");
    /* What is started counts, not what the message says. */
    request = (struct postern_request){.action = POSTERN_ACTION_ACTIVATE, .from = from, .message = &message, .name = view_of("x.y")};
    ck_assert_str_eq(ask(xml, &request), "allow:4");
    request.name = view_of("y.x");
    ck_assert_str_eq(ask(xml, &request), "deny");
    party_free(from);
    party_free(to);
    postern_xml_free(xml);
}
END_TEST

START_TEST(monitors_and_starters)
{
    struct postern_xml *xml = xml_of("");
    struct postern_party *owner = party_new(":1.1", geteuid(), NULL), *root = party_new(":1.2", 0, NULL);
    struct postern_party *user = party_new(":1.3", 12345, NULL);
    struct postern_request request = {.action = POSTERN_ACTION_MONITOR, .from = owner};

    ck_assert_str_eq(ask(xml, &request), "allow");
    request.from = root;
    ck_assert_str_eq(ask(xml, &request), "allow");
    request.from = user;
    ck_assert_str_eq(ask(xml, &request), "deny");
    request.flags = POSTERN_REQUEST_EAVESDROP;
    ck_assert_str_eq(ask(xml, &request), "allow");
    request = (struct postern_request){.action = POSTERN_ACTION_ACTIVATE, .from = user, .name = view_of("a.b")};
    ck_assert_str_eq(ask(xml, &request), "allow");
    party_free(owner);
    party_free(root);
    party_free(user);
    postern_xml_free(xml);
}
END_TEST

/* The same parties live on when the rules are replaced. */
START_TEST(a_new_configuration_counts_at_once)
{
    struct postern_xml *before = xml_of(DEFAULT("<allow own='a.b'/>")), *after = xml_of(DEFAULT("\n<deny own='a.b'/>"));
    struct postern_party *party = party_new(":1.1", 1000, NULL), *twin = party_new(":1.2", 1000, NULL);
    struct postern_request request = {.action = POSTERN_ACTION_OWN, .from = party, .name = view_of("a.b")};

    ck_assert_str_eq(ask(before, &request), "allow:4");
    ck_assert_ptr_nonnull(party->xml_rules);
    request.from = twin;
    ck_assert_str_eq(ask(before, &request), "allow:4");
    ck_assert_ptr_eq(twin->xml_rules, party->xml_rules);
    postern_xml_free(before);
    ck_assert_str_eq(ask(after, &request), "deny:5");
    request.from = party;
    ck_assert_str_eq(ask(after, &request), "deny:5");
    ck_assert_uint_eq(party->xml_generation, postern_xml_generation(after));
    postern_xml_free(after);
    party_free(party);
    party_free(twin);
}
END_TEST

#define ADD_ROWS(tcase, test, rows) tcase_add_loop_test(tcase, test, 0, sizeof(rows) / sizeof(rows[0]))

Suite *policy_door_suite(void)
{
    Suite *suite = suite_create("door");
    TCase *tcase = tcase_create("door");

    ADD_ROWS(tcase, contexts, context_rows);
    ADD_ROWS(tcase, connect_rules, connect_rows);
    tcase_add_test(tcase, before_hello);
    tcase_add_test(tcase, faulty_questions_are_denied);
    tcase_add_test(tcase, copies_and_starts);
    tcase_add_test(tcase, monitors_and_starters);
    tcase_add_test(tcase, a_new_configuration_counts_at_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
