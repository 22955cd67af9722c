/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a container may do, statement by statement, asked through the module interface as a bus daemon would. Every denial stands
 * beside an allow that differs in one fact, so that a door which always says the same fails.
 */
#include "tests/unit/door-scene.h"
#include "tests/unit/suite.h"

struct fixture fixture;
struct postern_party *party[WHO_MAX], *manager;
struct fixture_container container, stranger_container;

/* The content of the bus configuration's default policy; NULL: everything is allowed. */
const char *policy;

void set_up(const char *mode, const struct fixture_rule *rules, size_t n_rules, const char *mediator_conf)
{
    fixture_open(&fixture, policy, mediator_conf);
    manager = fixture_outside(&fixture, 1);
    ck_assert_msg(fixture_add_server(&fixture, manager, "org.example.Test", "app", mode, rules, n_rules, &container), "%s: %s", fixture.reply_error,
                  fixture.reply_text);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.Test", "stranger", "restrict", NULL, 0, &stranger_container));
    party[APP] = fixture_inside(&fixture, &container, 10);
    party[SIBLING] = fixture_inside(&fixture, &container, 11);
    party[STRANGER] = fixture_inside(&fixture, &stranger_container, 20);
    party[SERVER] = fixture_outside(&fixture, 30);
    party[OTHER] = fixture_outside(&fixture, 31);
    party[NAMELESS] = fixture_outside(&fixture, 32);
    fixture_own(&fixture, party[STRANGER], "com.stranger.Name");
    fixture_own(&fixture, party[SERVER], SERVICE);
    fixture_own(&fixture, party[OTHER], "com.example.ServiceX");
    fixture_own(&fixture, party[OTHER], "com.example.Other.Sub");
}

void tear_down(void)
{
    for (int i = 0; i < WHO_MAX; i++)
        fixture.module->party_free(party[i]);
    fixture.module->party_free(manager);
    fixture_close(&fixture);
}
static Suite *door_suite(void)
{
    Suite *suite = suite_create("door");

    suite_add_tcase(suite, door_messages_case());
    suite_add_tcase(suite, door_names_case());
    suite_add_tcase(suite, door_grants_case());
    suite_add_tcase(suite, door_driver_case());
    suite_add_tcase(suite, door_cache_case());
    suite_add_tcase(suite, door_alike_case());
    return suite;
}

SUITE_MAIN(door_suite)
