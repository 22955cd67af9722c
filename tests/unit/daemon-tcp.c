/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of tcp: and nonce-tcp:. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/listen.h"
#include "tests/unit/daemon.h"

#define GUID "0123456789abcdef0123456789abcdef"

static bool matches(const char *text, const char *expression)
{
    regex_t regex;
    bool found;

    ck_assert_int_eq(regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB), 0);
    found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static struct sockaddr_storage name_of(int fd)
{
    struct sockaddr_storage addr;
    socklen_t size = sizeof(addr);

    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
    return addr;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage addr = name_of(fd);

    return ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&addr)->sin6_port
                                            : ((struct sockaddr_in *)(void *)&addr)->sin_port);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

static const struct {
    const char *address;
    const char *printed; /* regular expression, without the guid */
    int family;
    bool anywhere; /* not on the loopback alone */
} good[] = {
    {"tcp:host=127.0.0.1", "tcp:host=127\\.0\\.0\\.1,port=[1-9][0-9]*,family=ipv4", AF_INET, false},
    {"tcp:host=127.0.0.1,port=0,family=ipv4", "tcp:host=127\\.0\\.0\\.1,port=[1-9][0-9]*,family=ipv4", AF_INET, false},
    {"tcp:family=ipv4", "tcp:host=localhost,port=[1-9][0-9]*,family=ipv4", AF_INET, false},
    {"tcp:host=my%20machine%2c,bind=127.0.0.1", "tcp:host=my%20machine%2c,port=[1-9][0-9]*,family=ipv4", AF_INET, false},
    {"tcp:host=localhost,bind=*,family=ipv4", "tcp:host=localhost,port=[1-9][0-9]*,family=ipv4", AF_INET, true},
    {"tcp:host=%3a%3a1", "tcp:host=%3a%3a1,port=[1-9][0-9]*,family=ipv6", AF_INET6, false},
    {"tcp:bind=*,family=ipv6", "tcp:host=localhost,port=[1-9][0-9]*,family=ipv6", AF_INET6, true},
};

START_TEST(opens)
{
    struct postern_listen listen = {0};
    struct postern_error error = {""};
    char expression[512];
    struct sockaddr_storage addr;
    int on = 0;
    socklen_t size = sizeof(on);

    if (good[_i].family == AF_INET6 && !has_ipv6())
        return; /* this machine has no such address to listen on */
    ck_assert_msg(postern_listen_open(&listen, good[_i].address, GUID, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(listen.n, 1);
    snprintf(expression, sizeof(expression), "^%s,guid=" GUID "$", good[_i].printed);
    ck_assert_msg(matches(listen.sockets[0].address, expression), "%s", listen.sockets[0].address);
    addr = name_of(listen.sockets[0].fd);
    ck_assert_int_eq(addr.ss_family, good[_i].family);
    if (good[_i].family == AF_INET)
        ck_assert_uint_eq(((struct sockaddr_in *)(void *)&addr)->sin_addr.s_addr,
                          htonl(good[_i].anywhere ? INADDR_ANY : INADDR_LOOPBACK));
    snprintf(expression, sizeof(expression), "port=%u,", port_of(listen.sockets[0].fd));
    ck_assert_ptr_nonnull(strstr(listen.sockets[0].address, expression));
    ck_assert_int_eq(fcntl(listen.sockets[0].fd, F_GETFD), FD_CLOEXEC);
    ck_assert(fcntl(listen.sockets[0].fd, F_GETFL) & O_NONBLOCK);
    ck_assert_int_eq(getsockopt(listen.sockets[0].fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    ck_assert_int_ne(on, 0);
    ck_assert(!listen.sockets[0].has_nonce && listen.sockets[0].unlink_path == NULL);
    postern_listen_close(&listen);
}
END_TEST

static const struct {
    const char *address;
    const char *error; /* regular expression */
} bad[] = {
    {"tcp:port=65536", "^tcp:port=65536: a port is a number"},
    {"tcp:port=-1", "port is a number"},
    {"tcp:port=%201", "port is a number"},
    {"tcp:port=1x", "port is a number"},
    {"tcp:port=00000000000000000000000000000000000080", "port is a number"},
    {"nonce-tcp:port=http", "^nonce-tcp:port=http: a port is a number"},
    {"tcp:family=ipv5", "families are ipv4 and ipv6"},
    {"tcp:family=ipv6,host=127.0.0.1", "^tcp: cannot find an address of \"127.0.0.1\""},
    {"tcp:host=localhost,user=me", "tcp:user= is not supported"},
    {"tcp:host=127.0.0.1,noncefile=/tmp/x", "tcp:noncefile= is not supported"},
    {"tcp:host=256.256.256.256", "cannot find an address|cannot listen"},
    {"tcp:host=192.0.2.1", "^tcp: cannot listen on 192.0.2.1, port 0: "}, /* RFC 5737: nobody's */
    {"unix:tmpdir=/tmp;tcp:port=x", "port is a number"},
};

START_TEST(refuses)
{
    struct postern_listen listen = {0};
    struct postern_error error = {""};

    ck_assert_int_lt(postern_listen_open(&listen, bad[_i].address, GUID, &error), 0);
    ck_assert_msg(matches(error.text, bad[_i].error), "%s: %s", bad[_i].address, error.text);
    ck_assert_uint_eq(listen.n, 0);
    postern_listen_close(&listen);
}
END_TEST

/* One port on all addresses, one address for clients. */
START_TEST(everywhere)
{
    struct postern_listen listen = {0};
    struct postern_error error = {""};
    char *all;

    if (!has_ipv6())
        return;
    ck_assert_msg(postern_listen_open(&listen, "tcp:bind=*;unix:abstract=" GUID, GUID, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(listen.n, 3);
    ck_assert_uint_eq(port_of(listen.sockets[0].fd), port_of(listen.sockets[1].fd));
    ck_assert_int_ne(name_of(listen.sockets[0].fd).ss_family, name_of(listen.sockets[1].fd).ss_family);
    ck_assert_ptr_null(listen.sockets[1].address);
    all = postern_listen_addresses(&listen);
    ck_assert_msg(
        matches(all, "^tcp:host=localhost,port=[0-9]+,family=ipv[46],guid=" GUID ";unix:abstract=" GUID ",guid=" GUID "$"), "%s",
        all);
    free(all);
    postern_listen_close(&listen);
}
END_TEST

/* A port that somebody has is an error, on whichever address: clients could reach him instead of the bus. */
START_TEST(taken)
{
    struct postern_listen first = {0}, second = {0};
    struct postern_error error = {""};
    char address[64];

    ck_assert_int_eq(postern_listen_open(&first, "tcp:host=127.0.0.1", GUID, &error), 0);
    snprintf(address, sizeof(address), "tcp:host=127.0.0.1,port=%u", port_of(first.sockets[0].fd));
    ck_assert_int_eq(postern_listen_open(&second, address, GUID, &error), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(error.text, "in use"));
    snprintf(address, sizeof(address), "tcp:bind=*,port=%u", port_of(first.sockets[0].fd));
    ck_assert_int_eq(postern_listen_open(&second, address, GUID, &error), -EADDRINUSE);
    ck_assert_uint_eq(second.n, 0);
    postern_listen_close(&first);
    postern_listen_close(&second);
}
END_TEST

static void check_nonce(const struct postern_listen_socket *sockets, size_t n)
{
    uint8_t nonce[POSTERN_NONCE_BYTES + 1];
    struct stat st;
    int fd = open(sockets[0].unlink_path, O_RDONLY | O_CLOEXEC);

    ck_assert_int_eq(read(fd, nonce, sizeof(nonce)), POSTERN_NONCE_BYTES);
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    close(fd);
    ck_assert_int_eq(stat(sockets[0].rmdir_path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    for (size_t i = 0; i < n; i++) {
        ck_assert(sockets[i].has_nonce);
        ck_assert_mem_eq(nonce, sockets[i].nonce, POSTERN_NONCE_BYTES);
    }
}

START_TEST(nonces)
{
    char dir[] = "/tmp/postern-nonce-XXXXXX", expression[256];
    struct postern_listen listen = {0};
    struct postern_error error = {""};

    ck_assert_ptr_nonnull(mkdtemp(dir));
    setenv("TMPDIR", dir, 1);
    ck_assert_msg(postern_listen_open(&listen, "nonce-tcp:host=127.0.0.1;nonce-tcp:bind=*", GUID, &error) == 0, "%s", error.text);
    snprintf(expression, sizeof(expression),
             "^nonce-tcp:host=127\\.0\\.0\\.1,port=[0-9]+,family=ipv4,noncefile=%s/dbus_nonce-[^/]+/nonce,guid=" GUID "$", dir);
    ck_assert_msg(matches(listen.sockets[0].address, expression), "%s", listen.sockets[0].address);
    check_nonce(&listen.sockets[0], 1);
    check_nonce(&listen.sockets[1], listen.n - 1);
    ck_assert_mem_ne(listen.sockets[0].nonce, listen.sockets[1].nonce, POSTERN_NONCE_BYTES);
    postern_listen_close(&listen);
    ck_assert_int_eq(rmdir(dir), 0); /* all was removed */
    ck_assert_int_lt(postern_listen_open(&listen, "nonce-tcp:host=127.0.0.1", GUID, &error), 0);
    ck_assert_ptr_nonnull(strstr(error.text, "nonce"));
    postern_listen_close(&listen);
    unsetenv("TMPDIR");
}
END_TEST

Suite *tcp_suite(void)
{
    Suite *suite = suite_create("daemon/tcp");
    TCase *tcase = tcase_create("tcp");

    tcase_add_loop_test(tcase, opens, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tcase, refuses, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tcase, everywhere);
    tcase_add_test(tcase, taken);
    tcase_add_test(tcase, nonces);
    suite_add_tcase(suite, tcase);
    return suite;
}
