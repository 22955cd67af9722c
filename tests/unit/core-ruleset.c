/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The index over rules finds what asking each of them finds. */
#include "tests/unit/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ruleset.h"
#include "wire/name.h"

static uint64_t state;

static unsigned pick(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static const char *const names[] = {"", "a.b", "a.b.c", "a.b.c.d", "a.bc", "org.freedesktop", "org.freedesktop.DBus.X", ":1.1", ":1.11"};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

static struct postern_rule random_rule(uint32_t index)
{
    static const uint32_t actions[] = {POSTERN_ALLOW_SEE, POSTERN_ALLOW_CALL, POSTERN_ALLOW_HEAR, POSTERN_ALLOW_TALK, POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS};
    static const char *const paths[] = {"/", "/a", "/a/b", "/ab"};
    static const char *const interfaces[] = {"", "i.j", "i.k"};
    struct postern_rule rule;
    const char *name = names[pick(N_NAMES)];
    uint32_t flags = actions[pick(5)] | (pick(2) ? POSTERN_ALLOW_PATH_SUBTREE : 0);

    if (*name != ':' && pick(2))
        flags |= POSTERN_ALLOW_NAME_SUBTREE;
    ck_assert_int_eq(postern_rule_init(&rule, flags, name, paths[pick(4)], interfaces[pick(3)], NULL), 0);
    rule.ref = (struct postern_rule_ref){.kind = POSTERN_RULE_INDEX, .index = index};
    return rule;
}

/* The meaning, as docs/containers.md says it. */
static bool covers(const struct postern_rule *rule, const char *name)
{
    size_t len = strlen(rule->name);

    if (len == 0 || strcmp(name, POSTERN_DRIVER_NAME) == 0)
        return false;
    if (strcmp(rule->name, name) == 0)
        return true;
    return (rule->flags & POSTERN_ALLOW_NAME_SUBTREE) != 0 && strncmp(name, rule->name, len) == 0 && name[len] == '.';
}

static bool fits(const struct postern_rule *rule, const struct postern_rule_query *query)
{
    size_t len = strlen(rule->path);
    const char *path, *interface;

    if ((rule->flags & query->need) != query->need)
        return false;
    if (query->message == NULL)
        return true;
    path = query->message->path.data;
    interface = query->message->interface.data;
    if (strcmp(path, rule->path) != 0 && !((rule->flags & POSTERN_ALLOW_PATH_SUBTREE) != 0 &&
                                           (len == 1 || (strncmp(path, rule->path, len) == 0 && path[len] == '/'))))
        return false;
    return *rule->interface == '\0' || (interface != NULL && strcmp(interface, rule->interface) == 0);
}

static struct postern_view view(const char *s)
{
    return (struct postern_view){.data = s, .len = s != NULL ? (uint32_t)strlen(s) : 0};
}

START_TEST(index_and_meaning_agree)
{
    static const char *const asked[] = {"a.b", "a.b.c", "a.b.c.d", "a.b.x", "a.bc", "a", "org.freedesktop.DBus", "org.freedesktop.Other", ":1.1", ":1.11", ":1.12"};
    static const char *const paths[] = {"/", "/a", "/a/b", "/ab", "/a/b/c"};
    static const char *const interfaces[] = {NULL, "i.j", "i.k", "i.jk"};
    static const uint32_t needs[] = {0, POSTERN_ALLOW_CALL, POSTERN_ALLOW_HEAR, POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS};
    struct postern_ruleset *set;
    struct postern_rule *rules, copies[40];
    size_t n;

    state = (uint64_t)_i + 7;
    n = pick(40);
    rules = calloc(n + 1, sizeof(*rules));
    for (uint32_t i = 0; i < n; i++)
        copies[i] = rules[i] = random_rule(i);
    ck_assert_int_eq(postern_ruleset_new(rules, n, &set), 0);
    for (int turn = 0; turn < 400; turn++) {
        struct postern_message message = {.path = view(paths[pick(5)]), .interface = view(interfaces[pick(4)]), .member = view("M")};
        struct postern_rule_query query = {.need = needs[pick(4)], .message = pick(3) ? &message : NULL};
        const char *name = asked[pick(11)];
        const struct postern_rule *found = postern_ruleset_find_name(set, name, strlen(name), &query);
        const struct postern_rule *any = postern_ruleset_find_any(set, &query);
        bool expected = false, any_expected = false;

        for (size_t i = 0; i < n; i++) {
            expected |= covers(&copies[i], name) && fits(&copies[i], &query);
            any_expected |= *copies[i].name == '\0' && fits(&copies[i], &query);
        }
        ck_assert((found != NULL) == expected);
        ck_assert((any != NULL) == any_expected);
        ck_assert(found == NULL || (covers(found, name) && fits(found, &query) && found->ref.kind == POSTERN_RULE_INDEX));
        ck_assert(any == NULL || (*any->name == '\0' && fits(any, &query)));
    }
    postern_ruleset_free(set);
}
END_TEST

START_TEST(no_set_covers_nothing)
{
    struct postern_rule_query query = {0};
    struct postern_ruleset *set;

    ck_assert_ptr_null(postern_ruleset_find_name(NULL, "a.b", 3, &query));
    ck_assert_ptr_null(postern_ruleset_find_any(NULL, &query));
    ck_assert_int_eq(postern_ruleset_new(NULL, 0, &set), 0);
    ck_assert_ptr_null(postern_ruleset_find_name(set, "a.b", 3, &query));
    ck_assert_ptr_null(postern_ruleset_find_name(set, "", 0, &query));
    ck_assert_ptr_null(postern_ruleset_find_any(set, &query));
    postern_ruleset_free(set);
    postern_ruleset_free(NULL);
}
END_TEST

/* Which of two rules is named does not depend on luck: the one that was written first. */
START_TEST(the_first_of_a_name_is_told)
{
    struct postern_rule *rules = calloc(1000, sizeof(*rules));
    struct postern_rule_query query = {.need = POSTERN_ALLOW_CALL};
    struct postern_ruleset *set;
    char name[32];

    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "a.n%u", i / 2);
        ck_assert_int_eq(postern_rule_init(&rules[i], POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE, name, "/", "", NULL), 0);
        rules[i].ref = (struct postern_rule_ref){.kind = POSTERN_RULE_INDEX, .index = i};
    }
    ck_assert_int_eq(postern_ruleset_new(rules, 1000, &set), 0);
    ck_assert_uint_eq(postern_ruleset_find_name(set, "a.n123", 6, &query)->ref.index, 246);
    ck_assert_ptr_null(postern_ruleset_find_name(set, "a.n123.x", 8, &query));
    ck_assert_ptr_null(postern_ruleset_find_name(set, "a.n500", 6, &query));
    postern_ruleset_free(set);
}
END_TEST

Suite *core_ruleset_suite(void)
{
    Suite *suite = suite_create("core: rules together");
    TCase *tcase = tcase_create("ruleset");

    tcase_add_loop_test(tcase, index_and_meaning_agree, 0, 20);
    tcase_add_test(tcase, no_set_covers_nothing);
    tcase_add_test(tcase, the_first_of_a_name_is_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
