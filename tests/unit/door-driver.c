/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bus itself as sender and receiver, the instance header, and faulty questions. */
#include "tests/unit/door-scene.h"

#include <stdio.h>
#include <string.h>

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
    {"org.postern.Mediator1", "RequestFacts", 0, true},
    {"org.postern.Mediator1", "RequestFacts", 1, false},
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

TCase *door_driver_case(void)
{
    TCase *tcase = tcase_create("driver");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, driver, 0, sizeof(driver_rows) / sizeof(driver_rows[0]));
    tcase_add_loop_test(tcase, from_driver, 0, sizeof(from_driver_rows) / sizeof(from_driver_rows[0]));
    tcase_add_test(tcase, to_driver_calls_only);
    tcase_add_test(tcase, hidden_and_missing_sound_alike);
    tcase_add_test(tcase, a_covered_name_may_be_missing);
    tcase_add_test(tcase, broadcasts_kept_inside);
    tcase_add_test(tcase, header);
    tcase_add_test(tcase, faulty_questions_are_denied);
    return tcase;
}
