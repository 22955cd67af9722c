/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of DBUS_COOKIE_SHA1. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "daemon/keyring.h"
#include "tests/unit/daemon.h"

#define NOW 1700000000
#define S40 "0123456789012345678901234567890123456789"

static struct postern_cookies cookies;

/* What is kept of a file, as it would be written; NULL: all of it. */
static const struct {
    const char *what, *text, *kept;
} files[] = {
    {"nothing", "", NULL},
    {"one", "1 1699999999 abcdef\n", NULL},
    {"three", "1 1699999999 ab\n2 1699999999 cd\n2147483647 1700000000 ABcd\n", NULL},
    {"as old as can be", "1 1699999580 ab\n", NULL},
    {"expired", "1 1699999579 ab\n2 1700000000 ab\n", "2 1700000000 ab\n"},
    {"a clock that is ahead", "1 1700000300 ab\n", NULL},
    {"from the future", "1 1700000301 ab\n", ""},
    {"an id twice", "1 1700000000 ab\n1 1700000000 cd\n", "1 1700000000 ab\n"},
    {"a large id", "2147483648 1700000000 ab\n", ""},
    {"a huge id", "99999999999999999999999999 1700000000 ab\n", ""},
    {"a huge time", "1 99999999999999999999999999 ab\n", ""},
    {"a negative id", "-1 1700000000 ab\n", ""},
    {"a negative time", "1 -1700000000 ab\n", ""},
    {"no secret", "1 1700000000 \n1 1700000000\n", ""},
    {"half a byte", "1 1700000000 abc\n", ""},
    {"other digits", "1 1700000000 abcg\n", ""},
    {"a long secret", "1 1700000000 " S40 S40 S40 "01234567\n", NULL},
    {"too long a secret", "1 1700000000 " S40 S40 S40 "0123456789\n", ""},
    {"two blanks", "1  1700000000 ab\n", ""},
    {"a blank behind", "1 1700000000 ab \n", ""},
    {"a carriage return", "1 1700000000 ab\r\n", ""},
    {"a tab", "1\t1700000000 ab\n", ""},
    {"no end", "1 1700000000 ab\n2 1700000000 abcdef", "1 1700000000 ab\n"},
    {"empty lines", "\n\n1 1700000000 ab\n\n", "1 1700000000 ab\n"},
};

START_TEST(parsing)
{
    struct postern_buf text = {0};
    const char *kept = files[_i].kept != NULL ? files[_i].kept : files[_i].text;

    postern_cookies_parse(files[_i].text, strlen(files[_i].text), NOW, &cookies);
    ck_assert_int_eq(postern_cookies_format(&cookies, &text), 0);
    ck_assert_int_eq(postern_buf_append(&text, "", 1), 0);
    ck_assert_msg(strcmp((char *)text.data, kept) == 0, "%s: %s", files[_i].what, (char *)text.data);
    postern_buf_finish(&text);
}
END_TEST

START_TEST(nul_in_a_secret)
{
    postern_cookies_parse("1 1700000000 a\0\n", 16, NOW, &cookies);
    ck_assert_uint_eq(cookies.n, 0);
}
END_TEST

START_TEST(many)
{
    char text[64];
    struct postern_buf file = {0};

    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof(text), "%d 1700000000 ab\n", i);
        ck_assert_int_eq(postern_buf_append(&file, text, strlen(text)), 0);
    }
    postern_cookies_parse((char *)file.data, file.len, NOW, &cookies);
    ck_assert_uint_eq(cookies.n, POSTERN_COOKIES_MAX);
    ck_assert_int_eq(postern_cookies_add(&cookies, NOW), 0);
    ck_assert_uint_eq(cookies.n, POSTERN_COOKIES_MAX);
    ck_assert_uint_eq(cookies.list[0].id, 1);
    ck_assert_uint_eq(strlen(cookies.list[POSTERN_COOKIES_MAX - 1].digits), 48);
    postern_buf_finish(&file);
}
END_TEST

START_TEST(best)
{
    static const char text[] = "1 1699999690 ab\n2 1699999705 ab\n3 1699999702 ab\n";

    postern_cookies_parse(text, strlen(text), NOW, &cookies);
    ck_assert_uint_eq(cookies.n, 3);
    ck_assert_uint_eq(postern_cookies_best(&cookies, NOW)->id, 2);
    ck_assert_ptr_null(postern_cookies_best(&cookies, NOW + 10));
}
END_TEST

/* ---- files ------------------------------------------------------------------------------------------------ */

static char home[64], path[128];
static struct postern_keyring keyring;
static struct postern_error error;
static struct postern_cookie cookie;

static void set_up(void)
{
    snprintf(home, sizeof(home), "/tmp/postern-home-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(home));
    keyring = (struct postern_keyring){.user = (char *)"me", .uid = geteuid(), .home = home};
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(name);
}

static void tear_down(void)
{
    ck_assert_int_eq(nftw(home, remove_one, 10, FTW_DEPTH | FTW_PHYS), 0);
}

static const char *in_home(const char *name)
{
    snprintf(path, sizeof(path), "%s/.dbus-keyrings%s%s", home, *name != '\0' ? "/" : "", name);
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(in_home(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int current(int64_t now)
{
    return postern_keyring_current(&keyring, now, &cookie, &error);
}

/* Made when there is none, kept while it is fresh, replaced then; the old one stays for who was asked just before. */
START_TEST(life)
{
    uint32_t first;
    struct stat st;
    char text[512];
    int fd;

    umask(0);
    ck_assert_msg(current(NOW) == 0, "%s", error.text);
    first = cookie.id;
    ck_assert_int_eq(stat(in_home(""), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    ck_assert_int_eq(stat(in_home("org_freedesktop_general"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_lt(stat(in_home("org_freedesktop_general.lock"), &st), 0);
    ck_assert_int_eq(current(NOW + 299), 0);
    ck_assert_uint_eq(cookie.id, first);
    ck_assert_int_eq(current(NOW + 300), 0);
    ck_assert_uint_ne(cookie.id, first);
    fd = open(in_home("org_freedesktop_general"), O_RDONLY | O_CLOEXEC);
    text[read(fd, text, sizeof(text) - 1)] = '\0';
    close(fd);
    ck_assert_uint_eq(strtoul(text, NULL, 10), first);
    ck_assert_int_eq(current(NOW + 1000), 0);
    ck_assert_int_eq(stat(in_home("org_freedesktop_general"), &st), 0);
    ck_assert_int_lt(st.st_size, 80); /* one line again */
}
END_TEST

START_TEST(another_bus_of_the_user)
{
    ck_assert_int_eq(mkdir(in_home(""), 0700), 0);
    write_file("org_freedesktop_general", "5 1699999900 abcd\nrubbish\n", 0600);
    ck_assert_int_eq(current(NOW), 0);
    ck_assert_uint_eq(cookie.id, 5);
    ck_assert_str_eq(cookie.digits, "abcd");
}
END_TEST

/* CVE-2019-12749 and its kind: whoever could have put something there cannot choose what the bus believes. */
START_TEST(not_private)
{
    ck_assert_int_eq(mkdir(in_home(""), 0700), 0);
    ck_assert_int_eq(chmod(in_home(""), 0750), 0);
    ck_assert_int_eq(current(NOW), -EPERM);
    ck_assert_ptr_nonnull(strstr(error.text, "0750"));
    ck_assert_int_eq(chmod(in_home(""), 0700), 0);
    write_file("org_freedesktop_general", "5 1699999900 abcd\n", 0604);
    ck_assert_int_eq(current(NOW), -EPERM);
    ck_assert_int_eq(unlink(path), 0);
    keyring.uid++;
    ck_assert_int_eq(current(NOW), -EPERM);
    ck_assert_ptr_nonnull(strstr(error.text, "belongs to"));
}
END_TEST

START_TEST(links)
{
    char elsewhere[128];

    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", home);
    ck_assert_int_eq(mkdir(elsewhere, 0700), 0);
    ck_assert_int_eq(symlink(elsewhere, in_home("")), 0);
    ck_assert_int_lt(current(NOW), 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(in_home(""), 0700), 0);
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere/cookies", home);
    write_file("../elsewhere/cookies", "5 1699999900 abcd\n", 0600);
    ck_assert_int_eq(symlink(elsewhere, in_home("org_freedesktop_general")), 0);
    ck_assert_int_eq(current(NOW), -ELOOP);
    ck_assert_int_eq(unlink(path), 0);
    /* Nor is anything written through one. */
    ck_assert_int_eq(symlink(elsewhere, in_home("org_freedesktop_general.new")), 0);
    ck_assert_int_eq(current(NOW), 0);
    ck_assert_int_eq(unlink(elsewhere), 0);
}
END_TEST

START_TEST(odd_files)
{
    static char large[POSTERN_KEYRING_FILE_MAX + 2];
    struct stat st;

    ck_assert_int_eq(mkdir(in_home(""), 0700), 0);
    ck_assert_int_eq(mkfifo(in_home("org_freedesktop_general"), 0600), 0);
    ck_assert_int_eq(current(NOW), -EPERM);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(in_home("org_freedesktop_general"), 0700), 0);
    ck_assert_int_eq(current(NOW), -EPERM);
    ck_assert_int_eq(rmdir(path), 0);
    memset(large, 'a', sizeof(large) - 1);
    write_file("org_freedesktop_general", large, 0600);
    ck_assert_int_eq(current(NOW), -EFBIG);
    ck_assert_int_lt(stat(in_home("org_freedesktop_general.lock"), &st), 0);
    keyring.home = (char *)"/nonexistent";
    ck_assert_int_eq(current(NOW), -ENOENT);
}
END_TEST

static double since(const struct timespec *start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* Who holds the lock is not waited for; who forgot it does not keep it. */
START_TEST(locks)
{
    struct timespec start;
    struct utimbuf old = {.actime = time(NULL) - 60, .modtime = time(NULL) - 60};
    struct stat st;

    ck_assert_int_eq(mkdir(in_home(""), 0700), 0);
    write_file("org_freedesktop_general.lock", "", 0600);
    clock_gettime(CLOCK_MONOTONIC, &start);
    ck_assert_int_eq(current(NOW), -EBUSY);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(current(NOW), -EBUSY);
    ck_assert(since(&start) < 0.5);
    /* A cookie that is there needs no lock. */
    write_file("org_freedesktop_general", "5 1699999900 abcd\n", 0600);
    ck_assert_int_eq(current(NOW), 0);
    ck_assert_int_eq(unlink(in_home("org_freedesktop_general")), 0);
    ck_assert_int_eq(utime(in_home("org_freedesktop_general.lock"), &old), 0);
    ck_assert_int_eq(current(NOW + 1), 0);
    ck_assert_int_lt(stat(in_home("org_freedesktop_general.lock"), &st), 0);
}
END_TEST

START_TEST(of_this_user)
{
    struct postern_keyring mine = {0};

    ck_assert_msg(postern_keyring_init(&mine, "relative", &error) == 0, "%s", error.text);
    ck_assert_uint_eq(mine.uid, geteuid());
    ck_assert_int_eq(mine.home[0], '/');
    postern_keyring_finish(&mine);
    ck_assert_int_eq(postern_keyring_init(&mine, "/my/home", &error), 0);
    ck_assert_str_eq(mine.home, "/my/home");
    postern_keyring_finish(&mine);
    ck_assert_ptr_null(mine.home);
}
END_TEST

Suite *keyring_suite(void)
{
    Suite *suite = suite_create("daemon/keyring");
    TCase *tcase = tcase_create("cookies"), *on_disk = tcase_create("files");

    tcase_add_loop_test(tcase, parsing, 0, sizeof(files) / sizeof(files[0]));
    tcase_add_test(tcase, nul_in_a_secret);
    tcase_add_test(tcase, many);
    tcase_add_test(tcase, best);
    tcase_add_test(tcase, of_this_user);
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(on_disk, set_up, tear_down);
    tcase_add_test(on_disk, life);
    tcase_add_test(on_disk, another_bus_of_the_user);
    tcase_add_test(on_disk, not_private);
    tcase_add_test(on_disk, links);
    tcase_add_test(on_disk, odd_files);
    tcase_add_test(on_disk, locks);
    suite_add_tcase(suite, on_disk);
    return suite;
}
