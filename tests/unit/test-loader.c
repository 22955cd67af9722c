/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each mock of tests/mocks is odd in one way; each path here is untrustworthy in one way. */
#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/loader.h"

/* A private folder whose own path is trustworthy wherever the build tree lies. */
static char root[PATH_MAX];
static struct postern_loader loader;
static struct postern_error error;

/* Good for two at a time. */
static const char *in_root(const char *name)
{
    static char paths[2][PATH_MAX + 64];
    static unsigned int turn;
    char *path = paths[turn++ % 2];

    snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
    return path;
}

static void setup(void)
{
    char template[] = "/tmp/postern-loader-XXXXXX";

    umask(022);
    ck_assert_ptr_nonnull(mkdtemp(template));
    ck_assert_ptr_nonnull(realpath(template, root));
    memset(&error, 0, sizeof(error));
    memset(&loader, 0, sizeof(loader));
}

static int remove_entry(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0) == 0 || errno == ENOENT ? 0 : unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

static void teardown(void)
{
    static const char *const entries[] = {"dir/m.so", "dir/link.so", "dir", "m.so", "link.so", "fifo"};

    postern_loader_close(&loader);
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        remove_entry(in_root(entries[i]));
    ck_assert_int_eq(rmdir(root), 0);
}

static void install(const char *mock, const char *name)
{
    char from[PATH_MAX], block[65536];
    ssize_t n;
    int in, out;

    snprintf(from, sizeof(from), "%s/mock-%s.so", MOCKS_DIR, mock);
    in = open(from, O_RDONLY | O_CLOEXEC);
    ck_assert_msg(in >= 0, "%s: %s", from, strerror(errno));
    out = open(in_root(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    ck_assert_int_ge(out, 0);
    while ((n = read(in, block, sizeof(block))) > 0)
        ck_assert_int_eq(write(out, block, (size_t)n), n);
    ck_assert_int_eq(n, 0);
    close(in);
    close(out);
}

/* The open must fail with code and a text that has both parts, and leave the loader untouched. */
static void refused(const char *path, int code, const char *part, const char *cause)
{
    int r = postern_loader_open(&loader, path, &error);

    ck_assert_msg(r == code, "%s: returned %d, not %d (%s)", path, r, code, error.text);
    ck_assert_msg(strstr(error.text, part) != NULL, "\"%s\" does not name \"%s\"", error.text, part);
    ck_assert_msg(strstr(error.text, cause) != NULL, "\"%s\" does not say \"%s\"", error.text, cause);
    ck_assert_ptr_null(loader.handle);
    ck_assert_ptr_null(loader.path);
}

static void accepted(const char *path)
{
    int r = postern_loader_open(&loader, path, &error);

    ck_assert_msg(r == 0, "%s: %s", path, error.text);
    ck_assert_str_eq(loader.module->name, "mock");
    postern_loader_close(&loader);
    ck_assert_ptr_null(loader.handle);
}

/* ---- what is in the file ----------------------------------------------------------------------- */

static const struct {
    const char *mock;
    int code; /* 0: accepted */
    const char *cause;
} mocks[] = {
    {"sound", 0, ""},
    {"longer", 0, ""},
    {"nosymbol", -ELIBBAD, "does not export postern_module_v1"},
    {"null", -ELIBBAD, "does not serve a bus of interface version 1.5"},
    {"major", -ELIBBAD, "has interface version 2, this bus needs 1"},
    {"short", -EINVAL, "version 1.0 has"},
    {"huge", -E2BIG, "claims to have 4294967295 bytes"},
    {"demanding", -E2BIG, "is version 1.6 and insists"},
    {"hole", -ELIBBAD, "its table has no mediate"},
    {"nameless", -ELIBBAD, "its table has no name"},
    {"undefined", -ELIBBAD, "mock_nobody_has_this"},
};

START_TEST(content)
{
    install(mocks[_i].mock, "m.so");
    if (mocks[_i].code == 0)
        accepted(in_root("m.so"));
    else
        refused(in_root("m.so"), mocks[_i].code, in_root("m.so"), mocks[_i].cause);
    /* The linker's words must not show the number under which it got the file. */
    ck_assert_ptr_null(strstr(error.text, "/proc/"));
}
END_TEST

START_TEST(no_shared_object)
{
    int fd = open(in_root("m.so"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    ck_assert_int_eq(write(fd, "#!/bin/sh\n", 10), 10);
    close(fd);
    refused(in_root("m.so"), -ELIBBAD, in_root("m.so"), "does not load");
}
END_TEST

/* A module that loads but does not open: its fault text reaches the host whole. */
START_TEST(open_fails_with_a_fault)
{
    struct postern_fault fault = {.size = sizeof(fault)};
    struct postern_options options = {.size = sizeof(options)};
    struct postern_mediator *mediator = NULL;

    install("closed", "m.so");
    ck_assert_int_eq(postern_loader_open(&loader, in_root("m.so"), &error), 0);
    ck_assert_int_eq(loader.module->open(&options, &mediator, &fault), -EINVAL);
    ck_assert_str_eq(fault.text, "/etc/mock.conf:3:7: no such thing");
    ck_assert_ptr_null(mediator);
}
END_TEST

START_TEST(two_modules_do_not_mix)
{
    struct postern_loader second = {0};

    install("sound", "m.so");
    install("closed", "link.so");
    ck_assert_int_eq(postern_loader_open(&loader, in_root("m.so"), &error), 0);
    ck_assert_int_eq(postern_loader_open(&second, in_root("link.so"), &error), 0);
    ck_assert_ptr_ne(loader.module, second.module);
    postern_loader_close(&second);
}
END_TEST

/* ---- where the file is ------------------------------------------------------------------------- */

/* dir/m.so is a sound module; modes are set, then it is tried. */
static const struct {
    mode_t dir, file;
    const char *part, *cause; /* NULL: accepted */
} modes[] = {
    {0755, 0644, NULL, NULL},
    {0700, 0600, NULL, NULL},
    {01777, 0644, NULL, NULL},
    {0755, 0646, "file ", "m.so is writable for everybody"},
    {0757, 0644, "folder ", "dir is writable for everybody"},
    {01777, 0666, "file ", "m.so is writable for everybody"},
    {01755, 0646, "file ", "m.so is writable for everybody"},
    /* The sticky bit of a file means nothing. */
    {0755, 01646, "file ", "m.so is writable for everybody"},
};

START_TEST(mode)
{
    ck_assert_int_eq(mkdir(in_root("dir"), 0755), 0);
    install("sound", "dir/m.so");
    ck_assert_int_eq(chmod(in_root("dir/m.so"), modes[_i].file), 0);
    ck_assert_int_eq(chmod(in_root("dir"), modes[_i].dir), 0);
    if (modes[_i].part == NULL)
        accepted(in_root("dir/m.so"));
    else {
        refused(in_root("dir/m.so"), -EPERM, modes[_i].part, modes[_i].cause);
        ck_assert_ptr_nonnull(strstr(error.text, root));
    }
}
END_TEST

/* Is the group of our own files the private group of a user who is not root? (The loader's rule in the test's words.) */
static bool private_group(void)
{
    const struct passwd *user = getpwuid(geteuid());
    const struct group *group = user != NULL ? getgrgid(getegid()) : NULL;

    return geteuid() != 0 && group != NULL && user->pw_gid == getegid() && strcmp(group->gr_name, user->pw_name) == 0 &&
           (group->gr_mem[0] == NULL || (strcmp(group->gr_mem[0], user->pw_name) == 0 && group->gr_mem[1] == NULL));
}

START_TEST(group_writable)
{
    ck_assert_int_eq(mkdir(in_root("dir"), 0755), 0);
    install("sound", "dir/m.so");
    ck_assert_int_eq(chmod(in_root("dir/m.so"), _i == 0 ? 0664 : 0644), 0);
    ck_assert_int_eq(chmod(in_root("dir"), _i == 0 ? 0755 : 0775), 0);
    if (private_group())
        accepted(in_root("dir/m.so"));
    else
        refused(in_root("dir/m.so"), -EPERM, in_root(_i == 0 ? "dir/m.so" : "dir"), "is writable for its group");
}
END_TEST

/* An access list shows in the mode as a group that may write. That the group is private says nothing about whom the list lets in. */
START_TEST(access_list)
{
    /* acl(5) as the kernel keeps it: user::rw-, user:54321:rw-, group::r--, mask::rw-, other::r-- */
    static const struct {
        uint32_t version;
        struct {
            uint16_t tag, permissions;
            uint32_t id;
        } entries[5];
    } list = {2, {{0x01, 6, UINT32_MAX}, {0x02, 6, 54321}, {0x04, 4, UINT32_MAX}, {0x10, 6, UINT32_MAX}, {0x20, 4, UINT32_MAX}}};

    install("sound", "m.so");
    if (setxattr(in_root("m.so"), "system.posix_acl_access", &list, sizeof(list), 0) < 0) {
        ck_assert_int_eq(errno, ENOTSUP);
        return;
    }
    refused(in_root("m.so"), -EPERM, in_root("m.so"), "is writable for its group");
}
END_TEST

/* Only root can give files away; the daemon then also trusts root's own. */
START_TEST(wrong_owner)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(mkdir(in_root("dir"), 0755), 0);
    install("sound", "dir/m.so");
    ck_assert_int_eq(chown(in_root(_i == 0 ? "dir/m.so" : "dir"), 12345, 0), 0);
    refused(in_root("dir/m.so"), -EPERM, in_root(_i == 0 ? "dir/m.so" : "dir"), "belongs to uid 12345");
    /* A sticky bit does not make a stranger's folder trustworthy: its owner may still replace what is in it. */
    ck_assert_int_eq(chmod(in_root("dir"), 01755), 0);
    refused(in_root("dir/m.so"), -EPERM, in_root(_i == 0 ? "dir/m.so" : "dir"), "belongs to uid 12345");
}
END_TEST

START_TEST(roots_file_is_trusted_by_users)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chmod(root, 0755), 0);
    install("sound", "m.so");
    ck_assert_int_eq(seteuid(12345), 0);
    accepted(in_root("m.so"));
    ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(links_are_followed_and_their_ends_checked)
{
    ck_assert_int_eq(mkdir(in_root("dir"), 0755), 0);
    install("sound", "m.so");
    ck_assert_int_eq(symlink("../m.so", in_root("dir/link.so")), 0);
    accepted(in_root("dir/link.so"));
    ck_assert_int_eq(chmod(in_root("m.so"), 0666), 0);
    refused(in_root("dir/link.so"), -EPERM, in_root("m.so"), "writable for everybody");
}
END_TEST

START_TEST(no_file)
{
    ck_assert_int_eq(mkdir(in_root("dir"), 0755), 0);
    ck_assert_int_eq(mkfifo(in_root("fifo"), 0600), 0);
    refused("mediator.so", -EINVAL, "mediator.so", "must be absolute");
    refused("./mediator.so", -EINVAL, "./mediator.so", "must be absolute");
    refused("", -EINVAL, "\"\"", "must be absolute");
    refused(in_root("missing.so"), -ENOENT, in_root("missing.so"), "No such file");
    refused(in_root("dir"), -EISDIR, in_root("dir"), "not a regular file");
    refused(in_root("fifo"), -EPERM, in_root("fifo"), "not a regular file");
    refused("/dev/null", -EPERM, "/dev/null", "not a regular file");
    refused("/", -ENOENT, "/", "No such file");
}
END_TEST

START_TEST(default_path_is_beside_a_built_program)
{
    char program[PATH_MAX], *slash, *path = postern_loader_default_path();
    char beside[PATH_MAX + 32];

    ck_assert_ptr_nonnull(realpath("/proc/self/exe", program));
    slash = strrchr(program, '/');
    *slash = '\0';
    snprintf(beside, sizeof(beside), "%s/.libs/mediator.so", program);
    ck_assert_ptr_nonnull(path);
    ck_assert_str_eq(path, access(beside, F_OK) == 0 ? beside : POSTERN_MODULE_PATH);
    free(path);
}
END_TEST

static Suite *loader_suite(void)
{
    Suite *suite = suite_create("loader");
    TCase *tcase = tcase_create("loader");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, content, 0, sizeof(mocks) / sizeof(mocks[0]));
    tcase_add_test(tcase, no_shared_object);
    tcase_add_test(tcase, open_fails_with_a_fault);
    tcase_add_test(tcase, two_modules_do_not_mix);
    tcase_add_loop_test(tcase, mode, 0, sizeof(modes) / sizeof(modes[0]));
    tcase_add_loop_test(tcase, group_writable, 0, 2);
    tcase_add_test(tcase, access_list);
    tcase_add_loop_test(tcase, wrong_owner, 0, 2);
    tcase_add_test(tcase, roots_file_is_trusted_by_users);
    tcase_add_test(tcase, links_are_followed_and_their_ends_checked);
    tcase_add_test(tcase, no_file);
    tcase_add_test(tcase, default_path_is_beside_a_built_program);
    suite_add_tcase(suite, tcase);
    return suite;
}

SUITE_MAIN(loader_suite)
