/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/suite.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/hash.h"
#include "util/peer.h"

START_TEST(buf_grows_and_consumes)
{
    struct postern_buf buf = {0};

    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(postern_buf_append(&buf, "abcd", 4), 0);
    ck_assert_uint_eq(buf.len, 4000);
    postern_buf_consume(&buf, 3998);
    ck_assert_uint_eq(buf.len, 2);
    ck_assert_mem_eq(buf.data, "cd", 2);
    ck_assert_int_eq(postern_buf_printf(&buf, "%s-%d", "ef", 7), 0);
    ck_assert_mem_eq(buf.data, "cdef-7", 6);
    ck_assert_int_eq(postern_buf_reserve(&buf, SIZE_MAX / 2), -ENOMEM);
    ck_assert_uint_eq(buf.len, 6);
    postern_buf_finish(&buf);
    ck_assert_ptr_null(buf.data);
}
END_TEST

START_TEST(error_is_one_line)
{
    struct postern_error error;

    ck_assert_int_eq(postern_error_set(&error, -EINVAL, "bad name \"%s\"", "a\nb\x1b[31m"), -EINVAL);
    ck_assert_str_eq(error.text, "bad name \"a?b?[31m\"");
    ck_assert_int_eq(postern_error_set(NULL, -EPERM, "nobody listens"), -EPERM);
}
END_TEST

START_TEST(hash_depends_on_every_byte)
{
    char text[64];
    uint64_t whole;

    memset(text, 'x', sizeof(text));
    whole = postern_hash(text, sizeof(text));
    ck_assert(whole == postern_hash(text, sizeof(text)));
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] ^= 1;
        ck_assert(whole != postern_hash(text, sizeof(text)));
        text[i] ^= 1;
        ck_assert(whole != postern_hash(text, i));
    }
}
END_TEST

START_TEST(peer_facts_are_ours)
{
    struct postern_peer_facts peer, self;
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(postern_peer_facts_read(pair[0], &peer), 0);
    ck_assert_int_eq(postern_peer_facts_self(&self), 0);
    ck_assert_uint_eq(peer.uid, geteuid());
    ck_assert_int_eq(peer.pid, getpid());
    ck_assert_uint_eq(peer.n_groups, self.n_groups);
    for (size_t i = 0; i < peer.n_groups; i++) {
        ck_assert_uint_eq(peer.groups[i], self.groups[i]);
        ck_assert(i == 0 || peer.groups[i - 1] < peer.groups[i]);
    }
    postern_peer_facts_finish(&peer);
    postern_peer_facts_finish(&self);
    ck_assert_int_lt(postern_peer_facts_read(STDIN_FILENO, &peer), 0);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

static Suite *util_suite(void)
{
    Suite *suite = suite_create("util");
    TCase *tcase = tcase_create("util");

    tcase_add_test(tcase, buf_grows_and_consumes);
    tcase_add_test(tcase, error_is_one_line);
    tcase_add_test(tcase, hash_depends_on_every_byte);
    tcase_add_test(tcase, peer_facts_are_ours);
    suite_add_tcase(suite, tcase);
    return suite;
}

SUITE_MAIN(util_suite)
