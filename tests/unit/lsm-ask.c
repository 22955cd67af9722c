/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is kept of AppArmor's answers, and for how long. The kernel is a function here, and its revision a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backends/apparmor/state.h"
#include "core/recall.h"
#include "tests/unit/lsm.h"

static struct {
    int revision;     /* the pipe's other end */
    unsigned asked;   /* questions that came through */
    unsigned changes; /* how many of the next questions a change of the policy overtakes */
    int allow;        /* the answer; a change makes it the other */
    int error;
    uint32_t denied;     /* AA_DBUS_..., what the policy does not allow, whatever allow says */
    unsigned races;      /* how many of the next questions about who receives meet a policy that has just been loaded, and denies sending */
} kernel;

int __wrap_aa_query_label(uint32_t mask, char *query, size_t size, int *allow, int *audit);

int __wrap_aa_query_label(uint32_t mask, char *query, size_t size, int *allow, int *audit)
{
    int said = kernel.allow && (mask & kernel.denied) == 0;

    memcpy(query, "label", AA_QUERY_CMD_LABEL_SIZE); /* as the library does */
    kernel.asked++;
    if (kernel.changes > 0) {
        kernel.changes--;
        kernel.allow = !kernel.allow;
        ck_assert_int_eq(write(kernel.revision, "2", 1), 1);
    }
    if (kernel.races > 0 && mask == AA_DBUS_RECEIVE) {
        kernel.races--;
        kernel.denied = AA_DBUS_SEND;
        ck_assert_int_eq(write(kernel.revision, "2", 1), 1);
    }
    if (kernel.error != 0) {
        errno = kernel.error;
        return -1;
    }
    *allow = said;
    *audit = 0;
    return 0;
}

static struct lsm_scene scene;
static struct postern_apparmor apparmor;

static void set_up(void)
{
    int ends[2];

    lsm_scene_open(&scene);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    memset(&kernel, 0, sizeof(kernel));
    kernel.revision = ends[1];
    kernel.allow = 1;
    apparmor = (struct postern_apparmor){.mediator = &scene.mediator, .active = true, .revision_fd = -1, .changes_fd = -1};
    postern_apparmor_follow(&apparmor, ends[0]);
}

/* 1, 0 or the error. */
static int ask(const char *text, const char *field)
{
    const struct postern_apparmor_label label = {.data = text, .len = strlen(text)};
    struct postern_apparmor_query query;
    bool allow = false, audit;
    int r;

    postern_apparmor_query_begin(&query, AA_DBUS_BIND, &label, "session");
    postern_apparmor_query_add(&query, field, strlen(field));
    r = postern_apparmor_ask(&apparmor, &query, &allow, &audit);
    return r < 0 ? r : allow;
}

/* Another policy is loaded, which allows nothing. */
static void forbid(void)
{
    kernel.allow = 0;
    ck_assert_int_eq(write(kernel.revision, "2", 1), 1);
}

START_TEST(kept)
{
    set_up();
    ck_assert_int_eq(ask("a", "x"), 1);
    ck_assert_int_eq(ask("a", "x"), 1);
    ck_assert_uint_eq(kernel.asked, 1);
    ck_assert_int_eq(ask("a", "y"), 1);
    ck_assert_int_eq(ask("b", "x"), 1);
    ck_assert_uint_eq(kernel.asked, 3);
    /* The policy changes: nothing of before holds. */
    forbid();
    ck_assert_int_eq(ask("a", "x"), 0);
    ck_assert_int_eq(ask("b", "x"), 0);
    ck_assert_uint_eq(kernel.asked, 5);
}
END_TEST

/* A change while the kernel answers: the answer may be of either policy, and is asked for again. */
START_TEST(overtaken)
{
    set_up();
    kernel.changes = 1;
    ck_assert_int_eq(ask("a", "x"), 0);
    ck_assert_uint_eq(kernel.asked, 2);
    ck_assert_int_eq(ask("a", "x"), 0);
    ck_assert_uint_eq(kernel.asked, 2);
    /* Again and again: no answer, and that denies. */
    kernel.changes = UINT32_MAX;
    ck_assert_int_eq(ask("a", "z"), -EAGAIN);
}
END_TEST

START_TEST(errors)
{
    set_up();
    kernel.error = ENOENT;
    ck_assert_int_eq(ask("a", "x"), -ENOENT);
    kernel.error = 0;
    ck_assert_int_eq(ask("a", "x"), 1); /* an error is not kept */
}
END_TEST

/* Nobody tells when the profiles of another namespace change. */
START_TEST(other_namespaces)
{
    set_up();
    for (unsigned i = 1; i <= 2; i++) {
        ck_assert_int_eq(ask(":ns:a", "x"), 1);
        ck_assert_int_eq(ask("a//&:ns:b", "x"), 1);
        ck_assert_uint_eq(kernel.asked, 2 * i);
    }
}
END_TEST

/* Without the revision nothing is kept, and the log says so once. */
START_TEST(no_revision)
{
    set_up();
    ck_assert_int_eq(ask("a", "x"), 1);
    postern_apparmor_follow(&apparmor, open("/", O_RDONLY | O_CLOEXEC)); /* what cannot be read */
    ck_assert_int_eq(apparmor.changes_fd, -1);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(ask("a", "x"), 1);
    ck_assert_uint_eq(scene.n_lines, 1);
    ck_assert_int_eq(apparmor.revision_fd, -1);
    ck_assert_uint_ge(kernel.asked, 4);
}
END_TEST

/* The set of files is a shorter way, and no more. */
START_TEST(no_set)
{
    set_up();
    ck_assert_int_ge(apparmor.changes_fd, 0);
    close(apparmor.changes_fd);
    apparmor.changes_fd = -1;
    ck_assert_int_eq(ask("a", "x"), 1);
    ck_assert_int_eq(ask("a", "x"), 1);
    ck_assert_uint_eq(kernel.asked, 1);
    forbid();
    ck_assert_int_eq(ask("a", "x"), 0);
    ck_assert_uint_eq(kernel.asked, 2);
}
END_TEST

/* ---- what the mediator may keep of it -------------------------------------------------------------------------------- */

START_TEST(tells_of_changes)
{
    uint32_t generation;

    set_up();
    generation = scene.mediator.cache.generation;
    ck_assert(postern_apparmor_current(&apparmor) && postern_apparmor_current(&apparmor));
    ck_assert_uint_eq(scene.mediator.cache.generation, generation);
    ck_assert_int_eq(write(kernel.revision, "2", 1), 1);
    ck_assert(!postern_apparmor_current(&apparmor));
    ck_assert_uint_gt(scene.mediator.cache.generation, generation);
    ck_assert(postern_apparmor_current(&apparmor));
    /* It may be a question that meets the change first. */
    ask("a", "x");
    generation = scene.mediator.cache.generation;
    ck_assert_int_eq(write(kernel.revision, "3", 1), 1);
    ask("a", "x");
    ck_assert_uint_gt(scene.mediator.cache.generation, generation);
    postern_apparmor_unfollow(&apparmor);
    ck_assert(apparmor.revision_fd == -1 && apparmor.changes_fd == -1);
    ck_assert(!postern_apparmor_current(&apparmor));
}
END_TEST

/* ---- a policy that is loaded while both ends are asked about ------------------------------------------------------------- */

static struct postern_party ends_of_call[2];
static struct postern_message call;
static struct postern_request question;

static void set_up_call(uint64_t kind)
{
    static const char *const names[] = {":1.1", ":1.2"}, *const labels[] = {"a (enforce)", "b (enforce)"};

    set_up();
    for (int i = 0; i < 2; i++)
        ends_of_call[i] = (struct postern_party){.mediator = &scene.mediator, .authenticated = true, .unique_name = (char *)(uintptr_t)names[i],
                                         .facts.label = (char *)(uintptr_t)labels[i], .facts.label_len = strlen(labels[i])};
    scene.mediator.doors[POSTERN_PLACE_APPARMOR] = (struct postern_door_slot){.fn = postern_apparmor_check, .door = &apparmor, .current = postern_apparmor_current};
    call = (struct postern_message){.size = sizeof(call), .type = POSTERN_MESSAGE_METHOD_CALL, .serial = 1,
        .path = {.data = "/o", .len = 2}, .member = {.data = "M", .len = 1}, .destination = {.data = ":1.2", .len = 4}};
    question = (struct postern_request){.size = sizeof(question), .action = POSTERN_ACTION_SEND, .from = &ends_of_call[0], .to = &ends_of_call[1],
        .addressed = &ends_of_call[1], .message = &call, .kind = kind};
}

static bool may_call(void)
{
    struct postern_decision room;

    return postern_decide(&scene.mediator, &question, &room)->allowed;
}

/* What was allowed by the old policy and what is by the new one do not add up to a yes; nor is such an answer kept. */
START_TEST(between_two_questions)
{
    set_up_call((uint64_t)_i);
    ck_assert(may_call() && may_call());
    postern_apparmor_forget(&apparmor);
    kernel.races = 1;
    for (int i = 0; i < 3; i++)
        ck_assert(!may_call());
    kernel.denied = 0;
    ck_assert_int_eq(write(kernel.revision, "3", 1), 1);
    ck_assert(may_call());
}
END_TEST

START_TEST(always_between)
{
    set_up_call((uint64_t)_i);
    kernel.races = 1000;
    ck_assert(!may_call());
    ck_assert_uint_lt(kernel.asked, 100);
    kernel.denied = kernel.races = 0;
    ck_assert_int_eq(write(kernel.revision, "3", 1), 1);
    ck_assert(may_call());
}
END_TEST

/* ---- what of a message it looks at --------------------------------------------------------------------------------------- */

#define MESSAGE (POSTERN_LOOKS_POLICY | POSTERN_LOOKS_PATH | POSTERN_LOOKS_INTERFACE | POSTERN_LOOKS_MEMBER)

static const struct {
    const char *from, *to;
    bool has_revision;
    uint8_t looked;
} ends[] = {
    {"unconfined", "unconfined", true, 0},
    {"a (enforce)", "unconfined", true, MESSAGE | POSTERN_LOOKS_DESTINATION},
    {"unconfined", "a (enforce)", true, MESSAGE | POSTERN_LOOKS_SENDER},
    {"a (enforce)", "b (complain)", true, MESSAGE | POSTERN_LOOKS_DESTINATION | POSTERN_LOOKS_SENDER},
    {":ns:a (enforce)", "unconfined", true, POSTERN_LOOKS_ALL},
    {"unconfined", "b//&:ns:c (enforce)", true, POSTERN_LOOKS_ALL},
    {"a (enforce)", "unconfined", false, POSTERN_LOOKS_ALL},
};

START_TEST(looks_at)
{
    const struct postern_message message = {.size = sizeof(message), .type = POSTERN_MESSAGE_METHOD_CALL};
    struct postern_party from = {.facts.label = (char *)(uintptr_t)ends[_i].from, .facts.label_len = strlen(ends[_i].from)};
    struct postern_party to = {.facts.label = (char *)(uintptr_t)ends[_i].to, .facts.label_len = strlen(ends[_i].to)};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .from = &from, .to = &to, .message = &message};
    struct postern_opinion opinion = {0};

    set_up();
    if (!ends[_i].has_revision)
        postern_apparmor_unfollow(&apparmor);
    postern_apparmor_check(&apparmor, &request, &opinion);
    ck_assert_uint_eq((uint8_t)~opinion.ignores, ends[_i].looked);
}
END_TEST

Suite *lsm_ask_suite(void)
{
    Suite *suite = suite_create("lsm-ask");
    TCase *tcase = tcase_create("ask");

    tcase_add_test(tcase, kept);
    tcase_add_test(tcase, overtaken);
    tcase_add_test(tcase, errors);
    tcase_add_test(tcase, other_namespaces);
    tcase_add_test(tcase, no_revision);
    tcase_add_test(tcase, no_set);
    tcase_add_test(tcase, tells_of_changes);
    tcase_add_loop_test(tcase, between_two_questions, 0, 2);
    tcase_add_loop_test(tcase, always_between, 0, 2);
    tcase_add_loop_test(tcase, looks_at, 0, sizeof(ends) / sizeof(ends[0]));
    suite_add_tcase(suite, tcase);
    return suite;
}
