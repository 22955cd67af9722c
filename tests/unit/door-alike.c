/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom and what the cache of verdicts takes for alike, what it must tell apart, and what it keeps of security modules. */
#include <stdio.h>
#include <stdlib.h>

#include "policy/xml.h"
#include "tests/unit/door-cache.h"

unsigned cache_n_asked;

static void counting_door(void *door, const struct postern_request *request, struct postern_opinion *opinion)
{
    cache_n_asked++;
    postern_xml_door(door, request, opinion);
}

void count_questions(void)
{
    fixture.mediator->doors[POSTERN_PLACE_XML].fn = counting_door;
}

bool is_cached(const struct postern_request *request)
{
    struct postern_decision room;
    unsigned before = cache_n_asked;

    postern_decide(fixture.mediator, request, &room);
    return cache_n_asked == before;
}

/* ---- security modules ------------------------------------------------------------------------------------------- */

/* A security module whose policy is one bit, and changes when the test says so. */
static struct {
    bool allows, tells, changed; /* tells: it can say that nothing has changed */
    uint8_t looks;
    bool has_finding;
    unsigned asked, looked_up, reported;
} module;

static void module_door(void *door, const struct postern_request *request, struct postern_opinion *opinion)
{
    (void)door;
    module.asked++;
    opinion->kind = request->from != NULL && module.allows ? POSTERN_OPINION_ALLOW : POSTERN_OPINION_DENY;
    opinion->ignores = (uint8_t)(POSTERN_LOOKS_ALL & ~(POSTERN_LOOKS_POLICY | module.looks));
    opinion->n_findings = module.has_finding;
    opinion->findings[0] = (struct postern_finding){.permission = 1};
}

static void module_report(void *door, const struct postern_request *request, const struct postern_finding *finding)
{
    (void)door;
    (void)request;
    (void)finding;
    module.reported++;
}

static bool module_is_current(void *door)
{
    bool changed = module.changed;

    (void)door;
    module.looked_up++;
    module.changed = false;
    return !changed;
}

static struct postern_message module_message;
static struct postern_request module_request;

/* A call from the one to the other, with a module between them that allows it; kind: as the host says it. */
static void set_up_module(bool tells, uint64_t kind)
{
    static const struct fixture_rule rules[] = {RULE(POSTERN_ALLOW_TALK, SERVICE)};

    fixture.quiet = true;
    set_up("restrict", rules, 1, NULL);
    memset(&module, 0, sizeof(module));
    module.allows = true;
    fixture.mediator->doors[POSTERN_PLACE_SELINUX] = (struct postern_door_slot){
        .fn = module_door, .report = module_report, .current = tells ? module_is_current : NULL};
    postern_cache_flush(&fixture.mediator->cache); /* as if it had been there from the beginning */
    module_message = (struct postern_message){
        .size = sizeof(module_message), .type = CALL, .serial = 1, .path = view("/obj"), .interface = view("a.b"), .member = view("M"), .destination = view(SERVICE)};
    module_request = (struct postern_request){.size = sizeof(module_request), .action = POSTERN_ACTION_SEND, .message = &module_message};
    module_request.from = party[APP];
    module_request.to = party[SERVER];
    module_request.kind = kind;
}

static bool ask_module(uint32_t flags)
{
    struct postern_decision room;

    module_request.flags = flags;
    return postern_decide(fixture.mediator, &module_request, &room)->allowed;
}

START_TEST(module_is_asked_for_changes)
{
    set_up_module(true, (uint64_t)_i);
    for (unsigned i = 0; i < 5; i++)
        ck_assert(ask_module(0) && module.asked == 1 && module.looked_up == i);
    module.allows = false;
    ck_assert(ask_module(0)); /* a module that changes without a word is none of ours */
    module.changed = true;
    ck_assert(!ask_module(0));
    ck_assert(!ask_module(0));
    module.allows = module.changed = true;
    ck_assert(ask_module(0));
    tear_down();
}
END_TEST

/* What arrived together is decided by what held then; the next thing that arrives is not. */
START_TEST(module_and_input)
{
    unsigned looked_up;

    set_up_module(true, (uint64_t)_i);
    ask_module(0);
    ask_module(0);
    looked_up = module.looked_up;
    ck_assert(ask_module(0));
    ck_assert_uint_eq(module.looked_up, ++looked_up);
    for (int i = 0; i < 10; i++)
        ck_assert(ask_module(POSTERN_REQUEST_SAME_INPUT));
    ck_assert_uint_eq(module.looked_up, looked_up);
    module.allows = false;
    module.changed = true;
    ck_assert(ask_module(POSTERN_REQUEST_SAME_INPUT));
    ck_assert(!ask_module(0));
    tear_down();
}
END_TEST

START_TEST(module_that_cannot_tell)
{
    set_up_module(false, (uint64_t)_i);
    for (unsigned i = 0; i < 4; i++)
        ck_assert(ask_module(0) && module.asked == i + 1);
    module.allows = false;
    ck_assert(!ask_module(0));
    tear_down();
}
END_TEST

/* What its records must tell of is asked each time. */
START_TEST(module_with_findings)
{
    set_up_module(true, (uint64_t)_i);
    module.has_finding = true;
    for (unsigned i = 0; i < 4; i++) {
        struct postern_verdict verdict = {.size = sizeof(verdict)};

        ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &module_request, &verdict), 0);
        ck_assert(verdict.allowed == 1 && module.asked == i + 1 && module.reported == i + 1);
    }
    tear_down();
}
END_TEST

/* The name of who sends counts where it was looked at, and labels always. */
START_TEST(module_and_ends)
{
    set_up_module(true, 0);
    module.looks = POSTERN_LOOKS_SENDER;
    for (int i = 0; i < 3; i++)
        ask_module(0);
    ck_assert_uint_eq(module.asked, 1);
    module_request.from = party[SIBLING]; /* of the same class */
    ask_module(0);
    ck_assert_uint_eq(module.asked, 2);
    module.looks = 0;
    postern_cache_flush(&fixture.mediator->cache);
    module_request.from = party[APP];
    for (int i = 0; i < 3; i++)
        ask_module(0);
    module.asked = 0;
    module_request.from = party[SIBLING];
    ask_module(0);
    ck_assert_uint_eq(module.asked, 0);
    party[SIBLING]->facts.label = strdup("another");
    party[SIBLING]->facts.label_len = strlen("another");
    postern_cache_forget(party[SIBLING]); /* labels do not change: it came with this one */
    ask_module(0);
    ck_assert_uint_eq(module.asked, 1);
    tear_down();
}
END_TEST

/* One name may be the beginning of another. */
START_TEST(module_and_names)
{
    char names[2][8] = {":1.1", ":1.10"}, *own[2];
    struct postern_party *senders[2];

    set_up_module(true, 0);
    module.looks = POSTERN_LOOKS_SENDER;
    senders[0] = party[APP];
    senders[1] = party[SIBLING];
    for (unsigned i = 0; i < 2; i++) {
        own[i] = senders[i]->unique_name;
        senders[i]->unique_name = names[i];
    }
    /* The one that was found last, or the other one, for the first time or again; the longer name first, or the shorter one. */
    for (unsigned first = 0; first < 2; first++) {
        postern_cache_flush(&fixture.mediator->cache);
        module.asked = 0;
        for (unsigned i = 0; i < 8; i++) {
            module_request.from = senders[(first + i / 2) % 2];
            ask_module(0);
            ck_assert_uint_eq(module.asked, i < 2 ? 1 : 2);
        }
    }
    for (unsigned i = 0; i < 2; i++)
        senders[i]->unique_name = own[i];
    tear_down();
}
END_TEST

/* Each byte of a text counts, however long it is. */
START_TEST(module_and_texts)
{
    char text[40];

    set_up_module(true, 0);
    module.looks = POSTERN_LOOKS_PATH;
    for (uint32_t len = 1; len <= sizeof(text); len++) {
        memset(text, 'x', sizeof(text));
        module_message.path = (struct postern_view){.data = text, .len = len};
        for (uint32_t i = 0; i < len; i++) {
            unsigned asked;

            ask_module(0);
            ask_module(0);
            asked = module.asked;
            ask_module(0);
            ck_assert_uint_eq(module.asked, asked);
            text[i] = 'y';
            ask_module(0);
            ck_assert_uint_eq(module.asked, asked + 1);
            text[i] = 'x';
        }
    }
    tear_down();
}
END_TEST

/* ---- whom it serves ---------------------------------------------------------------------------------------------- */

/* How often `n` questions, each asked when all have been asked before, are answered by the cache. */
static unsigned asked_again(unsigned n, struct postern_party *from, struct postern_party *to, const char *prefix)
{
    unsigned hits = 0;

    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < n; i++) {
            struct postern_message m = {.size = sizeof(m), .type = CALL, .serial = 1, .interface = view("a.b"), .member = view("M"), .destination = view(SERVICE)};
            struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .from = from, .to = to, .message = &m};
            char path[32];

            snprintf(path, sizeof(path), "%s%u", prefix, i);
            m.path = view(path);
            hits += is_cached(&request) && round == 1;
        }
    return hits;
}

/* Texts that no rule compares with are one to the cache. */
START_TEST(texts_of_no_rule)
{
    static const struct fixture_rule rules[] = {RULE(POSTERN_ALLOW_TALK, SERVICE)};

    set_up("restrict", rules, 1, NULL);
    count_questions();
    ck_assert_uint_eq(asked_again(10000, party[APP], party[SERVER], "/p"), 10000);
    tear_down();
}
END_TEST

/* Where a rule compares paths, somebody who makes them up pushes out answers to the own class, and nobody else's. */
START_TEST(made_up_texts)
{
    static const struct fixture_rule rules[] = {{POSTERN_ALLOW_CALL, SERVICE, "/obj", ""}};

    set_up("restrict", rules, 1, NULL);
    count_questions();
    ck_assert_uint_eq(asked_again(1, party[APP], party[SERVER], "/obj"), 1);
    ck_assert_uint_eq(asked_again(8, party[APP], party[SERVER], "/obj/"), 8);
    asked_again(10000, party[APP], party[SERVER], "/p");
    ck_assert_uint_eq(asked_again(1, party[NAMELESS], party[SERVER], "/p"), 1);
    tear_down();
}
END_TEST

/* Connections of one sort are one to the cache: a service that answers a thousand of them is served by one answer. */
START_TEST(alike)
{
    struct postern_message m = {.size = sizeof(m), .type = RETURN, .reply_serial = 3};
    struct postern_party *clients[200];
    unsigned hits = 0;

    set_up("restrict", NULL, 0, NULL);
    count_questions();
    for (unsigned i = 0; i < 200; i++) {
        struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .flags = REPLY, .from = party[SERVER], .message = &m};

        request.to = clients[i] = fixture_outside(&fixture, 1000 + i);
        hits += is_cached(&request);
    }
    ck_assert_uint_eq(hits, 199);
    for (unsigned i = 0; i < 200; i++)
        fixture.module->party_free(clients[i]);
    tear_down();
}
END_TEST

/* What a rule wants in the log is there each time, found in the cache or not. */
START_TEST(logged_each_time)
{
    struct fixture_message call = METHOD(.destination = SERVICE);
    struct postern_verdict verdict;

    policy = EVERYBODY "<allow send_destination=\"*\" log=\"true\"/><allow receive_sender=\"*\"/>";
    fixture.quiet = true;
    set_up("restrict", NULL, 0, NULL);
    for (unsigned i = 0, before = fixture.n_lines; i < 3; i++) {
        ck_assert(fixture_send(&fixture, party[NAMELESS], party[SERVER], &call, &verdict));
        ck_assert_uint_eq(fixture.n_lines, before + i + 1);
    }
    tear_down();
    policy = NULL;
}
END_TEST

/* Whom the XML door cannot sort is like nobody else. */
START_TEST(without_group)
{
    struct postern_message m = {.size = sizeof(m), .type = RETURN, .reply_serial = 3};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .flags = REPLY, .message = &m};

    set_up("restrict", NULL, 0, NULL);
    count_questions();
    fixture.mediator->doors[POSTERN_PLACE_XML].group = NULL;
    request.from = party[SERVER];
    request.to = party[NAMELESS];
    ck_assert(!is_cached(&request) && is_cached(&request));
    request.to = manager; /* nameless, too */
    ck_assert(!is_cached(&request) && is_cached(&request));
    tear_down();
}
END_TEST

/* What the bus says to somebody before Hello is no answer to what it may say after it. */
START_TEST(receiver_before_hello)
{
    struct postern_message m = {.size = sizeof(m), .type = SIGNAL, .serial = 1, .path = view("/"), .interface = view("a.b"), .member = view("M")};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .flags = POSTERN_REQUEST_FROM_DRIVER, .message = &m};
    struct postern_decision room;
    char *name;

    policy = EVERYBODY "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/><deny receive_sender=\"org.freedesktop.DBus\"/>";
    set_up("restrict", NULL, 0, NULL);
    request.to = party[NAMELESS];
    name = party[NAMELESS]->unique_name;
    party[NAMELESS]->unique_name = NULL;
    for (int i = 0; i < 2; i++)
        ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    party[NAMELESS]->unique_name = name;
    for (int i = 0; i < 2; i++)
        ck_assert(!postern_decide(fixture.mediator, &request, &room)->allowed);
    tear_down();
    policy = NULL;
}
END_TEST

/* A number that does not fit into a class is not cut to one that does. */
START_TEST(many_instances)
{
    struct postern_message m = {.size = sizeof(m), .type = CALL, .serial = 1, .path = view("/obj"), .member = view("M"), .destination = view(SERVICE)};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .to = NULL, .message = &m};
    struct postern_decision room;

    set_up("restrict", NULL, 0, NULL);
    request.from = party[NAMELESS];
    request.to = party[SERVER];
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    party[APP]->instance->number = UINT64_C(1) << 34;
    request.from = party[APP];
    ck_assert(!postern_decide(fixture.mediator, &request, &room)->allowed);
    tear_down();
}
END_TEST

/* To nobody is not to the bus, nor to somebody else who is not there. */
START_TEST(to_nobody)
{
    struct postern_message m = {.size = sizeof(m), .type = CALL, .serial = 1, .path = view("/obj"), .member = view("M"), .destination = view("org.example.One")};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .message = &m};
    struct postern_decision room;

    policy = EVERYBODY "<allow send_destination=\"org.example.One\"/>";
    set_up("restrict", NULL, 0, NULL);
    request.from = party[NAMELESS];
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    m.destination = view("org.example.Two");
    ck_assert(!postern_decide(fixture.mediator, &request, &room)->allowed);
    tear_down();
    policy = NULL;
}
END_TEST

/* More labels than there are numbers for: they are not one label. */
START_TEST(many_labels)
{
    static const char label[] = "label";
    char text[sizeof(label) + 8];

    set_up_module(true, 0);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "%s%u", label, i);
        party[APP]->facts.label = text;
        party[APP]->facts.label_len = strlen(text);
        postern_cache_forget(party[APP]); /* as if it were another connection */
        module.asked = 0;
        ask_module(0);
        ck_assert_uint_eq(module.asked, 1);
    }
    party[APP]->facts.label = NULL;
    tear_down();
}
END_TEST

/* Two connections that only a rule about a unique name tells apart. */
START_TEST(unique_name_in_policy)
{
    struct postern_message m = {.size = sizeof(m), .type = CALL, .serial = 1, .path = view("/obj"), .member = view("M"), .destination = view(":1.1")};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .message = &m};
    struct postern_decision room;

    policy = EVERYBODY "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/><deny send_destination=\":1.32\"/>";
    set_up("restrict", NULL, 0, NULL);
    request.from = party[SERVER];
    request.to = manager;
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    request.to = party[NAMELESS];
    ck_assert(!postern_decide(fixture.mediator, &request, &room)->allowed);
    tear_down();
    policy = NULL;
}
END_TEST

START_TEST(unique_name_in_rule)
{
    static const struct fixture_rule rules[] = {RULE(POSTERN_ALLOW_TALK, ":1.32")};
    struct postern_message m = {.size = sizeof(m), .type = CALL, .serial = 1, .path = view("/obj"), .member = view("M"), .destination = view(":1.32")};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .message = &m};
    struct postern_decision room;

    set_up("restrict", rules, 1, NULL);
    request.from = party[APP];
    request.to = party[NAMELESS];
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    request.to = manager;
    ck_assert(!postern_decide(fixture.mediator, &request, &room)->allowed);
    tear_down();
}
END_TEST

/* Who loses a name to somebody else without being told so first. */
START_TEST(taken_over)
{
    static const struct fixture_rule rules[] = {RULE(POSTERN_ALLOW_TALK, SERVICE)};
    struct postern_message m = {.size = sizeof(m), .type = CALL, .serial = 1, .path = view("/obj"), .member = view("M"), .destination = view(":1.30")};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .message = &m};
    struct postern_decision room;

    set_up("restrict", rules, 1, NULL);
    request.from = party[APP];
    request.to = party[SERVER];
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    fixture_own(&fixture, party[OTHER], SERVICE);
    ck_assert(!postern_decide(fixture.mediator, &request, &room)->allowed);
    request.to = party[OTHER];
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    tear_down();
}
END_TEST

/* Before Hello nobody is like those who have said it. */
START_TEST(before_hello)
{
    struct postern_message m = {.size = sizeof(m), .type = CALL, .serial = 1, .path = view("/obj"), .member = view("M"), .destination = view(SERVICE)};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .message = &m};
    char *name;

    set_up("restrict", NULL, 0, NULL);
    count_questions();
    request.from = manager;
    request.to = party[SERVER];
    name = manager->unique_name;
    manager->unique_name = NULL;
    ck_assert(!is_cached(&request) && !is_cached(&request));
    manager->unique_name = name;
    ck_assert(!is_cached(&request) && is_cached(&request));
    tear_down();
}
END_TEST

START_TEST(switched_off)
{
    struct postern_message m = {.size = sizeof(m), .type = RETURN, .reply_serial = 3};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .flags = REPLY, .message = &m};

    set_up("restrict", NULL, 0, NULL);
    count_questions();
    fixture.mediator->flags |= POSTERN_OPTION_NO_CACHE;
    request.from = party[SERVER];
    request.to = party[NAMELESS];
    ck_assert(!is_cached(&request) && !is_cached(&request));
    tear_down();
}
END_TEST

TCase *door_alike_case(void)
{
    TCase *tc = tcase_create("what is alike to the cache");

    tcase_add_loop_test(tc, module_is_asked_for_changes, 0, 2);
    tcase_add_loop_test(tc, module_and_input, 0, 2);
    tcase_add_loop_test(tc, module_that_cannot_tell, 0, 2);
    tcase_add_loop_test(tc, module_with_findings, 0, 2);
    tcase_add_test(tc, module_and_ends);
    tcase_add_test(tc, module_and_names);
    tcase_add_test(tc, module_and_texts);
    tcase_add_test(tc, texts_of_no_rule);
    tcase_add_test(tc, made_up_texts);
    tcase_add_test(tc, alike);
    tcase_add_test(tc, logged_each_time);
    tcase_add_test(tc, without_group);
    tcase_add_test(tc, receiver_before_hello);
    tcase_add_test(tc, many_instances);
    tcase_add_test(tc, many_labels);
    tcase_add_test(tc, to_nobody);
    tcase_add_test(tc, unique_name_in_policy);
    tcase_add_test(tc, unique_name_in_rule);
    tcase_add_test(tc, taken_over);
    tcase_add_test(tc, before_hello);
    tcase_add_test(tc, switched_off);
    return tc;
}
