/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is a rule, and what is not; and the text form. */
#include "tests/unit/core.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/ruletext.h"

#define SEE POSTERN_ALLOW_SEE
#define CALL POSTERN_ALLOW_CALL
#define HEAR POSTERN_ALLOW_HEAR
#define OWN POSTERN_ALLOW_OWN
#define SEND POSTERN_ALLOW_SEND_FDS
#define RECEIVE POSTERN_ALLOW_RECEIVE_FDS
#define NAMES POSTERN_ALLOW_NAME_SUBTREE
#define PATHS POSTERN_ALLOW_PATH_SUBTREE
#define MEMBER POSTERN_ALLOW_MEMBER

static const struct {
    uint32_t flags;
    const char *name, *path, *interface;
    const char *fault; /* NULL: it is a rule; else a word of the reason */
} rows[] = {
    {SEE, "a.b", "/", "", NULL},
    {SEE | CALL | HEAR | OWN | SEND | RECEIVE | NAMES | PATHS, "a.b", "/", "", NULL},
    {0, "a.b", "/", "", "no action"},
    {PATHS | NAMES, "a.b", "/", "", "no action"},
    {RECEIVE, "a.b", "/", "", "no action"},
    {SEND, "a.b", "/", "", "no action"},
    {SEE | RECEIVE, "a.b", "/", "", NULL},
    {SEE | SEND, "a.b", "/", "", "SEND_FDS"},
    {CALL | SEND, "a.b", "/", "", NULL},
    {SEE | 0x40, "a.b", "/", "", "0x40"},
    {SEE | 0x80, "a.b", "/", "", "0x80"},
    {SEE | 0x800, "a.b", "/", "", "0x800"},
    {0xffffffff, "a.b", "/", "", "mean nothing"},
    {SEE, "", "/", "", NULL},
    {SEE | NAMES, "", "/", "", NULL},
    {SEE, ":1.2", "/", "", NULL},
    {SEE | NAMES, ":1.2", "/", "", ":1.2"},
    {SEE, ":1", "/", "", "bus name"},
    {SEE, ":1.a", "/", "", "bus name"},
    {SEE, ":1.2.3", "/", "", "bus name"},
    {SEE, ":.2", "/", "", "bus name"},
    {SEE, ":1.", "/", "", "bus name"},
    {SEE, "a", "/", "", "bus name"},
    {SEE, "a.b.*", "/", "", "bus name"},
    {SEE, "a..b", "/", "", "bus name"},
    {SEE, "org.freedesktop.DBus", "/", "", "bus itself"},
    {SEE | NAMES, "org.freedesktop.DBus", "/", "", "bus itself"},
    {SEE | NAMES, "org.freedesktop", "/", "", NULL},
    {SEE, "org.freedesktop.DBus.Child", "/", "", NULL},
    {SEE, "a.b", "", "", "path"},
    {SEE, "a.b", "/a/", "", "path"},
    {SEE, "a.b", "a", "", "path"},
    {SEE | PATHS, "a.b", "/a", "", NULL},
    {CALL, "a.b", "/", "c.d", NULL},
    {CALL, "a.b", "/", "c", "interface"},
    {CALL, "a.b", "/", "c.d.", "interface"},
    {CALL | MEMBER, "a.b", "/", "", "MEMBER"},
    {CALL | MEMBER, "a.b", "/", "M", NULL},
    {CALL | MEMBER, "a.b", "/", "c.d.M", NULL},
    {CALL | MEMBER, "a.b", "/", "c.M", "interface"},
    {CALL | MEMBER, "a.b", "/", "c.d.", "member"},
    {CALL | MEMBER, "a.b", "/", "c.d.1", "member"},
    {CALL | MEMBER, "a.b", "/", ".M", "interface"},
    {OWN | PATHS, "a.b", "/", "", NULL},
    {OWN | PATHS | NAMES, "a.b", "/", "", NULL},
    {OWN, "a.b", "/", "", "OWN"},
    {OWN | PATHS, "a.b", "/x", "", "OWN"},
    {OWN | PATHS, "a.b", "/", "c.d", "OWN"},
    {OWN | PATHS, "", "/", "", "OWN"},
    {OWN | PATHS, ":1.2", "/", "", "OWN"},
};

START_TEST(checked)
{
    struct postern_error error = {.text = ""};
    struct postern_rule rule = {.flags = 12345};
    int r = postern_rule_init(&rule, rows[_i].flags, rows[_i].name, rows[_i].path, rows[_i].interface, &error);

    if (rows[_i].fault == NULL) {
        ck_assert_msg(r == 0, "%s", error.text);
        ck_assert_uint_eq(rule.flags, rows[_i].flags);
        ck_assert_str_eq(rule.name, rows[_i].name);
        ck_assert_str_eq(rule.path, rows[_i].path);
        postern_rule_finish(&rule);
    } else {
        ck_assert_int_eq(r, -EINVAL);
        ck_assert_msg(strstr(error.text, rows[_i].fault) != NULL, "\"%s\" is not in: %s", rows[_i].fault, error.text);
        ck_assert_uint_eq(rule.flags, 12345);
    }
}
END_TEST

START_TEST(members_are_cut_off)
{
    struct postern_rule rule;

    ck_assert_int_eq(postern_rule_init(&rule, CALL | MEMBER, "a.b", "/", "c.d.Go", NULL), 0);
    ck_assert_str_eq(rule.interface, "c.d");
    ck_assert_str_eq(rule.member, "Go");
    postern_rule_finish(&rule);
    ck_assert_int_eq(postern_rule_init(&rule, CALL | MEMBER, "a.b", "/", "Go", NULL), 0);
    ck_assert_str_eq(rule.interface, "");
    ck_assert_str_eq(rule.member, "Go");
    postern_rule_finish(&rule);
    ck_assert_int_eq(postern_rule_init(&rule, CALL, "a.b", "/", "c.d.Go", NULL), 0);
    ck_assert_str_eq(rule.interface, "c.d.Go");
    ck_assert_str_eq(rule.member, "");
    postern_rule_finish(&rule);
}
END_TEST

/* ---- text ------------------------------------------------------------------------------------------- */

static const struct {
    const char *word, *text;
    uint32_t flags; /* 0: not a rule */
    const char *name, *path, *interface, *member;
    const char *printed; /* when other than it was written; for no rule: a word of the reason */
} texts[] = {
    {"see", "a.b", SEE | PATHS, "a.b", "/", "", "", NULL},
    {"see", "a.b.*", SEE | PATHS | NAMES, "a.b", "/", "", "", NULL},
    {"see", ":1.5", SEE | PATHS, ":1.5", "/", "", "", NULL},
    {"talk", "a.b", SEE | CALL | HEAR | PATHS, "a.b", "/", "", "", NULL},
    {"own", "a.b.*", OWN | PATHS | NAMES, "a.b", "/", "", "", NULL},
    {"call", "a.b", CALL | PATHS, "a.b", "/", "", "", NULL},
    {"call", "a.b=", CALL | PATHS, "a.b", "/", "", "", "call=a.b"},
    {"call", "a.b=*", CALL | PATHS, "a.b", "/", "", "", "call=a.b"},
    {"call", "a.b=*@/*", CALL | PATHS, "a.b", "/", "", "", "call=a.b"},
    {"call", "a.b=c.d.*", CALL | PATHS, "a.b", "/", "c.d", "", NULL},
    {"call", "a.b=c.d.M", CALL | PATHS | MEMBER, "a.b", "/", "c.d", "M", NULL},
    {"call", "a.b=M", CALL | PATHS | MEMBER, "a.b", "/", "", "M", NULL},
    {"call", "a.b=@/x", CALL, "a.b", "/x", "", "", "call=a.b=*@/x"},
    {"call", "a.b=*@/x/*", CALL | PATHS, "a.b", "/x", "", "", NULL},
    {"call", "a.b.*=c.d.M@/x", CALL | MEMBER | NAMES, "a.b", "/x", "c.d", "M", NULL},
    {"call", "a.b=*@/", CALL, "a.b", "/", "", "", NULL},
    {"broadcast", "a.b=c.d.*@/x/*", HEAR | PATHS, "a.b", "/x", "c.d", "", NULL},
    {"send-fds", "a.b=c.d.M", CALL | SEND | PATHS | MEMBER, "a.b", "/", "c.d", "M", NULL},
    {"receive-fds", "a.b", CALL | RECEIVE | PATHS, "a.b", "/", "", "", NULL},
    {"see", "", 0, NULL, NULL, NULL, NULL, "missing"},
    {"talk", ".*", 0, NULL, NULL, NULL, NULL, "missing"},
    {"talk", "*", 0, NULL, NULL, NULL, NULL, "bus name"},
    {"talk", "a.*", 0, NULL, NULL, NULL, NULL, "bus name"},
    {"talk", "a.b=x", 0, NULL, NULL, NULL, NULL, "talk"},
    {"own", ":1.5", 0, NULL, NULL, NULL, NULL, "OWN"},
    {"call", "=M", 0, NULL, NULL, NULL, NULL, "missing"},
    {"call", "a.b=c.M", 0, NULL, NULL, NULL, NULL, "interface"},
    {"call", "a.b=@", 0, NULL, NULL, NULL, NULL, "path"},
    {"call", "a.b=@x", 0, NULL, NULL, NULL, NULL, "path"},
    {"call", "a.b=@/x*", 0, NULL, NULL, NULL, NULL, "path"},
    {"call", "a.b=@/x/", 0, NULL, NULL, NULL, NULL, "path"},
    {"call", "a.b=c.*.d", 0, NULL, NULL, NULL, NULL, "interface"},
    {"call", "a.b=c.d.M=x", 0, NULL, NULL, NULL, NULL, "member"},
    {"talk", "org.freedesktop.DBus", 0, NULL, NULL, NULL, NULL, "bus itself"},
    {"sing", "a.b", 0, NULL, NULL, NULL, NULL, "sing"},
    {"", "a.b", 0, NULL, NULL, NULL, NULL, "kind"},
};

START_TEST(as_text)
{
    struct postern_error error = {.text = ""};
    struct postern_rule rule;
    struct postern_buf buf = {0};
    char expected[128];
    int r = postern_ruletext_parse(texts[_i].word, texts[_i].text, &rule, &error);

    if (texts[_i].flags == 0) {
        ck_assert_int_eq(r, -EINVAL);
        ck_assert_msg(strstr(error.text, texts[_i].printed) != NULL, "\"%s\" is not in: %s", texts[_i].printed, error.text);
        return;
    }
    ck_assert_msg(r == 0, "%s", error.text);
    ck_assert_uint_eq(rule.flags, texts[_i].flags);
    ck_assert_str_eq(rule.name, texts[_i].name);
    ck_assert_str_eq(rule.path, texts[_i].path);
    ck_assert_str_eq(rule.interface, texts[_i].interface);
    ck_assert_str_eq(rule.member, texts[_i].member);
    ck_assert_int_eq(postern_ruletext_print(&rule, &buf), 0);
    ck_assert_int_eq(postern_buf_append(&buf, "", 1), 0);
    snprintf(expected, sizeof(expected), "%s=%s", texts[_i].word, texts[_i].text);
    ck_assert_str_eq((const char *)buf.data, texts[_i].printed != NULL ? texts[_i].printed : expected);
    postern_buf_finish(&buf);
    postern_rule_finish(&rule);
}
END_TEST

START_TEST(too_long_or_not_to_be_said)
{
    static char text[8192];
    struct postern_rule rule;
    struct postern_buf buf = {0};

    memset(text, 'a', sizeof(text) - 1);
    ck_assert_int_eq(postern_ruletext_parse("see", text, &rule, NULL), -EINVAL);
    ck_assert_int_eq(postern_rule_init(&rule, CALL | SEND | RECEIVE, "a.b", "/", "", NULL), 0);
    ck_assert_int_eq(postern_ruletext_print(&rule, &buf), -EOPNOTSUPP);
    ck_assert_uint_eq(buf.len, 0);
    postern_rule_finish(&rule);
    ck_assert_int_eq(postern_rule_init(&rule, SEE | PATHS, "", "/", "", NULL), 0);
    ck_assert_int_eq(postern_ruletext_print(&rule, &buf), -EOPNOTSUPP);
    postern_rule_finish(&rule);
    postern_buf_finish(&buf);
}
END_TEST

Suite *core_rule_suite(void)
{
    Suite *suite = suite_create("core: a rule");
    TCase *tcase = tcase_create("rule");

    tcase_add_loop_test(tcase, checked, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, members_are_cut_off);
    tcase_add_loop_test(tcase, as_text, 0, sizeof(texts) / sizeof(texts[0]));
    tcase_add_test(tcase, too_long_or_not_to_be_said);
    suite_add_tcase(suite, tcase);
    return suite;
}
