/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "tests/unit/wire-make.h"
#include "wire/signature.h"

/* First: length of the first complete type, 0 for a signature that is not valid. Nothing is a valid signature, too. */
static const struct {
    const char *s;
    size_t first;
} rows[] = {
    {"y", 1},          {"bnqiuxtdsogh", 1}, {"v", 1},          {"vv", 1},        {"ai", 2},        {"aai", 3},
    {"a", 0},          {"aa", 0},           {"ia", 0},         {"(i)", 3},       {"(ii)s", 4},     {"()", 0},
    {"(", 0},          {")", 0},            {"(i", 0},         {"i)", 0},        {"((i)", 0},      {"a(i(s)v)i", 8},
    {"a{sv}", 5},      {"a{sv}i", 5},       {"{sv}", 0},       {"({sv})", 0},    {"a{vs}", 0},     {"a{(i)s}", 0},
    {"a{ais}", 0},     {"a{s}", 0},         {"a{}", 0},        {"a{sss}", 0},    {"a{sv", 0},      {"a{s", 0},
    {"a{", 0},         {"a{sa{sv}}", 9},    {"a{oa{sa{sv}}}", 13}, {"a{s(ii)}", 8}, {"r", 0},      {"e", 0},
    {"z", 0},          {"m", 0},            {"a(i}", 0},       {"a{si)", 0},     {" i", 0},        {"aa{sv}", 6},
    {"(a)", 0},        {"(a{sv})", 7},      {"a{yy}", 5},      {"a{hh}", 5},     {"a{gd}", 5},     {"i(", 0},
};

START_TEST(signatures)
{
    ck_assert(postern_signature_is_valid("", 0));
    ck_assert(!postern_signature_is_single("", 0));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *s = rows[i].s;
        size_t len = strlen(s);

        ck_assert_msg(postern_signature_is_valid(s, len) == (rows[i].first > 0), "%s", s);
        ck_assert_msg(postern_signature_is_single(s, len) == (rows[i].first == len), "%s", s);
        if (rows[i].first > 0)
            ck_assert_msg(postern_signature_next(s) == rows[i].first, "%s", s);
    }
    ck_assert(!postern_signature_is_valid("i\0i", 3));
}
END_TEST

START_TEST(signature_limits)
{
    char text[600];

    ck_assert(postern_signature_is_valid(repeat('y', 255), 255));
    ck_assert(!postern_signature_is_valid(repeat('y', 256), 256));
    ck_assert(postern_signature_parse(repeat('y', 255), 255, NULL));
    ck_assert(!postern_signature_parse(repeat('y', 256), 256, NULL));
    snprintf(text, sizeof(text), "(y)%s", repeat('y', 252));
    ck_assert(postern_signature_is_valid(text, 255));
    snprintf(text, sizeof(text), "%s(y)", repeat('y', 253));
    ck_assert(!postern_signature_is_valid(text, 256));
    snprintf(text, sizeof(text), "%si", repeat('a', 32));
    ck_assert(postern_signature_is_single(text, strlen(text)));
    snprintf(text, sizeof(text), "%si", repeat('a', 33));
    ck_assert(!postern_signature_is_valid(text, strlen(text)));
    snprintf(text, sizeof(text), "%si%s", repeat('(', 32), repeat(')', 32));
    ck_assert(postern_signature_is_single(text, strlen(text)));
    snprintf(text, sizeof(text), "%si%s", repeat('(', 33), repeat(')', 33));
    ck_assert(!postern_signature_is_valid(text, strlen(text)));
    snprintf(text, sizeof(text), "%s%si%s", repeat('(', 32), repeat('a', 32), repeat(')', 32));
    ck_assert(postern_signature_is_single(text, strlen(text)));
    /* Arrays count wherever they are on the way down, not only next to each other. */
    snprintf(text, sizeof(text), "%s(%si)", repeat('a', 20), repeat('a', 13));
    ck_assert(!postern_signature_is_valid(text, strlen(text)));
    /* Beside each other they do not add up. */
    snprintf(text, sizeof(text), "%si%si", repeat('a', 32), repeat('a', 32));
    ck_assert(postern_signature_is_valid(text, strlen(text)));
}
END_TEST

START_TEST(signature_table)
{
    const char *s = "a{s(iav)}as";
    uint8_t next[16];

    memset(next, 0, sizeof(next));
    ck_assert(postern_signature_parse(s, strlen(s), next));
    ck_assert_mem_eq(next, "\x09\x09\x03\x08\x05\x07\x07\x00\x00\x0b\x0b", 11);
}
END_TEST

/* Whatever is valid is so with and without a table, and the short way to simple types agrees with it. */
START_TEST(short_ways)
{
    static const char codes[] = "ysva(){}z";
    const size_t n_codes = sizeof(codes) - 1;
    char s[5];
    uint8_t next[5];

    for (size_t i = 0; i < n_codes * n_codes * n_codes * n_codes * n_codes; i++) {
        for (size_t k = 0, rest = i; k < sizeof(s); k++, rest /= n_codes)
            s[k] = codes[rest % n_codes];
        for (size_t len = 1; len <= sizeof(s); len++) {
            bool valid = postern_signature_parse(s, len, next);
            size_t simple = postern_signature_simple(s, len);

            if (postern_signature_is_valid(s, len) != valid || postern_signature_is_single(s, len) != (valid && next[0] == len) || simple > len ||
                (simple > 0 && valid && next[0] != simple))
                ck_abort_msg("%.*s", (int)len, s);
        }
    }
}
END_TEST

START_TEST(types)
{
    static const char codes[] = "ybnqiuxtdsogha({v?";
    static const uint8_t alignments[] = {1, 4, 2, 2, 4, 4, 8, 8, 8, 4, 4, 1, 4, 4, 8, 8, 1, 0};
    static const uint8_t sizes[] = {1, 4, 2, 2, 4, 4, 8, 8, 8, 0, 0, 0, 4, 0, 0, 0, 0, 0};

    for (size_t i = 0; codes[i] != '\0'; i++) {
        ck_assert_uint_eq(postern_type_alignment(codes[i]), alignments[i]);
        ck_assert_uint_eq(postern_type_fixed_size(codes[i]), sizes[i]);
    }
}
END_TEST

Suite *wire_signature_suite(void)
{
    Suite *suite = suite_create("signature");
    TCase *tcase = tcase_create("signature");

    tcase_add_test(tcase, signatures);
    tcase_add_test(tcase, signature_limits);
    tcase_add_test(tcase, signature_table);
    tcase_add_test(tcase, short_ways);
    tcase_add_test(tcase, types);
    suite_add_tcase(suite, tcase);
    return suite;
}
