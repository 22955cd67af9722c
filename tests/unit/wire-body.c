/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/wire-make.h"
#include "wire/body.h"

static const struct {
    const char *signature, *body;
    bool valid;
} rows[] = {
    {"", "", true},
    {"", ".", false},
    {"y", "yff", true},
    {"y", "", false},
    {"y", "yff .", false},
    {"yy", "y01 y02", true},
    /* booleans */
    {"b", "u0", true},
    {"b", "u1", true},
    {"b", "u2", false},
    {"b", "u16777216", false},
    {"b", "q1", false},
    /* padding */
    {"yu", "y01 |4 u5", true},
    {"yu", "y01 y01 z2 u5", false},
    {"yu", "y01 z2 y01 u5", false},
    {"yu", "y01 u5", false},
    {"yq", "y01 . q1", true},
    {"yq", "y01 y01 q1", false},
    {"yt", "y01 z7 t1", true},
    {"ut", "u1 u1 t1", false},
    {"ux", "u1 z4 t1", true},
    {"ud", "u1 z4 t1", true},
    {"yi", "y01 z2", false},
    /* strings */
    {"s", "u0 .", true},
    {"s", "u2 'hi' .", true},
    {"s", "u2 'hi'", false},
    {"s", "u2 'hi' y01", false},
    {"s", "u1 'hi' .", false},
    {"s", "u3 'hi' .", false},
    {"s", "u3 'hi' z2", false}, /* a NUL inside */
    {"s", "u4294967295 'hi' .", false},
    {"s", "u2 yc3 ya9 .", true},
    {"s", "u2 yc3 'a' .", false},
    {"s", "u3 yed ya0 y80 .", false},
    {"s", "u3 yef ybf ybf .", true},
    {"ss", "u1 'a' . z2 u1 'b' .", true},
    {"ss", "u1 'a' . y01 . u1 'b' .", false},
    {"s", "q0 .", false},
    /* paths */
    {"o", "u1 '/' .", true},
    {"o", "u4 '/a/b' .", true},
    {"o", "u0 .", false},
    {"o", "u2 '//' .", false},
    {"o", "u3 '/a/' .", false},
    {"o", "u1 'a' .", false},
    {"o", "u3 '/a.' .", false},
    /* signatures */
    {"g", ". .", true},
    {"g", "y05 'a{sv}' .", true},
    {"g", "y02 'ii' .", true},
    {"g", "y01 'a' .", false},
    {"g", "y05 'a{vs}' .", false},
    {"g", "y02 'i' .", false},
    {"g", "y01 'i'", false},
    {"g", "y01 'i' y01", false},
    {"g", "", false},
    /* arrays */
    {"ai", "u0", true},
    {"ai", "u8 u1 u2", true},
    {"ai", "u6 u1 q2", false}, /* not a multiple of the element's size */
    {"ai", "u12 u1 u2", false},
    {"ai", "u4 u1 u2", false},
    {"ay", "u3 'abc'", true},
    {"ab", "u8 u1 u0", true},
    {"ab", "u8 u1 u3", false},
    {"at", "u0 z4", true}, /* padded even when there is no element */
    {"at", "u0", false},
    {"at", "u0 u1", false},
    {"at", "u8 z4 t1", true},
    {"at", "u12 z4 t1 u1", false},
    {"yat", "y01 z3 u8 t1", true},
    {"as", "u7 u2 'hi' .", true},
    {"as", "u6 u2 'hi' .", false}, /* the last element ends behind the array */
    {"as", "u13 u2 'hi' . . u1 'x' .", false},
    {"as", "u14 u2 'hi' . . u1 'x' .", true},
    {"as", "u8 u2 'hi' . .", false}, /* padding with no element behind it */
    {"au", "u67108868", false},
    {"aai", "u8 u4 u1", true},
    {"aai", "u12 u0 u4 u1", true},
    {"aau", "u8 u8 u1 u2", false}, /* the inner array leaves the outer one */
    {"a(y)", "u0 z4", true},
    {"a(y)", "u1 z4 y01", true},
    {"a(y)", "u9 z4 y01 z7 y02", true},
    {"a(y)", "u9 z4 y01 z6 y01 y02", false},
    {"a(y)", "u10 z4 y01 z7 y02", false},
    {"a(ss)", "u6 z4 u1 'a' .", false},
    {"a{yv}", "u5 z4 y01 y01 'y' . y07", true},
    {"a{yv}", "u0 z4", true},
    {"a{yv}", "u1 z4 y01", false},
    /* structs */
    {"(yu)", "y01 z3 u5", true},
    {"y(y)", "y01 z7 y01", true},
    {"y(y)", "y01 y01 z6 y01", false},
    {"y(y)", "y01", false},
    {"((u)(s))", "u1 z4 u0 .", true},
    /* variants */
    {"v", "y01 'u' . . u5", true},
    {"v", "y01 'u' . y01 u5", false},
    {"v", "y01 'y' . y05", true},
    {"v", "y02 'ai' . u4 u1", true},
    {"v", ". .", false},           /* no type */
    {"v", "y02 'yy' . y01 y01", false}, /* two */
    {"v", "y02 'yy' . y01", false},
    {"v", "y01 'a' . u0", false},
    {"v", "y01 'z' . y01", false},
    {"v", "y01 'y' y01 y05", false},
    {"v", "y01 'y' .", false},
    {"v", "y01 'y'", false},
    {"v", "yff 'y' . .", false},
    {"v", "", false},
    {"v", "y03 '(y)' . z3 y01", true},
    {"v", "y04 '{yy}' . z2 y01 y01", false},
    {"v", "y01 'v' . y01 'y' . y05", true},
    /* handles, of which there are two */
    {"h", "u0", true},
    {"h", "u1", true},
    {"h", "u2", false},
    {"ah", "u8 u1 u0", true},
    {"ah", "u8 u1 u2", false},
    {"v", "y01 'h' . . u2", false},
    /* simple types before and behind others */
    {"y(y)y", "y01 z7 y01 y01", true},
    {"yayv(y)", "y01 z3 u1 y05 y01 'y' . y07 z3 y01", true},
    {"yayv(y)", "y01 z3 u1 y05 y01 'y' . y07 z2 y01 y01", false},
    {"(y)ay", "y01 z3 u1 y05", true},
    {"(y)ay", "y01 z3 u2 y05", false},
    {"asa{yv}", "u0 u0", true},
    {"aya{yv}", "u0 u1", false},
    {"a{sv}y", "u0 z4 y01", true},
    {"a{sv}y", "u9 z4 u1 'k' . y01 'y' y01 y01", false},
    {"a{sv}", "u17 z4 u1 'k' . y01 's' . |4 u0 .", true},
    {"a{sv}", "u17 z4 u1 'k' . y01 's' . |4 u0 y01", false},
    {"sa{sv}as", "u1 'i' . z2 u10 z4 u1 'k' . y01 'y' . y07 z2 u5 u0 .", true},
    {"sa{sv}as", "u1 'i' . z2 u10 z4 u1 'k' . y01 'y' . y07 z2 u4 u0 .", false},
    {"sa{sv}as", "u1 'i' . z2 u9 z4 u1 'k' . y01 'y' . y07 z2 u5 u0 .", false},
    {"va{sv}", "y05 'a{sv}' . z1 u0 |8 u0 z4", true},
    {"v", "y06 'a{sv}y' . u0 y01", false},
    {"v", "y04 'a{sv' . z2 u0", false},
    {"a{sv", "u0 z4", false},
    {"a{sy}", "u7 z4 u1 'k' . y07", true},
    {"a{us}", "u9 z4 u7 u0 .", true},
    {"a{us}", "u9 z4 u7 u0 y01", false},
    /* not a signature */
    {"a", "u0", false},
    {"z", ".", false},
    {"ya", "y01 z3 u0", false},
    {"yz", "y01 .", false},
    {"y(", "y01 z7", false},
    {"y(y)z", "y01 z7 y01 .", false},
    {"aya", "u0 u0", false},
};

/* In memory of just the right size, so that a sanitizer sees one byte too many; and at an odd address. */
static int validate(char order, const char *signature, const struct made *made)
{
    uint8_t *copy = malloc(made->len + 1);
    int r;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy + 1, made->data, made->len);
    r = postern_body_validate(order, signature, strlen(signature), copy + 1, made->len, 2);
    free(copy);
    return r;
}

START_TEST(bodies)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (const char *order = "lB"; *order != '\0'; order++) {
            struct made made = {.len = 0};

            make(&made, *order, rows[i].body);
            ck_assert_msg(validate(*order, rows[i].signature, &made) == (rows[i].valid ? 0 : -EBADMSG), "%c %s: %s", *order,
                          rows[i].signature, rows[i].body);
        }
    }
}
END_TEST

/* No valid body stays valid without its last byte, and none is read beyond its end. */
START_TEST(cut_short)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct made made = {.len = 0};

        make(&made, 'l', rows[i].body);
        while (rows[i].valid && made.len > 0) {
            made.len--;
            ck_assert_int_eq(validate('l', rows[i].signature, &made), -EBADMSG);
        }
    }
}
END_TEST

/* n bytes, then a number that stands at a multiple of its size: all that is skipped must be zero. */
START_TEST(padding)
{
    static const struct {
        const char *code, *number;
        size_t size;
    } numbers[] = {{"q", "q7", 2}, {"u", "u7", 4}, {"s", "u0 .", 4}, {"t", "t7", 8}, {"(y)", "y01", 8}};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        for (size_t n = 0; n < 20; n++) {
            struct made made = {.len = 0};
            size_t start = (n + numbers[i].size - 1) / numbers[i].size * numbers[i].size;
            char signature[32], text[16];

            snprintf(signature, sizeof(signature), "%s%s", repeat('y', n), numbers[i].code);
            memset(made.data, 0xff, n);
            made.len = n;
            snprintf(text, sizeof(text), "|%zu %s", numbers[i].size, numbers[i].number);
            make(&made, 'B', text);
            ck_assert_int_eq(validate('B', signature, &made), 0);
            for (size_t at = n; at < start; at++) {
                made.data[at] = 1;
                ck_assert_int_eq(validate('B', signature, &made), -EBADMSG);
                made.data[at] = 0;
            }
        }
    }
}
END_TEST

/* Texts of every length, with a bad byte at every place. */
START_TEST(texts)
{
    for (size_t len = 0; len < 40; len++) {
        for (const char *order = "lB"; *order != '\0'; order++) {
            struct made made = {.len = 0};
            char text[64];

            snprintf(text, sizeof(text), "u%zu z%zu .", len, len);
            make(&made, *order, text);
            memset(made.data + 4, 'x', len);
            ck_assert_int_eq(validate(*order, "s", &made), 0);
            for (size_t i = 4; i < 4 + len; i++) {
                made.data[i] = '\0';
                ck_assert_int_eq(validate(*order, "s", &made), -EBADMSG);
                made.data[i] = 0x80;
                ck_assert_int_eq(validate(*order, "s", &made), -EBADMSG);
                made.data[i] = 'x';
            }
            made.data[4 + len] = 'x';
            ck_assert_int_eq(validate(*order, "s", &made), -EBADMSG);
        }
    }
}
END_TEST

/* A signature may be 255 bytes long, whatever it is of. */
START_TEST(longest_signature)
{
    uint8_t body[256] = {0};

    ck_assert_int_eq(postern_body_validate('l', repeat('y', 255), 255, body, 255, 0), 0);
    ck_assert_int_eq(postern_body_validate('l', repeat('y', 256), 256, body, 256, 0), -EBADMSG);
}
END_TEST

/* n variants in each other, around a byte. */
static void make_variants(struct made *made, int n)
{
    made->len = 0;
    for (int i = 1; i < n; i++)
        make(made, 'l', "y01 'v' .");
    make(made, 'l', "y01 'y' . y05");
}

START_TEST(nesting)
{
    struct made made;
    char text[200];

    make_variants(&made, 64);
    ck_assert_int_eq(validate('l', "v", &made), 0);
    make_variants(&made, 65);
    ck_assert_int_eq(validate('l', "v", &made), -EBADMSG);
    make_variants(&made, 4000);
    ck_assert_int_eq(validate('l', "v", &made), -EBADMSG);

    /* Structs and variants add up. */
    snprintf(text, sizeof(text), "%sv%s", repeat('(', 32), repeat(')', 32));
    make_variants(&made, 32);
    ck_assert_int_eq(validate('l', text, &made), 0);
    make_variants(&made, 33);
    ck_assert_int_eq(validate('l', text, &made), -EBADMSG);
}
END_TEST

/* Half a million empty arrays of a long type in four megabytes: looking for the end of that type each time would show. */
START_TEST(many_empty_arrays)
{
    const uint32_t n = 1u << 19, len = 4 + 8 * n;
    uint8_t *body = calloc(1, 4 + len);
    char text[256];

    ck_assert_ptr_nonnull(body);
    for (int i = 0; i < 4; i++)
        body[i] = (uint8_t)(len >> 8 * i);
    snprintf(text, sizeof(text), "aa(%s)", repeat('y', 251));
    ck_assert_int_eq(postern_body_validate('l', text, strlen(text), body, 4 + len, 0), 0);
    body[4 + len - 1] = 1;
    ck_assert_int_eq(postern_body_validate('l', text, strlen(text), body, 4 + len, 0), -EBADMSG);
    free(body);
}
END_TEST

START_TEST(longest_array)
{
    const uint32_t most = POSTERN_ARRAY_MAX;
    uint8_t *body = calloc(1, most + 8);

    ck_assert_ptr_nonnull(body);
    body[0] = (uint8_t)(most >> 24);
    ck_assert_int_eq(postern_body_validate('B', "ay", 2, body, most + 4, 0), 0);
    body[3] = 1;
    ck_assert_int_eq(postern_body_validate('B', "ay", 2, body, most + 5, 0), -EBADMSG);
    free(body);
}
END_TEST

START_TEST(prefix)
{
    size_t used = 99;
    struct made made = {.len = 0};

    make(&made, 'B', "y01 y01 'u' . u5 'rest'");
    ck_assert_int_eq(postern_body_validate_prefix('B', "(yv)", 4, made.data, made.len, 0, &used), 0);
    ck_assert_uint_eq(used, 8);
    used = 99;
    ck_assert_int_eq(postern_body_validate_prefix('B', "(yv)", 4, made.data, 7, 0, &used), -EBADMSG);
    ck_assert_uint_eq(used, 99);
}
END_TEST

Suite *wire_body_suite(void)
{
    Suite *suite = suite_create("body");
    TCase *tcase = tcase_create("body");

    tcase_add_test(tcase, bodies);
    tcase_add_test(tcase, cut_short);
    tcase_add_test(tcase, padding);
    tcase_add_test(tcase, texts);
    tcase_add_test(tcase, longest_signature);
    tcase_add_test(tcase, nesting);
    tcase_add_test(tcase, many_empty_arrays);
    tcase_add_test(tcase, longest_array);
    tcase_add_test(tcase, prefix);
    suite_add_tcase(suite, tcase);
    return suite;
}
