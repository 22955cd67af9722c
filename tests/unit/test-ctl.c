/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* posternctl without a bus: what a terminal and a JSON reader get to see, what is an instance, which verdicts a filter lets through. */
#include "tests/unit/suite.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/filter.h"
#include "tools/ctl/output.h"
#include "tools/ctl/value.h"
#include "tools/ctl/words.h"

/* The text so far, freed with the next call. */
static const char *text_of(struct postern_output *out)
{
    static struct postern_value *kept;

    ck_assert(!out->failed);
    postern_value_free(kept);
    kept = postern_output_take(out);
    ck_assert_ptr_nonnull(kept);
    return kept->text;
}

/* ---- text of others */

static const struct {
    const char *text, *shown, *json; /* json NULL: as shown */
} texts[] = {
    {"", "", NULL},
    {"plain text", "plain text", NULL},
    {"gr\xc3\xb6\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xb6\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\x98\x80", NULL},
    {"\x1b[31m", "\\x1b[31m", "\\u001b[31m"},
    {"\n\r\t\x7f", "\\n\\x0d\\t\\x7f", "\\u000a\\u000d\\u0009\\u007f"},
    {"\xc2\x9b" "31m", "\\u009b31m", NULL},
    {"\xc2\xa0", "\xc2\xa0", NULL},
    {"\xe2\x80\xaetxt.exe", "\\u202etxt.exe", NULL},
    {"a\xe2\x80\x8b" "b\xef\xbb\xbf", "a\\u200bb\\ufeff", NULL},
    {"\xf3\xa0\x81\x81", "\\U000e0041", "\\udb40\\udc41"},
    {"\\n", "\\\\n", NULL},
    {"\"", "\"", "\\\""},
    {"\x9b" "31m", "\\x9b31m", "\\ufffd31m"},
    {"\xc3", "\\xc3", "\\ufffd"},
    {"\xe2\x80", "\\xe2\\x80", "\\ufffd\\ufffd"},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd"},
    {"\xc0\x9b", "\\xc0\\x9b", "\\ufffd\\ufffd"},
};

START_TEST(texts_are_harmless)
{
    struct postern_value *value = postern_value_string(texts[_i].text);
    struct postern_output out = {0};
    const char *json = texts[_i].json != NULL ? texts[_i].json : texts[_i].shown;
    char quoted[100];

    postern_output_text(&out, texts[_i].text);
    ck_assert_str_eq(text_of(&out), texts[_i].shown);
    postern_output_json(&out, value, POSTERN_JSON_SHORT);
    snprintf(quoted, sizeof quoted, "\"%s\"\n", json);
    ck_assert_str_eq(text_of(&out), quoted);
    postern_value_free(value);
}
END_TEST

/* ---- values */

static struct postern_value *real(double number)
{
    struct postern_value *value = postern_value_new(POSTERN_VALUE_DOUBLE);

    ck_assert_ptr_nonnull(value);
    value->real = number;
    return value;
}

static struct postern_value *make_tree(void)
{
    struct postern_value *tree = postern_value_new(POSTERN_VALUE_OBJECT), *list = postern_value_new(POSTERN_VALUE_ARRAY);
    struct postern_value *least = postern_value_new(POSTERN_VALUE_SIGNED);

    least->integer = INT64_MIN;
    postern_value_add(list, postern_value_unsigned(UINT64_MAX));
    postern_value_add(list, least);
    postern_value_add(list, real(0.5));
    postern_value_add(list, real(INFINITY));
    postern_value_add(list, real(NAN));
    postern_value_set(tree, "list", list);
    postern_value_set(tree, "a\"\x1b", postern_value_string("b"));
    postern_value_set(tree, "none", postern_value_new(POSTERN_VALUE_NULL));
    postern_value_set(tree, "yes", postern_value_bool(true));
    postern_value_set(tree, "empty", postern_value_new(POSTERN_VALUE_OBJECT));
    return tree;
}

START_TEST(json_has_two_forms)
{
    struct postern_value *tree = make_tree();
    struct postern_output out = {0};

    postern_output_json(&out, tree, POSTERN_JSON_SHORT);
    ck_assert_str_eq(text_of(&out), "{\"list\":[18446744073709551615,-9223372036854775808,0.5,null,null],\"a\\\"\\u001b\":\"b\","
                                    "\"none\":null,\"yes\":true,\"empty\":{}}\n");
    postern_value_unset(tree, "list");
    postern_value_unset(tree, "absent");
    postern_value_unset(tree, "none");
    postern_output_json(&out, tree, POSTERN_JSON_PRETTY);
    ck_assert_str_eq(text_of(&out), "{\n  \"a\\\"\\u001b\": \"b\",\n  \"yes\": true,\n  \"empty\": {}\n}\n");
    postern_value_free(tree);
}
END_TEST

START_TEST(what_is_missing_is_remembered)
{
    struct postern_value *tree = make_tree(), *list = postern_value_new(POSTERN_VALUE_ARRAY);
    struct postern_output out = {0};

    ck_assert(!tree->failed);
    postern_value_add(list, NULL);
    ck_assert(list->failed);
    postern_value_set(tree, "more", list);
    ck_assert(tree->failed);
    postern_output_json(&out, tree, POSTERN_JSON_SHORT);
    ck_assert(out.failed);
    ck_assert_uint_eq(out.buf.len, 0);
    postern_output_finish(&out);
    postern_output_table(&out, tree, (const struct postern_column[]){{"A", "a"}}, 1, true);
    ck_assert(out.failed);
    postern_output_finish(&out);
    postern_output_json(&out, NULL, POSTERN_JSON_SHORT);
    ck_assert(out.failed);
    postern_output_finish(&out);
    postern_value_free(tree);
    postern_value_add(NULL, postern_value_string("freed, not lost"));
}
END_TEST

START_TEST(lookups_know_kinds)
{
    struct postern_value *tree = make_tree();

    ck_assert_ptr_null(postern_value_text(tree, "list"));
    ck_assert_ptr_null(postern_value_text(tree, "absent"));
    ck_assert_str_eq(postern_value_text(tree, "a\"\x1b"), "b");
    ck_assert_uint_eq(postern_value_number(tree, "yes"), 0);
    ck_assert(postern_value_is_true(tree, "yes") && !postern_value_is_true(tree, "list"));
    ck_assert_ptr_null(postern_value_get(postern_value_get(tree, "list"), "x"));
    ck_assert_ptr_null(postern_value_get(NULL, "x"));
    postern_value_free(tree);
    postern_value_free(NULL);
}
END_TEST

START_TEST(tables_line_up)
{
    static const struct postern_column columns[] = {{"ONE", "a"}, {"TWO", "b"}};
    struct postern_value *rows = postern_value_new(POSTERN_VALUE_ARRAY);
    struct postern_output out = {0};

    for (int i = 0; i < 3; i++) {
        struct postern_value *row = postern_value_new(POSTERN_VALUE_OBJECT);

        postern_value_set(row, "a", postern_value_string(i == 0 ? "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6" : i == 1 ? "" : "x\n"));
        if (i > 0)
            postern_value_set(row, "b", postern_value_unsigned(7));
        postern_value_add(rows, row);
    }
    postern_output_table(&out, rows, columns, 2, true);
    ck_assert_str_eq(text_of(&out), "ONE   TWO\n\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6  -\n\"\"    7\nx\\n   7\n");
    postern_output_table(&out, rows, columns, 1, false);
    ck_assert_str_eq(text_of(&out), "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\n\"\"\nx\\n\n");
    postern_value_free(rows);
}
END_TEST

/* ---- words */

static const struct {
    const char *text, *path; /* NULL: it is none */
} instances[] = {
    {"c7", CTL_INSTANCES "c7"}, {"7", CTL_INSTANCES "c7"}, {CTL_INSTANCES "c7", CTL_INSTANCES "c7"}, {"/a/b", "/a/b"}, {"/", "/"},
    {"18446744073709551615", CTL_INSTANCES "c18446744073709551615"}, {"123456789012345678901", NULL},
    {"", NULL}, {"c", NULL}, {"cc7", NULL}, {"c-7", NULL}, {"7c", NULL}, {" 7", NULL}, {"C7", NULL}, {"/a/", NULL}, {"//", NULL}, {"/a b", NULL},
    {"c7/x", NULL},
};

START_TEST(instances_have_short_names)
{
    struct postern_error error = {.text = ""};
    char *path = postern_ctl_instance_path(instances[_i].text, &error);

    if (instances[_i].path == NULL) {
        ck_assert_ptr_null(path);
        ck_assert_ptr_nonnull(strstr(error.text, "is no instance"));
    } else {
        ck_assert_ptr_nonnull(path);
        ck_assert_str_eq(path, instances[_i].path);
    }
    free(path);
}
END_TEST

START_TEST(short_names_of_paths)
{
    ck_assert_str_eq(postern_ctl_instance_short(CTL_INSTANCES "c7"), "c7");
    ck_assert_str_eq(postern_ctl_instance_short(CTL_INSTANCES), CTL_INSTANCES);
    ck_assert_str_eq(postern_ctl_instance_short("/else"), "/else");
}
END_TEST

START_TEST(numbers_are_digits)
{
    static const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1.5", "18446744073709551616", "99999999999999999999"};
    uint64_t number = 42;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert(!postern_ctl_number(wrong[i], UINT64_MAX, &number));
    ck_assert(!postern_ctl_number("11", 10, &number) && number == 42);
    ck_assert(postern_ctl_number("10", 10, &number) && number == 10);
    ck_assert(postern_ctl_number("18446744073709551615", UINT64_MAX, &number) && number == UINT64_MAX);
    ck_assert(postern_ctl_number("007", 10, &number) && number == 7);
}
END_TEST

/* ---- filters */

/* Two verdicts: S, a message of c3 to an outside service, and O, a name for c4. */
static struct postern_value *make_verdict(char which)
{
    static const char *const keys[][3] = {
        {"verdict", "denied", "complained"}, {"door", "container", "container"}, {"action", "send", "own"}, {"from", ":1.5", ":1.6"},
        {"to", ":1.2", NULL}, {"destination", "c.d", NULL}, {"name", NULL, "c.d"}, {"from_instance", CTL_INSTANCES "c3", CTL_INSTANCES "c4"},
        {"from_type", "com.example.Sandbox", "t.t"}, {"from_name", "app", "a\x1b[31m"}, {"interface", "e.f", NULL}, {"member", "G", NULL},
        {"path", "/p", NULL}, {"to_name", NULL, "other"}, {"why", "no rule", NULL}, {"rule", "none", "none"}, {"needs", "call=c.d", NULL},
    };
    struct postern_value *verdict = postern_value_new(POSTERN_VALUE_OBJECT);

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i][which == 'S' ? 1 : 2] != NULL)
            postern_value_set(verdict, keys[i][0], postern_value_string(keys[i][which == 'S' ? 1 : 2]));
    }
    return verdict;
}

static const struct {
    struct postern_ctl_arg args[3];
    const char *seen;
} filters[] = {
    {{{0}}, "SO"},
    {{{CTL_FILTER_INSTANCE, "c3"}}, "S"},
    {{{CTL_FILTER_INSTANCE, "4"}}, "O"},
    {{{CTL_FILTER_INSTANCE, CTL_INSTANCES "c3"}}, "S"},
    {{{CTL_FILTER_INSTANCE, "c*"}}, "SO"},
    {{{CTL_FILTER_INSTANCE, "c33"}}, ""},
    {{{CTL_FILTER_INSTANCE, "3"}, {CTL_FILTER_INSTANCE, "4"}}, "SO"},
    {{{CTL_FILTER_TYPE, "com.*"}}, "S"},
    {{{CTL_FILTER_TYPE, "t.t"}}, "O"},
    {{{CTL_FILTER_TYPE, "t"}}, ""},
    {{{CTL_FILTER_NAME, "app"}}, "S"},
    {{{CTL_FILTER_NAME, "a*"}}, "SO"},
    {{{CTL_FILTER_NAME, "other"}}, "O"},
    {{{CTL_FILTER_NAME, "APP"}}, ""},
    {{{CTL_FILTER_DOOR, "container"}}, "SO"},
    {{{CTL_FILTER_DOOR, "xml"}}, ""},
    {{{CTL_FILTER_VERDICT, "complained"}}, "O"},
    {{{CTL_FILTER_ACTION, "send"}}, "S"},
    {{{CTL_FILTER_SENDER, ":1.6"}}, "O"},
    {{{CTL_FILTER_DESTINATION, "c.d"}}, "SO"},
    {{{CTL_FILTER_DESTINATION, ":1.2"}}, "S"},
    {{{CTL_FILTER_INTERFACE, "e.*"}}, "S"},
    {{{CTL_FILTER_MEMBER, "[A-G]"}}, "S"},
    {{{CTL_FILTER_MEMBER, "*"}}, "S"},
    {{{CTL_FILTER_MEMBER, "G"}, {CTL_FILTER_INSTANCE, "c4"}}, ""},
    {{{CTL_FILTER_MEMBER, "G"}, {CTL_FILTER_INSTANCE, "c3"}, {CTL_FILTER_DOOR, "con*"}}, "S"},
    {{{CTL_FILTER_MEMBER, "G"}, {CTL_FILTER_MEMBER, "H"}, {CTL_FILTER_ACTION, "own"}}, ""},
};

START_TEST(filters_let_through)
{
    for (const char *which = "SO"; *which != '\0'; which++) {
        struct postern_value *verdict = make_verdict(*which);

        ck_assert_msg(postern_ctl_filter_matches(filters[_i].args, 3, verdict) == (strchr(filters[_i].seen, *which) != NULL), "verdict %c", *which);
        postern_value_free(verdict);
    }
}
END_TEST

START_TEST(a_verdict_is_one_line)
{
    struct postern_value *sent = make_verdict('S'), *owned = make_verdict('O'), *nothing = postern_value_new(POSTERN_VALUE_OBJECT);
    struct postern_output out = {0};

    postern_ctl_filter_print(&out, sent);
    ck_assert_str_eq(text_of(&out), "DENIED container send :1.5 [com.example.Sandbox/app c3] -> :1.2 (c.d) e.f.G /p: no rule [none]; "
                                    "needs call=c.d\n");
    postern_ctl_filter_print(&out, owned);
    ck_assert_str_eq(text_of(&out), "COMPLAINED container own :1.6 [t.t/a\\x1b[31m c4] c.d [none]\n");
    postern_ctl_filter_print(&out, nothing);
    ck_assert_str_eq(text_of(&out), "? ?\n");
    postern_value_free(sent);
    postern_value_free(owned);
    postern_value_free(nothing);
}
END_TEST

static Suite *ctl_suite(void)
{
    Suite *suite = suite_create("posternctl");
    TCase *tcase = tcase_create("posternctl");

    tcase_add_loop_test(tcase, texts_are_harmless, 0, sizeof texts / sizeof *texts);
    tcase_add_test(tcase, json_has_two_forms);
    tcase_add_test(tcase, what_is_missing_is_remembered);
    tcase_add_test(tcase, lookups_know_kinds);
    tcase_add_test(tcase, tables_line_up);
    tcase_add_loop_test(tcase, instances_have_short_names, 0, sizeof instances / sizeof *instances);
    tcase_add_test(tcase, short_names_of_paths);
    tcase_add_test(tcase, numbers_are_digits);
    tcase_add_loop_test(tcase, filters_let_through, 0, sizeof filters / sizeof *filters);
    tcase_add_test(tcase, a_verdict_is_one_line);
    suite_add_tcase(suite, tcase);
    return suite;
}

SUITE_MAIN(ctl_suite)
