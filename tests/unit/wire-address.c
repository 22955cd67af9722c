/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/wire-make.h"
#include "wire/address.h"

/* Addresses, and what they contain: "transport|key|value|key|value;transport"; NULL: not valid. */
static const struct {
    const char *text, *contents;
} rows[] = {
    {"unix:path=/run/bus", "unix|path|/run/bus"},
    {"unix:path=/a,guid=00ff", "unix|path|/a|guid|00ff"},
    {"unix:path=/a;tcp:host=h,port=1", "unix|path|/a;tcp|host|h|port|1"},
    {"unix:path=/a;", "unix|path|/a"},
    {"systemd:", "systemd"},
    {"autolaunch:;unix:tmpdir=/t", "autolaunch;unix|tmpdir|/t"},
    {"unix:path=%2Fa%20b%c3%A9", "unix|path|/a b\xc3\xa9"},
    {"unix:path=a%2cb%3bc%3dd%25", "unix|path|a,b;c=d%"},
    {"unix:path=a-b_c.d\\e*f", "unix|path|a-b_c.d\\e*f"},
    {"", NULL},
    {";", NULL},
    {";unix:path=/a", NULL},
    {"unix:path=/a;;", NULL},
    {"unix", NULL},
    {"/run/bus", NULL},
    {":path=/a", NULL},
    {"unix:path", NULL},
    {"unix:path=", NULL},
    {"unix:=/a", NULL},
    {"unix:path=/a,", NULL},
    {"unix:,path=/a", NULL},
    {"unix:path=/a,path=/b", NULL},
    {"unix:path=a=b", NULL},
    {"unix:path=/a b", NULL},
    {"unix:path=/\xc3\xa9", NULL},
    {"unix:path=%2", NULL},
    {"unix:path=%", NULL},
    {"unix:path=%zz", NULL},
    {"unix:path=%2z", NULL},
    {"unix:path=%,a=%20", NULL},
    {"unix:path=a%00b", NULL},
};

static void describe(const struct postern_address *list, size_t n, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? ";" : "", list[i].transport);
        for (size_t j = 0; j < list[i].n_options; j++)
            at += (size_t)snprintf(out + at, size - at, "|%s|%s", list[i].options[j].key, list[i].options[j].value);
    }
}

START_TEST(addresses)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct postern_address *list = NULL;
        struct postern_error error = {""};
        char contents[256];
        size_t n = 99;
        int r = postern_address_parse(rows[i].text, &list, &n, &error);

        if (rows[i].contents == NULL) {
            ck_assert_msg(r == -EINVAL, "%s", rows[i].text);
            ck_assert(error.text[0] != '\0' && list == NULL && n == 99);
            continue;
        }
        ck_assert_msg(r == 0, "%s: %s", rows[i].text, error.text);
        describe(list, n, contents, sizeof(contents));
        ck_assert_str_eq(contents, rows[i].contents);
        postern_address_free(list, n);
    }
}
END_TEST

START_TEST(options)
{
    struct postern_address *list;
    size_t n;

    ck_assert_int_eq(postern_address_parse("unix:path=/a,guid=1", &list, &n, NULL), 0);
    ck_assert_str_eq(postern_address_get(list, "guid"), "1");
    ck_assert_ptr_null(postern_address_get(list, "gui"));
    postern_address_free(list, n);
}
END_TEST

START_TEST(escaping)
{
    struct postern_buf buf = {0};

    ck_assert_int_eq(postern_address_escape(&buf, "/a-b_c.d\\e*f 9,;=%\xc3\xa9\0", 22 - 1), 0);
    ck_assert_int_eq(postern_buf_append(&buf, "", 1), 0);
    ck_assert_str_eq((const char *)buf.data, "/a-b_c.d\\e*f%209%2c%3b%3d%25%c3%a9%00");
    postern_buf_finish(&buf);
}
END_TEST

Suite *wire_address_suite(void)
{
    Suite *suite = suite_create("address");
    TCase *tcase = tcase_create("address");

    tcase_add_test(tcase, addresses);
    tcase_add_test(tcase, options);
    tcase_add_test(tcase, escaping);
    suite_add_tcase(suite, tcase);
    return suite;
}
