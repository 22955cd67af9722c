/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/console.h"
#include "util/error.h"
#include "util/hash.h"
#include "util/peer.h"
#include "util/sha1.h"

START_TEST(buf_grows)
{
    struct postern_buf buf = {0};

    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(postern_buf_append(&buf, "abcd", 4), 0);
    ck_assert_uint_eq(buf.len, 4000);
    ck_assert_int_eq(postern_buf_printf(&buf, "%s-%d", "ef", 7), 0);
    ck_assert_uint_eq(buf.len, 4004);
    ck_assert_mem_eq(buf.data + 3996, "abcdef-7", 8);
    ck_assert_int_eq(postern_buf_reserve(&buf, SIZE_MAX / 2), -ENOMEM);
    ck_assert_uint_eq(buf.len, 4004);
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

/* Of texts of every length, whatever stands in front of them. */
START_TEST(hash_depends_on_every_byte)
{
    char text[72];
    uint64_t whole;

    for (size_t n = 0; n <= 64; n++) {
        memset(text, 'x', sizeof(text));
        whole = postern_hash(text + 3, n);
        text[2] = text[3 + n] = 'y';
        ck_assert(whole == postern_hash(text + 3, n));
        for (size_t i = 0; i < n; i++) {
            text[3 + i] ^= 1;
            ck_assert(whole != postern_hash(text + 3, n));
            text[3 + i] ^= 1;
            ck_assert(whole != postern_hash(text + 3, i));
        }
    }
}
END_TEST

START_TEST(hash_depends_on_both_words)
{
    const uint64_t whole = postern_hash_words(3, 7);

    ck_assert(whole == postern_hash_words(3, 7) && whole != postern_hash_words(7, 3));
    for (unsigned i = 0; i < 64; i++)
        ck_assert(whole != postern_hash_words(3 ^ UINT64_C(1) << i, 7) && whole != postern_hash_words(3, 7 ^ UINT64_C(1) << i));
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

/* The first question is for a few groups; here there are more. It needs root. */
START_TEST(peer_with_many_groups)
{
    struct postern_peer_facts peer, other;
    gid_t groups[200];
    int pair[2];

    for (unsigned i = 0; i < 200; i++)
        groups[i] = 5000 - i;
    if (setgroups((size_t)_i, groups) < 0) {
        ck_assert_int_eq(errno, EPERM);
        return;
    }
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(postern_peer_facts_read(pair[0], &peer), 0);
    ck_assert_uint_eq(peer.n_groups, (size_t)_i + 1);
    for (size_t i = 1; i < peer.n_groups; i++)
        ck_assert_uint_eq(peer.groups[i], 5001 - peer.n_groups + i);
    /* Later they are still those of then, and they are read once. */
    ck_assert_int_eq(postern_peer_facts_begin(pair[0], &other), 0);
    ck_assert(other.uid == peer.uid && other.gid == peer.gid && other.pid == peer.pid);
    ck_assert(other.groups == NULL && other.n_groups == 0);
    ck_assert((other.label == NULL) == (peer.label == NULL) && other.label_len == peer.label_len);
    ck_assert_int_eq(setgroups(0, NULL), 0);
    ck_assert_int_eq(postern_peer_facts_groups(pair[0], &other), 0);
    ck_assert_uint_eq(other.n_groups, peer.n_groups);
    ck_assert_mem_eq(other.groups, peer.groups, peer.n_groups * sizeof(gid_t));
    ck_assert_int_eq(postern_peer_facts_groups(-1, &other), 0);
    postern_peer_facts_finish(&other);
    postern_peer_facts_finish(&peer);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

/* Of whoever is at the other end of the network, nothing is known; of what is no socket, that is an error. */
START_TEST(peer_facts_of_the_network)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(addr);
    struct postern_peer_facts peer = {.uid = 1};
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), server;

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, size), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&addr, &size), 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&addr, size), 0);
    server = accept(listener, NULL, NULL);
    ck_assert_int_eq(postern_peer_facts_read(server, &peer), 0);
    ck_assert(peer.uid == POSTERN_PEER_UNKNOWN && peer.gid == (gid_t)-1 && peer.pid == 0);
    ck_assert_int_eq(postern_peer_facts_groups(server, &peer), 0);
    ck_assert(peer.groups == NULL && peer.n_groups == 0 && peer.label == NULL);
    ck_assert_int_eq(postern_peer_pidfd(server), -ENODATA);
    postern_peer_facts_finish(&peer);
    close(server);
    close(client);
    close(listener);
}
END_TEST

/* The examples of FIPS 180-4, and lengths around the ends of a block, as sha1sum(1) has them. */
static const struct {
    const char *piece;
    int times;
    const char *sum;
} sums[] = {
    {"", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {"abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    {"a", 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
    {"a", 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
    {"a", 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
    {"a", 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
    {"a", 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
    {"a", 65, "11655326c708d70319be2610e8a57d9a5b959d3b"},
    {"a", 119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"},
    {"a", 120, "f34c1488385346a55709ba056ddd08280dd4c6d6"},
};

START_TEST(sha1)
{
    size_t len = strlen(sums[_i].piece);
    char *text = malloc(len * (size_t)sums[_i].times + 1);
    uint8_t sum[POSTERN_SHA1_BYTES];
    char hex[2 * POSTERN_SHA1_BYTES + 1];

    for (int i = 0; i < sums[_i].times; i++)
        memcpy(text + (size_t)i * len, sums[_i].piece, len);
    postern_sha1(text, len * (size_t)sums[_i].times, sum);
    postern_hex(sum, sizeof(sum), hex);
    ck_assert_str_eq(hex, sums[_i].sum);
    free(text);
}
END_TEST

/* The names that were told, joined; stops at the one called "stop". */
static bool note_name(void *data, const char *name)
{
    struct postern_buf *names = data;

    ck_assert_int_eq(postern_buf_printf(names, "%s ", name), 0);
    return strcmp(name, "stop") == 0;
}

START_TEST(console_files)
{
    char dir[] = "/tmp/test-util.XXXXXX", path[64];
    static const char *const files[] = {"alice", ".hidden", "stop"};
    struct postern_buf names = {0};

    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert(!postern_console_any("/nonexistent/console", note_name, &names));
    ck_assert(!postern_console_any(dir, note_name, &names));
    ck_assert_uint_eq(names.len, 0);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        ck_assert(postern_console_any(dir, note_name, &names) == (i == 2));
    }
    ck_assert_ptr_nonnull(strstr((const char *)names.data, "alice "));
    ck_assert_ptr_null(strstr((const char *)names.data, "hidden"));
    postern_buf_finish(&names);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        ck_assert_int_eq(unlink(path), 0);
    }
    for (int i = 0; i < 2000; i++) { /* a bounded look at a folder that somebody has filled */
        snprintf(path, sizeof(path), "%s/%d", dir, i);
        close(open(path, O_CREAT | O_WRONLY, 0600));
    }
    ck_assert(!postern_console_any(dir, note_name, &names));
    ck_assert_uint_lt(names.len, 600 * 5);
    postern_buf_finish(&names);
    for (int i = 0; i < 2000; i++) {
        snprintf(path, sizeof(path), "%s/%d", dir, i);
        unlink(path);
    }
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

static Suite *util_suite(void)
{
    Suite *suite = suite_create("util");
    TCase *tcase = tcase_create("util");

    tcase_add_test(tcase, buf_grows);
    tcase_add_test(tcase, console_files);
    tcase_add_test(tcase, error_is_one_line);
    tcase_add_test(tcase, hash_depends_on_every_byte);
    tcase_add_test(tcase, hash_depends_on_both_words);
    tcase_add_test(tcase, peer_facts_are_ours);
    tcase_add_test(tcase, peer_facts_of_the_network);
    for (int i = 63; i <= 65; i++)
        tcase_add_loop_test(tcase, peer_with_many_groups, i, i + 1);
    tcase_add_loop_test(tcase, peer_with_many_groups, 200, 201);
    tcase_add_loop_test(tcase, sha1, 0, sizeof(sums) / sizeof(sums[0]));
    suite_add_tcase(suite, tcase);
    return suite;
}

SUITE_MAIN(util_suite)
