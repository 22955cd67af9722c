/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/account.h"
#include "daemon/fdset.h"
#include "daemon/outq.h"
#include "daemon/timeout.h"

static int pair[2];
static struct postern_outq queue;
static struct postern_outq_pool pool;
static struct postern_fdset_pool fdsets;
static struct postern_accounts accounts;
static struct postern_account *alice, *bob;

static void setup(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    alice = postern_account_get(&accounts, 1);
    bob = postern_account_get(&accounts, 2);
    ck_assert_ptr_nonnull(alice);
    ck_assert_ptr_nonnull(bob);
}

static void teardown(void)
{
    postern_outq_clear(&queue, &pool);
    postern_outq_pool_finish(&pool);
    postern_fdset_pool_finish(&fdsets);
    ck_assert_uint_eq(alice->used.bytes + bob->used.bytes + alice->used.fds + bob->used.fds, 0);
    ck_assert_uint_eq(alice->refs, 1);
    postern_account_unref(alice);
    postern_account_unref(bob);
    ck_assert_ptr_null(accounts.by_key);
    close(pair[0]);
    close(pair[1]);
}

/* As who queues does it. */
static int push(const char *header, const char *body, struct postern_account *sender, struct postern_fdset *fds)
{
    struct postern_outq_item item = {
        .header = (const uint8_t *)header,
        .header_len = strlen(header),
        .body = (const uint8_t *)body,
        .body_len = strlen(body),
        .fds = fds,
    };

    return postern_outq_append(&queue, &item, sender) ? 0 : postern_outq_push(&queue, &pool, &item, sender);
}

static struct postern_fdset *some_fd(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct postern_fdset *set = postern_fdset_new(&fdsets, &fd, 1);

    ck_assert_ptr_nonnull(set);
    return set;
}

/* Reads once; returns the length and counts descriptors. */
static ssize_t receive(char *to, size_t room, int *fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = to, .iov_len = room};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    ssize_t n = recvmsg(pair[1], &msg, MSG_DONTWAIT);

    *fds = 0;
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); n >= 0 && cmsg != NULL; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
        int got[16];

        *fds = (int)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(got, CMSG_DATA(cmsg), (size_t)*fds * sizeof(int));
        for (int i = 0; i < *fds; i++)
            close(got[i]);
    }
    return n;
}

START_TEST(whole_queue_in_one_piece)
{
    char text[64] = "";
    int fds;

    ck_assert_int_eq(push("one ", "1 ", alice, NULL), 0);
    ck_assert_int_eq(push("two ", "2 ", bob, NULL), 0);
    ck_assert_int_eq(push("three ", "3", alice, NULL), 0);
    ck_assert_uint_eq(alice->used.bytes, 13);
    ck_assert_uint_eq(bob->used.bytes, 6);
    ck_assert_uint_eq(queue.bytes, 19);
    ck_assert_int_eq(postern_outq_flush(&queue, &pool, pair[0]), 1);
    ck_assert_int_eq(receive(text, sizeof(text), &fds), 19);
    ck_assert_str_eq(text, "one 1 two 2 three 3");
    ck_assert_uint_eq(alice->used.bytes, 0);
    ck_assert_uint_eq(bob->used.bytes, 0);
    ck_assert_ptr_null(queue.buf);
}
END_TEST

START_TEST(fds_go_with_their_first_byte)
{
    struct postern_fdset *first = some_fd(), *second = some_fd();
    char text[64] = "";
    int fds, number = first->fds[0];

    push("plain ", "", alice, NULL);
    push("with ", "a", alice, first);
    push(" then ", "b ", alice, NULL);
    push("again", "", bob, second);
    push(" end", "", bob, NULL);
    postern_fdset_unref(first);
    postern_fdset_unref(second);
    ck_assert_uint_eq(queue.fds, 2);
    ck_assert_uint_eq(alice->used.fds, 1);
    ck_assert_int_eq(postern_outq_flush(&queue, &pool, pair[0]), 1);
    ck_assert_uint_eq(queue.fds, 0);
    ck_assert_int_eq(fcntl(number, F_GETFD), -1); /* ours is closed */
    /* The kernel ends a read with the piece that carries descriptors. */
    ck_assert_int_eq(receive(text, sizeof(text), &fds), 12);
    ck_assert_str_eq(text, "plain with a");
    ck_assert_int_eq(fds, 1);
    memset(text, 0, sizeof(text));
    ck_assert_int_eq(receive(text, sizeof(text), &fds), 13);
    ck_assert_str_eq(text, " then b again");
    ck_assert_int_eq(fds, 1);
    ck_assert_int_eq(receive(text, sizeof(text), &fds), 4);
    ck_assert_int_eq(fds, 0);
}
END_TEST

START_TEST(shared_fds_close_with_the_last_queue)
{
    struct postern_fdset *set = some_fd();
    int number = set->fds[0];

    push("x", "", alice, set);
    push("y", "", alice, set);
    postern_fdset_unref(set);
    ck_assert_int_ge(fcntl(number, F_GETFD), 0);
    postern_outq_clear(&queue, &pool);
    ck_assert_int_eq(fcntl(number, F_GETFD), -1);
}
END_TEST

static void check_stream(const char *in, ssize_t n, size_t *got)
{
    for (ssize_t i = 0; i < n; i++, (*got)++)
        if ((unsigned char)in[i] != *got % 251)
            ck_abort_msg("byte %zu is wrong", *got);
}

/* More than the socket takes, in messages of all sizes; every byte must come out once and in order. */
START_TEST(slow_reader_loses_nothing)
{
    static char message[3000], in[8192];
    size_t sent = 0, got = 0;
    int fds;

    for (int round = 0; round < 2000; round++) {
        size_t n = 1 + (size_t)(round * 37 % 2999);
        struct postern_outq_item item = {.header = (uint8_t *)message, .header_len = n};

        for (size_t i = 0; i < n; i++)
            message[i] = (char)((sent + i) % 251);
        ck_assert_int_eq(postern_outq_push(&queue, &pool, &item, round % 3 ? alice : bob), 0);
        sent += n;
        ck_assert_int_ge(postern_outq_flush(&queue, &pool, pair[0]), 0);
        for (int reads = round % 5; reads > 0; reads--) {
            ssize_t m = receive(in, (size_t)(round % 8000) + 1, &fds);

            check_stream(in, m, &got);
        }
        ck_assert_uint_eq(alice->used.bytes + bob->used.bytes, queue.bytes);
    }
    while (got < sent) {
        ssize_t m = receive(in, sizeof(in), &fds);

        check_stream(in, m, &got);
        ck_assert_int_ge(postern_outq_flush(&queue, &pool, pair[0]), 0);
    }
    ck_assert_uint_eq(queue.bytes, 0);
}
END_TEST

/* More than the socket takes at once, be it that it takes a part of the body, or of a large header. */
START_TEST(write_through_queues_the_rest)
{
    static char text[2 << 20], in[65536];
    size_t header_len = _i == 0 ? 100 : sizeof(text) - 100, got = 0;
    struct postern_outq_item item = {.header = (uint8_t *)text + 5, .header_len = header_len};
    int error = 0, fds;

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i % 251);
    item.body = item.header + header_len;
    item.body_len = sizeof(text) - 5 - header_len;
    ck_assert_int_eq(postern_outq_push(&queue, &pool, &(struct postern_outq_item){.header = (uint8_t *)text, .header_len = 5}, bob), 0);
    ck_assert_int_eq(postern_outq_write_through(&queue, &pool, &item, alice, pair[0], &error), 0);
    ck_assert_int_eq(error, 0);
    ck_assert_uint_gt(queue.bytes, 0);
    ck_assert_uint_eq(bob->used.bytes, 0);
    ck_assert_uint_eq(alice->used.bytes, queue.bytes);
    while (got < sizeof(text)) {
        check_stream(in, receive(in, sizeof(in), &fds), &got);
        ck_assert_int_ge(postern_outq_flush(&queue, &pool, pair[0]), 0);
    }
    ck_assert_uint_eq(queue.bytes, 0);
}
END_TEST

static size_t memory_of(const struct postern_outq *one)
{
    return one->buf != NULL ? one->buf->cap + one->buf->marks_cap * sizeof(*one->buf->marks) : 0;
}

static bool is_hoarded(void)
{
    size_t used = queue.bytes + (queue.mark_tail - queue.mark_head) * sizeof(struct postern_outq_mark), memory = memory_of(&queue);

    return memory > 65536 + 4096 && memory > (memory > 2u << 20 ? 5 : 66) * used;
}

/* The next memory that the pool gives away is large, for bytes and marks. */
static void grow_the_pool(void)
{
    static const uint8_t message[240];
    const struct postern_outq_item item = {.header = message, .header_len = sizeof(message)};
    struct postern_outq other = {0};

    for (int i = 0; i < 2000; i++)
        ck_assert_int_eq(postern_outq_push(&other, &pool, &item, i % 2 ? alice : bob), 0);
    postern_outq_clear(&other, &pool);
    ck_assert_ptr_nonnull(pool.free);
    ck_assert_uint_gt(pool.free->cap, 400000);
    ck_assert_uint_ge(pool.free->marks_cap, 2000);
}

/* Who reads nothing waits with no more memory than that takes, whatever the queue was given; and what waits is what was there. */
START_TEST(nobody_hoards)
{
    static char message[1000], in[8192];
    const struct postern_outq_item item = {.header = (uint8_t *)message, .header_len = sizeof(message)};
    size_t sent = 0, got = 0;
    int fds;

    grow_the_pool();
    for (int i = 0; i < 2000; i++, sent += sizeof(message)) {
        for (size_t j = 0; j < sizeof(message); j++)
            message[j] = (char)((sent + j) % 251);
        ck_assert_int_eq(postern_outq_push(&queue, &pool, &item, i % 5 ? alice : bob), 0);
        ck_assert_int_ge(postern_outq_flush(&queue, &pool, pair[0]), 0);
        ck_assert(!is_hoarded());
    }
    ck_assert_uint_gt(queue.bytes, 1000000);
    ck_assert_uint_eq(alice->used.bytes + bob->used.bytes, queue.bytes);
    while (got < sent) {
        check_stream(in, receive(in, sizeof(in), &fds), &got);
        ck_assert_int_ge(postern_outq_flush(&queue, &pool, pair[0]), 0);
        ck_assert(!is_hoarded());
    }
    ck_assert_uint_eq(alice->used.bytes, 0);
    ck_assert_uint_eq(bob->used.bytes, 0);
}
END_TEST

/* Nor does who reads nearly all of very much. */
START_TEST(nobody_hoards_the_rest)
{
    static char message[1 << 20], in[65536];
    const struct postern_outq_item item = {.header = (uint8_t *)message, .header_len = 251 * 4177};
    size_t got = 0;
    int fds;

    for (size_t j = 0; j < sizeof(message); j++)
        message[j] = (char)(j % 251);
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(postern_outq_push(&queue, &pool, &item, alice), 0);
    ck_assert_uint_ge(memory_of(&queue), 64u << 20);
    while (got < 40 * item.header_len) {
        check_stream(in, receive(in, sizeof(in), &fds), &got);
        ck_assert_int_ge(postern_outq_flush(&queue, &pool, pair[0]), 0);
        ck_assert(!is_hoarded());
    }
    ck_assert_uint_eq(alice->used.bytes, 0);
}
END_TEST

/* Small sets are used again, and so many of them are kept and no more; large ones are not. */
START_TEST(sets_are_used_again)
{
    struct postern_fdset *sets[2 * POSTERN_FDSET_POOL_MAX], *large;
    int fds[POSTERN_FDSET_SMALL + 1];

    for (unsigned i = 0; i < 2 * POSTERN_FDSET_POOL_MAX; i++) {
        for (unsigned j = 0; j < i % POSTERN_FDSET_SMALL + 1; j++)
            fds[j] = open("/dev/null", O_RDONLY);
        sets[i] = postern_fdset_new(&fdsets, fds, i % POSTERN_FDSET_SMALL + 1);
    }
    for (unsigned i = 0; i < 2 * POSTERN_FDSET_POOL_MAX; i++) {
        ck_assert_uint_eq(sets[i]->n, i % POSTERN_FDSET_SMALL + 1);
        postern_fdset_unref(sets[i]);
    }
    ck_assert_uint_eq(fdsets.n, POSTERN_FDSET_POOL_MAX);
    for (unsigned j = 0; j < POSTERN_FDSET_SMALL + 1; j++)
        fds[j] = open("/dev/null", O_RDONLY);
    large = postern_fdset_new(&fdsets, fds, POSTERN_FDSET_SMALL + 1);
    ck_assert_uint_eq(fdsets.n, POSTERN_FDSET_POOL_MAX);
    ck_assert_int_eq(large->fds[POSTERN_FDSET_SMALL], fds[POSTERN_FDSET_SMALL]);
    postern_fdset_unref(large);
    ck_assert_uint_eq(fdsets.n, POSTERN_FDSET_POOL_MAX);
    for (unsigned j = 0; j < POSTERN_FDSET_SMALL; j++)
        fds[j] = open("/dev/null", O_RDONLY);
    large = postern_fdset_new(&fdsets, fds, POSTERN_FDSET_SMALL);
    ck_assert_uint_eq(fdsets.n, POSTERN_FDSET_POOL_MAX - 1);
    ck_assert_mem_eq(large->fds, fds, POSTERN_FDSET_SMALL * sizeof(int));
    postern_fdset_unref(large);
    ck_assert_int_eq(fcntl(fds[0], F_GETFD), -1);
}
END_TEST

START_TEST(broken_socket_is_told)
{
    close(pair[1]);
    pair[1] = open("/dev/null", O_RDONLY);
    push("x", "", alice, NULL);
    ck_assert_int_eq(postern_outq_flush(&queue, &pool, pair[0]), -EPIPE);
}
END_TEST

/* More descriptors under way than the kernel grants a user: the receiver only misses the message that was one too many. */
START_TEST(unpassable_fds_cost_one_message)
{
    struct rlimit limit = {.rlim_cur = 32, .rlim_max = 32};
    char text[16];
    int fds, with = 0, total = 0;

    if (geteuid() == 0)
        ck_assert_int_eq(setresuid(65534, 65534, 65534), 0); /* root is not limited */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < 100; i++) {
        struct postern_fdset *set = some_fd();

        push("m", "", alice, set);
        postern_fdset_unref(set);
        ck_assert_int_eq(postern_outq_flush(&queue, &pool, pair[0]), 1);
    }
    push("end", "", alice, NULL);
    ck_assert_int_eq(postern_outq_flush(&queue, &pool, pair[0]), 1);
    ck_assert_uint_eq(queue.fds, 0);
    for (ssize_t n; (n = receive(text, sizeof(text), &fds)) > 0; with += fds)
        total += (int)n;
    ck_assert_int_gt(with, 0);
    ck_assert_int_lt(with, 100);
    ck_assert_int_eq(total, with + 3);
}
END_TEST

START_TEST(accounts_keep_limits)
{
    alice->limit.bytes = 10;
    ck_assert(postern_account_fits(alice, POSTERN_CHARGE_BYTES, 10));
    ck_assert(!postern_account_fits(alice, POSTERN_CHARGE_BYTES, 11));
    postern_account_charge(alice, POSTERN_CHARGE_BYTES, 4);
    ck_assert(postern_account_fits(alice, POSTERN_CHARGE_BYTES, 6));
    ck_assert(!postern_account_fits(alice, POSTERN_CHARGE_BYTES, 7));
    ck_assert(!postern_account_fits(alice, POSTERN_CHARGE_BYTES, UINT64_MAX));
    postern_account_discharge(alice, POSTERN_CHARGE_BYTES, 4);
    ck_assert(postern_account_fits(bob, POSTERN_CHARGE_FDS, UINT64_MAX));
    ck_assert(postern_account_fits(NULL, POSTERN_CHARGE_NAMES, 1));
    ck_assert_ptr_eq(postern_account_get(&accounts, 1), alice);
    postern_account_unref(alice);
    alice->limit.bytes = UINT64_MAX;
}
END_TEST

static int n_expired;

static void count_expired(struct postern_timeout *timeout)
{
    ck_assert_uint_eq(timeout->deadline, 0);
    n_expired++;
}

START_TEST(timeouts_expire_in_order)
{
    struct postern_timeouts timeouts = {.length = 1000, .expired = count_expired};
    struct postern_timeout a = {0}, b = {0}, c = {0};
    uint64_t now = postern_timeout_now();

    n_expired = 0;
    postern_timeout_set(&timeouts, &a);
    postern_timeout_set(&timeouts, &a);
    timeouts.length = 10;
    postern_timeout_set(&timeouts, &b);
    ck_assert_ptr_eq(timeouts.first, &b);
    postern_timeouts_expire(&timeouts, now);
    ck_assert_int_eq(n_expired, 0);
    postern_timeouts_expire(&timeouts, now + 500);
    ck_assert_int_eq(n_expired, 1);
    postern_timeout_clear(&timeouts, &a);
    postern_timeout_clear(&timeouts, &a);
    ck_assert_ptr_null(timeouts.first);
    timeouts.length = 0;
    postern_timeout_set(&timeouts, &c);
    ck_assert_ptr_null(timeouts.first);
}
END_TEST

static Suite *queue_suite(void)
{
    Suite *suite = suite_create("queue");
    TCase *tcase = tcase_create("queue");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, whole_queue_in_one_piece);
    tcase_add_test(tcase, fds_go_with_their_first_byte);
    tcase_add_test(tcase, shared_fds_close_with_the_last_queue);
    tcase_add_test(tcase, slow_reader_loses_nothing);
    tcase_add_loop_test(tcase, write_through_queues_the_rest, 0, 2);
    tcase_add_test(tcase, nobody_hoards);
    tcase_add_test(tcase, nobody_hoards_the_rest);
    tcase_add_test(tcase, sets_are_used_again);
    tcase_add_test(tcase, broken_socket_is_told);
    tcase_add_test(tcase, unpassable_fds_cost_one_message);
    tcase_add_test(tcase, accounts_keep_limits);
    tcase_add_test(tcase, timeouts_expire_in_order);
    suite_add_tcase(suite, tcase);
    return suite;
}

SUITE_MAIN(queue_suite)
