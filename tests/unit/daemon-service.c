/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/service.h"
#include "tests/unit/daemon.h"

static char dir[] = "/tmp/postern-service-XXXXXX";
static char warnings[8192];

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    warnings[0] = '\0';
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void tear_down(void)
{
    ck_assert_int_eq(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void warn(void *data, const char *text)
{
    ck_assert_ptr_eq(data, warnings);
    snprintf(warnings + strlen(warnings), sizeof(warnings) - strlen(warnings), "%s\n", text);
}

static void write_file(const char *name, const char *text, size_t len)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

static struct postern_services load(const char *const *names, int system_bus)
{
    struct postern_services services;
    char paths[4][256], *dirs[5] = {NULL};

    for (size_t i = 0; i < 4 && names[i] != NULL; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s%s", dir, names[i]);
        dirs[i] = paths[i];
    }
    ck_assert_int_eq(postern_services_load(&services, dirs, system_bus, warn, warnings), 0);
    return services;
}

#define HEAD "[D-BUS Service]\n"
#define NAME "Name=com.example.A\n"
#define EXEC "Exec=/bin/a\n"

/* A file's text, and its "Exec User SystemdService AssumedAppArmorLabel", '-' for what is not there. */
static const struct {
    const char *text, *fields;
} good[] = {
    {HEAD NAME EXEC, "/bin/a|-|-|-"},
    {HEAD NAME "Exec=/bin/a", "/bin/a|-|-|-"},
    {HEAD "Name = com.example.A\nExec  =  /bin/a --b=c \"d e\"\n", "/bin/a --b=c \"d e\"|-|-|-"},
    {"# a comment\n\n  \n" HEAD "#Name=x\n" NAME "\n" EXEC "#", "/bin/a|-|-|-"},
    {HEAD NAME EXEC "SystemdService=\nUser=\n", "/bin/a|-|-|-"},
    {HEAD NAME "Exec=\nSystemdService=a.service\n", "-|-|a.service|-"},
    {HEAD NAME EXEC "User=root\nSystemdService=a.service\nAssumedAppArmorLabel=/usr/bin/a\n", "/bin/a|root|a.service|/usr/bin/a"},
    {HEAD NAME "SystemdService=a.service\n", "-|-|a.service|-"},
    {HEAD NAME "Exec=a\\sb\\tc\\\\d\n", "a b\tc\\d|-|-|-"},
    {HEAD NAME EXEC "Name[de]=x y\nX-Unknown=1\nUser=\n", "/bin/a|-|-|-"},
    {"[Other]\nName=b\nName=c\nExec=\\q\n" HEAD NAME EXEC "[X-Other]\nAllow=x\nAllow=y\nExec=y\n", "/bin/a|-|-|-"},
    {HEAD NAME EXEC "Allow=x\nOwnerUser=y\nAccessControl=self\n", "/bin/a|-|-|-"},
    {HEAD NAME EXEC "Comment=gr\xc3\xbc\xc3\x9f\tGott\n", "/bin/a|-|-|-"},
};

/* What is wrong with a file, and what the warning says behind its path. */
static const struct {
    const char *text, *warning;
} bad[] = {
    {"", ": there is no group [D-BUS Service]"},
    {"[D-Bus Service]\n" NAME EXEC, ": there is no group [D-BUS Service]"},
    {HEAD EXEC, ": Name= is missing"},
    {HEAD NAME, ": there is neither Exec= nor SystemdService="},
    {HEAD NAME "Exec=\n", ": there is neither Exec= nor SystemdService="},
    {HEAD "Name=:1.1\n" EXEC, ": Name=:1.1 is not a well-known bus name"},
    {HEAD "Name=com.example.A \n" EXEC, ": Name=com.example.A  is not a well-known bus name"},
    {HEAD "Name=noperiod\n" EXEC, ": Name=noperiod is not a well-known bus name"},
    {HEAD "Name=org.freedesktop.DBus\n" EXEC, ": Name=org.freedesktop.DBus is not a well-known bus name"},
    {HEAD "Name=a\\n.b\n" EXEC, ": Name=a?.b is not a well-known bus name"},
    {NAME HEAD EXEC, ":1: a key stands before the first [GROUP]"},
    {HEAD NAME NAME EXEC, ":3: the key stands there twice"},
    {HEAD NAME EXEC HEAD, ":4: the group [D-BUS Service] stands there twice"},
    {"[D-BUS Service\n" NAME EXEC, ":1: a group must be written [NAME]"},
    {"[D-BUS Service] \n" NAME EXEC, ":1: a group must be written [NAME]"},
    {HEAD "[]\n", ":2: a group must be written [NAME]"},
    {HEAD "[a]b]\n", ":2: a group must be written [NAME]"},
    {HEAD NAME "Exec /bin/a\n", ":3: neither a comment, nor [GROUP], nor KEY=VALUE"},
    {HEAD NAME "=x\n", ":3: this is not the name of a key"},
    {HEAD NAME "Ex ec=x\n", ":3: this is not the name of a key"},
    {HEAD NAME "Name[de=x\n", ":3: this is not the name of a key"},
    {HEAD NAME " Exec=x\n", ":3: this is not the name of a key"},
    {HEAD NAME "Exec=/bin/a\\x\n", ":3: a backslash must be followed by s, n, t, r or another backslash"},
    {HEAD NAME "Exec=/bin/a\\", ":3: a backslash must be followed by s, n, t, r or another backslash"},
    {HEAD NAME "Exec=/bin/a\r\n", ":3: there is a control character"},
    {HEAD NAME "Exec=/bin/\x1b[2J\n", ":3: there is a control character"},
    {HEAD NAME "Exec=/bin/\xff\n", ": this is not UTF-8 text"},
};

#define OURS HEAD NAME EXEC "[X-Postern]\n"

/* The group for the mediator: "Allow@line|OwnerUser@line|AccessControl@line", or what is wrong with it. The service is there in every case. */
static const struct {
    const char *text, *keys, *warning;
} ours[] = {
    {OURS, "-|-|-", NULL},
    {OURS "Allow=talk\n", "talk@5|-|-", NULL},
    {OURS "\n# why\nAllow = see; call=a.b.*@/x ;\nOwnerUser=alice\nAccessControl=self\n", "see; call=a.b.*@/x ;@7|alice@8|self@9", NULL},
    {"[X-Postern]\nAccessControl=self\n" HEAD NAME EXEC, "-|-|self@2", NULL},
    {HEAD "[X-Postern]\nAllow=a\\sb\n[Other]\nAllow=c\nName=d\n" HEAD, NULL, NULL}, /* the other group twice spoils the file */
    {OURS "Allow=\nOwnerUser=\nAccessControl=\n", "-|-|-", NULL},
    {OURS "Allow=a\\tb\\\\c\n", "a\tb\\c@5|-|-", NULL},
    {OURS "Alow=talk\n", "-|-|-", ":5: a key that this group does not have"},
    {OURS "Allow=talk\nOwnerUser=alice\nallow=talk\n", "-|-|-", ":7: a key that this group does not have"},
    {OURS "Allow[de]=talk\n", "-|-|-", ":5: a key that this group does not have"},
    {OURS "Exec=/bin/b\nAccessControl=self\n", "-|-|-", ":5: a key that this group does not have"},
    {OURS "Allow=talk\nAllow=talk\n", "-|-|-", ":6: the key stands there twice"},
    {OURS "Allow=\nAllow=talk\n", "-|-|-", ":6: the key stands there twice"},
    {OURS "Allow=talk\\;see\nOwnerUser=alice\n", "-|-|-", ":5: a backslash must be followed by"},
    {OURS "Allow=talk\n[Other]\n[X-Postern]\nOwnerUser=alice\n", "-|-|-", ":7: the group [X-Postern] stands there twice"},
    {OURS "Bad=1\nWorse=2\n", "-|-|-", ":5: a key that this group does not have"}, /* one line is enough */
};

static const char *or_dash(const char *s)
{
    return s != NULL ? s : "-";
}

START_TEST(good_files)
{
    struct postern_services services;
    const struct postern_service *service;
    char fields[256];

    write_file("com.example.A.service", good[_i].text, strlen(good[_i].text));
    services = load((const char *const[4]){""}, 1);
    ck_assert_str_eq(warnings, "");
    service = postern_services_find(&services, "com.example.A");
    ck_assert_ptr_nonnull(service);
    ck_assert_uint_eq(HASH_COUNT(services.table), 1);
    snprintf(fields, sizeof(fields), "%s|%s|%s|%s", or_dash(service->exec), or_dash(service->user),
             or_dash(service->systemd_unit), or_dash(service->apparmor_label));
    ck_assert_str_eq(fields, good[_i].fields);
    ck_assert_ptr_nonnull(strstr(service->file, "/com.example.A.service"));
    postern_services_finish(&services);
    ck_assert_ptr_null(services.table);
}
END_TEST

static void print_key(char *text, size_t size, const struct postern_service_key *key)
{
    snprintf(text, size, key->text != NULL ? "%s@%u" : "-", key->text, key->line);
}

START_TEST(our_group)
{
    struct postern_services services;
    const struct postern_service *service;
    char key[3][100], keys[310], place[300];
    const char *found;

    write_file("com.example.A.service", ours[_i].text, strlen(ours[_i].text));
    services = load((const char *const[4]){""}, 1);
    service = postern_services_find(&services, "com.example.A");
    ck_assert((service != NULL) == (ours[_i].keys != NULL));
    if (service != NULL) {
        ck_assert_str_eq(service->exec, "/bin/a");
        print_key(key[0], sizeof(key[0]), &service->allow);
        print_key(key[1], sizeof(key[1]), &service->owner_user);
        print_key(key[2], sizeof(key[2]), &service->access_control);
        snprintf(keys, sizeof(keys), "%s|%s|%s", key[0], key[1], key[2]);
        ck_assert_str_eq(keys, ours[_i].keys);
        ck_assert((warnings[0] != '\0') == (ours[_i].warning != NULL));
    }
    if (ours[_i].warning != NULL) {
        snprintf(place, sizeof(place), "%s/com.example.A.service%s", dir, ours[_i].warning);
        found = strstr(warnings, place);
        ck_assert_msg(found == warnings, "%s", warnings);
        ck_assert_ptr_eq(strchr(warnings, '\n'), warnings + strlen(warnings) - 1);
    }
    postern_services_finish(&services);
}
END_TEST

START_TEST(bad_files)
{
    struct postern_services services;
    char expected[512];

    write_file("a.service", bad[_i].text, strlen(bad[_i].text));
    services = load((const char *const[4]){""}, 0);
    ck_assert_ptr_null(services.table);
    snprintf(expected, sizeof(expected), "%s/a.service%s\n", dir, bad[_i].warning);
    ck_assert_str_eq(warnings, expected);
}
END_TEST

/* Files that are not what they seem, beside a good one that is still read. */
START_TEST(odd_files)
{
    struct postern_services services;
    static char big[65 * 1024];
    char path[256];

    memset(big, '\n', sizeof(big));
    memcpy(big, HEAD NAME EXEC, strlen(HEAD NAME EXEC));
    write_file("big.service", big, sizeof(big));
    write_file("nul.service", HEAD NAME EXEC "\0", strlen(HEAD NAME EXEC) + 1);
    write_file("note.txt", "x", 1);
    write_file(".hidden.service", "x", 1);
    write_file(".service", "x", 1);
    write_file("good.service", HEAD "Name=com.example.Good\n" EXEC, strlen(HEAD "Name=com.example.Good\n" EXEC));
    snprintf(path, sizeof(path), "%s/folder.service", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/fifo.service", dir);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    snprintf(path, sizeof(path), "%s/dangling.service", dir);
    ck_assert_int_eq(symlink("nowhere", path), 0);
    services = load((const char *const[4]){"", "/missing"}, 0);
    ck_assert_uint_eq(HASH_COUNT(services.table), 1);
    ck_assert_ptr_nonnull(postern_services_find(&services, "com.example.Good"));
    ck_assert_ptr_nonnull(strstr(warnings, "/big.service: longer than 65536 bytes"));
    ck_assert_ptr_nonnull(strstr(warnings, "/nul.service: this is not UTF-8 text"));
    ck_assert_ptr_nonnull(strstr(warnings, "/folder.service: not a regular file"));
    ck_assert_ptr_nonnull(strstr(warnings, "/fifo.service: not a regular file"));
    ck_assert_ptr_nonnull(strstr(warnings, "/dangling.service: No such file"));
    ck_assert_ptr_null(strstr(warnings, "hidden"));
    ck_assert_ptr_null(strstr(warnings, "/.service"));
    ck_assert_ptr_null(strstr(warnings, "note"));
    postern_services_finish(&services);
}
END_TEST

START_TEST(order)
{
    static const char text[] = HEAD NAME EXEC, other[] = HEAD NAME "Exec=/bin/other\n",
                      third[] = HEAD "Name=com.example.B\n" EXEC;
    struct postern_services services;
    char path[256];

    for (int i = 1; i <= 2; i++) {
        snprintf(path, sizeof(path), "%s/%d", dir, i);
        ck_assert_int_eq(mkdir(path, 0700), 0);
    }
    write_file("1/b.service", other, sizeof(other) - 1);
    write_file("1/a.service", text, sizeof(text) - 1);
    write_file("2/a.service", other, sizeof(other) - 1);
    write_file("2/c.service", third, sizeof(third) - 1);
    services = load((const char *const[4]){"/1", "/2"}, 0);
    ck_assert_uint_eq(HASH_COUNT(services.table), 2);
    ck_assert_str_eq(postern_services_find(&services, "com.example.A")->exec, "/bin/a");
    ck_assert_ptr_null(postern_services_find(&services, "com.example"));
    /* Within a directory it is a mistake, across directories it is how one replaces a service. */
    ck_assert_ptr_nonnull(strstr(warnings, "/1/b.service: com.example.A is already the service of "));
    ck_assert_ptr_null(strstr(warnings, "/2/"));
    postern_services_finish(&services);

    warnings[0] = '\0';
    services = load((const char *const[4]){"/2"}, 1);
    ck_assert_ptr_null(services.table);
    ck_assert_ptr_nonnull(strstr(warnings, "/2/a.service: for the <servicehelper> this file must be called com.example.A.service"));
    ck_assert_int_eq(postern_services_load(&services, NULL, 1, warn, warnings), 0);
    ck_assert_ptr_null(services.table);
}
END_TEST

Suite *service_suite(void)
{
    Suite *suite = suite_create("daemon/service");
    TCase *tcase = tcase_create("service");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, good_files, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tcase, our_group, 0, sizeof(ours) / sizeof(ours[0]));
    tcase_add_loop_test(tcase, bad_files, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tcase, odd_files);
    tcase_add_test(tcase, order);
    suite_add_tcase(suite, tcase);
    return suite;
}
