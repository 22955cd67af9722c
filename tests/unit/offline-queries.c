/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compiled AppArmor profiles. Most rows are answers that a kernel (7.3, with the profiles of version 9) has given to the same query
 * about the same profile. Not seen from a kernel, but what the rules say: the wildcards of paths and interfaces, masks of several
 * bits where something is allowed or quiet, snap.quietonly beyond sending, snap.hello.nounix and snap.hello.unixpeer, and what only
 * the profiles of version 8 have.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/apparmor/compiled.h"
#include "tests/unit/offline-blob.h"
#include "tests/unit/offline.h"
#include "util/buf.h"

#define SEND POSTERN_APPARMOR_COMPILED_SEND
#define RECEIVE POSTERN_APPARMOR_COMPILED_RECEIVE
#define EAVESDROP POSTERN_APPARMOR_COMPILED_EAVESDROP
#define BIND POSTERN_APPARMOR_COMPILED_BIND

#define V8 1 /* the answers of the profiles that were compiled with permissions in the accept tables */
#define V9 2 /* of those with a table of permissions */
#define BOTH (V8 | V9)

#define METHOD "session", "org.ex.Dest", "unconfined", "/org/ex", "org.ex.Iface", "Method"

static struct postern_apparmor_compiled *v8, *v9;

static struct postern_apparmor_compiled *load(const char *name)
{
    struct postern_apparmor_compiled *set = NULL;
    struct postern_error error = {""};
    struct postern_buf file = {0};

    offline_read(name, &file);
    ck_assert_msg(postern_apparmor_compiled_parse(file.data, file.len, &set, &error) == 0, "%s: %s", name, error.text);
    postern_buf_finish(&file);
    return set;
}

static void setup(void)
{
    v8 = load("apparmor-v8-profiles.bin");
    v9 = load("apparmor-v9-profiles.bin");
}

static void teardown(void)
{
    postern_apparmor_compiled_free(v8);
    postern_apparmor_compiled_free(v9);
}

/* The fields have a NUL between them; with "" as the last one the query ends with a NUL. */
static const struct {
    const char *profile;
    uint32_t mask;
    const char *fields[8];
    bool allow, audit;
    int files;
} rows[] = {
    {"snap.hello.world", SEND, {METHOD}, true, false, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "unconfined", "/org/ex", "org.ex.Iface", "Nope"}, false, true, BOTH},
    {"snap.hello.world", SEND, {"system", "org.ex.Dest", "unconfined", "/org/ex", "org.ex.Iface", "Method"}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Other", "unconfined", "/org/ex", "org.ex.Iface", "Method"}, false, true, BOTH},
    {"snap.hello.world",
     SEND,
     {"session", "org.ex.Dest", "snap.other.app", "/org/ex", "org.ex.Iface", "Method"},
     false,
     true,
     BOTH},
    {"snap.hello.world", SEND, {"session", "", "unconfined", "/org/ex", "org.ex.Iface", "Method"}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "", "/org/ex", "org.ex.Iface", "Method"}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", "unconfined", "org.ex.Dest", "/org/ex", "org.ex.Iface", "Method"}, false, true, BOTH},
    /* a NUL behind the last field; fields that are not there */
    {"snap.hello.world", SEND, {METHOD, ""}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "unconfined", "/org/ex", "org.ex.Iface"}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "unconfined"}, false, true, BOTH},
    /* to receive */
    {"snap.hello.world", RECEIVE, {"session", ":1.7", "snap.caller.app", "/org/ex/in", "org.ex.In", "Go"}, true, false, BOTH},
    {"snap.hello.world", RECEIVE, {"session", ":1.7", "snap.caller.app", "/org/ex/in", "org.ex.In", "Stop"}, false, true, BOTH},
    {"snap.hello.world", RECEIVE, {"session", ":1.7", "unconfined", "/org/ex/in", "org.ex.In", "Go"}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", ":1.7", "snap.caller.app", "/org/ex/in", "org.ex.In", "Go"}, false, true, BOTH},
    {"snap.hello.world", SEND | RECEIVE, {METHOD}, false, true, BOTH},
    /* to own a name */
    {"snap.hello.world", BIND, {"session", "org.ex.Own"}, true, false, BOTH},
    {"snap.hello.world", BIND, {"session", "org.ex.Own2"}, false, true, BOTH},
    {"snap.hello.world", BIND, {"system", "org.ex.Own"}, false, true, BOTH},
    {"snap.hello.world", BIND, {"session", "org.ex.Own", ""}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Own"}, false, true, BOTH},
    /* to hear everything */
    {"snap.hello.world", EAVESDROP, {"session"}, true, false, BOTH},
    {"snap.hello.world", EAVESDROP, {"system"}, false, true, BOTH},
    {"snap.hello.world", EAVESDROP, {"session", ""}, false, true, BOTH},
    {"snap.hello.world2", EAVESDROP, {"session"}, false, true, BOTH},
    /* messages without an interface: an empty field is not the same as none */
    {"snap.hello.world2", SEND, {"session", "org.ex.Dest", "unconfined", "/org/ex", "", "Method"}, true, false, BOTH},
    {"snap.hello.world2", SEND, {"session", "org.ex.Dest", "unconfined", "/org/ex", "Method"}, false, true, BOTH},
    {"snap.hello.world2", SEND, {"session", "org.ex.Dest", "unconfined", "/org/ex", "", ""}, true, false, BOTH},
    {"snap.hello.world2", SEND, {"session", "org.ex.Dest", "unconfined", "/org/ex"}, false, true, BOTH},
    /* audit, deny, both, and nothing at all */
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "unconfined", "/audited", "org.ex.Iface", "Method"}, true, true, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "unconfined", "/quiet", "org.ex.Iface", "Method"}, true, false, BOTH},
    {"snap.hello.world",
     SEND,
     {"session", "org.ex.Dest", "unconfined", "/quiet/sub", "org.ex.Iface", "Method"},
     false,
     false,
     BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "unconfined", "/loud", "org.ex.Iface", "Method"}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "unconfined", "/none", "org.ex.Iface", "Method"}, false, true, BOTH},
    /* a denial of two bits is quiet only if nothing is to be logged about either */
    {"snap.hello.world", SEND | RECEIVE, {"session", "org.ex.Dest", "unconfined", "/quiet/sub", "a.b", "c"}, false, false, BOTH},
    {"snap.quietonly", SEND, {METHOD}, true, true, BOTH},
    {"snap.quietonly", BIND, {"session", "org.ex.Own"}, true, true, BOTH},
    {"snap.quietonly", SEND, {"system", "org.ex.Dest", "unconfined", "/org/ex", "org.ex.Iface", "Method"}, false, true, BOTH},
    /* wildcards in paths and interfaces, in both directions */
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "x", "/glob/a", "org.ex.GA", "Method"}, true, false, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "x", "/glob/a/b", "org.ex.GBx", "Method"}, true, false, BOTH},
    {"snap.hello.world", RECEIVE, {"session", ":1.9", "x", "/glob/a/b", "org.ex.GBx", "Method"}, true, false, BOTH},
    {"snap.hello.world", SEND | RECEIVE, {"session", ":1.9", "x", "/glob/a/b", "org.ex.GBx", "Method"}, true, false, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "x", "/glob/", "org.ex.GA", "Method"}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "x", "/glob", "org.ex.GA", "Method"}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "x", "/glob/a", "org.ex.GC", "Method"}, false, true, BOTH},
    /* labels of peers: any; by a pattern, to which a mode behind the label and a stack are text like any other */
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "whoever", "/nolabel", "org.ex.Iface", "Method"}, true, false, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Other", "whoever", "/nolabel", "org.ex.Iface", "Method"}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "snap.zz.yy", "/labelglob", "a.b", "c"}, true, false, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "snap.zz.yy (enforce)", "/labelglob", "a.b", "c"}, true, false, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "snap.zz.yy//&snap.a.b", "/labelglob", "a.b", "c"}, false, true, BOTH},
    {"snap.hello.world", SEND, {"session", "org.ex.Dest", "unconfined", "/labelglob", "a.b", "c"}, false, true, BOTH},
    /* complaining is the caller's */
    {"snap.hello.complain", SEND, {METHOD}, true, false, BOTH},
    {"snap.hello.complain", SEND, {"session", "org.ex.Dest", "unconfined", "/org/ex", "org.ex.Iface", "Nope"}, false, true, BOTH},
    /* nobody is confined; no rule at all, which is not the same */
    {"unconf.prof", SEND, {METHOD}, true, false, BOTH},
    {"unconf.prof", BIND, {"system", "org.ex.Own"}, true, false, BOTH},
    {"snap.hello.nounix", SEND, {METHOD}, false, true, BOTH},
    {"snap.hello.nounix", BIND, {"session", "org.ex.Own"}, false, true, BOTH},
    {"snap.other.app", SEND, {METHOD}, true, false, V9},
    {"snap.other.app", BIND, {"session", "org.ex.Own"}, false, true, V9},
    {"snap.hello.unixpeer", SEND, {METHOD}, false, true, V9},
    /* the flag "audit": what is allowed is audited, and no denial is quiet */
    {"audited.prof", SEND, {METHOD}, true, true, V8},
    {"audited.prof", SEND, {"session", "org.ex.Dest", "unconfined", "/quiet", "org.ex.Iface", "Method"}, false, true, V8},
    /* each of a family has rules of its own */
    {"parent.prof", SEND, {METHOD}, true, false, V8},
    {"parent.prof", SEND, {"session", "a.b", "unconfined", "/child", "a.b", "c"}, false, true, V8},
    {"parent.prof//child", SEND, {"session", "a.b", "unconfined", "/child", "a.b", "c"}, true, false, V8},
    {"parent.prof//child", SEND, {METHOD}, false, true, V8},
    {"parent.prof//hat", SEND, {"session", "a.b", "unconfined", "/hat", "a.b", "c"}, true, false, V8},
};

static void ask(const struct postern_apparmor_compiled *set, size_t i)
{
    const struct postern_apparmor_compiled_profile *profile = postern_apparmor_compiled_find(set, NULL, rows[i].profile);
    struct postern_buf query = {0};
    bool allow, audit;

    ck_assert_msg(profile != NULL, "no profile %s", rows[i].profile);
    ck_assert_int_eq(postern_buf_append(&query, " ", 1), 0); /* the class */
    for (size_t field = 0; rows[i].fields[field] != NULL; field++) {
        if (field > 0)
            ck_assert_int_eq(postern_buf_append(&query, "", 1), 0);
        ck_assert_int_eq(postern_buf_append(&query, rows[i].fields[field], strlen(rows[i].fields[field])), 0);
    }
    ck_assert_int_eq(postern_apparmor_compiled_query(profile, rows[i].mask, query.data, query.len, &allow, &audit), 0);
    ck_assert_msg(allow == rows[i].allow && audit == rows[i].audit, "row %zu, %s: %d %d instead of %d %d", i, rows[i].profile,
                  allow, audit, rows[i].allow, rows[i].audit);
    postern_buf_finish(&query);
}

START_TEST(answers)
{
    size_t i = (size_t)_i;

    if ((rows[i].files & V8) != 0)
        ask(v8, i);
    if ((rows[i].files & V9) != 0)
        ask(v9, i);
}
END_TEST

START_TEST(profiles)
{
    static const char *const names[] = {"snap.hello.complain", "snap.hello.nounix", "snap.hello.unixpeer", "snap.hello.world",
                                        "snap.hello.world2",   "snap.other.app",    "snap.quietonly",      "unconf.prof"};

    ck_assert_uint_eq(postern_apparmor_compiled_count(v9), 8);
    for (size_t i = 0; i < 8; i++) {
        const struct postern_apparmor_compiled_profile *profile = postern_apparmor_compiled_at(v9, i);
        bool unconfined = strcmp(names[i], "unconf.prof") == 0;

        ck_assert_str_eq(profile->name, names[i]);
        ck_assert_ptr_null(profile->ns);
        ck_assert_int_eq(profile->mode, i == 0       ? POSTERN_APPARMOR_COMPILED_COMPLAIN
                                        : unconfined ? POSTERN_APPARMOR_COMPILED_UNCONFINED
                                                     : POSTERN_APPARMOR_COMPILED_ENFORCE);
        ck_assert(!profile->audit_all && !profile->hat);
        ck_assert(profile->mediates_dbus == !unconfined);
        ck_assert(profile->mediates_network_v9 == !unconfined);
    }
}
END_TEST

START_TEST(profiles_of_old)
{
    const struct postern_apparmor_compiled_profile *profile;

    ck_assert_uint_eq(postern_apparmor_compiled_count(v8), 11);
    profile = postern_apparmor_compiled_find(v8, NULL, "snap.hello.world");
    ck_assert(profile != NULL && profile->mediates_dbus && !profile->mediates_network_v9);
    ck_assert(!profile->audit_all && profile->mode == POSTERN_APPARMOR_COMPILED_ENFORCE);
    profile = postern_apparmor_compiled_find(v8, NULL, "audited.prof");
    ck_assert(profile != NULL && profile->audit_all && !profile->hat);
    profile = postern_apparmor_compiled_find(v8, NULL, "parent.prof//hat");
    ck_assert(profile != NULL && profile->hat);
    profile = postern_apparmor_compiled_find(v8, NULL, "parent.prof//child");
    ck_assert(profile != NULL && !profile->hat);
    profile = postern_apparmor_compiled_find(v8, NULL, "snap.hello.complain");
    ck_assert(profile != NULL && profile->mode == POSTERN_APPARMOR_COMPILED_COMPLAIN);
    profile = postern_apparmor_compiled_find(v8, "ns1", "in.namespace");
    ck_assert(profile != NULL && strcmp(profile->ns, "ns1") == 0);
    ck_assert_ptr_null(postern_apparmor_compiled_find(v8, NULL, "in.namespace"));
    ck_assert_ptr_null(postern_apparmor_compiled_find(v8, "ns1", "snap.hello.world"));
    ck_assert_ptr_null(postern_apparmor_compiled_find(v8, NULL, "snap.hello"));
}
END_TEST

START_TEST(odd_queries)
{
    static const uint8_t longest[POSTERN_APPARMOR_COMPILED_QUERY_MAX + 1] = {POSTERN_APPARMOR_COMPILED_CLASS_DBUS};
    const struct postern_apparmor_compiled_profile *profile = postern_apparmor_compiled_find(v9, NULL, "snap.hello.world");
    bool allow = true, audit = false;

    ck_assert_int_eq(postern_apparmor_compiled_query(profile, 0, " session", 8, &allow, &audit), -EINVAL);
    ck_assert_int_eq(postern_apparmor_compiled_query(profile, SEND, "", 0, &allow, &audit), -EINVAL);
    ck_assert_int_eq(postern_apparmor_compiled_query(profile, SEND, "\2/etc", 5, &allow, &audit), -EINVAL);
    ck_assert_int_eq(postern_apparmor_compiled_query(profile, SEND, longest, sizeof(longest), &allow, &audit), -EFBIG);
    ck_assert(allow && !audit); /* untouched */
    ck_assert_int_eq(postern_apparmor_compiled_query(profile, SEND, longest, sizeof(longest) - 1, &allow, &audit), 0);
    ck_assert(!allow && audit);
    /* A class that nobody has heard of is not mediated. */
    ck_assert_int_eq(postern_apparmor_compiled_query(profile, SEND, "\377x", 2, &allow, &audit), 0);
    ck_assert(allow && !audit);
}
END_TEST

Suite *offline_queries_suite(void)
{
    Suite *suite = suite_create("offline queries");
    TCase *tcase = tcase_create("queries");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, answers, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tcase, profiles);
    tcase_add_test(tcase, profiles_of_old);
    tcase_add_test(tcase, odd_queries);
    suite_add_tcase(suite, tcase);
    return suite;
}
