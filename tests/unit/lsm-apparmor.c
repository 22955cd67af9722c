/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AppArmor's labels, the bytes of questions, containers, and the words of records. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/apparmor/state.h"
#include "tests/unit/lsm.h"

enum { ENFORCED = POSTERN_LABEL_ENFORCED, COMPLAINING = POSTERN_LABEL_COMPLAINING, UNCONFINED = POSTERN_LABEL_UNCONFINED };

/* ---- labels -------------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *label;
    int mode;
} labels[] = {
    {"unconfined", "unconfined", UNCONFINED},
    {"unconfined\n", "unconfined", UNCONFINED},
    {"snap.a.b (enforce)", "snap.a.b", ENFORCED},
    {"snap.a.b (enforce)\n", "snap.a.b", ENFORCED},
    {"snap.a.b (complain)", "snap.a.b", COMPLAINING},
    {"a (unconfined)", "a", UNCONFINED},
    {"a//&b (mixed)", "a//&b", ENFORCED},
    {":ns:unconfined", ":ns:unconfined", UNCONFINED},
    {":ns://unconfined (enforce)", ":ns://unconfined", ENFORCED},
    {"a//&:ns:unconfined (enforce)", "a//&:ns:unconfined", ENFORCED},
    {":ns:a//&:ns:unconfined", ":ns:a//&:ns:unconfined", ENFORCED},
    {":unconfined", ":unconfined", ENFORCED},
    {"a (kill)", "a", ENFORCED},
    {"a (something new)", "a", ENFORCED},
    {":ns:a (enforce)", ":ns:a", ENFORCED},
    {"a (complain) (enforce)", "a (complain)", ENFORCED},
    {"unconfined (enforce)", "unconfined", ENFORCED},
    {"a(complain)", "a(complain)", ENFORCED},
    {"(complain)", "(complain)", ENFORCED},
    {" (complain)", " (complain)", ENFORCED},
    {"a complain)", "a complain)", ENFORCED},
    {"a", "a", ENFORCED},
    {"", "", ENFORCED},
};

START_TEST(split)
{
    struct postern_apparmor_label label;

    postern_apparmor_label_split(labels[_i].text, strlen(labels[_i].text), &label);
    ck_assert_uint_eq(label.len, strlen(labels[_i].label));
    ck_assert_int_eq(memcmp(label.data, labels[_i].label, label.len), 0);
    ck_assert_int_eq((int)label.mode, labels[_i].mode);
}
END_TEST

/* ---- questions ------------------------------------------------------------------------------------------------ */

START_TEST(questions)
{
    static const char send[] = "\0\0\0\0\0\0snap.a\0\x20session\0org.x.Y\0unconfined\0/o\0\0M";
    static const char eavesdrop[] = "\0\0\0\0\0\0snap.a\0\x20session";
    struct postern_apparmor_label label = {.data = "snap.a (enforce)", .len = 6};
    struct postern_apparmor_query query;

    postern_apparmor_query_begin(&query, AA_DBUS_SEND, &label, "session");
    postern_apparmor_query_add(&query, "org.x.Y", 7);
    postern_apparmor_query_add(&query, "unconfined", 10);
    postern_apparmor_query_add(&query, "/o", 2);
    postern_apparmor_query_add(&query, NULL, 0); /* an absent field is an empty one */
    postern_apparmor_query_add(&query, "M", 1);
    ck_assert_uint_eq(query.len, sizeof(send) - 1); /* no NUL at the end */
    ck_assert_mem_eq(query.bytes, send, query.len);
    postern_apparmor_query_begin(&query, AA_DBUS_EAVESDROP, &label, "session");
    ck_assert_uint_eq(query.len, sizeof(eavesdrop) - 1);
    ck_assert_mem_eq(query.bytes, eavesdrop, query.len);
}
END_TEST

/* What does not fit is not asked in part: that could be another question, with another answer. */
START_TEST(long_questions)
{
    struct postern_apparmor apparmor = {.revision_fd = -1, .changes_fd = -1};
    struct postern_apparmor_label label = {.data = "a", .len = 1};
    struct postern_apparmor_query query;
    char path[POSTERN_APPARMOR_QUERY_MAX];
    bool allow = true, audit;

    memset(path, 'p', sizeof(path));
    postern_apparmor_query_begin(&query, AA_DBUS_SEND, &label, "session");
    postern_apparmor_query_add(&query, path, sizeof(path) - query.len - 1);
    ck_assert_uint_eq(query.len, sizeof(query.bytes));
    postern_apparmor_query_add(&query, "", 0);
    ck_assert_uint_eq(query.len, 0);
    postern_apparmor_query_add(&query, "x", 1);
    ck_assert_uint_eq(query.len, 0);
    ck_assert_int_eq(postern_apparmor_ask(&apparmor, &query, &allow, &audit), -EFBIG);
}
END_TEST

/* ---- containers --------------------------------------------------------------------------------------------------- */

/* "type name"; "none": it is known to be in none; "": not known; or what the error says. */
static const struct {
    const char *own, *label, *expected;
} containers[] = {
    {"unconfined", "snap.firefox.geckodriver (enforce)", "io.snapcraft firefox"},
    {"unconfined", "snap.firefox.hook.configure (complain)", "io.snapcraft firefox"},
    {"unconfined", "snap.firefox (enforce)", ""},
    {"unconfined", "unconfined", ""},
    {"unconfined", "/usr/bin/man (enforce)", ""},
    {"unconfined", ":other:snap.firefox.x (enforce)", ""},
    {"unconfined", "lxd//&:lxd-ns:snap.firefox.x (enforce)", ""},
    {"unconfined", "lxd//&:lxd-ns:a//&snap.firefox.x (mixed)", ""},
    {"unconfined", "snap.vlc.x//&:lxd-ns:a//&snap.firefox.x (mixed)", "io.snapcraft vlc"},
    {"unconfined", "no.container (enforce)", "none"},
    {"unconfined", "no.container//&unconfined (enforce)", "none"},
    {"unconfined", "no.container//&snap.firefox.x (enforce)", "io.snapcraft firefox"},
    {"unconfined", "snap.firefox.x//&no.container (enforce)", "io.snapcraft firefox"},
    {"unconfined", "", "empty"},
    {"unconfined", "snap.firefox.x//&unconfined (enforce)", "io.snapcraft firefox"},
    {"unconfined", "snap.firefox.x//&snap.firefox.y (enforce)", "io.snapcraft firefox"},
    {"unconfined", "snap.firefox.x//&snap.vlc.y (enforce)", "two containers"},
    {"snap.firefox.bus (enforce)", "snap.firefox.x (enforce)", ""},
    {"snap.firefox.bus (enforce)", "snap.vlc.x (enforce)", "io.snapcraft vlc"},
};

START_TEST(identity)
{
    struct lsm_scene scene;
    struct postern_apparmor apparmor = {.mediator = &scene.mediator, .enabled = true};
    struct postern_peer_facts facts = {.uid = 1000, .label = (char *)(uintptr_t)containers[_i].label, .label_len = strlen(containers[_i].label)};
    struct postern_peer peer = {.size = sizeof(peer), .fd = -1};
    struct postern_instance *instance = NULL;
    struct postern_error error = {.text = ""};
    char found[128] = "";
    int r;

    lsm_scene_open(&scene);
    lsm_scene_pattern(&scene, "cgroup", "snap.{name}.{app}", "org.example.Wrong");
    lsm_scene_pattern(&scene, "apparmor", "no.{*}", "none");
    lsm_scene_pattern(&scene, "apparmor", "snap.{name}.hook.{app}", "io.snapcraft");
    lsm_scene_pattern(&scene, "apparmor", "snap.{name}.{app}", "io.snapcraft");
    postern_apparmor_label_split(containers[_i].own, strlen(containers[_i].own), &apparmor.own);
    r = postern_apparmor_identify(&apparmor, &peer, &facts, &instance, &error);
    if (r == 1 && instance == NULL)
        snprintf(found, sizeof(found), "none"); /* no other provider is asked */
    else if (r == 1)
        snprintf(found, sizeof(found), "%s %s", instance->type, instance->name);
    ck_assert_int_eq(r > 0, *found != '\0');
    if (r < 0)
        ck_assert_ptr_nonnull(strstr(error.text, containers[_i].expected));
    else
        ck_assert_str_eq(found, containers[_i].expected);
    lsm_scene_close(&scene);
}
END_TEST

/* ---- records ---------------------------------------------------------------------------------------------------------- */

#define VIEW(text) {.data = (text), .len = sizeof(text) - 1}

static const struct postern_message call = {.size = sizeof(call),
                                            .type = POSTERN_MESSAGE_METHOD_CALL,
                                            .path = VIEW("/o"),
                                            .interface = VIEW("org.x.I"),
                                            .member = VIEW("M"),
                                            .destination = VIEW("org.x.Y")};

static const struct {
    uint32_t action;
    struct postern_finding finding;
    const char *expected;
} records[] = {
    {POSTERN_ACTION_SEND,
     {.permission = AA_DBUS_SEND, .end = POSTERN_END_SENDER},
     "apparmor=\"DENIED\" operation=\"dbus_method_call\" bus=\"session\" path=\"/o\" interface=\"org.x.I\" member=\"M\" mask=\"send\" "
     "name=\"org.x.Y\" pid=11 label=\"snap.a.b\" peer_pid=22 peer_label=\"snap.c.d\""},
    {POSTERN_ACTION_SEND,
     {.permission = AA_DBUS_RECEIVE, .end = POSTERN_END_RECEIVER, .allowed = true, .lenient = true},
     "apparmor=\"ALLOWED\" operation=\"dbus_method_call\" bus=\"session\" path=\"/o\" interface=\"org.x.I\" member=\"M\" mask=\"receive\" "
     "name=\":1.1\" pid=22 label=\"snap.c.d\" peer_pid=11 peer_label=\"snap.a.b\""},
    {POSTERN_ACTION_OWN,
     {.permission = AA_DBUS_BIND, .error = -ENOENT},
     "apparmor=\"DENIED\" operation=\"dbus_bind\" bus=\"session\" name=\"org.x.Own\" mask=\"bind\" pid=11 label=\"snap.a.b\" info=\"ENOENT\""},
    {POSTERN_ACTION_MONITOR,
     {.permission = AA_DBUS_EAVESDROP},
     "apparmor=\"DENIED\" operation=\"dbus_eavesdrop\" bus=\"session\" mask=\"eavesdrop\" pid=11 label=\"snap.a.b\""},
    {POSTERN_ACTION_ACTIVATE,
     {.permission = AA_DBUS_SEND},
     "apparmor=\"DENIED\" operation=\"dbus_method_call\" bus=\"session\" path=\"/o\" interface=\"org.x.I\" member=\"M\" mask=\"send\" "
     "name=\"org.x.Y\" pid=11 label=\"snap.a.b\" peer_label=\"assumed\""},
};

START_TEST(record)
{
    struct lsm_scene scene;
    struct postern_apparmor apparmor = {.mediator = &scene.mediator, .trail = {.fd = -1}};
    char label_a[] = "snap.a.b (enforce)", label_c[] = "snap.c.d (complain)", unique[] = ":1.1";
    struct postern_party from = {.unique_name = unique, .facts = {.pid = 11, .label = label_a, .label_len = sizeof(label_a) - 1}};
    struct postern_party to = {.facts = {.pid = 22, .label = label_c, .label_len = sizeof(label_c) - 1}};
    struct postern_request request = {.size = sizeof(request),
                                      .action = records[_i].action,
                                      .from = &from,
                                      .to = records[_i].action == POSTERN_ACTION_SEND ? &to : NULL,
                                      .message = &call,
                                      .name = VIEW("org.x.Own"),
                                      .assumed_label = VIEW("assumed")};

    lsm_scene_open(&scene);
    postern_apparmor_report(&apparmor, &request, &records[_i].finding);
    ck_assert_str_eq(scene.line, records[_i].expected);
    lsm_scene_close(&scene);
}
END_TEST

/* ---- what is asked ---------------------------------------------------------------------------------------------------- */

/* Of ends without a label every question is a denial, which shows whether one was asked. */
static const struct {
    uint32_t action, flags;
    bool from, to, message, asked;
} asked[] = {
    {POSTERN_ACTION_SEND, 0, true, true, true, true},
    {POSTERN_ACTION_SEND, POSTERN_REQUEST_REPLY, true, true, true, false},
    {POSTERN_ACTION_SEND, POSTERN_REQUEST_BROADCAST, true, true, true, true},
    {POSTERN_ACTION_SEND, POSTERN_REQUEST_TO_DRIVER, true, false, true, true},
    {POSTERN_ACTION_SEND, POSTERN_REQUEST_FROM_DRIVER, false, true, true, false},
    {POSTERN_ACTION_SEND, 0, true, false, true, false}, /* to nobody */
    {POSTERN_ACTION_RECEIVE, 0, true, true, true, true},
    {POSTERN_ACTION_RECEIVE, POSTERN_REQUEST_REPLY, true, true, true, true}, /* a copy for whoever eavesdrops */
    {POSTERN_ACTION_OWN, 0, true, false, false, true},
    {POSTERN_ACTION_OWN, POSTERN_REQUEST_RELEASE, true, false, false, false},
    {POSTERN_ACTION_ACTIVATE, 0, true, false, true, true},
    {POSTERN_ACTION_ACTIVATE, 0, true, false, false, false}, /* StartServiceByName */
    {POSTERN_ACTION_MONITOR, 0, true, false, false, true},
    {POSTERN_ACTION_CONNECT, 0, true, false, false, false},
};

START_TEST(questions_asked)
{
    struct lsm_scene scene;
    struct postern_apparmor apparmor = {.mediator = &scene.mediator, .active = true, .trail = {.fd = -1}, .revision_fd = -1, .changes_fd = -1};
    struct postern_party from = {.uid = 1}, to = {.uid = 1};
    struct postern_request request = {.size = sizeof(request),
                                      .action = asked[_i].action,
                                      .flags = asked[_i].flags,
                                      .from = asked[_i].from ? &from : NULL,
                                      .to = asked[_i].to ? &to : NULL,
                                      .message = asked[_i].message ? &call : NULL,
                                      .name = VIEW("org.x.Own")};
    struct postern_opinion opinion = {0}, disabled = {0}, absent = {0};

    lsm_scene_open(&scene);
    postern_apparmor_check(&apparmor, &request, &opinion);
    ck_assert_uint_eq(opinion.kind, asked[_i].asked ? POSTERN_OPINION_DENY : POSTERN_OPINION_ABSTAIN);
    scene.mediator.settings.apparmor = POSTERN_SETTINGS_APPARMOR_DISABLED;
    postern_apparmor_check(&apparmor, &request, &disabled);
    ck_assert_uint_eq(disabled.kind, POSTERN_OPINION_ABSTAIN);
    scene.mediator.settings.apparmor = POSTERN_SETTINGS_APPARMOR_ENABLED;
    apparmor.active = false;
    postern_apparmor_check(&apparmor, &request, &absent);
    ck_assert_uint_eq(absent.kind, POSTERN_OPINION_ABSTAIN);
    lsm_scene_close(&scene);
}
END_TEST

#define N(table) (int)(sizeof(table) / sizeof((table)[0]))

Suite *lsm_apparmor_suite(void)
{
    Suite *suite = suite_create("lsm-apparmor");
    TCase *tcase = tcase_create("apparmor");

    tcase_add_loop_test(tcase, split, 0, N(labels));
    tcase_add_test(tcase, questions);
    tcase_add_test(tcase, long_questions);
    tcase_add_loop_test(tcase, identity, 0, N(containers));
    tcase_add_loop_test(tcase, record, 0, N(records));
    tcase_add_loop_test(tcase, questions_asked, 0, N(asked));
    suite_add_tcase(suite, tcase);
    return suite;
}
