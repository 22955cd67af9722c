/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The index finds the same rule as asking every rule does, for rules and questions made at random. */
#include "tests/unit/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policy/policy.h"

static uint32_t seed;

/* xorshift: the same on every machine, so that a failure can be repeated. */
static uint32_t roll(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

static const char *const names[] = {"a", "a.b", "a.b.c", "a.bc", "x.y", "x.y.z", ":1.1", ":1.2", "org.freedesktop.DBus", "*"};
static const char *const interfaces[] = {"i.a", "i.b", "i.c", "*"};
static const char *const members[] = {"M", "N", "*"};
static const char *const paths[] = {"/", "/p", "/p/q", "*"};
static const char *const errors[] = {"e.a", "e.b", "*"};

#define PICK(list) list[roll(sizeof(list) / sizeof(list[0]))]
#define MAYBE(list) (roll(2) ? (char *)PICK(list) : NULL)

static void random_send(struct postern_busconfig_rule *rule)
{
    rule->send_type = (uint8_t)(roll(2) ? roll(5) : 0);
    rule->has_send_type = true;
    if (roll(2))
        rule->send_destination = MAYBE(names);
    else
        rule->send_destination_prefix = MAYBE(names);
    rule->send_interface = MAYBE(interfaces);
    rule->send_member = MAYBE(members);
    rule->send_path = MAYBE(paths);
    rule->send_error = roll(4) ? NULL : (char *)PICK(errors);
    rule->send_broadcast = roll(4) ? POSTERN_UNSET : roll(3);
    rule->send_requested_reply = roll(3);
}

static void random_receive(struct postern_busconfig_rule *rule)
{
    rule->receive_type = (uint8_t)(roll(2) ? roll(5) : 0);
    rule->has_receive_type = true;
    rule->receive_sender = MAYBE(names);
    rule->receive_interface = MAYBE(interfaces);
    rule->receive_member = MAYBE(members);
    rule->receive_path = MAYBE(paths);
    rule->receive_error = roll(4) ? NULL : (char *)PICK(errors);
    rule->receive_requested_reply = roll(3);
}

static void random_rule(struct postern_busconfig_rule *rule)
{
    *rule = (struct postern_busconfig_rule){.context = roll(6), .context_known = roll(8) > 0, .allow = roll(2), .max_fds = UINT32_MAX};
    rule->context_id = roll(3);
    switch (roll(3)) {
    case 0:
        random_send(rule);
        break;
    case 1:
        random_receive(rule);
        break;
    default:
        if (roll(2))
            rule->own = (char *)PICK(names);
        else
            rule->own_prefix = (char *)PICK(names);
        return;
    }
    rule->eavesdrop = roll(3);
    if (roll(4) == 0)
        rule->min_fds = roll(3);
    if (roll(4) == 0)
        rule->max_fds = roll(3);
}

static struct postern_view maybe_view(const char *s)
{
    return roll(8) ? view_of(s) : (struct postern_view){0};
}

/* Also messages that no bus would let in: the index must then give the same answer, too. */
static void random_message(struct postern_message *message)
{
    *message = (struct postern_message){.type = (uint8_t)roll(6), .fds = roll(4), .reply_serial = roll(2)};
    message->interface = maybe_view(PICK(interfaces));
    message->member = maybe_view(PICK(members));
    message->path = maybe_view(PICK(paths));
    message->error = maybe_view(PICK(errors));
    message->destination = maybe_view(PICK(names));
    if (message->type == POSTERN_MESSAGE_METHOD_RETURN && roll(8))
        message->interface = message->member = message->path = message->error = (struct postern_view){0};
}

START_TEST(index_agrees_with_the_list)
{
    static const gid_t groups[] = {1, 2};
    struct postern_busconfig_rule rules[60];
    struct postern_party *peers[] = {NULL, party_new(":1.1", 0, NULL), party_new(":1.2", 0, "a.b x.y"), party_new(":1.3", 0, "~a.b.c a.bc")};
    struct postern_policy *set;
    unsigned found = 0;
    size_t n;

    seed = 12345 + (uint32_t)_i;
    for (size_t i = 0; i < 60; i++)
        random_rule(&rules[i]);
    n = roll(61);
    ck_assert_int_eq(postern_policy_new(rules, n, &set), 0);
    for (int i = 0; i < 400; i++) {
        struct postern_subject subject = {.has_uid = roll(8) > 0, .uid = roll(3), .groups = groups, .n_groups = roll(3)};
        const void *snapshot = postern_policy_snapshot(set, &subject);
        const struct postern_access *expected;
        struct postern_question question;
        struct postern_message message;

        random_message(&message);
        if (roll(4) == 0)
            postern_question_own(&question, subject, view_of(PICK(names)));
        else
            postern_question_message(&question, roll(2) ? POSTERN_ACCESS_SEND : POSTERN_ACCESS_RECEIVE, subject, &message, peers[roll(4)],
                                     maybe_view(PICK(names)));
        question.requested = roll(2);
        question.eavesdropping = roll(2);
        expected = postern_policy_find_linear(set, &question);
        ck_assert_ptr_nonnull(snapshot);
        ck_assert_ptr_eq(postern_policy_find(set, snapshot, &question), expected);
        question.looked = 0;
        ck_assert_ptr_eq(postern_policy_find(set, NULL, &question), expected); /* of whom there are too many sorts: each rule is asked */
        ck_assert_uint_eq(question.looked, POSTERN_LOOKS_ALL);
        found += expected != NULL;
    }
    ck_assert(n < 20 || found > 0);
    for (size_t i = 1; i < 4; i++)
        party_free(peers[i]);
    postern_policy_free(set);
}
END_TEST

/* A rule that narrows can only narrow: adding a deny never turns a deny into an allow, and the reverse. */
START_TEST(one_more_rule_changes_only_its_own_way)
{
    struct postern_busconfig_rule rules[20];
    struct postern_subject subject = {.has_uid = true};

    seed = 777 + (uint32_t)_i;
    for (size_t i = 0; i < 20; i++) {
        random_rule(&rules[i]);
        rules[i].context = POSTERN_CONTEXT_DEFAULT;
    }
    for (size_t n = 1; n < 20; n++) {
        struct postern_policy *fewer, *more;

        ck_assert_int_eq(postern_policy_new(rules, n, &fewer), 0);
        ck_assert_int_eq(postern_policy_new(rules, n + 1, &more), 0);
        for (int i = 0; i < 50; i++) {
            const struct postern_access *a, *b;
            struct postern_question question;
            struct postern_message message;

            random_message(&message);
            postern_question_message(&question, POSTERN_ACCESS_SEND, subject, &message, NULL, view_of(PICK(names)));
            a = postern_policy_find(fewer, postern_policy_snapshot(fewer, &subject), &question);
            b = postern_policy_find(more, postern_policy_snapshot(more, &subject), &question);
            if ((a != NULL && a->allow) != (b != NULL && b->allow))
                ck_assert(b != NULL && b->allow == rules[n].allow);
        }
        postern_policy_free(fewer);
        postern_policy_free(more);
    }
}
END_TEST

/* Beyond the bound there are no more snapshots, and the answers stay the same. */
START_TEST(snapshots_are_bounded)
{
    enum { N = POSTERN_POLICY_SNAPSHOTS_MAX + 10 };
    struct postern_busconfig_rule *rules = calloc(N, sizeof(*rules));
    struct postern_policy *set;
    unsigned without = 0;

    for (uint32_t i = 0; i < N; i++)
        rules[i] = (struct postern_busconfig_rule){.context = POSTERN_CONTEXT_USER, .context_known = true, .context_id = i,
                                                   .allow = i % 2, .own = (char *)"a.b", .where = {"f", i + 1, 1}};
    ck_assert_int_eq(postern_policy_new(rules, N, &set), 0);
    for (uint32_t i = 0; i < N; i++) {
        struct postern_subject subject = {.has_uid = true, .uid = i};
        const void *snapshot = postern_policy_snapshot(set, &subject);
        struct postern_question question;

        without += snapshot == NULL;
        ck_assert_ptr_eq(postern_policy_snapshot(set, &subject), snapshot);
        postern_question_own(&question, subject, view_of("a.b"));
        ck_assert_uint_eq(postern_policy_find(set, snapshot, &question)->line, i + 1);
    }
    ck_assert_uint_eq(without, 10);
    postern_policy_free(set);
    free(rules);
}
END_TEST

/* Nanoseconds for a question that no rule matches but the first, with n rules that name other destinations or interfaces. */
static double cost(uint32_t n, bool by_destination)
{
    struct postern_busconfig_rule *rules = calloc(n + 1, sizeof(*rules));
    char (*texts)[32] = calloc(n + 1, sizeof(*texts));
    struct postern_message message = {.type = POSTERN_MESSAGE_METHOD_CALL, .path = view_of("/p"), .interface = view_of("i.a"), .member = view_of("M")};
    struct postern_party *peer = party_new(":1.7", 0, "a.b");
    struct postern_subject subject = {.has_uid = true};
    struct postern_policy *set;
    struct timespec start, end;
    unsigned allowed = 0;
    double best = 1e9;
    const void *snapshot;

    for (uint32_t i = 0; i <= n; i++) {
        snprintf(texts[i], sizeof(texts[i]), "org.example.N%u", i);
        rules[i] = (struct postern_busconfig_rule){.allow = i == 0, .has_send_type = true, .max_fds = UINT32_MAX};
        if (i > 0 && by_destination)
            rules[i].send_destination = texts[i];
        else if (i > 0)
            rules[i].send_interface = texts[i];
    }
    ck_assert_int_eq(postern_policy_new(rules, n + 1, &set), 0);
    snapshot = postern_policy_snapshot(set, &subject);
    for (int round = 0; round < 20; round++) {
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int i = 0; i < 1000; i++) {
            struct postern_question question;

            postern_question_message(&question, POSTERN_ACCESS_SEND, subject, &message, peer, (struct postern_view){0});
            allowed += postern_policy_find(set, snapshot, &question)->allow;
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        if (best > (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3)
            best = (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3;
    }
    ck_assert_uint_eq(allowed, 20 * 1000);
    postern_policy_free(set);
    party_free(peer);
    free(rules);
    free(texts);
    return best;
}

START_TEST(cost_does_not_grow_with_the_rules)
{
    for (int by_destination = 0; by_destination < 2; by_destination++) {
        double few = cost(10, by_destination), many = cost(10000, by_destination);

        /* Asking every rule would be a hundred times dearer; the bound leaves room for a busy machine. */
        if (many > few * 10)
            ck_abort_msg("%.0f ns with 10 rules, %.0f ns with 10000", few, many);
    }
}
END_TEST

Suite *policy_index_suite(void)
{
    Suite *suite = suite_create("index");
    TCase *tcase = tcase_create("index");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, index_agrees_with_the_list, 0, 200);
    tcase_add_loop_test(tcase, one_more_rule_changes_only_its_own_way, 0, 20);
    tcase_add_test(tcase, snapshots_are_bounded);
    tcase_add_test(tcase, cost_does_not_grow_with_the_rules);
    suite_add_tcase(suite, tcase);
    return suite;
}
