/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cache of verdicts never says what the doors would not say now. While names, grants, rules, connections and the configuration change
 * at random, each random question is answered by way of the cache, twice, and by asking every door anew; and the answers are the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/decide.h"
#include "core/grant.h"
#include "policy/xml.h"
#include "tests/unit/door-scene.h"

#define TURNS 2500
#define QUESTIONS 24 /* between two changes */

static const char *const names[] = {SERVICE, "com.example.ServiceX", "com.example.Other.Sub", "com.stranger.Name", "org.example.More"};
static const char *const destinations[] = {SERVICE, "com.example.ServiceX", "com.stranger.Name", ":1.30", ":1.10", NULL};
static const char *const paths[] = {"/", "/obj", "/obj/a", "/x", NULL};
static const char *const interfaces[] = {"a.b", "a.c", "a.b", "com.example.Service", NULL};
static const char *const members[] = {"M", "N", "M", "Hello", NULL};
static const char *const errors[] = {"a.b.E", "a.b.F", "a.b.E"};

#define EVERYBODY "<allow user=\"*\"/><allow own=\"*\"/>"

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

static struct postern_view view(const char *text)
{
    return (struct postern_view){.data = text, .len = text != NULL ? (uint32_t)strlen(text) : 0};
}

/* How often the XML door was asked: what it was not asked came from the cache. */
static unsigned n_asked;

static void counting_door(void *door, const struct postern_request *request, struct postern_opinion *opinion)
{
    n_asked++;
    postern_xml_door(door, request, opinion);
}

static void count_questions(void)
{
    fixture.mediator->doors[POSTERN_PLACE_XML].fn = counting_door;
}

/* Is this the decision, without any door asked? */
static bool is_cached(const struct postern_request *request)
{
    struct postern_decision room;
    unsigned before = n_asked;

    postern_decide(fixture.mediator, request, &room);
    return n_asked == before;
}

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
        unsigned before = n_asked;

        cached = postern_decide(fixture.mediator, &request, &room);
        hits += n_asked == before;
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

static void reload(void)
{
    struct postern_fault fault = {.size = sizeof(fault)};
    char path[96];
    FILE *file;

    snprintf(path, sizeof(path), "%s/bus.conf", fixture.dir);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context=\"default\">%s</policy></busconfig>\n", PICK(policies));
    fclose(file);
    fixture_configure(&fixture, PICK(mediator_confs));
    ck_assert_msg(fixture.module->reload(fixture.mediator, &fault) == 0, "%s", fault.text);
    count_questions();
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
    request.message = &another; /* whatever the host says */
    ck_assert(postern_decide(fixture.mediator, &request, &room)->faulty);
    tear_down();
}
END_TEST

/* ---- security modules ------------------------------------------------------------------------------------------- */

/* A security module whose policy is one bit, and changes when the test says so. */
static struct {
    bool allows, tells, changed; /* tells: it can say that nothing has changed */
    uint8_t looks;
    bool has_finding;
    unsigned asked, looked_up;
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

/* A call from the one to the other, with a module between them that allows it. */
static void set_up_module(bool tells)
{
    static const struct fixture_rule rules[] = {RULE(POSTERN_ALLOW_TALK, SERVICE)};

    fixture.quiet = true;
    set_up("restrict", rules, 1, NULL);
    memset(&module, 0, sizeof(module));
    module.allows = true;
    fixture.mediator->doors[POSTERN_PLACE_SELINUX] = (struct postern_door_slot){.fn = module_door, .current = tells ? module_is_current : NULL};
    postern_cache_flush(&fixture.mediator->cache); /* as if it had been there from the beginning */
    module_message = (struct postern_message){
        .size = sizeof(module_message), .type = CALL, .serial = 1, .path = view("/obj"), .interface = view("a.b"), .member = view("M"), .destination = view(SERVICE)};
    module_request = (struct postern_request){.size = sizeof(module_request), .action = POSTERN_ACTION_SEND, .message = &module_message};
    module_request.from = party[APP];
    module_request.to = party[SERVER];
}

static bool ask_module(uint32_t flags)
{
    struct postern_decision room;

    module_request.flags = flags;
    return postern_decide(fixture.mediator, &module_request, &room)->allowed;
}

START_TEST(module_is_asked_for_changes)
{
    set_up_module(true);
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

    set_up_module(true);
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
    set_up_module(false);
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
    set_up_module(true);
    module.has_finding = true;
    for (unsigned i = 0; i < 4; i++)
        ck_assert(ask_module(0) && module.asked == i + 1);
    tear_down();
}
END_TEST

/* The name of who sends counts where it was looked at, and labels always. */
START_TEST(module_and_ends)
{
    set_up_module(true);
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

    set_up_module(true);
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

TCase *door_cache_case(void)
{
    TCase *tc = tcase_create("the cache of verdicts");

    tcase_add_loop_test(tc, never_stale, 0, 6);
    tcase_add_loop_test(tc, same_message, 0, 3);
    tcase_add_test(tc, not_the_same);
    tcase_add_test(tc, module_is_asked_for_changes);
    tcase_add_test(tc, module_and_input);
    tcase_add_test(tc, module_that_cannot_tell);
    tcase_add_test(tc, module_with_findings);
    tcase_add_test(tc, module_and_ends);
    tcase_add_test(tc, texts_of_no_rule);
    tcase_add_test(tc, made_up_texts);
    tcase_add_test(tc, alike);
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
