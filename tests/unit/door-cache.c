/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cache of verdicts never says what the doors would not say now. While names, grants, rules, connections and the configuration change
 * at random, each random question is answered by way of the cache, twice, and by asking every door anew; and the answers are the same.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/grant.h"
#include "tests/unit/door-cache.h"

#define TURNS 2500
#define QUESTIONS 24 /* between two changes */

static const char *const names[] = {SERVICE, "com.example.ServiceX", "com.example.Other.Sub", "com.stranger.Name", "org.example.More"};
static const char *const destinations[] = {SERVICE, "com.example.ServiceX", "com.stranger.Name", ":1.30", ":1.10", NULL};
static const char *const paths[] = {"/", "/obj", "/obj/a", "/x", NULL};
static const char *const interfaces[] = {"a.b", "a.c", "a.b", "com.example.Service", NULL};
static const char *const members[] = {"M", "N", "M", "Hello", NULL};
static const char *const errors[] = {"a.b.E", "a.b.F", "a.b.E"};

/* What the bus's policy may be. */
static const char *const policies[] = {
    EVERYBODY "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/>",
    EVERYBODY "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/><deny send_interface=\"a.b\" send_member=\"N\"/>"
              "<deny send_path=\"/obj/a\"/><deny send_destination=\"com.example.ServiceX\" send_interface=\"a.c\"/>"
              "<deny receive_error=\"a.b.F\"/><allow send_interface=\"a.b\" send_path=\"/x\" log=\"true\"/>",
    EVERYBODY "<allow send_destination_prefix=\"com.example\"/><allow receive_sender=\"*\"/><deny receive_interface=\"a.b\" receive_member=\"M\" receive_sender=\"com.stranger.Name\"/>"
              "<allow send_type=\"method_return\"/><allow send_type=\"signal\" send_interface=\"a.c\"/><allow send_error=\"a.b.E\"/>",
    EVERYBODY "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/><deny send_destination=\":1.30\"/>"
              "<deny receive_sender=\":1.10\" receive_interface=\"a.c\"/><deny send_broadcast=\"true\" send_path=\"/x\"/>",
    EVERYBODY "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/></policy><policy user=\"65534\"><deny send_type=\"signal\"/>"
              "<deny receive_interface=\"a.c\"/></policy><policy context=\"default\">",
};

static const char *const mediator_confs[] = {
    "<mediator/>",
    "<mediator><containers broadcasts=\"instance\"/><container type=\"org.example.Test\" name=\"app\"><allow talk=\"com.stranger.Name\"/></container></mediator>",
    "<mediator><container type=\"org.example.Test\" name=\"stranger\"><allow call=\"com.example.ServiceX\" interface=\"a.b\" member=\"M\" path=\"/obj\"/></container></mediator>",
};

#define PICK(list) list[(unsigned)rand() % (sizeof(list) / sizeof((list)[0]))]

/* ---- questions ----------------------------------------------------------------------------------------------- */

static void random_message(struct postern_message *m, uint32_t flags)
{
    *m = (struct postern_message){.size = sizeof(*m), .type = (uint8_t)(CALL + rand() % 4), .serial = 7, .fds = rand() % 16 == 0};
    if ((flags & BROADCAST) != 0)
        m->type = SIGNAL;
    if (m->type == CALL || m->type == SIGNAL || rand() % 8 == 0) {
        m->path = view(PICK(paths));
        m->interface = view(PICK(interfaces));
        m->member = view(PICK(members));
    }
    if (m->type == RETURN || m->type == ERROR)
        m->reply_serial = 3;
    if (m->type == ERROR)
        m->error = view(PICK(errors));
    if ((flags & BROADCAST) == 0)
        m->destination = view(PICK(destinations));
}

static void random_question(struct postern_request *request, struct postern_message *m)
{
    static const uint32_t flags[] = {0, 0, 0, REPLY, BROADCAST, POSTERN_REQUEST_TO_DRIVER, POSTERN_REQUEST_FROM_DRIVER, POSTERN_REQUEST_FROM_DRIVER | BROADCAST};

    *request = (struct postern_request){.size = sizeof(*request), .action = POSTERN_ACTION_SEND, .flags = PICK(flags), .message = m};
    request->from = (request->flags & POSTERN_REQUEST_FROM_DRIVER) != 0 ? NULL : party[rand() % WHO_MAX];
    request->to = (request->flags & POSTERN_REQUEST_TO_DRIVER) != 0 || rand() % 32 == 0 ? NULL : party[rand() % WHO_MAX];
    random_message(m, request->flags);
}

static void same(const struct postern_decision *a, const struct postern_decision *b, const struct postern_request *request)
{
    const struct postern_rule_ref *x = &a->opinion.rule, *y = &b->opinion.rule;
    bool texts = strcmp(a->opinion.why != NULL ? a->opinion.why : "", b->opinion.why != NULL ? b->opinion.why : "") == 0;

    ck_assert_msg(a->allowed == b->allowed && a->faulty == b->faulty && a->door == b->door && a->complaints == b->complaints && a->log == b->log && texts &&
                      a->opinion.end == b->opinion.end && x->kind == y->kind && x->index == y->index && x->line == y->line,
                  "cache: %d by door %u, %s; anew: %d by door %u, %s (flags %#x type %u destination %s)", a->allowed, a->door, a->opinion.why, b->allowed, b->door,
                  b->opinion.why, request->flags, request->message->type, request->message->destination.data);
}

/* Returns how many of the two answers came from the cache. */
static unsigned compare(void)
{
    struct postern_opinion opinions[POSTERN_PLACES];
    struct postern_decision room, anew;
    const struct postern_decision *cached;
    struct postern_request request;
    struct postern_message m;
    unsigned hits = 0;

    random_question(&request, &m);
    postern_grants_settle(fixture.mediator); /* as mediate() does before any question of a connection */
    postern_decide_all(fixture.mediator, &request, opinions, &anew);
    for (int i = 0; i < 2; i++) {
        unsigned before = cache_n_asked;

        cached = postern_decide(fixture.mediator, &request, &room);
        hits += cache_n_asked == before;
        same(cached, &anew, &request);
    }
    return hits;
}

/* ---- changes -------------------------------------------------------------------------------------------------- */

static void change_name(void)
{
    ck_assert_int_eq(fixture.module->party_name(party[rand() % WHO_MAX], PICK(names), (uint32_t)rand() % 3), 0);
}

static void random_rule(struct postern_rule *rule, const char *name)
{
    uint32_t flags = (POSTERN_ALLOW_SEE | POSTERN_ALLOW_CALL | POSTERN_ALLOW_HEAR) & ((uint32_t)rand() | POSTERN_ALLOW_SEE);
    const char *path = rand() % 2 == 0 ? "/" : "/obj", *interface = rand() % 2 == 0 ? "" : "a.b";
    struct postern_error error;

    flags |= rand() % 4 > 0 ? POSTERN_ALLOW_PATH_SUBTREE : 0;
    ck_assert_int_eq(postern_rule_init(rule, flags, name, path, interface, &error), 0);
}

/* By who owns some name, of it or of itself. */
static void make_grant(void)
{
    struct postern_rulelist rules = {.n = 0};
    struct postern_grant_who who = {.type = rand() % 2 == 0 ? "org.example.Test" : NULL, .name = rand() % 3 == 0 ? "app" : NULL};
    struct postern_party *granter = party[SERVER + rand() % 3];
    const char *name = granter->n_names > 0 && granter->names[0].primary && rand() % 2 == 0 ? granter->names[0].name->name : "";
    struct postern_error error;
    uint32_t id;

    rules.rules = calloc(1, sizeof(*rules.rules));
    ck_assert_ptr_nonnull(rules.rules);
    random_rule(&rules.rules[0], name);
    rules.n = 1;
    postern_grant_make(granter, &who, &rules, &id, &error);
}

static void end_grant(void)
{
    postern_grant_revoke(party[SERVER + rand() % 3], 1 + (uint32_t)rand() % 40);
}

static void change_rules(void)
{
    struct postern_instance *instance = party[rand() % 2 == 0 ? APP : STRANGER]->instance;
    size_t n = (size_t)rand() % 4;
    struct postern_rule *rules = calloc(n + 1, sizeof(*rules));
    struct postern_ruleset *set;

    ck_assert_ptr_nonnull(rules);
    for (size_t i = 0; i < n; i++)
        random_rule(&rules[i], rand() % 8 == 0 ? "" : rand() % 6 == 0 ? ":1.30" : PICK(names));
    ck_assert_int_eq(postern_ruleset_new(rules, n, &set), 0);
    postern_instance_set_rules(instance, set);
}

static void load(const char *rules, const char *mediator_conf)
{
    struct postern_fault fault = {.size = sizeof(fault)};
    char path[96];
    FILE *file;

    snprintf(path, sizeof(path), "%s/bus.conf", fixture.dir);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context=\"default\">%s</policy></busconfig>\n", rules);
    fclose(file);
    fixture_configure(&fixture, mediator_conf);
    ck_assert_msg(fixture.module->reload(fixture.mediator, &fault) == 0, "%s", fault.text);
    count_questions();
}

static void reload(void)
{
    load(PICK(policies), PICK(mediator_confs));
}

static void tell_services(void)
{
    static const char *const allows[] = {"call=org.example.More", "call=com.example.Service=a.b.M@/obj", NULL};
    struct postern_activatable service = {.size = sizeof(service), .allow_line = 3, .file = view("/more.service"), .name = view("org.example.More")};
    const struct postern_activatable *list[] = {&service};

    service.allow = view(PICK(allows));
    if (service.allow.data != NULL && strstr(service.allow.data, SERVICE) != NULL)
        service.name = view(SERVICE);
    ck_assert_int_ge(fixture.module->services(fixture.mediator, list, 1), -EAGAIN);
}

static void replace_party(void)
{
    static unsigned number = 100;
    int who = rand() % WHO_MAX;

    fixture.module->party_leave(party[who]);
    fixture.module->party_free(party[who]);
    number++;
    if (who == APP || who == SIBLING)
        party[who] = fixture_inside(&fixture, &container, number);
    else if (who == STRANGER)
        party[who] = fixture_inside(&fixture, &stranger_container, number);
    else
        party[who] = fixture_outside(&fixture, number);
    if (who == OTHER)
        party[who]->uid = 65534;
}

static void (*const changes[])(void) = {
    change_name, change_name, change_name, make_grant, make_grant, end_grant, change_rules, reload, tell_services, replace_party,
};

/* The host is told to release a name while new rules come into force, and what it then sends is asked about. */
static void ask_meanwhile(void *data, uint64_t host_id, const char *name)
{
    (void)data;
    (void)host_id;
    (void)name;
    for (int i = 0; i < QUESTIONS; i++)
        compare();
}

START_TEST(never_stale)
{
    static const char *const modes[] = {"restrict", "complain", "identify"};
    static const struct fixture_rule rules[] = {RULE(POSTERN_ALLOW_TALK, SERVICE)};
    unsigned hits = 0;

    srand((unsigned)_i);
    fixture.quiet = true;
    set_up(modes[_i % 3], _i % 3 == 2 ? NULL : rules, 1, NULL);
    count_questions();
    fixture.host.release_name = ask_meanwhile;
    party[OTHER]->uid = 65534; /* as if it had authenticated so */
    for (int turn = 0; turn < TURNS; turn++) {
        PICK(changes)();
        for (int i = 0; i < QUESTIONS; i++)
            hits += compare();
    }
    ck_assert_uint_gt(hits, TURNS * QUESTIONS / 3); /* else this test is about nothing */
    tear_down();
}
END_TEST

/* ---- the same message again ------------------------------------------------------------------------------------ */

/* To many receivers in a row, as a host asks for a broadcast; what it says of the message being the same is not taken further than that. */
START_TEST(same_message)
{
    static const struct fixture_rule rules[] = {RULE(POSTERN_ALLOW_TALK, SERVICE)};

    srand(7 + (unsigned)_i);
    fixture.quiet = true;
    set_up("restrict", rules, 1, NULL);
    for (int turn = 0; turn < 2000; turn++) {
        struct postern_request request;
        struct postern_message m;

        PICK(changes)();
        random_question(&request, &m);
        for (int i = 0; i < 12; i++) {
            struct postern_opinion opinions[POSTERN_PLACES];
            struct postern_decision room, anew;

            if (request.to != NULL)
                request.to = party[rand() % WHO_MAX];
            postern_grants_settle(fixture.mediator);
            postern_decide_all(fixture.mediator, &request, opinions, &anew);
            same(postern_decide(fixture.mediator, &request, &room), &anew, &request);
            request.flags |= POSTERN_REQUEST_SAME_MESSAGE;
            if (i == 5)
                change_name();
            if (i == 8)
                change_rules();
        }
    }
    tear_down();
}
END_TEST

/* ---- the same kind of message ------------------------------------------------------------------------------------ */

/* Messages that were sent before, and are sent again, to whom it may be. */
static struct {
    struct postern_message m;
    uint32_t flags;
    int from;
    uint64_t sender; /* its host_id */
    uint64_t kind;
} known[48];

static void know(size_t i, uint64_t kind)
{
    struct postern_request request;

    random_question(&request, &known[i].m);
    known[i].flags = request.flags;
    known[i].from = rand() % WHO_MAX;
    known[i].sender = party[known[i].from]->host_id;
    known[i].kind = kind;
}

static void ask_known(size_t i)
{
    static struct postern_message m; /* all of them in the same place, as a host may have them */
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .flags = known[i].flags, .message = &m, .kind = known[i].kind};
    struct postern_opinion opinions[POSTERN_PLACES];
    struct postern_decision room, anew;

    request.from = (request.flags & POSTERN_REQUEST_FROM_DRIVER) != 0 ? NULL : party[known[i].from];
    request.to = (request.flags & POSTERN_REQUEST_TO_DRIVER) != 0 || rand() % 32 == 0 ? NULL : party[rand() % WHO_MAX];
    if (request.flags == 0 && rand() % 4 == 0)
        request.flags = REPLY;
    m = known[i].m;
    m.serial = (uint32_t)rand() | 1;
    m.flags = (uint8_t)rand();
    for (int again = 0; again < 2; again++) {
        postern_grants_settle(fixture.mediator);
        postern_decide_all(fixture.mediator, &request, opinions, &anew);
        same(postern_decide(fixture.mediator, &request, &room), &anew, &request);
        if ((request.flags & BROADCAST) != 0 && request.to != NULL) {
            request.flags |= POSTERN_REQUEST_SAME_MESSAGE;
            request.to = party[rand() % WHO_MAX];
        }
    }
}

START_TEST(same_kind)
{
    static const struct fixture_rule rules[] = {RULE(POSTERN_ALLOW_TALK, SERVICE)};
    const size_t n = sizeof(known) / sizeof(known[0]);
    uint64_t kinds = 0;

    srand(11 + (unsigned)_i);
    fixture.quiet = true;
    set_up("restrict", rules, 1, NULL);
    for (size_t i = 0; i < n; i++)
        know(i, ++kinds);
    for (int turn = 0; turn < 40000; turn++) {
        size_t i = (size_t)rand() % n;

        if (rand() % 16 == 0)
            PICK(changes)();
        if (rand() % 1024 == 0) { /* half of the number has come to its end */
            fixture.mediator->cache.generation |= UINT32_MAX;
            postern_cache_flush(&fixture.mediator->cache);
        }
        if (rand() % 64 == 0 || party[known[i].from]->host_id != known[i].sender)
            know(i, ++kinds);
        ask_known(i);
    }
    tear_down();
}
END_TEST

/* The kind of a message says nothing of what else a question must be. */
START_TEST(kinds_and_faults)
{
    struct postern_message m = {.size = sizeof(m), .type = CALL, .serial = 1, .path = view("/obj"), .member = view("M"), .destination = view(SERVICE)};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .message = &m, .kind = 300}, faulty;
    const struct postern_message good = m;
    struct {
        struct postern_message m;
        uint64_t surplus; /* says something that is not understood */
    } longer = {.m = {.size = sizeof(longer), .type = CALL, .serial = 1, .path = view("/obj"), .member = view("M"), .destination = view(SERVICE)}, .surplus = 1};
    struct postern_decision room;

    set_up("restrict", NULL, 0, NULL);
    request.from = party[NAMELESS];
    request.to = party[SERVER];
    count_questions();
    ck_assert(!is_cached(&request) && postern_decide(fixture.mediator, &request, &room)->allowed);
    postern_cache_forget(party[NAMELESS]);
    ck_assert(is_cached(&request) && postern_decide(fixture.mediator, &request, &room)->allowed);
    /* It is the kind that is known: whoever made two messages of it would not be noticed. */
    m.path = view(NULL);
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    faulty = request;
    faulty.kind += 256; /* in the same place */
    ck_assert(postern_decide(fixture.mediator, &faulty, &room)->faulty);
    faulty = request;
    faulty.size = offsetof(struct postern_request, kind); /* of a host that knows no kinds */
    ck_assert(postern_decide(fixture.mediator, &faulty, &room)->faulty);
    faulty.kind = 555; /* what stands behind it is nothing that was said */
    faulty.message = &good;
    ck_assert(postern_decide(fixture.mediator, &faulty, &room)->allowed);
    faulty.size = sizeof(faulty);
    faulty.message = &m;
    ck_assert(postern_decide(fixture.mediator, &faulty, &room)->faulty);
    faulty = request;
    faulty.flags = 0x100;
    ck_assert(postern_decide(fixture.mediator, &faulty, &room)->faulty);
    faulty = request;
    faulty.flags = REPLY;
    ck_assert(postern_decide(fixture.mediator, &faulty, &room)->faulty);
    faulty = request;
    faulty.action = POSTERN_ACTION_RECEIVE;
    ck_assert(postern_decide(fixture.mediator, &faulty, &room)->faulty);
    faulty = request;
    faulty.reserved = 1;
    ck_assert(postern_decide(fixture.mediator, &faulty, &room)->faulty);
    faulty = request;
    faulty.message = &longer.m;
    ck_assert(postern_decide(fixture.mediator, &faulty, &room)->faulty);
    faulty = request;
    faulty.message = NULL;
    ck_assert(postern_decide(fixture.mediator, &faulty, &room)->faulty);
    party[NAMELESS]->authenticated = false;
    ck_assert(postern_decide(fixture.mediator, &request, &room)->faulty);
    party[NAMELESS]->authenticated = true;
    request.from = party[APP]; /* of another class */
    ck_assert(postern_decide(fixture.mediator, &request, &room)->faulty);
    tear_down();
}
END_TEST

/* What is said to be the same is the message of the question before, also when that was answered by its kind. */
START_TEST(kind_and_same_message)
{
    struct postern_message m = {.size = sizeof(m), .type = SIGNAL, .serial = 1, .path = view("/obj/a"), .interface = view("a.c"), .member = view("M")};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .flags = BROADCAST, .message = &m};
    struct postern_decision room;

    set_up("restrict", NULL, 0, NULL);
    load(EVERYBODY "<allow send_type=\"signal\"/><allow receive_type=\"signal\"/><deny send_path=\"/obj/a\"/>", mediator_confs[0]);
    request.from = party[NAMELESS];
    request.to = party[SERVER];
    for (int i = 0; i < 3; i++) {
        m.path = view("/obj/a");
        request.kind = 1;
        request.flags = BROADCAST;
        ck_assert(!postern_decide(fixture.mediator, &request, &room)->allowed);
        m.path = view("/obj");
        request.kind = 2;
        ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
        request.flags = BROADCAST | POSTERN_REQUEST_SAME_MESSAGE;
        ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    }
    tear_down();
}
END_TEST

/* A question that could not be asked ends the row; so does one that only looks alike. */
START_TEST(not_the_same)
{
    struct postern_message m = {.size = sizeof(m), .type = CALL, .serial = 1, .path = view("/obj"), .member = view("M"), .destination = view(SERVICE)};
    const struct postern_message another = {.size = sizeof(another), .type = CALL, .serial = 1, .member = view("M"), .destination = view(SERVICE)};
    struct postern_request request = {.size = sizeof(request), .action = POSTERN_ACTION_SEND, .message = &m};
    struct postern_decision room;

    set_up("restrict", NULL, 0, NULL);
    request.from = party[NAMELESS];
    request.to = party[SERVER];
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    m.path = view(NULL); /* the sender of this one would have been told */
    ck_assert(postern_decide(fixture.mediator, &request, &room)->faulty);
    request.flags = POSTERN_REQUEST_SAME_MESSAGE;
    ck_assert(postern_decide(fixture.mediator, &request, &room)->faulty);
    m.path = view("/obj");
    request.flags = 0;
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    request.flags = POSTERN_REQUEST_SAME_MESSAGE | REPLY;
    m.path = view(NULL);
    ck_assert(postern_decide(fixture.mediator, &request, &room)->faulty);
    request.flags = 0;
    m.path = view("/obj");
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    request.flags = POSTERN_REQUEST_SAME_MESSAGE;
    request.from = party[APP]; /* of another class */
    ck_assert(!postern_decide(fixture.mediator, &request, &room)->allowed);
    request.from = party[NAMELESS];
    request.flags = 0;
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    request.flags = POSTERN_REQUEST_SAME_MESSAGE;
    party[NAMELESS]->authenticated = false; /* whoever it was, it may not stay */
    ck_assert(postern_decide(fixture.mediator, &request, &room)->faulty);
    party[NAMELESS]->authenticated = true;
    request.flags = 0;
    ck_assert(postern_decide(fixture.mediator, &request, &room)->allowed);
    request.flags = POSTERN_REQUEST_SAME_MESSAGE;
    request.message = &another; /* whatever the host says */
    ck_assert(postern_decide(fixture.mediator, &request, &room)->faulty);
    tear_down();
}
END_TEST

TCase *door_cache_case(void)
{
    TCase *tc = tcase_create("the cache of verdicts");

    tcase_add_loop_test(tc, never_stale, 0, 6);
    tcase_add_loop_test(tc, same_message, 0, 3);
    tcase_add_test(tc, not_the_same);
    tcase_add_loop_test(tc, same_kind, 0, 3);
    tcase_add_test(tc, kinds_and_faults);
    tcase_add_test(tc, kind_and_same_message);
    return tc;
}
