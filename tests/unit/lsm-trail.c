/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values in records: what could be misread is written in hexadecimal. */
#include <stdlib.h>
#include <string.h>

#include "backends/trail.h"
#include "tests/unit/lsm.h"

static const struct {
    const char *value;
    bool quoted;
    const char *expected;
} rows[] = {
    {"plain", true, " k=\"plain\""},
    {"plain", false, " k=plain"},
    {"", true, " k=\"\""},
    {"two words", true, " k=\"two words\""},
    {"two words", false, " k=74776F20776F726473"},
    {"a\"b", true, " k=612262"},
    {"a\"b", false, " k=612262"},
    {"a\nb", true, " k=610A62"},
    {"\xc3\xa9", true, " k=C3A9"},
    {NULL, true, ""},
};

START_TEST(values)
{
    struct postern_buf record = {0};

    postern_trail_add(&record, "k", rows[_i].value, rows[_i].value != NULL ? strlen(rows[_i].value) : 0, rows[_i].quoted);
    ck_assert_uint_eq(record.len, strlen(rows[_i].expected));
    ck_assert(record.len == 0 || memcmp(record.data, rows[_i].expected, record.len) == 0);
    postern_buf_finish(&record);
}
END_TEST

START_TEST(long_values)
{
    struct postern_buf record = {0};
    char *text = calloc(1, 100000);

    ck_assert_ptr_nonnull(text);
    memset(text, 'a', 99999);
    postern_trail_add(&record, "k", text, 99999, true);
    ck_assert_uint_lt(record.len, 600);
    text[0] = '"';
    postern_trail_add(&record, "k", text, 99999, true);
    ck_assert_uint_lt(record.len, 1700);
    postern_buf_finish(&record);
    free(text);
}
END_TEST

Suite *lsm_trail_suite(void)
{
    Suite *suite = suite_create("lsm-trail");
    TCase *tcase = tcase_create("values");

    tcase_add_loop_test(tcase, values, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tcase, long_values);
    suite_add_tcase(suite, tcase);
    return suite;
}
