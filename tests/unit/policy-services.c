/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* OwnerUser= and AccessControl=self of service files: two more rules at the end of the default context, and nothing more. */
#include "tests/unit/policy.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE(n) (100 + (n))
enum { OWNER_LINE = LINE(1), OPEN_LINE = LINE(2) };

/* The service a.b belongs to alice; a.c to root; a.d is only open. */
static struct {
    struct postern_service_table table;
    struct postern_service_entry entries[3];
} told;

static void set_up(void)
{
    static char file[] = "/s/file.service";
    static char names[3][4] = {"a.b", "a.c", "a.d"};

    told.table.entries = NULL;
    for (int i = 0; i < 3; i++) {
        struct postern_service_entry *entry = &told.entries[i];

        *entry = (struct postern_service_entry){.name = names[i], .file = file, .has_owner = i < 2, .is_open = i != 1, .owner = i == 0 ? 1000 : 0,
                                                .owner_line = OWNER_LINE, .open_line = OPEN_LINE};
        HASH_ADD_KEYPTR(hh, told.table.entries, entry->name, strlen(entry->name), entry);
    }
}

static void tear_down(void)
{
    HASH_CLEAR(hh, told.table.entries);
}

enum action { OWN, CALL, SIGNAL, NOTE, REPLY, UNASKED, TALK_BACK };
enum who { ALICE = 1000, BOB = 1001, ROOT = 0 };

/* Debian's: nobody may own or call anything unless a snippet says so. */
#define FIREWALL "<policy context='default'><allow user='*'/><deny own='*'/><deny send_type='method_call'/><allow send_type='signal'/>" \
    "<allow send_requested_reply='true' send_type='method_return'/><allow receive_type='method_call'/><allow receive_type='signal'/>"  \
    "<allow receive_type='method_return'/></policy>\n"
#define AND(attribute, rules) "<policy " attribute ">" rules "</policy>\n"

static const struct {
    const char *policies; /* the lines count from 4 */
    enum action action;
    const char *name;
    enum who who;
    const char *verdict;
} rows[] = {
    {FIREWALL, OWN, "a.b", ALICE, "allow:101"},
    {FIREWALL, OWN, "a.b", BOB, "deny:4"},
    {FIREWALL, OWN, "a.b", ROOT, "deny:4"}, /* it is said of one user, and root is another */
    {FIREWALL, OWN, "a.c", ROOT, "allow:101"},
    {FIREWALL, OWN, "a.c", ALICE, "deny:4"},
    {FIREWALL, OWN, "a.d", ALICE, "deny:4"},
    {FIREWALL, OWN, "a.b.c", ALICE, "deny:4"},
    {FIREWALL, OWN, "a", ALICE, "deny:4"},
    {FIREWALL, CALL, "a.b", BOB, "allow:102"},
    {FIREWALL, CALL, "a.d", BOB, "allow:102"},
    {FIREWALL, CALL, "a.c", BOB, "deny:4"},
    {FIREWALL, CALL, "a.b.c", BOB, "deny:4"},
    {FIREWALL, CALL, "x.y", ALICE, "deny:4"},
    /* What <allow send_destination="a.b"/> says: also signals; replies when they were asked for. */
    {FIREWALL, SIGNAL, "a.b", BOB, "allow:102"},
    {FIREWALL, NOTE, NULL, BOB, "allow:4"},
    {FIREWALL, REPLY, "a.b", BOB, "allow:102"},
    {FIREWALL, UNASKED, "a.b", BOB, "deny"},
    {FIREWALL, UNASKED, "x.y", BOB, "deny"},
    /* Last of the default context, wherever its rules stand in the files. */
    {FIREWALL AND("context='default'", "<deny own='a.b'/>"), OWN, "a.b", ALICE, "allow:101"},
    {FIREWALL AND("context='default'", "<deny send_destination='a.b'/>"), CALL, "a.b", BOB, "allow:102"},
    /* All that comes after it wins. */
    {FIREWALL AND("context='mandatory'", "<deny own='a.b'/>"), OWN, "a.b", ALICE, "deny:5"},
    {FIREWALL AND("context='mandatory'", "<deny send_destination='a.b'/>"), CALL, "a.b", BOB, "deny:5"},
    {AND("context='mandatory'", "<deny send_destination='a.b'/>") FIREWALL, CALL, "a.b", BOB, "deny:4"},
    {FIREWALL AND("context='mandatory'", "<deny send_interface='i.i'/>"), CALL, "a.b", BOB, "deny:5"},
    {FIREWALL AND("user='1000'", "<deny own_prefix='a'/>"), OWN, "a.b", ALICE, "deny:5"},
    {FIREWALL AND("user='1001'", "<deny send_destination='a.b'/>"), CALL, "a.b", BOB, "deny:5"},
    {FIREWALL AND("user='1001'", "<deny send_destination='a.b'/>"), CALL, "a.b", ALICE, "allow:102"},
    {FIREWALL AND("group='7'", "<deny send_destination='a.b'/>"), CALL, "a.b", BOB, "deny:5"},
    {FIREWALL AND("group='7'", "<deny own='a.b'/>"), OWN, "a.b", ALICE, "deny:5"},
    {FIREWALL AND("at_console='false'", "<deny send_destination='a.b'/>"), CALL, "a.b", BOB, "deny:5"},
    {FIREWALL AND("user='1001'", "<allow own='a.b'/>"), OWN, "a.b", BOB, "allow:5"},
    {FIREWALL AND("context='mandatory'", "<deny send_destination='a.b'/><allow send_destination='a.b' send_interface='i.i'/>"), CALL, "a.b", BOB,
     "allow:5"},
    /* Without any rule the bus is closed but for them; the other end is asked as well. */
    {"", OWN, "a.b", ALICE, "allow:101"},
    {"", OWN, "x.y", ALICE, "deny"},
    {"", CALL, "a.b", BOB, "deny"},
    {AND("context='default'", "<allow receive_sender='*'/>"), CALL, "a.b", BOB, "allow:102"},
    {AND("context='default'", "<allow receive_sender='*'/><deny receive_interface='i.i'/>"), CALL, "a.b", BOB, "deny:4"},
    /* A service that does not run yet. */
    {FIREWALL, TALK_BACK, "a.b", BOB, "allow:102"},
    {FIREWALL, TALK_BACK, "a.c", BOB, "deny:4"},
};

static struct postern_xml *xml_for(const char *type, const char *policies)
{
    struct postern_xml *xml;
    char *text;

    ck_assert_int_gt(asprintf(&text, "<type>%s</type>\n%s", type, policies), 0);
    xml = xml_of(text);
    free(text);
    return xml;
}

static const char *verdict(struct postern_xml *xml, enum action action, const char *name, enum who who)
{
    static const gid_t groups[] = {7};
    static char text[64];
    struct postern_party *party = party_new(":1.1", who, NULL), *peer = party_new(":1.9", 4711, name);
    bool reply = action == REPLY || action == UNASKED, signal = action == SIGNAL || action == NOTE;
    struct postern_message message = {
        .type = reply ? POSTERN_MESSAGE_METHOD_RETURN : signal ? POSTERN_MESSAGE_SIGNAL : POSTERN_MESSAGE_METHOD_CALL,
        .path = view_of(reply ? NULL : "/p"), .interface = view_of(reply ? NULL : "i.i"), .member = view_of(reply ? NULL : "M"),
        .destination = view_of(action == NOTE ? NULL : action == SIGNAL ? ":1.9" : name)};
    struct postern_request request = {.action = action == OWN         ? POSTERN_ACTION_OWN
                                                : action == TALK_BACK ? POSTERN_ACTION_ACTIVATE
                                                                      : POSTERN_ACTION_SEND,
                                      .from = party, .message = action == OWN ? NULL : &message, .name = view_of(name)};

    party_groups(party, groups, 1);
    party_groups(peer, groups, 0);
    if (action != OWN && action != TALK_BACK)
        request.to = peer;
    request.flags = action == NOTE ? POSTERN_REQUEST_BROADCAST : action == REPLY ? POSTERN_REQUEST_REPLY : 0;
    snprintf(text, sizeof(text), "%s", ask(xml, &request));
    ck_assert_str_eq(ask(xml, &request), text); /* again, out of what the first has left in the party */
    party_free(party);
    party_free(peer);
    return text;
}

START_TEST(verdicts)
{
    struct postern_xml *xml = xml_for("system", rows[_i].policies);
    const char *text;

    ck_assert_int_eq(postern_xml_take_services(xml, 1u << 30, &told.table), 0);
    text = verdict(xml, rows[_i].action, rows[_i].name, rows[_i].who);
    ck_assert_msg(strcmp(text, rows[_i].verdict) == 0, "%s is not %s", text, rows[_i].verdict);
    /* Twice gives the same; taken back, and on another bus, there is nothing of it. */
    ck_assert_int_eq(postern_xml_take_services(xml, (1u << 30) + 1, &told.table), 0);
    ck_assert_str_eq(verdict(xml, rows[_i].action, rows[_i].name, rows[_i].who), rows[_i].verdict);
    ck_assert_int_eq(postern_xml_take_services(xml, (1u << 30) + 2, NULL), 0);
    text = verdict(xml, rows[_i].action, rows[_i].name, rows[_i].who);
    ck_assert_msg(strstr(text, ":10") == NULL, "%s", text);
    postern_xml_free(xml);
    xml = xml_for("session", rows[_i].policies);
    ck_assert_int_eq(postern_xml_take_services(xml, (1u << 30) + 3, &told.table), 0);
    ck_assert_ptr_null(strstr(verdict(xml, rows[_i].action, rows[_i].name, rows[_i].who), ":10"));
    postern_xml_free(xml);
}
END_TEST

/* A party that was asked about before is asked anew, and the reference names the file. */
START_TEST(living_connections_follow)
{
    struct postern_xml *xml = xml_for("system", FIREWALL);
    struct postern_party *alice = party_new(":1.1", ALICE, NULL), *bob = party_new(":1.2", BOB, NULL);
    struct postern_request own = {.action = POSTERN_ACTION_OWN, .from = alice, .name = view_of("a.b")}, other = own;
    struct postern_opinion opinion = {0};

    other.from = bob;
    ck_assert_str_eq(ask(xml, &other), "deny:4"); /* both have the same snapshot now */
    ck_assert_str_eq(ask(xml, &own), "deny:4");
    ck_assert_int_eq(postern_xml_take_services(xml, 1u << 30, &told.table), 0);
    ck_assert_str_eq(ask(xml, &other), "deny:4");
    postern_xml_door(xml, &own, &opinion);
    ck_assert_str_eq(opinion_text(&opinion), "allow:101");
    ck_assert_str_eq(opinion.rule.file, "/s/file.service");
    ck_assert_uint_eq(postern_xml_generation(xml), 1u << 30);
    alice->anonymous = true; /* who it was is not known */
    alice->xml_generation = 0;
    ck_assert_str_eq(ask(xml, &own), "deny:4");
    party_free(alice);
    party_free(bob);
    postern_xml_free(xml);
}
END_TEST

/* Services that add no rules change nothing, but the rules are of another generation all the same; and such rules go when they come to an end. */
START_TEST(services_without_rules)
{
    struct postern_xml *xml = xml_for("system", FIREWALL);
    struct postern_party *alice = party_new(":1.1", ALICE, NULL);
    struct postern_request own = {.action = POSTERN_ACTION_OWN, .from = alice, .name = view_of("a.b")};

    ck_assert_str_eq(ask(xml, &own), "deny:4");
    for (unsigned i = 0; i < 2; i++) {
        for (int e = 0; e < 3; e++)
            told.entries[e].has_owner = told.entries[e].is_open = false;
        ck_assert_int_eq(postern_xml_take_services(xml, (1u << 30) + 2 * i, &told.table), 0);
        ck_assert_uint_eq(postern_xml_generation(xml), (1u << 30) + 2 * i);
        ck_assert_str_eq(ask(xml, &own), "deny:4");
        told.entries[0].has_owner = true;
        ck_assert_int_eq(postern_xml_take_services(xml, (1u << 30) + 2 * i + 1, &told.table), 0);
        ck_assert_str_eq(ask(xml, &own), "allow:101");
    }
    party_free(alice);
    postern_xml_free(xml);
}
END_TEST

Suite *policy_services_suite(void)
{
    Suite *suite = suite_create("policy: services");
    TCase *tcase = tcase_create("services");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, verdicts, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, living_connections_follow);
    tcase_add_test(tcase, services_without_rules);
    suite_add_tcase(suite, tcase);
    return suite;
}
