/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of users and groups that were looked up. */
#include "tests/unit/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/lookups.h"

static void want(struct postern_lookups *lookups, const char *names)
{
    uint32_t id;

    for (char name[2] = {*names, '\0'}; *name != '\0'; *name = *++names)
        ck_assert_int_eq(postern_lookups_collect(lookups, POSTERN_LOOKUP_USER, name, &id), 0);
}

static void set(struct postern_lookups *lookups, char name, int32_t result, uint32_t id)
{
    for (struct postern_lookups_entry *entry = lookups->table; entry != NULL; entry = entry->hh.next)
        if (entry->name[0] == name) {
            entry->result = result;
            entry->id = id;
        }
}

static void check_wanted(const struct postern_lookups *lookups, const char *expected)
{
    size_t n;
    struct postern_lookups_entry **wanted = postern_lookups_wanted(lookups, &n);

    ck_assert_uint_eq(n, strlen(expected));
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(wanted[i]->name[0], expected[i]);
    free(wanted);
}

START_TEST(answers)
{
    struct postern_lookups lookups = {0};
    uint32_t id = 7;

    want(&lookups, "abcab");
    check_wanted(&lookups, "abc");
    ck_assert_int_eq(postern_lookups_answer(&lookups, POSTERN_LOOKUP_USER, "a", &id), -ESTALE);
    set(&lookups, 'a', 1, 1000);
    set(&lookups, 'b', 0, 5);
    set(&lookups, 'c', -EIO, 5);
    check_wanted(&lookups, "");
    ck_assert_int_eq(postern_lookups_answer(&lookups, POSTERN_LOOKUP_USER, "b", &id), 0);
    ck_assert_int_eq(postern_lookups_answer(&lookups, POSTERN_LOOKUP_USER, "c", &id), -EIO);
    ck_assert_int_eq(postern_lookups_answer(&lookups, POSTERN_LOOKUP_USER, "d", &id), -ESTALE);
    ck_assert_int_eq(postern_lookups_answer(&lookups, POSTERN_LOOKUP_GROUP, "a", &id), -ESTALE);
    ck_assert_uint_eq(id, 7);
    ck_assert_int_eq(postern_lookups_answer(&lookups, POSTERN_LOOKUP_USER, "a", &id), 1);
    ck_assert_uint_eq(id, 1000);
    ck_assert_uint_eq(postern_lookups_failed(&lookups), 1);
    postern_lookups_finish(&lookups);
    ck_assert_ptr_null(lookups.table);
}
END_TEST

START_TEST(trying_again)
{
    struct postern_lookups lookups = {0}, next = {0};
    uint32_t id;

    want(&lookups, "abcd");
    set(&lookups, 'a', 1, 1000);
    set(&lookups, 'b', -EIO, 0);
    ((struct postern_lookups_entry *)lookups.table->hh.next)->slow = true;
    postern_lookups_give_up(&lookups);
    ck_assert_uint_eq(postern_lookups_failed(&lookups), 3);
    ck_assert(!postern_lookups_improved(&lookups));
    postern_lookups_want_failed(&lookups);
    check_wanted(&lookups, "cdb"); /* b kept the others waiting the last time */
    ck_assert(!postern_lookups_improved(&lookups));
    set(&lookups, 'd', 0, 0);
    ck_assert(postern_lookups_improved(&lookups));
    postern_lookups_give_up(&lookups);
    want(&next, "dax");
    postern_lookups_take(&next, &lookups);
    check_wanted(&next, "x");
    ck_assert_int_eq(postern_lookups_answer(&next, POSTERN_LOOKUP_USER, "a", &id), 1);
    ck_assert_uint_eq(id, 1000);
    ck_assert_int_eq(postern_lookups_answer(&next, POSTERN_LOOKUP_USER, "d", &id), 0);
    postern_lookups_finish(&lookups);
    postern_lookups_finish(&next);
}
END_TEST

Suite *lookups_suite(void)
{
    Suite *suite = suite_create("lookups");
    TCase *tcase = tcase_create("lookups");

    tcase_add_test(tcase, answers);
    tcase_add_test(tcase, trying_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
