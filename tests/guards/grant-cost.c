/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks a mediator the same question many times, when a service has granted something to this many containers: grant-cost.sh counts the
 * instructions of measured(). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/mediator1.h"
#include "core/rule.h"
#include "tests/unit/door-fixture.h"

#define QUESTIONS 2000

static void write_grant(struct postern_writer *w, const char *instance, unsigned i)
{
    char path[64];

    snprintf(path, sizeof(path), "/com/example/Settings/app%u", i);
    postern_writer_init(w);
    postern_writer_open(w, 'a', "{sv}");
    if (instance != NULL)
        postern_writer_entry_path(w, "instance", instance);
    postern_writer_close(w);
    postern_writer_open(w, 'a', "(usos)");
    postern_writer_open(w, 'r', NULL);
    postern_writer_u32(w, POSTERN_ALLOW_CALL | POSTERN_ALLOW_PATH_SUBTREE);
    postern_writer_string(w, "");
    postern_writer_path(w, path);
    postern_writer_string(w, "com.example.Settings");
    postern_writer_close(w);
    postern_writer_close(w);
}

static void grant(struct fixture *fixture, struct postern_party *service, const char *instance, unsigned i)
{
    struct postern_reply reply = {.size = sizeof(reply)};
    struct postern_writer w;

    write_grant(&w, instance, i);
    ck_assert_msg(fixture_call(fixture, service, POSTERN_MEDIATOR1, "Grant", &w, NULL, 0, &reply), "Grant %u: %s", i, fixture->reply_text);
    postern_writer_free(&w);
}

/* Not inlined, so that it can be told by its name. */
__attribute__((noinline)) void measured(struct fixture *fixture, const struct postern_party *app, struct postern_party *service,
                                        const struct fixture_message *message);

void measured(struct fixture *fixture, const struct postern_party *app, struct postern_party *service, const struct fixture_message *message)
{
    struct postern_verdict verdict;

    for (int i = 0; i < QUESTIONS; i++)
        ck_assert(fixture_send(fixture, app, service, message, &verdict));
}

static void watch_and_stop(struct fixture *fixture, struct postern_party *watcher)
{
    struct postern_reply reply = {.size = sizeof(reply)};
    struct postern_writer w;

    postern_writer_init(&w);
    postern_writer_open(&w, 'a', "{sv}");
    postern_writer_close(&w);
    ck_assert_msg(fixture_call(fixture, watcher, POSTERN_MEDIATOR1, "Watch", &w, NULL, 0, &reply), "%s", fixture->reply_text);
    ck_assert_msg(fixture_call(fixture, watcher, POSTERN_MEDIATOR1, "Unwatch", NULL, NULL, 0, &reply), "%s", fixture->reply_text);
    postern_writer_free(&w);
}

static unsigned n_grants;
static bool each;    /* for one of a number of containers, else all for the one that asks */
static bool watched; /* somebody has watched what is decided, and does not any more */

START_TEST(cost)
{
    static const struct fixture_message message = {.type = POSTERN_MESSAGE_METHOD_CALL,
                                                   .path = "/com/example/Settings/app0/some/thing",
                                                   .interface = "com.example.Settings",
                                                   .member = "Get",
                                                   .destination = "com.example.Settings"};
    static struct fixture fixture = {.quiet = true};
    struct postern_party *service, *app, *manager;
    struct fixture_container container, other = {.instance = ""};

    fixture_open(&fixture, NULL, NULL);
    service = fixture_outside(&fixture, 1);
    manager = fixture_outside(&fixture, 2);
    fixture_own(&fixture, service, "com.example.Settings");
    ck_assert(fixture_add_server(&fixture, manager, "com.example.Sandbox", "app", "restrict", NULL, 0, &container));
    app = fixture_inside(&fixture, &container, 3);
    grant(&fixture, service, container.instance, 0);
    for (unsigned i = 1; i < n_grants; i++) {
        if (each && i % 200 == 1) /* the fixture has no room for more sockets */
            ck_assert(fixture_add_server(&fixture, manager, "com.example.Sandbox", "app", "restrict", NULL, 0, &other));
        grant(&fixture, service, each ? other.instance : container.instance, i);
    }
    if (watched)
        watch_and_stop(&fixture, manager);
    measured(&fixture, app, service, &message);
    fixture_close(&fixture);
}
END_TEST

/* usage: grant-cost GRANTS same|each|watched */
int main(int argc, char **argv)
{
    Suite *suite = suite_create("grant-cost");
    TCase *tcase = tcase_create("cost");
    SRunner *runner = srunner_create(suite);
    int failed;

    n_grants = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    each = argc > 2 && argv[2][0] == 'e';
    watched = argc > 2 && argv[2][0] == 'w';
    tcase_add_test(tcase, cost);
    suite_add_tcase(suite, tcase);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
