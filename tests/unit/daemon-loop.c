/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a turn in which round of the loop. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "tests/unit/daemon.h"

struct player {
    struct postern_source source;
    char name; /* logged at an event; the capital, at another turn */
    unsigned turns;      /* that it wants */
    struct player *wakes; /* becomes ready during its first turn */
};

static struct postern_loop loop;
static struct player players[3];
static char text[64];
static unsigned rounds;
static struct player *leaves; /* at the end of the first round */

static void say(char c)
{
    size_t n = strlen(text);

    if (n + 1 < sizeof(text))
        text[n] = c;
}

static void wake(struct player *player)
{
    const uint64_t one = 1;

    ck_assert_int_eq(write(player->source.fd, &one, sizeof(one)), sizeof(one));
}

static void ready(void *data, uint32_t events)
{
    struct player *player = data;
    uint64_t n;

    if (events != 0)
        ck_assert_int_eq(read(player->source.fd, &n, sizeof(n)), sizeof(n));
    say(events != 0 ? player->name : (char)(player->name - 'a' + 'A'));
    if (player->wakes != NULL)
        wake(player->wakes);
    player->wakes = NULL;
    if (--player->turns > 0)
        postern_loop_again(&loop, &player->source);
}

static int no_timeout(void *data)
{
    (void)data;
    return 1000;
}

static void round_end(void *data)
{
    (void)data;
    say('|');
    if (leaves != NULL) {
        int fd = leaves->source.fd;

        postern_loop_remove(&loop, &leaves->source);
        close(fd);
        leaves = NULL;
    }
    if (--rounds == 0)
        loop.quit = true;
}

static void setup(void)
{
    ck_assert_int_eq(postern_loop_init(&loop), 0);
    loop.timeout = no_timeout;
    loop.round_end = round_end;
    memset(text, 0, sizeof(text));
    leaves = NULL;
    for (int i = 0; i < 3; i++) {
        players[i] = (struct player){.name = (char)('a' + i), .turns = 1};
        players[i].source = (struct postern_source){
            .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = EPOLLIN, .ready = ready, .data = &players[i]};
        ck_assert_int_eq(postern_loop_add(&loop, &players[i].source), 0);
    }
}

static void teardown(void)
{
    for (int i = 0; i < 3; i++) {
        int fd = players[i].source.fd;

        postern_loop_remove(&loop, &players[i].source);
        if (fd >= 0)
            close(fd);
    }
    postern_loop_finish(&loop);
}

static void run(unsigned n)
{
    rounds = n;
    ck_assert_int_eq(postern_loop_run(&loop), 0);
}

START_TEST(newcomers_wait_for_one_turn)
{
    players[0].turns = 4;
    players[0].wakes = &players[1];
    wake(&players[0]);
    run(4);
    ck_assert_str_eq(text, "a|b|A|AA|"); /* what it did is written before the other one goes on */
}
END_TEST

START_TEST(one_turn_each_in_a_round)
{
    for (int i = 0; i < 3; i++) {
        players[i].turns = 3;
        wake(&players[i]);
    }
    run(2);
    ck_assert_str_eq(text, "abc|ABCABC|");
}
END_TEST

START_TEST(asking_twice_is_asking_once)
{
    players[0].turns = players[1].turns = 2;
    postern_loop_again(&loop, &players[0].source);
    postern_loop_again(&loop, &players[1].source);
    postern_loop_again(&loop, &players[0].source);
    run(1);
    ck_assert_str_eq(text, "ABAB|");
}
END_TEST

/* The first, the one in the middle, the last. */
START_TEST(who_leaves_has_no_turn)
{
    static const char *const expected[] = {"abc|BCBC|", "abc|ACAC|", "abc|ABAB|"};

    for (int i = 0; i < 3; i++) {
        players[i].turns = 3;
        wake(&players[i]);
    }
    leaves = &players[_i];
    run(2);
    ck_assert_str_eq(text, expected[_i]);
}
END_TEST

/* Who is alone has its messages written now and then; as soon as somebody else comes, at once. */
START_TEST(turns_of_who_is_alone)
{
    players[0].turns = 40;
    wake(&players[0]);
    run(5);
    ck_assert_str_eq(text, "a|AAAAAAAAAAAA|AAAAAAAAAAAA|AAAAAAAAAAAA|AAA|");
}
END_TEST

/* That there is more to read of who is alone is no news either. */
START_TEST(turns_of_who_sends_on)
{
    players[0].turns = 5;
    players[0].wakes = &players[0];
    wake(&players[0]);
    run(2);
    ck_assert_str_eq(text, "a|aAAA|");
}
END_TEST

START_TEST(turns_with_others)
{
    players[0].turns = 5;
    players[1].wakes = &players[2];
    wake(&players[0]);
    wake(&players[1]);
    run(4);
    ck_assert_str_eq(text, "ab|c|A|AAA|");
}
END_TEST

Suite *loop_suite(void)
{
    Suite *suite = suite_create("loop");
    TCase *tcase = tcase_create("turns");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, newcomers_wait_for_one_turn);
    tcase_add_test(tcase, one_turn_each_in_a_round);
    tcase_add_test(tcase, asking_twice_is_asking_once);
    tcase_add_loop_test(tcase, who_leaves_has_no_turn, 0, 3);
    tcase_add_test(tcase, turns_of_who_is_alone);
    tcase_add_test(tcase, turns_of_who_sends_on);
    tcase_add_test(tcase, turns_with_others);
    suite_add_tcase(suite, tcase);
    return suite;
}
