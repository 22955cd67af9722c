/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fields of a log line, for hosts whose log has some. */
#include "tests/unit/core.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/fields.h"
#include "core/party.h"
#include "tests/unit/door-fixture.h"

#define SERVICE "com.example.Service"
#define DENIED "MESSAGE_ID=debdbc820f7346b28259219f4d46e847\n"
#define COMPLAINED "MESSAGE_ID=f6a0a97c35e84ba6a3f0e1b20545ecc2\n"
#define REFUSED "MESSAGE_ID=f90c7b1ce82644f3aca7882d7ad12298\n"

static struct fixture fixture;
static struct postern_party *manager, *app, *server;
static struct fixture_container container;
static char all[8192]; /* "KEY=value\n" of the last line */

static void record(void *data, int32_t priority, const char *text, uint32_t n, const char *const *keys, const char *const *values)
{
    FILE *f = fmemopen(all, sizeof(all), "w");

    fixture.host.log(data, priority, text);
    for (uint32_t i = 0; i < n; i++) {
        ck_assert_uint_eq(strspn(keys[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), strlen(keys[i]));
        ck_assert(strncmp(keys[i], "POSTERN_", 8) == 0 || strcmp(keys[i], "MESSAGE_ID") == 0 || strcmp(keys[i], "OBJECT_PID") == 0);
        for (uint32_t k = 0; k < i; k++)
            ck_assert_str_ne(keys[k], keys[i]);
        fprintf(f, "%s=%s\n", keys[i], values[i]);
    }
    fclose(f);
}

static void set_up(const char *mode)
{
    fixture.quiet = true;
    fixture_open(&fixture, NULL, NULL);
    fixture.host.log_fields = record;
    manager = fixture_outside(&fixture, 1);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "the app", mode, NULL, 0, &container));
    app = fixture_inside(&fixture, &container, 10);
    server = fixture_outside(&fixture, 20);
    fixture_own(&fixture, server, SERVICE);
    fixture_own(&fixture, server, "com.example.Other");
    all[0] = '\0';
}

static void tear_down(void)
{
    fixture.module->party_free(app);
    fixture.module->party_free(server);
    fixture.module->party_free(manager);
    fixture_close(&fixture);
    fixture.quiet = false;
}

static void check_has(const char *const *fields)
{
    char line[256];

    for (; *fields != NULL; fields++) {
        snprintf(line, sizeof(line), "\n%s\n", *fields);
        ck_assert_msg(strstr(all, line) != NULL, "\"%s\" is not in:\n%s", *fields, all);
    }
}

static bool call(void)
{
    const struct fixture_message message = {
        .type = POSTERN_MESSAGE_METHOD_CALL, .path = "/obj", .interface = "a.b", .member = "M", .destination = SERVICE, .fds = 2};
    struct postern_verdict verdict;

    return fixture_send(&fixture, app, server, &message, &verdict);
}

START_TEST(of_a_denial)
{
    char pid[64], label[512];
    const char *const fields[] = {
        "POSTERN_VERDICT=denied", "POSTERN_ACTION=send", "POSTERN_TRANSMIT_ACTION=send", "POSTERN_POLICY_TYPE=container",
        "POSTERN_POLICY_RULE=none", "POSTERN_SENDER_UNIQUE_NAME=:1.10", "POSTERN_SENDER_CONTAINER_TYPE=org.example.T",
        "POSTERN_SENDER_CONTAINER_NAME=the app", "POSTERN_SENDER_CONTAINER_INSTANCE=/org/freedesktop/DBus/Containers1/c1",
        "POSTERN_RECEIVER_UNIQUE_NAME=:1.20", "POSTERN_RECEIVER_WELL_KNOWN_NAME_0=" SERVICE,
        "POSTERN_RECEIVER_WELL_KNOWN_NAME_1=com.example.Other", "POSTERN_MESSAGE_TYPE=method_call", "POSTERN_MESSAGE_PATH=/obj",
        "POSTERN_MESSAGE_INTERFACE=a.b", "POSTERN_MESSAGE_MEMBER=M", "POSTERN_MESSAGE_DESTINATION=" SERVICE,
        "POSTERN_MESSAGE_UNIX_FDS=2", NULL};
    const char *const of_process[] = {pid, NULL};

    set_up("restrict");
    ck_assert(!call());
    ck_assert_msg(strncmp(all, DENIED, strlen(DENIED)) == 0, "%s", all);
    check_has(fields);
    snprintf(pid, sizeof(pid), "OBJECT_PID=%d", (int)getpid());
    check_has(of_process);
    snprintf(pid, sizeof(pid), "POSTERN_SENDER_PID=%d", (int)getpid());
    check_has(of_process);
    snprintf(pid, sizeof(pid), "POSTERN_RECEIVER_UID=%u", (unsigned)geteuid());
    check_has(of_process);
    ck_assert((strstr(all, "SECURITY_LABEL") != NULL) == (server->facts.label != NULL));
    snprintf(label, sizeof(label), "POSTERN_POLICY_REASON=");
    ck_assert_ptr_nonnull(strstr(all, label));
    ck_assert_ptr_null(strstr(all, "REPLY_SERIAL"));
    ck_assert_ptr_nonnull(strstr(fixture.log, "verdict=denied door=container")); /* the text is as before */
    tear_down();
}
END_TEST

START_TEST(of_a_complaint)
{
    const char *const fields[] = {"POSTERN_VERDICT=complained", "POSTERN_POLICY_NEEDS=send-fds=" SERVICE "=a.b.M@/obj",
                                  "POSTERN_SENDER_UNIQUE_NAME=:1.10", NULL};
    const char *const shown[] = {"POSTERN_VERDICT=complained", "POSTERN_ACTION=see", "POSTERN_POLICY_NEEDS=see=com.example.Other",
                                 "POSTERN_NAME=com.example.Other", "POSTERN_SENDER_UNIQUE_NAME=:1.10", NULL};

    set_up("complain");
    ck_assert(call());
    ck_assert_msg(strncmp(all, COMPLAINED, strlen(COMPLAINED)) == 0, "%s", all);
    check_has(fields);
    ck_assert_uint_ne(fixture.module->see(app, server, "com.example.Other"), POSTERN_SEE_HIDDEN);
    check_has(shown);
    tear_down();
}
END_TEST

/* The next line that is written tells how many were not. */
START_TEST(of_many)
{
    set_up("restrict");
    for (int i = 0; i < 100; i++)
        call();
    ck_assert_ptr_null(strstr(all, "POSTERN_SUPPRESSED"));
    sleep(2);
    call();
    ck_assert_ptr_nonnull(strstr(all, "\nPOSTERN_SUPPRESSED="));
    tear_down();
}
END_TEST

/* A host of version 1.0 gets the text, whatever lies behind its table. */
START_TEST(for_an_old_host)
{
    set_up("restrict");
    fixture.host.abi.size = offsetof(struct postern_host, log_fields);
    fixture.n_lines = 0;
    ck_assert(!call());
    ck_assert_uint_eq(fixture.n_lines, 1);
    ck_assert_str_eq(all, "");
    tear_down();
}
END_TEST

START_TEST(of_a_refused_connection)
{
    const char *const fields[] = {"POSTERN_VERDICT=refused", "POSTERN_ACTION=connect", "POSTERN_POLICY_TYPE=none", NULL};
    struct postern_peer peer = {.size = sizeof(peer), .fd = STDIN_FILENO, .host_id = 99};
    struct postern_party *party;

    set_up("restrict");
    ck_assert_int_eq(fixture.module->party_new(fixture.mediator, &peer, &party), -EPERM);
    ck_assert_msg(strncmp(all, REFUSED, strlen(REFUSED)) == 0, "%s", all);
    check_has(fields);
    tear_down();
}
END_TEST

/* Whatever is in a message, it stays within its bounds. */
START_TEST(long_values)
{
    static char path[5000];
    struct postern_message message = {.size = sizeof(message), .type = POSTERN_MESSAGE_SIGNAL};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .message = &message};
    const struct postern_audit_event event = {.verdict = "denied", .request = &request};
    struct postern_fields fields;

    memset(path, '/', sizeof(path) - 1);
    message.path = message.interface = message.member = message.error = message.destination = message.signature = request.name =
        (struct postern_view){.data = path, .len = sizeof(path) - 1};
    postern_fields_collect(&fields, &event);
    ck_assert_uint_gt(fields.n, 8);
    ck_assert_uint_le(fields.used, sizeof(fields.text));
    for (uint32_t i = 0; i < fields.n; i++)
        ck_assert_uint_le(strlen(fields.values[i]), 512);
}
END_TEST

Suite *core_fields_suite(void)
{
    Suite *suite = suite_create("core: fields of the log");
    TCase *tcase = tcase_create("fields");

    tcase_add_test(tcase, of_a_denial);
    tcase_add_test(tcase, of_a_complaint);
    tcase_add_test(tcase, of_many);
    tcase_add_test(tcase, for_an_old_host);
    tcase_add_test(tcase, of_a_refused_connection);
    tcase_add_test(tcase, long_values);
    suite_add_tcase(suite, tcase);
    return suite;
}
