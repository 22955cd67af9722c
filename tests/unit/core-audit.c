/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the log says of decisions, which rule it names, and that the rule which mode complain asks for is the one that helps. */
#include "tests/unit/core.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/ruletext.h"
#include "tests/unit/door-fixture.h"

#define SERVICE "com.example.Service"
#define CALL POSTERN_MESSAGE_METHOD_CALL
#define RETURN POSTERN_MESSAGE_METHOD_RETURN
#define SIGNAL POSTERN_MESSAGE_SIGNAL

enum who { APP, SERVER, STRANGER, WHO_MAX };

static struct fixture fixture;
static struct postern_party *manager, *party[WHO_MAX];
static struct fixture_container container, stranger;

static void set_up(const char *mode, const struct fixture_rule *rules, size_t n, const char *conf)
{
    fixture_open(&fixture, NULL, conf);
    manager = fixture_outside(&fixture, 1);
    ck_assert_msg(fixture_add_server(&fixture, manager, "org.example.T", "app", mode, rules, n, &container), "%s", fixture.reply_text);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "stranger", "identify", NULL, 0, &stranger));
    party[APP] = fixture_inside(&fixture, &container, 10);
    party[SERVER] = fixture_outside(&fixture, 20);
    party[STRANGER] = fixture_inside(&fixture, &stranger, 30);
    fixture_own(&fixture, party[SERVER], SERVICE);
}

static void tear_down(void)
{
    for (int i = 0; i < WHO_MAX; i++)
        fixture.module->party_free(party[i]);
    fixture.module->party_free(manager);
    fixture_close(&fixture);
    fixture.quiet = false;
}

#define METHOD(...) {.type = CALL, .path = "/obj", .interface = "a.b", .member = "M", __VA_ARGS__}
#define NOTE(...) {.type = SIGNAL, .path = "/obj", .interface = "a.b", .member = "M", __VA_ARGS__}
#define ANY POSTERN_ALLOW_PATH_SUBTREE

/* ---- which door, which rule ------------------------------------------------------------------------------ */

static const struct fixture_rule rules[] = {
    {POSTERN_ALLOW_CALL | ANY, "com.example.Elsewhere", "/", ""},
    {POSTERN_ALLOW_CALL, SERVICE, "/obj", "a.b"},
    {POSTERN_ALLOW_HEAR | ANY, SERVICE, "/", ""},
    {POSTERN_ALLOW_OWN | POSTERN_ALLOW_NAME_SUBTREE | ANY, "com.example.Mine", "/", ""},
};

static const struct {
    enum who from, to;
    struct fixture_message message;
    const char *says;
} lines[] = {
    {APP, SERVER, METHOD(.fds = 0), "verdict=allowed door=container rule=index:1 end=sender"},
    {APP, SERVER, METHOD(.fds = 1), "verdict=denied door=container rule=none end=sender"},
    {APP, SERVER, {.type = CALL, .path = "/", .interface = "a.b", .member = "M"}, "verdict=denied door=container rule=none end=sender"},
    {SERVER, APP, NOTE(.flags = POSTERN_REQUEST_BROADCAST), "verdict=allowed door=container rule=index:2 end=receiver"},
    {SERVER, APP, METHOD(.fds = 0), "verdict=allowed door=container rule=baseline:3 end=receiver"},
    {SERVER, APP, METHOD(.fds = 1), "verdict=denied door=container rule=none end=receiver"},
    {APP, SERVER, {.type = RETURN, .reply_serial = 3, .flags = POSTERN_REQUEST_REPLY}, "verdict=allowed door=container rule=baseline:3 end=sender"},
    {APP, SERVER, {.type = RETURN, .reply_serial = 3}, "verdict=denied door=container rule=none end=sender"},
    {APP, APP, METHOD(.fds = 0), "door=container rule=baseline:2"},
    {APP, SERVER, NOTE(.flags = POSTERN_REQUEST_BROADCAST), "door=container rule=baseline:4"},
    {SERVER, SERVER, METHOD(.fds = 0), "verdict=allowed door=xml"},
};

START_TEST(door_and_rule)
{
    struct postern_verdict verdict;
    bool allowed;

    set_up("restrict", rules, 4, NULL);
    allowed = fixture_send(&fixture, party[lines[_i].from], party[lines[_i].to], &lines[_i].message, &verdict);
    ck_assert_msg(strstr(fixture.log, lines[_i].says) != NULL, "\"%s\" is not in: %s", lines[_i].says, fixture.log);
    ck_assert(allowed == (strstr(fixture.log, "verdict=allowed") != NULL));
    ck_assert(allowed || strstr(fixture.log, "why=\"") != NULL);
    tear_down();
}
END_TEST

static const struct {
    uint32_t action;
    enum who from;
    const char *name;
    const char *says;
} questions[] = {
    {POSTERN_ACTION_OWN, APP, "com.example.Mine", "verdict=allowed door=container rule=index:3"},
    {POSTERN_ACTION_OWN, APP, "com.example.Mine.Sub", "verdict=allowed door=container rule=index:3"},
    {POSTERN_ACTION_OWN, APP, "com.example.Minefield", "verdict=denied door=container rule=none"},
    {POSTERN_ACTION_OWN, SERVER, "com.example.Minefield", "verdict=allowed door=xml"},
    {POSTERN_ACTION_OWN, STRANGER, "com.example.Minefield", "verdict=allowed door=xml"},
    {POSTERN_ACTION_ACTIVATE, APP, "com.example.Elsewhere", "verdict=allowed door=container rule=index:0"},
    {POSTERN_ACTION_ACTIVATE, APP, SERVICE, "verdict=allowed door=container rule=index:1"},
    {POSTERN_ACTION_ACTIVATE, APP, "com.example.Mine", "verdict=denied door=container rule=none"},
    {POSTERN_ACTION_ACTIVATE, STRANGER, "com.example.Mine", "verdict=allowed door=xml"},
    {POSTERN_ACTION_MONITOR, APP, NULL, "verdict=denied door=container rule=none"},
    {POSTERN_ACTION_MONITOR, STRANGER, NULL, "verdict=denied door=container rule=none"},
    {POSTERN_ACTION_MONITOR, SERVER, NULL, "verdict=allowed door=xml"},
    {POSTERN_ACTION_CONNECT, APP, NULL, "verdict=allowed door=container rule=baseline:0"},
    {POSTERN_ACTION_CONNECT, SERVER, NULL, "verdict=allowed door=xml"},
};

START_TEST(door_and_rule_of_names)
{
    bool allowed;

    set_up("restrict", rules, 4, NULL);
    allowed = fixture_ask(&fixture, questions[_i].action, party[questions[_i].from], questions[_i].name, 0);
    ck_assert_msg(strstr(fixture.log, questions[_i].says) != NULL, "\"%s\" is not in: %s", questions[_i].says, fixture.log);
    ck_assert(allowed == (strstr(questions[_i].says, "verdict=allowed") != NULL));
    tear_down();
}
END_TEST

/* What a container gets from the bus itself, and what it may send there. */
static const struct {
    uint32_t flags;
    struct fixture_message message;
    const char *says;
} of_the_bus[] = {
    {POSTERN_REQUEST_TO_DRIVER, {.type = CALL, .path = "/", .member = "GetId"}, "verdict=allowed door=container rule=baseline:1"},
    {POSTERN_REQUEST_TO_DRIVER, {.type = CALL, .path = "/", .member = "GetId", .fds = 1}, "verdict=denied door=container rule=none"},
    {POSTERN_REQUEST_TO_DRIVER, {.type = CALL, .path = "/", .member = "ReloadConfig"}, "verdict=denied door=container rule=none"},
    {POSTERN_REQUEST_TO_DRIVER, {.type = CALL, .path = "/", .interface = "a.b", .member = "GetId"}, "verdict=denied door=container rule=none"},
    {POSTERN_REQUEST_TO_DRIVER, {.type = SIGNAL, .path = "/", .interface = "a.b", .member = "GetId"}, "verdict=denied door=container rule=none"},
    {POSTERN_REQUEST_TO_DRIVER, {.type = RETURN, .reply_serial = 1}, "verdict=denied door="},
    {POSTERN_REQUEST_FROM_DRIVER, {.type = RETURN, .reply_serial = 1}, "verdict=allowed door=container rule=baseline:1 end=receiver"},
    {POSTERN_REQUEST_FROM_DRIVER | POSTERN_REQUEST_BROADCAST,
     {.type = SIGNAL, .path = "/", .interface = "org.freedesktop.DBus", .member = "NameOwnerChanged"},
     "verdict=allowed door=container rule=baseline:5 end=receiver"},
    {POSTERN_REQUEST_FROM_DRIVER, {.type = SIGNAL, .path = "/", .interface = "org.freedesktop.DBus", .member = "NameLost"},
     "verdict=allowed door=container rule=baseline:5 end=receiver"},
    {POSTERN_REQUEST_FROM_DRIVER | POSTERN_REQUEST_BROADCAST,
     {.type = SIGNAL, .path = "/", .interface = "org.freedesktop.DBus.Containers1", .member = "InstanceRemoved"},
     "verdict=denied door=container rule=none end=receiver"},
};

START_TEST(door_and_rule_of_the_bus)
{
    struct fixture_message message = of_the_bus[_i].message;
    bool to_driver = (of_the_bus[_i].flags & POSTERN_REQUEST_TO_DRIVER) != 0;
    struct postern_verdict verdict;
    bool allowed;

    message.flags = of_the_bus[_i].flags;
    set_up("restrict", rules, 4, NULL);
    allowed = fixture_send(&fixture, to_driver ? party[APP] : NULL, to_driver ? NULL : party[APP], &message, &verdict);
    ck_assert_msg(strstr(fixture.log, of_the_bus[_i].says) != NULL, "\"%s\" is not in: %s", of_the_bus[_i].says, fixture.log);
    ck_assert(allowed == (strstr(of_the_bus[_i].says, "verdict=allowed") != NULL));
    tear_down();
}
END_TEST

START_TEST(rules_of_a_file)
{
    struct postern_verdict verdict;
    struct fixture_message call = METHOD(.destination = SERVICE);

    set_up("restrict", NULL, 0, "<mediator><container type=\"org.example.T\" name=\"app\">\n<allow call=\"" SERVICE "\"/>\n</container></mediator>");
    ck_assert(fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict));
    ck_assert_msg(strstr(fixture.log, "mediator.conf:2 ") != NULL, "%s", fixture.log);
    ck_assert_ptr_nonnull(strstr(fixture.log, " from=:1.10 to=:1.20 from_instance=/org/freedesktop/DBus/Containers1/c1 "));
    ck_assert_ptr_nonnull(strstr(fixture.log, " type=method_call destination=" SERVICE " path=/obj interface=a.b member=M"));
    tear_down();
}
END_TEST

/* What comes from outside does not make lines of its own. */
START_TEST(hostile_text)
{
    struct fixture_message call = METHOD(.destination = "a\nverdict=allowed\x1b[2J \"\\");
    struct postern_verdict verdict;
    static char path[9000];

    set_up("restrict", NULL, 0, NULL);
    fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict);
    ck_assert_msg(strstr(fixture.log, " destination=\"a\\x0averdict=allowed\\x1b[2J \\x22\\x5c\" ") != NULL, "%s", fixture.log);
    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    call.path = path;
    fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict);
    ck_assert_uint_lt(strlen(fixture.log), 2048);
    ck_assert_ptr_nonnull(strstr(fixture.log, " member=M"));
    tear_down();
}
END_TEST

/* ---- how many lines ------------------------------------------------------------------------------------------ */

START_TEST(floods)
{
    struct fixture_message call = METHOD(.destination = SERVICE), broadcast = NOTE(.flags = POSTERN_REQUEST_BROADCAST);
    struct postern_verdict verdict;
    unsigned before;
    time_t start;

    fixture.quiet = true;
    set_up("restrict", NULL, 0, NULL);
    before = fixture.n_lines;
    ck_assert(fixture_send(&fixture, party[SERVER], party[APP], &call, &verdict));
    ck_assert(!fixture_send(&fixture, party[SERVER], party[APP], &broadcast, &verdict));
    ck_assert_uint_eq(fixture.n_lines, before); /* what is allowed, and broadcasts that pass by, are no news */
    start = time(NULL);
    for (int i = 0; i < 1000; i++)
        ck_assert(!fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict));
    ck_assert_uint_ge(fixture.n_lines, before + 20);
    ck_assert_uint_le(fixture.n_lines, before + 20 * (2 + (unsigned)(time(NULL) - start))); /* seconds may have ended in between */
    usleep(1100000);
    ck_assert(!fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict));
    ck_assert_ptr_nonnull(strstr(fixture.log, " suppressed="));
    ck_assert_uint_eq(fixture.n_lines - before + fixture.n_suppressed, 1001); /* each is told or counted, once */
    before = fixture.n_lines;
    ck_assert(!fixture_ask(&fixture, POSTERN_ACTION_MONITOR, party[STRANGER], NULL, 0));
    ck_assert_uint_eq(fixture.n_lines, before + 1); /* somebody else's flood takes no lines from it */
    ck_assert_ptr_null(strstr(fixture.log, "suppressed"));
    tear_down();
}
END_TEST

/* ---- mode complain --------------------------------------------------------------------------------------------- */

static const struct {
    uint32_t action;
    enum who from, to;
    struct fixture_message message; /* SEND */
    const char *name;               /* OWN, ACTIVATE */
    const char *needs;
} complaints[] = {
    {POSTERN_ACTION_SEND, APP, SERVER, METHOD(.destination = SERVICE), NULL, "call=com.example.Service=a.b.M@/obj"},
    {POSTERN_ACTION_SEND, APP, SERVER, METHOD(.destination = ":1.20"), NULL, "call=com.example.Service=a.b.M@/obj"},
    {POSTERN_ACTION_SEND, APP, SERVER, {.type = CALL, .path = "/obj", .member = "M"}, NULL, "call=com.example.Service=*@/obj"},
    {POSTERN_ACTION_SEND, APP, SERVER, NOTE(.destination = SERVICE), NULL, "call=com.example.Service=a.b.M@/obj"},
    {POSTERN_ACTION_SEND, APP, SERVER, METHOD(.destination = SERVICE, .fds = 1), NULL, "send-fds=com.example.Service=a.b.M@/obj"},
    {POSTERN_ACTION_SEND, SERVER, APP, METHOD(.fds = 1), NULL, "receive-fds=com.example.Service=a.b.M@/obj"},
    {POSTERN_ACTION_SEND, SERVER, APP, {.type = RETURN, .reply_serial = 1, .flags = POSTERN_REQUEST_REPLY, .fds = 1}, NULL,
     "receive-fds=com.example.Service"},
    {POSTERN_ACTION_SEND, SERVER, APP, NOTE(.flags = POSTERN_REQUEST_BROADCAST), NULL, "broadcast=com.example.Service=a.b.M@/obj"},
    {POSTERN_ACTION_OWN, APP, APP, {.type = 0}, "com.example.Mine", "own=com.example.Mine"},
    {POSTERN_ACTION_ACTIVATE, APP, APP, {.type = 0}, "com.example.Sleeper", "call=com.example.Sleeper"},
};

static bool put_question(int row)
{
    struct postern_verdict verdict;

    if (complaints[row].action == POSTERN_ACTION_SEND)
        return fixture_send(&fixture, party[complaints[row].from], party[complaints[row].to], &complaints[row].message, &verdict);
    return fixture_ask(&fixture, complaints[row].action, party[complaints[row].from], complaints[row].name, 0);
}

static void parse(const char *text, struct postern_rule *rule)
{
    char word[32];
    size_t len = strcspn(text, "=");

    snprintf(word, sizeof(word), "%.*s", (int)len, text);
    ck_assert_int_eq(postern_ruletext_parse(word, text + len + 1, rule, NULL), 0);
}

/* It passes and is reported with a rule; without that rule restrict refuses it, and with it allows it. */
START_TEST(the_rule_that_is_needed)
{
    struct postern_rule rule;
    struct fixture_rule given;
    char interface[64], needs[128];

    fixture.quiet = true;
    set_up("complain", NULL, 0, NULL);
    ck_assert(put_question(_i));
    snprintf(needs, sizeof(needs), "needs=%s%s", strpbrk(complaints[_i].needs, "=") != NULL ? "\"" : "", complaints[_i].needs);
    ck_assert_msg(strstr(fixture.log, needs) != NULL, "\"%s\" is not in: %s", needs, fixture.log);
    ck_assert_ptr_nonnull(strstr(fixture.log, "verdict=complained"));
    tear_down();
    set_up("restrict", NULL, 0, NULL);
    ck_assert(!put_question(_i));
    tear_down();
    parse(complaints[_i].needs, &rule);
    snprintf(interface, sizeof(interface), "%s%s%s", rule.interface, *rule.interface != '\0' ? "." : "", rule.member);
    given = (struct fixture_rule){rule.flags, rule.name, rule.path, interface};
    set_up("restrict", &given, 1, NULL);
    ck_assert_msg(put_question(_i), "%s does not help", complaints[_i].needs);
    tear_down();
    postern_rule_finish(&rule);
}
END_TEST

START_TEST(complaints_are_said_once)
{
    struct fixture_message call = METHOD(.destination = SERVICE), other = METHOD(.destination = SERVICE);
    struct postern_verdict verdict;
    unsigned before;

    other.member = "N";
    fixture.quiet = true;
    set_up("complain", NULL, 0, NULL);
    before = fixture.n_lines;
    for (int i = 0; i < 50; i++) {
        ck_assert(fixture_send(&fixture, party[APP], party[SERVER], &call, &verdict));
        ck_assert(fixture_send(&fixture, party[APP], party[SERVER], &other, &verdict));
    }
    ck_assert_uint_ge(fixture.n_lines, before + 2);
    ck_assert_uint_le(fixture.n_lines, before + 4); /* a second may have ended in between */
    tear_down();
}
END_TEST

START_TEST(nothing_is_hidden_but_reported)
{
    fixture.quiet = true;
    set_up("complain", NULL, 0, NULL);
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], ":1.20"), POSTERN_SEE_INSPECT);
    ck_assert_msg(strstr(fixture.log, "needs=\"see=" SERVICE "\"") != NULL, "%s", fixture.log);
    ck_assert_uint_eq(fixture.module->see(party[APP], NULL, "com.example.Sleeper"), POSTERN_SEE_INSPECT);
    ck_assert_msg(strstr(fixture.log, "needs=\"see=com.example.Sleeper\"") != NULL, "%s", fixture.log);
    ck_assert_uint_eq(fixture.module->see(party[APP], NULL, "org.freedesktop.DBus"), POSTERN_SEE_INSPECT);
    ck_assert_uint_eq(fixture.module->see(party[STRANGER], party[SERVER], ":1.20"), POSTERN_SEE_INSPECT);
    ck_assert_uint_eq(fixture.module->see(party[SERVER], party[APP], ":1.10"), POSTERN_SEE_INSPECT);
    ck_assert_uint_eq(fixture.module->see(NULL, party[APP], ":1.10"), POSTERN_SEE_HIDDEN);
    ck_assert_uint_eq(fixture.module->see(party[APP], NULL, NULL), POSTERN_SEE_HIDDEN);
    tear_down();
}
END_TEST

/* A container in complain lets nothing through that the other end's container refuses. */
START_TEST(complain_does_not_speak_for_the_other_end)
{
    struct fixture_container strict;
    struct fixture_message call = METHOD(.fds = 1);
    struct postern_verdict verdict;
    struct postern_party *inside;

    set_up("complain", NULL, 0, NULL);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "strict", "restrict", NULL, 0, &strict));
    inside = fixture_inside(&fixture, &strict, 40);
    ck_assert(!fixture_send(&fixture, party[APP], inside, &call, &verdict));
    call.fds = 0;
    ck_assert(fixture_send(&fixture, party[APP], inside, &call, &verdict));
    ck_assert(!fixture_send(&fixture, inside, party[APP], &call, &verdict));
    fixture.module->party_free(inside);
    tear_down();
}
END_TEST

/* What a refused sender reads: outside, what and why; inside, always the same. */
START_TEST(texts_on_the_wire)
{
    static const char policy[] = "<allow user=\"*\"/><allow send_destination=\"*\"/><allow receive_sender=\"*\"/><deny send_interface=\"a.b\"/>";
    struct fixture_message xml = METHOD(.destination = SERVICE), container_door = METHOD(.destination = SERVICE);
    struct postern_verdict verdict;
    char text[256];

    container_door.interface = "a.c";
    fixture_open(&fixture, policy, NULL);
    manager = fixture_outside(&fixture, 1);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "app", "restrict", NULL, 0, &container));
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "stranger", "identify", NULL, 0, &stranger));
    party[APP] = fixture_inside(&fixture, &container, 10);
    party[SERVER] = fixture_outside(&fixture, 20);
    party[STRANGER] = fixture_inside(&fixture, &stranger, 30);
    ck_assert(!fixture_send(&fixture, manager, party[SERVER], &xml, &verdict));
    ck_assert_uint_eq(verdict.door, POSTERN_DOOR_XML);
    ck_assert_ptr_nonnull(strstr(verdict.error_text, "interface=a.b"));
    ck_assert_ptr_nonnull(strstr(verdict.error_text, "bus.conf:1"));
    ck_assert(!fixture_send(&fixture, party[APP], party[SERVER], &xml, &verdict));
    ck_assert_uint_eq(verdict.door, POSTERN_DOOR_XML);
    snprintf(text, sizeof(text), "%s", verdict.error_text);
    ck_assert_ptr_null(strstr(text, "bus.conf"));
    ck_assert(!fixture_send(&fixture, party[APP], party[SERVER], &container_door, &verdict));
    ck_assert_uint_eq(verdict.door, POSTERN_DOOR_CONTAINER);
    ck_assert_str_eq(verdict.error_text, text);
    tear_down();
}
END_TEST

Suite *core_audit_suite(void)
{
    Suite *suite = suite_create("core: the log");
    TCase *tcase = tcase_create("audit");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, door_and_rule, 0, sizeof(lines) / sizeof(lines[0]));
    tcase_add_loop_test(tcase, door_and_rule_of_names, 0, sizeof(questions) / sizeof(questions[0]));
    tcase_add_loop_test(tcase, door_and_rule_of_the_bus, 0, sizeof(of_the_bus) / sizeof(of_the_bus[0]));
    tcase_add_test(tcase, rules_of_a_file);
    tcase_add_test(tcase, hostile_text);
    tcase_add_test(tcase, floods);
    tcase_add_loop_test(tcase, the_rule_that_is_needed, 0, sizeof(complaints) / sizeof(complaints[0]));
    tcase_add_test(tcase, complaints_are_said_once);
    tcase_add_test(tcase, nothing_is_hidden_but_reported);
    tcase_add_test(tcase, complain_does_not_speak_for_the_other_end);
    tcase_add_test(tcase, texts_on_the_wire);
    suite_add_tcase(suite, tcase);
    return suite;
}
