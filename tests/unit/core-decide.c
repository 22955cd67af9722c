/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How opinions become a decision, and that no faulty question is ever answered with yes. */
#include "tests/unit/core.h"

#include <errno.h>
#include <string.h>

#include "core/recall.h"
#include "tests/unit/door-fixture.h"

/* ---- doors ------------------------------------------------------------------------------------------- */

enum { DENY = POSTERN_OPINION_DENY, PASS = POSTERN_OPINION_ABSTAIN, ALLOW = POSTERN_OPINION_ALLOW, BAD = 3, NONE = -1 };

struct fake_door {
    int says; /* NONE: there is no such door */
    int asked;
};

static void fake(void *door, const struct postern_request *request, struct postern_opinion *opinion)
{
    struct fake_door *it = door;

    (void)request;
    ck_assert_uint_eq(opinion->kind, DENY); /* it comes zeroed */
    it->asked++;
    opinion->kind = (uint8_t)it->says;
}

static const struct {
    int says[3]; /* xml, container, lsm */
    bool allowed;
    int asked;   /* how many doors */
    uint8_t door;
} rows[] = {
    {{NONE, NONE, NONE}, false, 0, POSTERN_DOOR_NONE}, {{PASS, PASS, PASS}, false, 3, POSTERN_DOOR_NONE},
    {{PASS, NONE, PASS}, false, 2, POSTERN_DOOR_NONE}, {{ALLOW, ALLOW, ALLOW}, true, 3, POSTERN_DOOR_LSM},
    {{ALLOW, PASS, PASS}, true, 3, POSTERN_DOOR_XML},  {{ALLOW, ALLOW, NONE}, true, 2, POSTERN_DOOR_CONTAINER},
    {{PASS, ALLOW, PASS}, true, 3, POSTERN_DOOR_CONTAINER}, {{PASS, PASS, ALLOW}, true, 3, POSTERN_DOOR_LSM},
    {{DENY, ALLOW, ALLOW}, false, 1, POSTERN_DOOR_XML}, {{ALLOW, DENY, ALLOW}, false, 2, POSTERN_DOOR_CONTAINER},
    {{ALLOW, ALLOW, DENY}, false, 3, POSTERN_DOOR_LSM}, {{PASS, DENY, PASS}, false, 2, POSTERN_DOOR_CONTAINER},
    {{DENY, DENY, DENY}, false, 1, POSTERN_DOOR_XML},   {{BAD, ALLOW, ALLOW}, false, 1, POSTERN_DOOR_XML},
    {{ALLOW, BAD, ALLOW}, false, 2, POSTERN_DOOR_CONTAINER}, {{NONE, NONE, DENY}, false, 1, POSTERN_DOOR_LSM},
};

START_TEST(doors)
{
    struct postern_mediator mediator = {0};
    struct postern_party party = {.mediator = &mediator, .authenticated = true};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_MONITOR, .from = &party};
    struct fake_door fakes[3];
    struct postern_decision decision;
    int asked = 0;

    for (int i = 0; i < 3; i++) {
        fakes[i] = (struct fake_door){.says = rows[_i].says[i]};
        if (fakes[i].says != NONE)
            mediator.doors[i] = (struct postern_door_slot){.fn = fake, .door = &fakes[i]};
    }
    postern_decide(&mediator, &request, &decision);
    for (int i = 0; i < 3; i++)
        asked += fakes[i].asked;
    ck_assert(decision.allowed == rows[_i].allowed);
    ck_assert_int_eq(asked, rows[_i].asked);
    ck_assert_uint_eq(decision.door, rows[_i].door);
    ck_assert(decision.allowed || decision.opinion.why != NULL);
}
END_TEST

/* ---- questions ------------------------------------------------------------------------------------------ */

static uint64_t state;

static unsigned pick(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static struct postern_view random_view(void)
{
    static const char *const texts[] = {NULL, "", "a.b", "/a", ":1.1", "Hello", "org.freedesktop.DBus"};
    const char *text = texts[pick(7)];
    struct postern_view view = {.data = text, .len = text != NULL ? (uint32_t)strlen(text) : pick(10) == 0};

    return view;
}

/* What every allowed question must have had, whatever the doors think. */
static bool is_answerable(const struct postern_request *request)
{
    const struct postern_message *m = request->message;
    bool from_driver = (request->flags & POSTERN_REQUEST_FROM_DRIVER) != 0;

    if (request->action == 0 || request->action == POSTERN_ACTION_SEE || request->action > POSTERN_ACTION_MONITOR || (request->flags & ~0xffu) != 0)
        return false;
    if (request->action != POSTERN_ACTION_SEND && request->action != POSTERN_ACTION_RECEIVE)
        return request->from != NULL;
    if ((request->from == NULL) != from_driver || m == NULL || m->type == 0 || m->type > POSTERN_MESSAGE_SIGNAL)
        return false;
    return request->to != NULL || m->destination.data != NULL || (request->flags & POSTERN_REQUEST_TO_DRIVER) != 0;
}

static void yes(void *door, const struct postern_request *request, struct postern_opinion *opinion)
{
    (void)door;
    ck_assert(is_answerable(request));
    opinion->kind = POSTERN_OPINION_ALLOW;
}

static void random_question(struct postern_request *request, struct postern_message *m, const struct postern_party *const *who)
{
    *m = (struct postern_message){
        .size = sizeof(*m), .type = (uint8_t)pick(6), .serial = pick(3), .reply_serial = pick(3), .fds = pick(2),
        .path = random_view(), .interface = random_view(), .member = random_view(), .error = random_view(), .destination = random_view(),
    };
    *request = (struct postern_request){
        .size = sizeof(*request), .action = pick(10), .flags = pick(2) ? 0 : pick(0x180), .from = who[pick(4)], .to = who[pick(4)],
        .addressed = who[pick(4)], .message = pick(5) ? m : NULL, .name = random_view(),
    };
}

/* With doors that say yes to everything, what is refused is refused because of the question. */
START_TEST(random_questions)
{
    struct postern_mediator mediator = {0}, elsewhere = {0};
    struct postern_party inside = {.mediator = &mediator, .authenticated = true}, fresh = {.mediator = &mediator},
                         foreign = {.mediator = &elsewhere, .authenticated = true};
    const struct postern_party *who[4] = {NULL, &inside, &fresh, &foreign};
    unsigned n_allowed = 0;

    state = 42;
    for (int i = 0; i < 3; i++)
        mediator.doors[i] = (struct postern_door_slot){.fn = yes};
    for (int turn = 0; turn < 200000; turn++) {
        struct postern_request request;
        struct postern_message m;
        struct postern_decision decision;

        random_question(&request, &m, who);
        postern_decide(&mediator, &request, &decision);
        if (!decision.allowed)
            continue;
        n_allowed++;
        ck_assert(request.from != &fresh && request.from != &foreign && request.to != &fresh && request.to != &foreign);
    }
    ck_assert_uint_gt(n_allowed, 100);
}
END_TEST

START_TEST(sizes)
{
    struct {
        uint32_t known[4];
        uint32_t surplus[4];
    } made = {.known = {1, 2, 3, 4}};

    ck_assert_int_eq(postern_abi_check(&made, sizeof(made.known), sizeof(made.known)), 0);
    ck_assert_int_eq(postern_abi_check(&made, sizeof(made), sizeof(made.known)), 0);
    ck_assert_int_eq(postern_abi_check(&made, sizeof(made.known) - 1, sizeof(made.known)), -EINVAL);
    ck_assert_int_eq(postern_abi_check(&made, 0, sizeof(made.known)), -EINVAL);
    made.surplus[3] = 1;
    ck_assert_int_eq(postern_abi_check(&made, sizeof(made), sizeof(made.known)), -E2BIG);
    ck_assert_int_eq(postern_abi_check(&made, sizeof(made) - 4, sizeof(made.known)), 0);
}
END_TEST

/* The message of a request has a size of its own. */
START_TEST(longer_messages)
{
    struct {
        struct postern_message message;
        uint64_t surplus;
    } longer = {.message = {.size = sizeof(longer), .type = POSTERN_MESSAGE_METHOD_CALL, .path = {"/", 1, 0}, .member = {"M", 1, 0}, .destination = {"a.b", 3, 0}}};
    struct fixture fixture = {0};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .message = &longer.message};
    struct postern_verdict verdict = {.size = sizeof(verdict)};
    struct postern_party *party;

    fixture_open(&fixture, NULL, NULL);
    party = fixture_outside(&fixture, 1);
    request.from = party;
    ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &request, &verdict), 0);
    ck_assert_uint_eq(verdict.allowed, 1);
    longer.surplus = 1;
    ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &request, &verdict), 0);
    ck_assert_uint_eq(verdict.allowed, 0);
    ck_assert_uint_eq(verdict.door, POSTERN_DOOR_NONE);
    verdict.size = 8;
    ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &request, &verdict), -EINVAL);
    fixture.module->party_free(party);
    fixture_close(&fixture);
}
END_TEST

/* Hosts of version 1.0 and 1.1 know requests without the assumed label, those up to 1.4 requests without a kind; nothing between these sizes is understood. */
START_TEST(request_sizes)
{
    const uint32_t first = offsetof(struct postern_request, assumed_label), second = offsetof(struct postern_request, kind);
    struct postern_request request = {.size = first, .assumed_label = {.data = "stray", .len = 5}};
    struct {
        struct postern_request request;
        uint64_t surplus;
    } longer = {.request = {.size = sizeof(longer), .assumed_label = {.data = "given", .len = 5}}};

    ck_assert_int_eq(postern_request_check(&request), 0);
    ck_assert_ptr_null(postern_request_assumed_label(&request).data);
    for (uint32_t size = 0; size < sizeof(request); size++) {
        request.size = size;
        ck_assert_int_eq(postern_request_check(&request), size == first || size == second ? 0 : -EINVAL);
    }
    request.size = second;
    request.kind = 3; /* whatever stands behind it */
    ck_assert_str_eq(postern_request_assumed_label(&request).data, "stray");
    ck_assert(!postern_request_has_kind(&request));
    ck_assert_int_eq(postern_request_check(&longer.request), 0);
    ck_assert_str_eq(postern_request_assumed_label(&longer.request).data, "given");
    longer.surplus = 1;
    ck_assert_int_eq(postern_request_check(&longer.request), -E2BIG);
}
END_TEST

/* ---- findings ------------------------------------------------------------------------------------------------ */

static unsigned n_reports;
static struct postern_finding last_report;

static void count_report(void *door, const struct postern_request *request, const struct postern_finding *finding)
{
    n_reports++;
    last_report = *finding;
}

static void find_twice(void *door, const struct postern_request *request, struct postern_opinion *opinion)
{
    opinion->kind = ALLOW;
    opinion->n_findings = 200; /* more than there is room for */
    opinion->findings[0].permission = 1;
    opinion->findings[1].permission = 2;
}

/* Both doors' findings are told to the door that they are of, and no more often than log lines are written. */
START_TEST(findings)
{
    struct fixture fixture = {0};
    struct postern_verdict verdict = {.size = sizeof(verdict)};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_CONNECT};
    struct postern_party *party;

    fixture_open(&fixture, NULL, NULL);
    party = fixture_outside(&fixture, 1);
    request.from = party;
    for (int place = POSTERN_PLACE_SELINUX; place <= POSTERN_PLACE_APPARMOR; place++)
        fixture.mediator->doors[place] = (struct postern_door_slot){.fn = find_twice, .report = count_report};
    n_reports = 0;
    ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &request, &verdict), 0);
    ck_assert_uint_eq(verdict.allowed, 1);
    ck_assert_uint_eq(n_reports, 4);
    ck_assert_uint_eq(last_report.place, POSTERN_PLACE_APPARMOR);
    ck_assert_uint_eq(last_report.permission, 2);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &request, &verdict), 0);
    ck_assert_uint_le(n_reports, 3 * POSTERN_AUDIT_LINES_PER_SECOND); /* of two seconds, should one begin meanwhile */
    fixture.module->party_free(party);
    fixture_close(&fixture);
}
END_TEST

Suite *core_decide_suite(void)
{
    Suite *suite = suite_create("core: decisions");
    TCase *tcase = tcase_create("decide");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, doors, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, random_questions);
    tcase_add_test(tcase, sizes);
    tcase_add_test(tcase, longer_messages);
    tcase_add_test(tcase, request_sizes);
    tcase_add_test(tcase, findings);
    suite_add_tcase(suite, tcase);
    return suite;
}
