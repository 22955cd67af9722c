/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/wire-make.h"
#include "wire/name.h"

/* What a string may be, in this order: unique, well-known, interface, member, namespace, path. */
struct row {
    const char *s;
    const char *is; /* of "uwimnp" */
};

static const struct row rows[] = {
    {"", ""},
    {":1.42", "u"},
    {":1", ""}, /* a bus name has at least one period */
    {":", ""},
    {":.1", ""},
    {":1.", ""},
    {":1..2", ""},
    {":a-b.4-c", "u"},
    {":1.4\xc3\xa9", ""},
    {"a.b", "win"},
    {"a", "mn"},
    {"_9", "mn"},
    {"9a", ""},
    {"a.9b", ""},
    {"a.b9", "win"},
    {"a-b.c", "wn"},
    {"-a.b", "wn"},
    {"a.b-", "wn"},
    {"a-b", "n"},
    {".a", ""},
    {"a.", ""},
    {"a..b", ""},
    {"a.b c", ""},
    {"a.b/c", ""},
    {"org.freedesktop.DBus", "win"},
    {"/", "p"},
    {"/a", "p"},
    {"/a/b_9/0", "p"},
    {"/a/", ""},
    {"//", ""},
    {"/a//b", ""},
    {"a/b", ""},
    {"/a-b", ""},
    {"/a.b", ""},
};

static void check_row(const char *s, const char *is)
{
    char got[8], *g = got;
    size_t len = strlen(s);

    if (postern_name_is_unique(s, len))
        *g++ = 'u';
    if (postern_name_is_well_known(s, len))
        *g++ = 'w';
    if (postern_name_is_interface(s, len))
        *g++ = 'i';
    if (postern_name_is_member(s, len))
        *g++ = 'm';
    if (postern_name_is_namespace(s, len))
        *g++ = 'n';
    if (postern_path_is_valid(s, len))
        *g++ = 'p';
    *g = '\0';
    ck_assert_msg(strcmp(got, is) == 0, "\"%s\" is \"%s\", not \"%s\"", s, got, is);
    ck_assert_int_eq(postern_name_is_error(s, len), strchr(is, 'i') != NULL);
    ck_assert_int_eq(postern_name_is_bus(s, len), strchr(is, 'u') != NULL || strchr(is, 'w') != NULL);
}

START_TEST(names_and_paths)
{
    char text[300];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_row(rows[i].s, rows[i].is);
    /* The longest ones, and one byte more. */
    snprintf(text, sizeof(text), "a.%s", repeat('b', 253));
    check_row(text, "win");
    snprintf(text, sizeof(text), "a.%s", repeat('b', 254));
    check_row(text, "");
    snprintf(text, sizeof(text), ":1.%s", repeat('4', 252));
    check_row(text, "u");
    snprintf(text, sizeof(text), ":1.%s", repeat('4', 253));
    check_row(text, "");
    check_row(repeat('m', 255), "mn");
    check_row(repeat('m', 256), "");
    snprintf(text, sizeof(text), "/%s", repeat('p', 290));
    check_row(text, "p");
}
END_TEST

/* A NUL belongs to no name. */
START_TEST(names_end_where_told)
{
    ck_assert(postern_name_is_well_known("a.b/c", 3));
    ck_assert(!postern_name_is_well_known("a.b\0c", 5));
    ck_assert(!postern_path_is_valid("/a\0", 3));
    ck_assert(!postern_name_is_member("a\0", 2));
}
END_TEST

/* The answer of `is` to s[0..len), which stands in memory of just the right size. */
static bool ask(bool (*is)(const char *s, size_t len), const char *s, size_t len)
{
    char *copy = malloc(len + 1); /* one before, so that it has no alignment and may be empty */
    bool answer;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy + 1, s, len);
    answer = is(copy + 1, len);
    free(copy);
    return answer;
}

/* "x" at every place of names of every length: what else may stand there, and what not. */
START_TEST(every_place_of_a_name)
{
    static const char never[] = {'\0', '/', ':', '@', '[', '`', '{', ' ', '\x7f', '\x80', '\xff'};
    char text[40];

    for (size_t len = 3; len < sizeof(text); len++) {
        memset(text, 'x', len);
        text[1] = '.';
        for (size_t i = 0; i < len; i++) {
            char was = text[i];
            bool apart = i > 2 && i + 1 < len; /* from the other period, and from the ends */

            for (size_t j = 0; j < sizeof(never); j++) {
                text[i] = never[j];
                ck_assert(!ask(postern_name_is_interface, text, len) && !ask(postern_name_is_well_known, text, len));
            }
            text[i] = '.';
            ck_assert_int_eq(ask(postern_name_is_interface, text, len), i == 1 || apart);
            ck_assert_int_eq(ask(postern_name_is_well_known, text, len), i == 1 || apart);
            text[i] = '-';
            ck_assert(!ask(postern_name_is_interface, text, len));
            ck_assert_int_eq(ask(postern_name_is_well_known, text, len), i != 1);
            text[i] = '7';
            ck_assert_int_eq(ask(postern_name_is_interface, text, len), i > 2);
            ck_assert_int_eq(ask(postern_name_is_well_known, text, len), i > 2);
            text[i] = was;
        }
    }
}
END_TEST

START_TEST(every_place_of_a_member_or_path)
{
    static const char never[] = {'\0', '.', '-', ':', '@', '[', '`', '{', '\x7f', '\xff'};
    char text[40];

    for (size_t len = 1; len < sizeof(text); len++) {
        memset(text, 'x', len);
        for (size_t i = 0; i < len; i++) {
            text[i] = '7';
            ck_assert_int_eq(ask(postern_name_is_member, text, len), i > 0);
            for (size_t j = 0; j < sizeof(never); j++) {
                text[i] = never[j];
                ck_assert(!ask(postern_name_is_member, text, len));
            }
            text[i] = 'x';
        }
        text[0] = '/';
        for (size_t i = 1; i < len; i++) {
            text[i] = '/';
            ck_assert_int_eq(ask(postern_path_is_valid, text, len), i > 1 && i + 1 < len);
            for (size_t j = 0; j < sizeof(never); j++) {
                text[i] = never[j];
                ck_assert(!ask(postern_path_is_valid, text, len));
            }
            text[i] = '7';
            ck_assert(ask(postern_path_is_valid, text, len));
        }
    }
}
END_TEST

static const struct {
    const char *s;
    size_t len;
    bool valid;
} texts[] = {
    {"", 0, true},
    {"plain", 5, true},
    {"eight by", 8, true},
    {"eight by\x7f\x01", 10, true},
    {"a\0b", 3, false},
    {"sixteen bytes \0 !", 17, false},
    {"\xc3\xa9", 2, true},
    {"1234567\xc3\xa9", 9, true},
    {"\xc3", 1, false},
    {"\xc3(", 2, false},
    {"\x80", 1, false},
    {"\xc0\x80", 2, false}, /* overlong */
    {"\xc1\xbf", 2, false},
    {"\xe0\x9f\xbf", 3, false}, /* overlong */
    {"\xe0\xa0\x80", 3, true},
    {"\xed\x9f\xbf", 3, true},
    {"\xed\xa0\x80", 3, false}, /* surrogate */
    {"\xee\x80\x80", 3, true},
    {"\xef\xbf\xbf", 3, true}, /* U+FFFF, a noncharacter */
    {"\xef\xbf\xbe", 3, true},
    {"\xf0\x8f\xbf\xbf", 4, false}, /* overlong */
    {"\xf0\x90\x80\x80", 4, true},
    {"\xf4\x8f\xbf\xbf", 4, true},
    {"\xf4\x90\x80\x80", 4, false}, /* above U+10FFFF */
    {"\xf5\x80\x80\x80", 4, false},
    {"\xf8\x88\x80\x80\x80", 5, false},
    {"\xe2\x82", 2, false},
    {"\xe2\x82z", 3, false},
    {"\xf0\x9f\x98", 3, false},
};

START_TEST(utf8)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(postern_utf8_is_valid(texts[i].s, texts[i].len) == texts[i].valid, "row %zu", i);
}
END_TEST

/* A NUL, a byte of no character, and characters of two to four bytes at every place of texts of every length up to some words. */
START_TEST(every_place_of_a_text)
{
    static const char *const characters[] = {"\x01", "\x7f", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    char text[80];

    ck_assert(ask(postern_utf8_is_valid, "", 0));
    for (size_t len = 1; len < sizeof(text); len++) {
        for (size_t i = 0; i < len; i++) {
            memset(text, 'x', len);
            text[i] = '\0';
            ck_assert(!ask(postern_utf8_is_valid, text, len));
            text[i] = '\xff';
            ck_assert(!ask(postern_utf8_is_valid, text, len));
            text[i] = '\x80';
            ck_assert(!ask(postern_utf8_is_valid, text, len));
            for (size_t j = 0; j < sizeof(characters) / sizeof(characters[0]); j++) {
                size_t n = strlen(characters[j]), fits = len - i < n ? len - i : n;

                memset(text, 'x', len);
                memcpy(text + i, characters[j], fits);
                ck_assert_int_eq(ask(postern_utf8_is_valid, text, len), fits == n);
            }
        }
    }
}
END_TEST

static const struct {
    const char *name, *root;
    bool path, inside;
} subtrees[] = {
    {"a.b", "a.b", false, true},  {"a.b.c", "a.b", false, true}, {"a.bc", "a.b", false, false}, {"a", "a.b", false, false},
    {"b.a.b", "a.b", false, false}, {"/a", "/a", true, true},      {"/a/b", "/a", true, true},    {"/ab", "/a", true, false},
    {"/", "/a", true, false},     {"/", "/", true, true},        {"/a/b", "/", true, true},     {"/b/a", "/a", true, false},
};

START_TEST(subtree)
{
    for (size_t i = 0; i < sizeof(subtrees) / sizeof(subtrees[0]); i++) {
        const char *name = subtrees[i].name, *root = subtrees[i].root;
        bool inside = subtrees[i].path ? postern_path_in_subtree(name, strlen(name), root, strlen(root))
                                       : postern_name_in_subtree(name, strlen(name), root, strlen(root));

        ck_assert_msg(inside == subtrees[i].inside, "%s in %s", name, root);
    }
}
END_TEST

Suite *wire_name_suite(void)
{
    Suite *suite = suite_create("name");
    TCase *tcase = tcase_create("name");

    tcase_add_test(tcase, names_and_paths);
    tcase_add_test(tcase, names_end_where_told);
    tcase_add_test(tcase, every_place_of_a_name);
    tcase_add_test(tcase, every_place_of_a_member_or_path);
    tcase_add_test(tcase, utf8);
    tcase_add_test(tcase, every_place_of_a_text);
    tcase_add_test(tcase, subtree);
    suite_add_tcase(suite, tcase);
    return suite;
}
