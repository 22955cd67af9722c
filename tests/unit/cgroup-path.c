/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts of /proc/PID/cgroup: which hierarchy and which group count, and what is refused. */
#include "tests/unit/cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/cgroup/path.h"

static const struct postern_cgroup_pattern patterns[] = {
    {"m-{*}", POSTERN_SETTINGS_NO_CONTAINER},
    {"f-{name}-{instance}.scope", "t.f"},
    {"m-{name}", "t.m"},
    {"c-{name}", "t.c"},
    {"/d/{name}", "t.d"},
    {"freezer:/z.{name}", "t.z"},
    {"name=systemd:/y/{name}", "t.y"},
    {"k-{instance}", "t.k"},
    {"x/{name}", "t.x"}, /* not one that the configuration would take */
};

/* "type name instance", or what *error says; "": no container. */
static const struct {
    const char *text, *own, *expected;
} rows[] = {
    {"0::/\n", NULL, ""},
    {"0::/a/b\n", NULL, ""},
    {"0::/c-x\n", NULL, "t.c x "},
    {"0::/a/c-x/b\n", NULL, "t.c x "},
    {"0::/k-7\n", NULL, "t.k  7"},
    {"0::/x/y\n", NULL, ""},
    {"0::/f-a-b-c.scope\n", NULL, "t.f a b-c"},
    /* the outermost, and the first pattern for it */
    {"0::/c-out/c-in\n", NULL, "t.c out "},
    {"0::/d/one/c-in\n", NULL, "t.d one "},
    {"0::/d/c-x\n", NULL, "t.c x "},
    {"0::/c-out/f-a-b.scope\n", NULL, "t.c out "},
    {"0::/m-x\n", NULL, ""},
    {"0::/m-x/c-in\n", NULL, "t.c in "},
    /* from the root on */
    {"0::/d/one\n", NULL, "t.d one "},
    {"0::/d/one/d/two\n", NULL, "t.d one "},
    {"0::/a/d/one\n", NULL, ""},
    {"0::/d\n", NULL, ""},
    /* the order of hierarchies */
    {"3:memory:/c-m\n2:cpu,freezer:/c-f\n1:name=systemd:/c-s\n0::/c-u\n", NULL, "t.c u "},
    {"3:memory:/c-m\n2:cpu,freezer:/c-f\n1:name=systemd:/c-s\n0::/\n", NULL, "t.c s "},
    {"3:memory:/c-m\n2:cpu,freezer:/c-f\n1:name=systemd:/a\n0::/\n", NULL, "t.c f "},
    {"3:memory:/c-m\n2:cpu,freezer:/\n1:name=systemd:/a\n", NULL, "t.c m "},
    {"4:pids:/c-p\n3:memory:/c-m\n2:xfreezer:/c-f\n", NULL, "t.c p "},
    /* patterns of one hierarchy */
    {"2:freezer:/z.a\n", NULL, "t.z a "},
    {"2:cpu,freezer,pids:/z.a/b\n", NULL, "t.z a "},
    {"2:pids:/z.a\n0::/z.a\n", NULL, ""},
    {"2:freezer:/b/z.a\n", NULL, ""},
    {"1:name=systemd:/y/a\n", NULL, "t.y a "},
    {"0::/y/a\n", NULL, ""},
    /* what the bus is in, too */
    {"0::/c-out/c-in\n", "0::/c-out/bus\n", "t.c in "},
    {"0::/c-out\n", "0::/c-out\n", ""},
    {"0::/c-out/a\n", "0::/c-out\n", ""},
    {"0::/c-out\n", "0::/c-out/bus\n", ""},
    {"0::/c-out\n", "0::/c-ou\n", "t.c out "},
    {"0::/c-ou\n", "0::/c-out\n", "t.c ou "},
    {"0::/a/c-x\n", "0::/b/c-x\n", "t.c x "},
    {"0::/d/one/c-x\n", "0::/d/one/bus\n", "t.c x "},
    {"0::/d/one\n", "0::/d/bus\n", "t.d one "},
    {"1:name=systemd:/c-s\n0::/\n", "0::/c-s\n", "t.c s "},
    {"1:name=systemd:/c-s\n0::/c-u\n", "1:name=systemd:/c-s\n0::/c-u\n", ""},
    {"2:freezer:/c-x\n", "1:name=systemd:/c-x\n", "t.c x "},
    /* escapes */
    {"0::/c-a\\x2db\n", NULL, "t.c a-b "},
    {"0::/c-\\xc3\\xA4\n", NULL, "t.c \xc3\xa4 "},
    {"0::/c-\xc3\xa4\n", NULL, "t.c \xc3\xa4 "},
    {"0::/c-\\x5cx2d\n", NULL, "t.c \\x2d "}, /* once, not twice */
    {"0::/f-a\\x2db-c\\x2ed.scope\n", NULL, "t.f a-b c.d"},
    {"0::/a\\b\n", NULL, ""}, /* in no name */
    {"0::/c-\\x00\n", NULL, "!UTF-8"},
    {"0::/c-\\xff\n", NULL, "!UTF-8"},
    {"0::/c-\xff\n", NULL, "!UTF-8"},
    {"0::/c-a\\\n", NULL, "!escaped"},
    {"0::/c-a\\x\n", NULL, "!escaped"},
    {"0::/c-a\\x2\n", NULL, "!escaped"},
    {"0::/c-a\\x2g\n", NULL, "!escaped"},
    {"0::/c-a\\X2d\n", NULL, "!escaped"},
    {"0::/c-a\\\\\n", NULL, "!escaped"},
    {"0::/f-a-\\q.scope\n", NULL, "!escaped"},
    /* hostile and broken */
    {"", NULL, "!no control group"},
    {"\n", NULL, "!form"},
    {"0::/a", NULL, "!cut off"},
    {"0::/a\n1:name=systemd:/b", NULL, "!cut off"},
    {"0::/../../a\n", NULL, "!seen"},
    {"0::/..\n", NULL, "!seen"},
    {"0::/c-x/..\n", NULL, "!seen"},
    {"0::/c-x\n1:name=systemd:/../b\n", NULL, "!seen"},
    {"0::/a/./b\n", NULL, "!seen"},
    {"0::/a//b\n", NULL, "!seen"},
    {"0::/...\n", NULL, ""},
    {"0::/c-..x\n", NULL, "t.c ..x "},
    {"0::/a/\n", NULL, "!ends"},
    {"0::a\n", NULL, "!begin"},
    {"0::\n", NULL, "!begin"},
    {"0::/a (deleted)\n", NULL, "!removed"},
    {"0::/a (deleted)/b\n", NULL, ""},
    {"0::/a\tb\n", NULL, "!control character"},
    {"0::/a\x7f\n", NULL, "!control character"},
    {"0::/a\r\n", NULL, "!control character"},
    {"0:/a\n", NULL, "!form"},
    {":x:/a\n", NULL, "!form"},
    {"x:y:/a\n", NULL, "!form"},
    {"-1::/a\n", NULL, "!form"},
    {"0:cpu:/a\n", NULL, "!number 0"},
    {"1::/a\n", NULL, "!number 1"},
    {"1:a b:/a\n", NULL, "!strange"},
    {"1:cpu:a:/b\n", NULL, "!begin"},
    {"0::/a:b\n", NULL, ""},
    {"0::/c-x\n", "", "!no control group"},
    {"0::/c-x\n", "0::/..\n", "!seen"},
};

START_TEST(texts)
{
    struct postern_cgroup_container found = {.type = "untouched"};
    struct postern_error error = {""};
    size_t len = strlen(rows[_i].text);
    char *text = malloc(len + 1), answer[600];
    int r;

    memcpy(text, rows[_i].text, len);
    r = postern_cgroup_find(text, len, rows[_i].own, rows[_i].own != NULL ? strlen(rows[_i].own) : 0, patterns,
                            sizeof(patterns) / sizeof(patterns[0]), &found, &error);
    free(text);
    if (rows[_i].expected[0] == '!') {
        if (r != -EPERM || strstr(error.text, rows[_i].expected + 1) == NULL)
            ck_abort_msg("%s%d, \"%s\"; expected %s", rows[_i].text, r, error.text, rows[_i].expected);
    } else if (r < 0) {
        ck_abort_msg("%s%s", rows[_i].text, error.text);
    } else {
        snprintf(answer, sizeof(answer), "%s %s %s", found.type, found.name, found.instance);
        ck_assert_str_eq(r == 1 ? answer : "", rows[_i].expected);
    }
    if (r != 1)
        ck_assert_str_eq(found.type, "untouched");
}
END_TEST

START_TEST(nul_is_no_character)
{
    static const char text[] = "0::/c-x\0y\n";
    struct postern_cgroup_container found;
    struct postern_error error;

    ck_assert_int_eq(postern_cgroup_find(text, sizeof(text) - 1, NULL, 0, patterns, 4, &found, &error), -EPERM);
    ck_assert_int_eq(postern_cgroup_check("0::/\n\0", 6, &error), -EPERM);
    ck_assert_int_eq(postern_cgroup_check("0::/\n", 5, &error), 0);
}
END_TEST

/* The lengths at which it is still good. */
START_TEST(bounds)
{
    static char text[POSTERN_CGROUP_TEXT_MAX + 2];
    struct postern_cgroup_container found;
    struct postern_error error;

    memset(text, 'a', sizeof(text));
    memcpy(text, "0::/c-", 6);
    text[6 + POSTERN_CGROUP_NAME_MAX] = '\n';
    ck_assert_int_eq(postern_cgroup_find(text, 7 + POSTERN_CGROUP_NAME_MAX, NULL, 0, patterns, 4, &found, &error), 1);
    ck_assert_uint_eq(strlen(found.name), POSTERN_CGROUP_NAME_MAX);
    text[6 + POSTERN_CGROUP_NAME_MAX] = 'a';
    text[7 + POSTERN_CGROUP_NAME_MAX] = '\n';
    ck_assert_int_eq(postern_cgroup_find(text, 8 + POSTERN_CGROUP_NAME_MAX, NULL, 0, patterns, 4, &found, &error), -EPERM);
    text[7 + POSTERN_CGROUP_NAME_MAX] = 'a';
    text[3 + POSTERN_CGROUP_PATH_MAX] = '\n';
    ck_assert_int_eq(postern_cgroup_check(text, 4 + POSTERN_CGROUP_PATH_MAX, &error), 0);
    text[3 + POSTERN_CGROUP_PATH_MAX] = 'a';
    text[4 + POSTERN_CGROUP_PATH_MAX] = '\n';
    ck_assert_int_eq(postern_cgroup_check(text, 5 + POSTERN_CGROUP_PATH_MAX, &error), -EPERM);
    for (size_t i = 0; i + 8 <= sizeof(text); i += 8)
        memcpy(text + i, "1:cpu:/\n", 8);
    ck_assert_int_eq(postern_cgroup_check(text, POSTERN_CGROUP_TEXT_MAX, &error), 0);
    ck_assert_int_eq(postern_cgroup_check(text, POSTERN_CGROUP_TEXT_MAX + 1, &error), -EPERM);
    ck_assert_ptr_nonnull(strstr(error.text, "more than"));
}
END_TEST

Suite *cgroup_path_suite(void)
{
    Suite *suite = suite_create("cgroup-path");
    TCase *tcase = tcase_create("path");

    tcase_add_loop_test(tcase, texts, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, nul_is_no_character);
    tcase_add_test(tcase, bounds);
    suite_add_tcase(suite, tcase);
    return suite;
}
