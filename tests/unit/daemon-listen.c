/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/listen.h"
#include "tests/unit/daemon.h"

#define GUID "0123456789abcdef0123456789abcdef"

static char dir[] = "/tmp/postern-listen-XXXXXX";

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", dir, 1), 0);
}

static void tear_down(void)
{
    ck_assert_int_eq(rmdir(dir), 0); /* nothing may be left in it */
}

/* The template with each @ replaced by the folder. */
static char *expand(const char *template)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    for (; *template != '\0'; template ++) {
        if (*template == '@')
            fputs(dir, f);
        else
            fputc(*template, f);
    }
    fclose(f);
    return text;
}

/* Connects to the address as a client reads it: path or abstract, up to the comma. */
static bool can_connect(const char *address)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    bool abstract = strncmp(address, "unix:abstract=", 14) == 0;
    const char *from = strchr(address, '=') + 1;
    size_t n = abstract;
    int fd, r;

    for (; *from != ',' && *from != '\0'; from++, n++) {
        unsigned byte = (unsigned char)*from;

        if (*from == '%' && sscanf(from + 1, "%2x", &byte) == 1)
            from += 2;
        addr.sun_path[n] = (char)byte;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    r = connect(fd, (struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    close(fd);
    return r == 0;
}

static bool matches(const char *text, const char *expression)
{
    regex_t regex;
    bool found;

    ck_assert_int_eq(regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB), 0);
    found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

/* '@' is a folder of our own. */
static const struct {
    const char *address;
    const char *printed; /* regular expression, without the guid */
} good[] = {
    {"unix:path=@/bus", "unix:path=@/bus"},
    {"unix:path=@/a%20b%2c%3b%25", "unix:path=@/a%20b%2c%3b%25"},
    {"unix:path=@/%61%7E%2b", "unix:path=@/a%7e%2b"},
    {"unix:dir=@", "unix:path=@/dbus-[a-zA-Z0-9_-]{10}"},
    {"unix:tmpdir=@", "unix:path=@/dbus-[a-zA-Z0-9_-]{10}"},
    {"unix:tmpdir=@/", "unix:path=@/dbus-[a-zA-Z0-9_-]{10}"},
    {"unix:runtime=yes", "unix:path=@/bus"},
    {"unix:abstract=@/x%20y", "unix:abstract=@/x%20y"},
};

START_TEST(opens)
{
    char *address = expand(good[_i].address), *printed = expand(good[_i].printed), expression[512];
    struct postern_listen listen = {0};
    struct postern_error error = {""};
    char *all;

    ck_assert_msg(postern_listen_open(&listen, address, GUID, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(listen.n, 1);
    snprintf(expression, sizeof(expression), "^%s,guid=" GUID "$", printed);
    ck_assert_msg(matches(listen.sockets[0].address, expression), "%s printed as %s", address, listen.sockets[0].address);
    ck_assert_int_eq(fcntl(listen.sockets[0].fd, F_GETFD), FD_CLOEXEC);
    ck_assert(fcntl(listen.sockets[0].fd, F_GETFL) & O_NONBLOCK);
    ck_assert(can_connect(listen.sockets[0].address));
    all = postern_listen_addresses(&listen);
    ck_assert_str_eq(all, listen.sockets[0].address);
    postern_listen_close(&listen);
    ck_assert(!can_connect(all));
    free(all);
    free(address);
    free(printed);
}
END_TEST

#define LONG_NAME "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static const struct {
    const char *address;
    const char *error; /* regular expression */
} bad[] = {
    {"unixexec:path=/bin/true", "^unixexec transports are not supported"},
    {"unix:", "exactly one of path, abstract, dir, tmpdir and runtime"},
    {"unix:path=@/a,abstract=b", "exactly one of"},
    {"unix:dir=@,tmpdir=@", "exactly one of"},
    {"unix:path=@/a,mode=0600", "exactly one of"},
    {"unix:guid=" GUID, "unix:guid= is not supported"},
    {"unix:path=", "unix:path= needs a value|value"},
    {"unix:path=bus", "must be absolute"},
    {"unix:tmpdir=tmp", "absolute"},
    {"unix:path=@/none/bus", "unix:path=@/none/bus: cannot listen: No such file"},
    {"unix:dir=@/none", "@/none/dbus-.*No such file"},
    {"unix:path=@/" LONG_NAME, "has [0-9]+ bytes, at most 107"},
    {"unix:dir=@/" LONG_NAME, "has [0-9]+ bytes, at most 107"},
    {"unix:abstract=@/" LONG_NAME, "has [0-9]+ bytes, at most 107"},
    {"unix:runtime=no", "only value is yes"},
    {"unix:path=@/a;launchd:env=x", "launchd transports are not supported"},
    {"systemd:path=@/a", "systemd"},
    {"systemd:", "systemd"},
    {"", "."},
};

START_TEST(refuses)
{
    char *address = expand(bad[_i].address), *expected = expand(bad[_i].error);
    struct postern_listen listen = {0};
    struct postern_error error = {""};

    ck_assert_int_eq(postern_listen_open(&listen, "unix:tmpdir=/tmp", GUID, &error), 0);
    ck_assert_int_lt(postern_listen_open(&listen, address, GUID, &error), 0);
    ck_assert_msg(matches(error.text, expected), "%s: %s", address, error.text);
    /* What was there before stays, and works. */
    ck_assert_uint_eq(listen.n, 1);
    ck_assert(can_connect(listen.sockets[0].address));
    postern_listen_close(&listen);
    free(address);
    free(expected);
}
END_TEST

START_TEST(no_runtime_dir)
{
    struct postern_listen listen = {0};
    struct postern_error error = {""};

    unsetenv("XDG_RUNTIME_DIR");
    ck_assert_int_eq(postern_listen_open(&listen, "unix:runtime=yes", GUID, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, "XDG_RUNTIME_DIR"));
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    ck_assert_int_eq(postern_listen_open(&listen, "unix:runtime=yes", GUID, &error), -ENOENT);
    ck_assert_uint_eq(listen.n, 0);
    postern_listen_close(&listen);
}
END_TEST

START_TEST(lists)
{
    char *address = expand("unix:path=@/a;unix:abstract=@/b;unix:dir=@"), *all, expression[512];
    struct postern_listen listen = {0};
    struct postern_error error = {""};

    ck_assert_msg(postern_listen_open(&listen, address, GUID, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(listen.n, 3);
    all = postern_listen_addresses(&listen);
    snprintf(expression, sizeof(expression),
             "^unix:path=%s/a,guid=%s;unix:abstract=%s/b,guid=%s;unix:path=%s/dbus-[^,]*,guid=%s$", dir, GUID, dir, GUID, dir,
             GUID);
    ck_assert_msg(matches(all, expression), "%s", all);
    postern_listen_close(&listen);
    all[0] = '\0';
    free(all);
    all = postern_listen_addresses(&listen);
    ck_assert_str_eq(all, "");
    free(all);
    free(address);
}
END_TEST

/* A dead socket and a living one make room; a file, a folder and a link do not. */
START_TEST(stale)
{
    char *path = expand("@/bus"), *address = expand("unix:path=@/bus"), *other = expand("@/other");
    struct postern_listen first = {0}, second = {0};
    struct postern_error error = {""};
    struct stat st;
    int fd;

    ck_assert_int_eq(postern_listen_open(&first, address, GUID, &error), 0);
    ck_assert_msg(postern_listen_open(&second, address, GUID, &error) == 0, "%s", error.text);
    ck_assert(can_connect(second.sockets[0].address));
    postern_listen_close(&second);
    postern_listen_close(&first);

    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(postern_listen_open(&first, address, GUID, &error), -EEXIST);
    ck_assert_ptr_nonnull(strstr(error.text, "not a socket"));
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert_int_eq(unlink(path), 0);

    ck_assert_int_eq(symlink(other, path), 0);
    ck_assert_int_eq(postern_listen_open(&first, address, GUID, &error), -EEXIST);
    ck_assert_int_lt(lstat(other, &st), 0);
    ck_assert_int_eq(unlink(path), 0);
    postern_listen_close(&first);
    free(path);
    free(address);
    free(other);
}
END_TEST

START_TEST(mode)
{
    static const mode_t masks[] = {0, 022, 077, 0777};
    char *address = expand("unix:path=@/bus");

    for (size_t i = 0; i < 4; i++) {
        struct postern_listen listen = {0};
        struct postern_error error = {""};
        struct stat st;

        umask(masks[i]);
        ck_assert_msg(postern_listen_open(&listen, address, GUID, &error) == 0, "%s", error.text);
        ck_assert_uint_eq(umask(masks[i]), masks[i]);
        ck_assert_int_eq(stat(listen.sockets[0].unlink_path, &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0666);
        postern_listen_close(&listen);
    }
    free(address);
}
END_TEST

/* Runs a check in a process of its own, whose descriptors it may disarrange; it returns 0 when content. */
static void in_child(int (*check)(void))
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(check());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(status == 0, "status %#x", (unsigned)status);
}

static int check_standard_streams(void)
{
    struct postern_listen listen = {0};
    struct postern_error error;
    char *address = expand("unix:path=@/bus");
    int r = 0;

    close(0);
    close(1);
    close(2);
    if (postern_listen_open(&listen, address, GUID, &error) < 0)
        r = 1;
    else if (listen.sockets[0].fd <= 2 || fcntl(0, F_GETFD) >= 0 || !can_connect(listen.sockets[0].address) ||
             fcntl(listen.sockets[0].fd, F_GETFD) != FD_CLOEXEC)
        r = 2;
    postern_listen_close(&listen);
    free(address);
    return r;
}

START_TEST(standard_streams)
{
    in_child(check_standard_streams);
}
END_TEST

#ifdef HAVE_LIBSYSTEMD
/* Puts a socket at fd and tells the environment of it, as systemd does. */
static int inherit(int type, const char *name, bool listening, int fd)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int made = socket(AF_UNIX, type, 0);
    char pid[16];

    snprintf(pid, sizeof(pid), "%d", getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", fd == 3 ? "1" : "2", 1);
    if (name != NULL) {
        strncpy(addr.sun_path, name, sizeof(addr.sun_path) - 1);
        if (bind(made, (struct sockaddr *)&addr, sizeof(addr)) < 0)
            return -1;
    }
    if (listening && listen(made, 5) < 0)
        return -1;
    if (made == fd)
        return 0;
    return dup2(made, fd) == fd && close(made) == 0 ? 0 : -1;
}

static int check_inherited(void)
{
    struct postern_listen listen = {0};
    struct postern_error error;
    char *path = expand("@/inherited"), expression[256];
    struct stat st;
    int r = 0;

    snprintf(expression, sizeof(expression), "^unix:path=%s,guid=" GUID "$", path);
    if (inherit(SOCK_STREAM, path, true, 3) < 0)
        r = 1;
    else if (postern_listen_open(&listen, "systemd:", GUID, &error) < 0 || listen.n != 1)
        r = 2;
    else if (listen.sockets[0].fd != 3 || !matches(listen.sockets[0].address, expression) ||
             !can_connect(listen.sockets[0].address))
        r = 3;
    else if (fcntl(3, F_GETFD) != FD_CLOEXEC || !(fcntl(3, F_GETFL) & O_NONBLOCK) || getenv("LISTEN_FDS") != NULL)
        r = 4;
    postern_listen_close(&listen);
    /* The file is systemd's to remove. */
    if (r == 0 && (stat(path, &st) < 0 || unlink(path) < 0))
        r = 5;
    free(path);
    return r;
}

/* What is wrong with an inherited descriptor: the bus does not start with it. */
static int check_bad_inherited(void)
{
    struct postern_listen listen = {0};
    struct postern_error error;
    char *path = expand("@/inherited");
    int r = 0;

    if (inherit(SOCK_STREAM, path, false, 3) < 0 || postern_listen_open(&listen, "systemd:", GUID, &error) == 0)
        r = 1;
    unlink(path);
    if (r == 0 && (inherit(SOCK_SEQPACKET, path, true, 3) < 0 || postern_listen_open(&listen, "systemd:", GUID, &error) == 0))
        r = 2;
    unlink(path);
    if (r == 0 && (inherit(SOCK_DGRAM, NULL, false, 3) < 0 || postern_listen_open(&listen, "systemd:", GUID, &error) == 0))
        r = 3;
    /* One good and one bad: neither is kept. */
    if (r == 0 && (inherit(SOCK_STREAM, path, true, 3) < 0 || inherit(SOCK_DGRAM, NULL, false, 4) < 0))
        r = 4;
    if (r == 0 && (postern_listen_open(&listen, "systemd:", GUID, &error) == 0 || listen.n != 0 || fcntl(3, F_GETFD) >= 0 ||
                   fcntl(4, F_GETFD) >= 0))
        r = 5;
    unlink(path);
    postern_listen_close(&listen);
    free(path);
    return r;
}

START_TEST(inherited)
{
    in_child(check_inherited);
    in_child(check_bad_inherited);
}
END_TEST
#endif

START_TEST(guid)
{
    char a[33], b[33];

    ck_assert_int_eq(postern_guid_make(a), 0);
    ck_assert_int_eq(postern_guid_make(b), 0);
    ck_assert(matches(a, "^[0-9a-f]{32}$"));
    ck_assert_str_ne(a, b);
}
END_TEST

Suite *listen_suite(void)
{
    Suite *suite = suite_create("daemon/listen");
    TCase *tcase = tcase_create("listen");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, opens, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tcase, refuses, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tcase, no_runtime_dir);
    tcase_add_test(tcase, lists);
    tcase_add_test(tcase, stale);
    tcase_add_test(tcase, mode);
    tcase_add_test(tcase, standard_streams);
#ifdef HAVE_LIBSYSTEMD
    tcase_add_test(tcase, inherited);
#endif
    tcase_add_test(tcase, guid);
    suite_add_tcase(suite, tcase);
    return suite;
}
