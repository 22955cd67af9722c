/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policies container-test (unknown is allowed) and container-permissive (the same, but unknown is denied and cli_t is
 * permissive). libsepol keeps a policy for as long as the process lives: each test opens one, in a process of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/selinux/offline.h"
#include "tests/unit/offline-blob.h"
#include "tests/unit/offline.h"

#define CONTEXT(type, level) "system_u:system_r:" type ":" level
#define CLIENT CONTEXT("cli_t", "s0")
#define SERVICE CONTEXT("svc_t", "s0")
#define BUS CONTEXT("busd_t", "s0")
#define BOX12 CONTEXT("container_t", "s0:c1,c2")
#define BOX1 CONTEXT("container_t", "s0:c1")
#define BOX3 CONTEXT("container_t", "s0:c3")
#define TE POSTERN_SELINUX_REASON_TE
#define CONSTRAINT POSTERN_SELINUX_REASON_CONSTRAINT

#define TEST_POLICY "container-test.policy"
#define PERMISSIVE_POLICY "container-permissive.policy"

static struct postern_selinux_offline *open_policy(const char *name)
{
    struct postern_selinux_offline *handle = NULL;
    struct postern_error error = {""};
    char path[4096];

    snprintf(path, sizeof(path), "%s%s", OFFLINE_DATA, name);
    ck_assert_msg(postern_selinux_offline_open(path, &handle, &error) == 0, "%s", error.text);
    return handle;
}

static const struct {
    const char *source, *target, *class, *permission;
    bool allowed;
    unsigned int reasons;
} rows[] = {
    {CLIENT, SERVICE, "dbus", "send_msg", true, 0},
    {SERVICE, CLIENT, "dbus", "send_msg", false, TE},
    {CLIENT, BUS, "dbus", "acquire_svc", true, 0},
    {CLIENT, SERVICE, "dbus", "acquire_svc", false, TE},
    {BUS, CLIENT, "dbus", "send_msg", true, 0},
    {CLIENT, SERVICE, "process", "transition", true, 0},
    /* categories: the source's must cover the target's */
    {BOX12, BOX12, "dbus", "send_msg", true, 0},
    {BOX12, BOX1, "dbus", "send_msg", true, 0},
    {BOX1, BOX12, "dbus", "send_msg", false, CONSTRAINT},
    {BOX12, BOX3, "dbus", "send_msg", false, CONSTRAINT},
    {BOX3, BOX12, "dbus", "send_msg", false, CONSTRAINT},
    {BOX1, BUS, "dbus", "send_msg", true, 0},
    {BOX1, SERVICE, "dbus", "send_msg", false, TE},
    /* what no rule allows no constraint is asked about */
    {BOX1, CONTEXT("svc_t", "s0:c2"), "dbus", "send_msg", false, TE},
    /* they bind only where the constraint says so */
    {CLIENT, CONTEXT("svc_t", "s0:c2"), "dbus", "send_msg", true, 0},
};

START_TEST(rules)
{
    struct postern_selinux_offline *handle = open_policy(TEST_POLICY);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct postern_selinux_verdict v;

        ck_assert_int_eq(
            postern_selinux_offline_check(handle, rows[i].source, rows[i].target, rows[i].class, rows[i].permission, &v), 0);
        ck_assert_msg(v.allowed == rows[i].allowed && v.reasons == rows[i].reasons, "row %zu: %d, reasons %u", i, v.allowed,
                      v.reasons);
        ck_assert(!v.unknown_class && !v.unknown_permission && !v.permissive && v.unknown == POSTERN_SELINUX_UNKNOWN_ALLOW);
    }
    postern_selinux_offline_close(handle);
}
END_TEST

START_TEST(invalid_contexts)
{
    static const char *const invalid[] = {CONTEXT("nobody_t", "s0"),
                                          "system_u:nobody_r:cli_t:s0",
                                          "nobody_u:system_r:cli_t:s0",
                                          CONTEXT("cli_t", "s1"),
                                          CONTEXT("cli_t", "s0:c9"),
                                          "system_u:system_r:cli_t",
                                          "cli_t",
                                          "",
                                          "system_u:object_r:cli_t:s0:",
                                          CONTEXT("dom", "s0")};
    struct postern_selinux_offline *handle = open_policy(TEST_POLICY);

    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        struct postern_selinux_verdict v = {.reasons = 77};

        ck_assert_msg(postern_selinux_offline_check(handle, invalid[i], SERVICE, "dbus", "send_msg", &v) == -EINVAL, "%s",
                      invalid[i]);
        ck_assert_msg(postern_selinux_offline_check(handle, CLIENT, invalid[i], "dbus", "send_msg", &v) == -EINVAL, "%s",
                      invalid[i]);
        /* not even where anything else would do */
        ck_assert_int_eq(postern_selinux_offline_check(handle, invalid[i], SERVICE, "nonsense", "send_msg", &v), -EINVAL);
        ck_assert_uint_eq(v.reasons, 77);
    }
    postern_selinux_offline_close(handle);
}
END_TEST

static void check_unknown(struct postern_selinux_offline *handle, enum postern_selinux_unknown unknown)
{
    struct postern_selinux_verdict v;

    ck_assert_int_eq(postern_selinux_offline_check(handle, SERVICE, CLIENT, "nonsense", "send_msg", &v), 0);
    ck_assert(v.unknown_class && !v.unknown_permission && v.reasons == 0);
    ck_assert(v.unknown == unknown && v.allowed == (unknown == POSTERN_SELINUX_UNKNOWN_ALLOW));
    ck_assert_int_eq(postern_selinux_offline_check(handle, SERVICE, CLIENT, "dbus", "nonsense", &v), 0);
    ck_assert(!v.unknown_class && v.unknown_permission && v.reasons == 0);
    ck_assert(v.unknown == unknown && v.allowed == (unknown == POSTERN_SELINUX_UNKNOWN_ALLOW));
    ck_assert_int_eq(postern_selinux_offline_check(handle, SERVICE, CLIENT, "dbus", "send_msg", &v), 0);
    ck_assert(!v.unknown_class && !v.unknown_permission && !v.allowed && v.unknown == unknown);
}

START_TEST(unknown_allowed)
{
    struct postern_selinux_offline *handle = open_policy(TEST_POLICY);

    check_unknown(handle, POSTERN_SELINUX_UNKNOWN_ALLOW);
    postern_selinux_offline_close(handle);
}
END_TEST

START_TEST(unknown_denied)
{
    struct postern_selinux_offline *handle = open_policy(PERMISSIVE_POLICY);

    check_unknown(handle, POSTERN_SELINUX_UNKNOWN_DENY);
    postern_selinux_offline_close(handle);
}
END_TEST

/* Opens a policy that is in memory only. */
static int open_bytes(const struct postern_buf *file, size_t len, struct postern_selinux_offline **handle,
                      struct postern_error *error)
{
    char path[] = "/tmp/postern-offline-XXXXXX";
    int fd = mkstemp(path);
    int r;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, file->data, len), (ssize_t)len);
    close(fd);
    r = postern_selinux_offline_open(path, handle, error);
    unlink(path);
    return r;
}

START_TEST(unknown_rejected)
{
    struct postern_selinux_offline *handle = NULL;
    struct postern_error error = {""};
    struct postern_buf file = {0};

    offline_read(TEST_POLICY, &file);
    file.data[20] = 0x03; /* MLS, and what is unknown is rejected */
    ck_assert_int_eq(open_bytes(&file, file.len, &handle, &error), 0);
    check_unknown(handle, POSTERN_SELINUX_UNKNOWN_REJECT);
    postern_selinux_offline_close(handle);
    postern_buf_finish(&file);
}
END_TEST

START_TEST(permissive)
{
    static const char *const others[] = {SERVICE, BUS, BOX1, CONTEXT("kernel_t", "s0"), CONTEXT("unconfined_t", "s0")};
    struct postern_selinux_offline *handle = open_policy(PERMISSIVE_POLICY);
    struct postern_selinux_verdict v;

    /* A denial stays one: what comes of it is the caller's. */
    ck_assert_int_eq(postern_selinux_offline_check(handle, CLIENT, BOX1, "dbus", "send_msg", &v), 0);
    ck_assert(v.permissive && !v.allowed && v.reasons == TE);
    ck_assert_int_eq(postern_selinux_offline_check(handle, CONTEXT("cli_t", "s0:c1"), SERVICE, "dbus", "send_msg", &v), 0);
    ck_assert(v.permissive && v.allowed && v.reasons == 0);
    /* Only the source counts. */
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_int_eq(postern_selinux_offline_check(handle, others[i], CLIENT, "dbus", "acquire_svc", &v), 0);
        ck_assert(!v.permissive && !v.allowed);
    }
    postern_selinux_offline_close(handle);
}
END_TEST

START_TEST(one_at_a_time)
{
    struct postern_selinux_offline *handle = open_policy(TEST_POLICY), *other = NULL;
    struct postern_error error = {""};

    ck_assert_int_eq(postern_selinux_offline_open(OFFLINE_DATA PERMISSIVE_POLICY, &other, &error), -EBUSY);
    ck_assert_ptr_null(other);
    postern_selinux_offline_close(handle);
    postern_selinux_offline_close(NULL);
}
END_TEST

START_TEST(other_files)
{
    struct postern_selinux_offline *handle = NULL;
    struct postern_error error = {""};
    struct postern_buf file = {0};

    ck_assert_int_eq(postern_selinux_offline_open(OFFLINE_DATA "none", &handle, &error), -ENOENT);
    ck_assert_int_eq(postern_selinux_offline_open(OFFLINE_DATA "container-test.cil", &handle, &error), -EBADMSG);
    ck_assert_int_eq(postern_selinux_offline_open(OFFLINE_DATA, &handle, &error), -EBADMSG);
    offline_read(TEST_POLICY, &file);
    for (size_t len = 0; len < file.len; len += 13) {
        error.text[0] = '\0';
        ck_assert_msg(open_bytes(&file, len, &handle, &error) == -EBADMSG && error.text[0] != '\0', "%zu bytes", len);
    }
    ck_assert_ptr_null(handle);
    /* None of these is in the way. */
    handle = open_policy(TEST_POLICY);
    postern_selinux_offline_close(handle);
    postern_buf_finish(&file);
}
END_TEST

Suite *offline_selinux_suite(void)
{
    Suite *suite = suite_create("offline selinux");
    TCase *tcase = tcase_create("selinux");

    tcase_add_test(tcase, rules);
    tcase_add_test(tcase, invalid_contexts);
    tcase_add_test(tcase, unknown_allowed);
    tcase_add_test(tcase, unknown_denied);
    tcase_add_test(tcase, unknown_rejected);
    tcase_add_test(tcase, permissive);
    tcase_add_test(tcase, one_at_a_time);
    tcase_add_test(tcase, other_files);
    suite_add_tcase(suite, tcase);
    return suite;
}
