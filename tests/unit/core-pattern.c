/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns: what they match, and what they take out of it. */
#include "tests/unit/core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/pattern.h"

#define NO_MATCH "-"
#define SNAP "snap.{name}.{app}"
#define SELINUX "{*}:{*}:container_t:{instance}"

/* name and instance; NULL: not captured. A name of NO_MATCH: the text does not match. */
static const struct {
    const char *pattern, *text;
    char separator;
    const char *name, *instance;
} rows[] = {
    {"x", "x", 0, NULL, NULL},
    {"x", "xx", 0, NO_MATCH, NULL},
    {"xx", "x", 0, NO_MATCH, NULL},
    {"x", "", 0, NO_MATCH, NULL},
    {"{name}", "anything:at-all", ':', "anything:at-all", NULL},
    {"{name}", "", 0, NO_MATCH, NULL},
    {"a{name}z", "az", 0, NO_MATCH, NULL},
    {"a{name}z", "abz", 0, "b", NULL},
    {"a{name}z", "abzy", 0, NO_MATCH, NULL},
    {"a{name}aba", "aaba", 0, NO_MATCH, NULL},
    {"a{name}aba", "ababa", 0, "b", NULL},
    {"{*}{", "x{", 0, NULL, NULL}, /* not checked: stands for itself */
    /* The first occurrence, of all of the text that follows. */
    {"{name}-{instance}", "a-b-c", 0, "a", "b-c"},
    {"{name}-x{instance}", "a-b-xc", 0, "a-b", "c"},
    {"{name}-x{instance}", "a-b-x", 0, NO_MATCH, NULL},
    {"{name}aab{instance}", "aaaabc", 0, "aa", "c"},
    {"{name}-{instance}", "-b-c", 0, NO_MATCH, NULL}, /* a later one is not tried */
    /* At the end of the pattern: the last. */
    {"machine-{name}.scope", "machine-a.scope.scope", 0, "a.scope", NULL},
    {"machine-{name}.scope", "machine-.scope", 0, NO_MATCH, NULL},
    {"{name}.{instance}.scope", "a.scope", 0, NO_MATCH, NULL},
    {"{name}.{instance}.scope", "a.scope.b.scope", 0, "a", "scope.b"},
    {"{app}/{name}", "a/b", '/', "b", NULL},
    {SNAP, "snap.firefox.geckodriver", 0, "firefox", NULL},
    {SNAP, "snap.firefox.a.b", 0, "firefox", NULL},
    {SNAP, "snap.firefox.", 0, NO_MATCH, NULL},
    {SNAP, "snap..app", 0, NO_MATCH, NULL},
    {SNAP, "snap.firefox", 0, NO_MATCH, NULL},
    {SNAP, "xsnap.firefox.app", 0, NO_MATCH, NULL},
    {"snap.{name}.hook.{app}", "snap.firefox.hook.configure", 0, "firefox", NULL},
    {"snap.{name}.hook.{app}", "snap.firefox.app", 0, NO_MATCH, NULL},
    /* Colons do not move the type. */
    {SELINUX, "system_u:system_r:container_t:s0:c1,c2", ':', NULL, "s0:c1,c2"},
    {SELINUX, "system_u:system_r:container_t:s0", ':', NULL, "s0"},
    {SELINUX, "system_u:system_r:spc_t:container_t:s0", ':', NO_MATCH, NULL},
    {SELINUX, "system_u:system_r:spc_t:s0:container_t:s0", ':', NO_MATCH, NULL},
    {SELINUX, "system_u:system_r:container_t", ':', NO_MATCH, NULL},
    {SELINUX, "system_u:system_r:container_t:", ':', NO_MATCH, NULL},
    {SELINUX, "system_u:container_t:s0", ':', NO_MATCH, NULL},
    {SELINUX, "system_u:system_r:spc_t:container_t:s0", 0, NULL, "s0"},
    {"{*}-x-{instance}", "a:b-x-c", ':', NO_MATCH, NULL},
};

static void check_capture(const struct postern_pattern_capture *capture, const char *expected)
{
    if (expected == NULL) {
        ck_assert_ptr_null(capture->text);
        return;
    }
    ck_assert_ptr_nonnull(capture->text);
    ck_assert_uint_eq(capture->len, strlen(expected));
    ck_assert_mem_eq(capture->text, expected, capture->len);
}

START_TEST(match)
{
    struct postern_pattern_captures captures = {.name = {"untouched", 3}};
    size_t len = strlen(rows[_i].text);
    char *text = malloc(len + 1); /* of just this length, without a NUL */
    int r;

    memcpy(text, rows[_i].text, len);
    r = postern_pattern_match(rows[_i].pattern, text, len, rows[_i].separator, &captures);
    if (rows[_i].name != NULL && strcmp(rows[_i].name, NO_MATCH) == 0) {
        if (r != 0)
            ck_abort_msg("\"%s\" matches \"%s\"", rows[_i].pattern, rows[_i].text);
        ck_assert_uint_eq(captures.name.len, 3);
    } else {
        if (r != 1)
            ck_abort_msg("\"%s\" does not match \"%s\"", rows[_i].pattern, rows[_i].text);
        check_capture(&captures.name, rows[_i].name);
        check_capture(&captures.instance, rows[_i].instance);
    }
    free(text);
}
END_TEST

START_TEST(text_may_hold_any_byte)
{
    static const char text[] = "a\0b-c\0\n";
    struct postern_pattern_captures captures;

    ck_assert_int_eq(postern_pattern_match("{name}-{instance}", text, sizeof(text), 0, &captures), 1);
    ck_assert(captures.name.text == text && captures.name.len == 3 && captures.instance.len == 4);
    ck_assert_int_eq(postern_pattern_match("a", text, 2, 0, &captures), 0);
}
END_TEST

static const struct {
    const char *pattern, *fault; /* NULL: none */
} checks[] = {
    {"x", NULL},
    {"{*}:{*}:x:{instance}", NULL},
    {"{name}.{instance}.{app}", NULL},
    {"", "empty"},
    {"{", "at \"{\""},
    {"a}b", "at \"}b\""},
    {"{Name}", "at \"{Name}\""},
    {"{name", "at \"{name\""},
    {"{{name}", "at \"{{name}\""},
    {"{name}}", "at \"}\""},
    {"{*}{*}", "between"},
    {"{name}-{name}", "{name} stands there twice"},
    {"{instance}-{instance}", "twice"},
};

START_TEST(check)
{
    struct postern_error error = {""};
    int r = postern_pattern_check(checks[_i].pattern, &error);

    ck_assert_int_eq(r, checks[_i].fault != NULL ? -EINVAL : 0);
    if (checks[_i].fault != NULL && strstr(error.text, checks[_i].fault) == NULL)
        ck_abort_msg("\"%s\", expected %s", error.text, checks[_i].fault);
}
END_TEST

Suite *core_pattern_suite(void)
{
    Suite *suite = suite_create("pattern");
    TCase *tcase = tcase_create("pattern");

    tcase_add_loop_test(tcase, match, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, text_may_hold_any_byte);
    tcase_add_loop_test(tcase, check, 0, sizeof(checks) / sizeof(checks[0]));
    suite_add_tcase(suite, tcase);
    return suite;
}
