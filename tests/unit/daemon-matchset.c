/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/matchset.h"
#include "tests/unit/daemon.h"

#define N_OWNERS 8

/* The linker puts these in the place of the functions of these names, so that a test can count the rules that were looked at, and sees whether the
 * body was read to find some. */
bool __real_postern_match_matches(const struct postern_match *match, const struct postern_header *header,
                                  struct postern_match_args *args);
bool __wrap_postern_match_matches(const struct postern_match *match, const struct postern_header *header,
                                  struct postern_match_args *args);
void __real_postern_match_args_read(struct postern_match_args *args);
void __wrap_postern_match_args_read(struct postern_match_args *args);

static unsigned looked_at;
static bool body_was_read;

bool __wrap_postern_match_matches(const struct postern_match *match, const struct postern_header *header,
                                  struct postern_match_args *args)
{
    looked_at++;
    return __real_postern_match_matches(match, header, args);
}

void __wrap_postern_match_args_read(struct postern_match_args *args)
{
    body_was_read = true;
    __real_postern_match_args_read(args);
}

/* A message as the set sees it; NULL: no such field. */
struct message {
    uint8_t type;
    const char *sender; /* unique name */
    const char *path, *interface, *member, *destination;
    const char *arg0;
    char arg0_type; /* 's', 'o'; 0: no arguments */
    const char *arg1;
};

struct stage {
    struct postern_matchset *set;
    struct postern_names names;
    struct postern_name_owner sender_names[2]; /* of :1.5 and :1.6 */
    struct postern_match_owner owners[N_OWNERS];
    const struct message *message;
    bool found[N_OWNERS];
    unsigned asked; /* questions about names */
};

static struct postern_field_view view(const char *s)
{
    return (struct postern_field_view){.s = s, .len = s != NULL ? (uint32_t)strlen(s) : 0};
}

static struct postern_name_owner *names_of(struct stage *stage, const char *unique)
{
    return &stage->sender_names[unique[3] - '5'];
}

static bool is_sender(void *data, const char *name, uint32_t len)
{
    struct stage *stage = data;
    const char *unique = stage->message->sender;

    stage->asked++;
    if (name[0] == ':')
        return strlen(unique) == len && memcmp(unique, name, len) == 0;
    return postern_name_primary(postern_names_find(&stage->names, name, len)) == names_of(stage, unique);
}

static bool is_destination(void *data, const char *name, uint32_t len)
{
    struct stage *stage = data;
    const char *destination = stage->message->destination;

    stage->asked++;
    return destination != NULL && strlen(destination) == len && memcmp(destination, name, len) == 0;
}

static void found(void *data, struct postern_match_owner *owner)
{
    struct stage *stage = data;

    ck_assert_msg(!stage->found[owner - stage->owners], "an owner was found twice");
    stage->found[owner - stage->owners] = true;
}

static void describe(const struct message *m, struct postern_header *header, struct postern_match_args *args)
{
    *header = (struct postern_header){
        .order = 'l',
        .type = m->type,
        .serial = 1,
        .path = view(m->path),
        .interface = view(m->interface),
        .member = view(m->member),
        .destination = view(m->destination),
        .signature = view(m->arg0_type == 0     ? NULL
                          : m->arg0_type == 'o' ? "os"
                                                : "ss"),
    };
    postern_match_args_init(args, header, NULL);
    args->read = true;
    if (m->arg0_type == 0)
        return;
    args->n = 2;
    args->args[0].s = m->arg0;
    args->args[0].len = (uint32_t)strlen(m->arg0);
    args->args[0].type = m->arg0_type;
    args->args[1].s = m->arg1;
    args->args[1].len = (uint32_t)strlen(m->arg1);
    args->args[1].type = 's';
}

static void find(struct stage *stage, const struct message *message, bool eavesdrop)
{
    const struct postern_match_route route = {
        .is_sender = is_sender,
        .is_destination = is_destination,
        .found = found,
        .data = stage,
        .sender = view(message->sender),
        .sender_names = names_of(stage, message->sender),
    };
    struct postern_header header;
    struct postern_match_args args;

    describe(message, &header, &args);
    stage->message = message;
    stage->asked = looked_at = 0;
    memset(stage->found, 0, sizeof(stage->found));
    body_was_read = false;
    postern_matchset_find(stage->set, &header, &args, eavesdrop, &route);
}

static struct postern_match *rule(const char *text)
{
    struct postern_match *match = NULL;
    struct postern_error error = {""};

    ck_assert_msg(postern_match_parse(text, strlen(text), &match, &error) == 0, "%s: %s", text, error.text);
    return match;
}

static void add(struct stage *stage, unsigned owner, const char *text)
{
    ck_assert_int_eq(postern_matchset_add(stage->set, &stage->owners[owner], rule(text)), 0);
}

static int remove_rule(struct stage *stage, unsigned owner, const char *text)
{
    struct postern_match *match = rule(text);
    int r = postern_matchset_remove(stage->set, &stage->owners[owner], match);

    postern_match_free(match);
    return r;
}

static const struct message broadcast = {4, ":1.5", "/a/b", "com.example.I", "M", NULL, "com.example.A", 's', "x"};
static const struct message unicast = {4, ":1.5", "/a/b", "com.example.I", "M", ":1.6", "com.example.A", 's', "x"};
static const struct message bare = {2, ":1.5", NULL, NULL, NULL, ":1.6", NULL, 0, NULL};
static const struct message with_path = {4, ":1.5", "/a/b", "com.example.I", "M", NULL, "/a/b/", 'o', "x"};

/* Does the rule want the broadcast, the unicast message as an eavesdropper, the bare reply as an eavesdropper, and the broadcast
 * whose arg0 is an object path? */
static const struct {
    const char *rule, *wants;
} rows[] = {
    {"", "y--y"},
    {"type='signal'", "y--y"},
    {"type='method_call'", "----"},
    {"eavesdrop='true'", "yyyy"},
    {"eavesdrop='false'", "y--y"},
    {"path='/a/b'", "y--y"},
    {"path='/a'", "----"},
    {"path_namespace='/a'", "y--y"},
    {"path_namespace='/a/b/c'", "----"},
    {"interface='com.example.I'", "y--y"},
    {"interface='com.example.J'", "----"},
    {"member='M',path='/a/b',interface='com.example.I'", "y--y"},
    {"member='N',path='/a/b',interface='com.example.I'", "----"},
    {"arg0='com.example.A'", "y---"},
    {"arg0='com.example.B'", "----"},
    {"arg0='/a/b/'", "----"},
    {"arg0path='/a/b/'", "---y"},
    {"arg0path='/a/b/c'", "---y"},
    {"arg0namespace='com.example'", "y---"},
    {"arg1='x'", "y--y"},
    {"arg1='y'", "----"},
    {"arg0='com.example.A',arg1='x',member='M'", "y---"},
    {"sender=':1.5'", "y--y"},
    {"sender=':1.6'", "----"},
    {"destination=':1.6'", "----"},
    {"destination=':1.6',eavesdrop='true'", "-yy-"},
    {"destination=':1.7',eavesdrop='true'", "----"},
    {"eavesdrop='true',member='M'", "yy-y"},
    {"eavesdrop='true',type='method_return',sender=':1.5'", "--y-"},
};

/* Whoever is found could be found; -1: nobody, and nobody could. */
static int check_may_find(struct stage *stage, const struct message *message)
{
    struct postern_header header;
    struct postern_match_args args;
    bool may, anybody = false;

    if (message->destination != NULL || message->arg0_type != 's')
        return 0;
    describe(message, &header, &args);
    may = postern_matchset_may_find(stage->set, &header, message->arg0);
    for (unsigned i = 0; i < N_OWNERS; i++)
        anybody = anybody || stage->found[i];
    ck_assert(may || !anybody);
    return may ? 0 : -1;
}

START_TEST(one_rule)
{
    static const struct message *const messages[] = {&broadcast, &unicast, &bare, &with_path};
    struct stage stage = {.set = postern_matchset_new()};

    add(&stage, 1, rows[_i].rule);
    ck_assert_int_eq(postern_matchset_has_eavesdrop(stage.set), strstr(rows[_i].rule, "eavesdrop='true'") != NULL);
    for (size_t i = 0; i < 4; i++) {
        find(&stage, messages[i], i == 1 || i == 2);
        ck_assert_msg(stage.found[1] == (rows[_i].wants[i] == 'y') && !stage.found[0], "%s, message %zu", rows[_i].rule, i);
        check_may_find(&stage, messages[i]);
    }
    ck_assert_int_eq(remove_rule(&stage, 1, rows[_i].rule), 0);
    for (size_t i = 0; i < 4; i++) {
        find(&stage, messages[i], i == 1 || i == 2);
        ck_assert(!stage.found[1]);
    }
    ck_assert_int_eq(check_may_find(&stage, &broadcast), -1);
    /* Watches of other names cost nothing. */
    add(&stage, 1, "interface='com.example.I',member='M',arg0='com.example.B'");
    add(&stage, 1, "member='N'");
    find(&stage, &broadcast, false);
    ck_assert_int_eq(check_may_find(&stage, &broadcast), -1);
    postern_matchset_remove_all(stage.set, &stage.owners[1]);
    ck_assert(!postern_matchset_has_eavesdrop(stage.set));
    postern_matchset_free(stage.set);
}
END_TEST

/* Rules count: added twice, removed twice, and never by somebody else. */
START_TEST(counting)
{
    struct stage stage = {.set = postern_matchset_new()};

    add(&stage, 0, "member='M',path='/a/b'");
    add(&stage, 0, "path='/a/b',member=M");
    add(&stage, 1, "path='/a/b',member=M");
    ck_assert_uint_eq(stage.owners[0].n_rules, 2);
    ck_assert_int_eq(remove_rule(&stage, 2, "path='/a/b',member=M"), -ENOENT);
    ck_assert_int_eq(remove_rule(&stage, 0, "path='/a/b'"), -ENOENT);
    ck_assert_int_eq(remove_rule(&stage, 0, "path='/a/b',member=M"), 0);
    find(&stage, &broadcast, false);
    ck_assert(stage.found[0] && stage.found[1]);
    ck_assert_int_eq(remove_rule(&stage, 0, "path='/a/b',member=M"), 0);
    ck_assert_int_eq(remove_rule(&stage, 0, "path='/a/b',member=M"), -ENOENT);
    find(&stage, &broadcast, false);
    ck_assert(!stage.found[0] && stage.found[1]);
    add(&stage, 1, "eavesdrop='true'");
    postern_matchset_remove_all(stage.set, &stage.owners[1]);
    ck_assert_uint_eq(stage.owners[1].n_rules, 0);
    ck_assert_ptr_null(stage.owners[1].rules);
    find(&stage, &broadcast, false);
    ck_assert(!stage.found[1]);
    postern_matchset_free(stage.set);
    postern_matchset_free(NULL);
}
END_TEST

static void note(void *data, const struct postern_match *match)
{
    char *text = data;

    memcpy(text + strlen(text), match->member.s, match->member.len + 1);
}

/* An owner's rules are told in the order in which they were added. */
START_TEST(listing)
{
    struct stage stage = {.set = postern_matchset_new()};
    char text[8] = "";

    postern_matchset_each(&stage.owners[0], note, text);
    ck_assert_str_eq(text, "");
    add(&stage, 0, "member='A'");
    add(&stage, 1, "member='Z'");
    postern_matchset_each(&stage.owners[0], note, text);
    add(&stage, 0, "member='B'");
    add(&stage, 0, "member='A',eavesdrop='true'");
    postern_matchset_each(&stage.owners[0], note, text);
    ck_assert_str_eq(text, "AABA");
    postern_matchset_free(stage.set);
}
END_TEST

/* What several ask for in the same words is looked at once, also when some of them have left; another rule is looked at for itself. */
START_TEST(alike)
{
    struct stage stage = {.set = postern_matchset_new()};

    for (unsigned i = 1; i < N_OWNERS; i++)
        add(&stage, i, "member='M',arg1='x'");
    add(&stage, 0, "member='M',arg1='y'");
    add(&stage, 1, "arg1='x',member='M'");
    find(&stage, &broadcast, false);
    ck_assert_uint_eq(looked_at, 2); /* the last one's owner has the message already */
    for (unsigned i = 0; i < N_OWNERS; i++)
        ck_assert(stage.found[i] == (i > 0));
    /* Between two that are alike stood another. */
    ck_assert_int_eq(remove_rule(&stage, 1, "member='M',arg1='x'"), 0);
    ck_assert_int_eq(remove_rule(&stage, 3, "member='M',arg1='x'"), 0);
    add(&stage, 3, "member='M',arg1='y'");
    add(&stage, 0, "member='M',arg1='x'");
    find(&stage, &broadcast, false);
    ck_assert_uint_le(looked_at, 5);
    for (unsigned i = 0; i < N_OWNERS; i++)
        ck_assert(stage.found[i] == (i != 3));
    postern_matchset_free(stage.set);
}
END_TEST

/* Ten thousand rules that cannot match are not even looked at. */
START_TEST(cost)
{
    static const char *const forms[] = {"member='M", "path='/a/b/p", "arg0='com.example.A",
                                        "type='signal',member='M',interface='com.example.I",
                                        "interface='com.example.I',member='M',path='/a/b',arg0='x"};
    struct stage stage = {.set = postern_matchset_new()};
    char text[128];

    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof(text), "%s%d'", forms[i % 5], i);
        add(&stage, (unsigned)i % N_OWNERS, text);
    }
    find(&stage, &broadcast, false);
    ck_assert_uint_eq(looked_at, 0);
    add(&stage, 3, "interface='com.example.I',member='M',path='/a/b'");
    add(&stage, 3, "interface='com.example.I',member='M'");
    add(&stage, 4, "type='signal',sender=':1.5'");
    find(&stage, &broadcast, false);
    ck_assert_uint_le(looked_at, 3);
    ck_assert(stage.found[3] && stage.found[4] && !stage.found[0]);
    ck_assert_uint_eq(stage.asked, 1);
    /* Nor do other senders' rules cost anything, however well they would match; nor does one with a destination. */
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "sender='%s%d',%s", i % 2 ? "com.example.Other" : ":1.1", i,
                 i % 2 ? "member='M'" : "path='/a/b'");
        add(&stage, 5, text);
    }
    find(&stage, &broadcast, false);
    ck_assert_uint_le(looked_at, 3);
    ck_assert_uint_le(stage.asked, 1);
    for (int i = 0; i < 100; i++)
        add(&stage, 5, "destination=':1.6',member='M'");
    find(&stage, &broadcast, false);
    ck_assert_uint_le(looked_at, 3);
    find(&stage, &unicast, true);
    ck_assert_uint_eq(looked_at, 0);
    /* The body is read as long as there is a rule about it. */
    find(&stage, &broadcast, false);
    ck_assert(body_was_read);
    for (unsigned i = 0; i < N_OWNERS; i++)
        postern_matchset_remove_all(stage.set, &stage.owners[i]);
    add(&stage, 3, "member='M'");
    find(&stage, &broadcast, false);
    ck_assert(stage.found[3] && !body_was_read);
    postern_matchset_free(stage.set);
}
END_TEST

static const char *one_of(const char *const *choices, unsigned n)
{
    return choices[(unsigned)random() % n];
}

#define ONE_OF(...) one_of((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* A rule of some keys, with values from so small a world that many match. */
static void random_rule(char *text, size_t size)
{
    if (random() % 5 == 0) { /* in one bucket, where each is often next to its like, and often is not */
        snprintf(text, size, "%s", ONE_OF("member='M'", "member='M',arg1='z'", "member='M',arg1='w'"));
        return;
    }
    snprintf(text, size, "%s%s%s%s%s%s%s%s", ONE_OF("", "type='signal',", "type='method_call',"),
             ONE_OF("", "", "sender=':1.5',", "sender=':1.6',", "sender='x.A',", "sender='x.B',", "sender='x.C',"),
             ONE_OF("", "interface='a.I',", "interface='a.J',"), ONE_OF("", "member='M',", "member='N',"),
             ONE_OF("", "path='/a',", "path='/a/b',", "path_namespace='/a',", "path_namespace='/a/b',"),
             ONE_OF("", "", "destination=':1.6',", "destination=':1.7',"),
             ONE_OF("", "arg0='x.y',", "arg0='/a/b',", "arg0namespace='x',", "arg0path='/a/',", "arg1='z',"),
             ONE_OF("", "", "eavesdrop='true',", "eavesdrop='false',"));
    if (text[0] != '\0')
        text[strlen(text) - 1] = '\0'; /* the last comma */
}

static struct message random_message(void)
{
    struct message m = {
        .type = random() % 3 ? 4 : 1,
        .sender = ONE_OF(":1.5", ":1.6"),
        .path = ONE_OF("/a", "/a/b", "/a/b/c"),
        .interface = ONE_OF("a.I", "a.J", NULL),
        .member = ONE_OF("M", "N"),
        .destination = ONE_OF(NULL, ":1.6", ":1.7"),
        .arg1 = ONE_OF("z", "w"),
    };

    m.arg0_type = "so\0"[random() % 3];
    m.arg0 = m.arg0_type == 's' ? ONE_OF("x.y", "x.z", "x", "/a/b") : ONE_OF("/a/b", "/a/c");
    return m;
}

/* The slow way: every rule is asked. */
static bool wanted_by(struct stage *stage, const struct postern_match *match, const struct message *message)
{
    struct postern_header header;
    struct postern_match_args args;
    bool eavesdrop = message->destination != NULL;

    describe(message, &header, &args);
    if (eavesdrop ? !match->eavesdrop : match->destination.s != NULL)
        return false;
    return (match->type == 0 || match->type == message->type) && __real_postern_match_matches(match, &header, &args) &&
           (match->sender.s == NULL || is_sender(stage, match->sender.s, match->sender.len)) &&
           (match->destination.s == NULL || is_destination(stage, match->destination.s, match->destination.len));
}

/* Somebody takes or leaves a name; often both stand in its queue. */
static void random_ownership(struct stage *stage)
{
    struct postern_name_owner *owner = &stage->sender_names[random() % 2];
    const char *name = ONE_OF("x.A", "x.B", "x.C");
    struct postern_name_change change;
    uint32_t result;

    if (random() % 2)
        postern_names_release(&stage->names, owner, name, strlen(name), &change);
    else
        ck_assert_int_eq(postern_names_request(&stage->names, owner, name, strlen(name), 0, &result, &change), 0);
}

#define N_RULES 200

START_TEST(random_rules)
{
    struct stage stage = {.set = postern_matchset_new()};
    struct {
        unsigned owner;
        struct postern_match *match; /* NULL: none */
    } held[N_RULES] = {0};
    char text[256];
    unsigned wanted = 0, nobody = 0;

    srandom(11);
    for (int round = 0; round < 5000; round++) {
        unsigned slot = (unsigned)random() % N_RULES;
        bool expected[N_OWNERS] = {false};
        struct message message = random_message();

        if (held[slot].match != NULL) {
            ck_assert_int_eq(postern_matchset_remove(stage.set, &stage.owners[held[slot].owner], held[slot].match), 0);
            postern_match_free(held[slot].match);
            held[slot].match = NULL;
        } else {
            random_rule(text, sizeof(text));
            held[slot].owner = (unsigned)random() % N_OWNERS;
            held[slot].match = rule(text);
            add(&stage, held[slot].owner, text);
        }
        random_ownership(&stage);
        /* Few rules at times, so that owners without a match are common. */
        for (unsigned i = 0; round % 500 == 499 && i < N_RULES; i++) {
            postern_matchset_remove_all(stage.set, &stage.owners[i % N_OWNERS]);
            postern_match_free(held[i].match);
            held[i].match = NULL;
        }
        find(&stage, &message, message.destination != NULL);
        nobody += check_may_find(&stage, &message) < 0;
        for (unsigned i = 0; i < N_RULES; i++)
            if (held[i].match != NULL && wanted_by(&stage, held[i].match, &message))
                expected[held[i].owner] = true;
        for (unsigned i = 0; i < N_OWNERS; i++) {
            ck_assert_msg(stage.found[i] == expected[i], "round %d, owner %u: %d", round, i, stage.found[i]);
            wanted += expected[i];
        }
    }
    ck_assert_uint_gt(wanted, 2000); /* the world is small enough to say something */
    ck_assert_uint_gt(nobody, 10);
    for (unsigned i = 0; i < N_RULES; i++)
        postern_match_free(held[i].match);
    postern_matchset_free(stage.set);
    postern_names_finish(&stage.names);
}
END_TEST

Suite *matchset_suite(void)
{
    Suite *suite = suite_create("daemon/matchset");
    TCase *tcase = tcase_create("matchset");

    tcase_add_loop_test(tcase, one_rule, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, counting);
    tcase_add_test(tcase, listing);
    tcase_add_test(tcase, alike);
    tcase_add_test(tcase, cost);
    tcase_add_test(tcase, random_rules);
    suite_add_tcase(suite, tcase);
    return suite;
}
