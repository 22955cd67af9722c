/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which facts about which sender who is told, in which bytes. */
#include "tests/unit/core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mediator.h"
#include "core/party.h"
#include "core/rule.h"
#include "tests/unit/door-fixture.h"
#include "wire/body.h"
#include "wire/message.h"
#include "wire/reader.h"

#define MEDIATOR1 "org.postern.Mediator1"
#define ALL "UnixUserID ProcessID LinuxSecurityLabel ContainerType ContainerName"
#define ANY POSTERN_ALLOW_PATH_SUBTREE

enum who { APP, SIBLING, STRANGER, SERVER, PLAIN, WHO_MAX };

static struct fixture fixture;
static struct postern_party *manager, *party[WHO_MAX];
static struct fixture_container container, stranger;

/* APP and SIBLING are in one container, STRANGER in another, SERVER and PLAIN in none. All have a label, whatever this machine gives. */
static void set_up(const char *mode, const struct fixture_rule *rules, size_t n)
{
    fixture_open(&fixture, NULL, NULL);
    manager = fixture_outside(&fixture, 1);
    ck_assert(fixture_add_server(&fixture, manager, "org.example.T", "app", mode, rules, n, &container));
    ck_assert(fixture_add_server(&fixture, manager, "org.example.S", "", "restrict", NULL, 0, &stranger));
    party[APP] = fixture_inside(&fixture, &container, 10);
    party[SIBLING] = fixture_inside(&fixture, &container, 11);
    party[STRANGER] = fixture_inside(&fixture, &stranger, 20);
    party[SERVER] = fixture_outside(&fixture, 30);
    party[PLAIN] = fixture_outside(&fixture, 31);
    fixture_own(&fixture, party[SERVER], "com.example.Service");
    for (int i = 0; i < WHO_MAX; i++) {
        free(party[i]->facts.label);
        party[i]->facts.label = strdup("a_label");
        party[i]->facts.label_len = 7;
        party[i]->facts.pid = 77;
    }
}

static void tear_down(void)
{
    for (int i = 0; i < WHO_MAX; i++)
        fixture.module->party_free(party[i]);
    fixture.module->party_free(manager);
    fixture_close(&fixture);
}

/* RequestFacts with these names, separated by blanks. */
static bool request(enum who who, const char *names)
{
    struct postern_reply reply;
    struct postern_writer w;
    char copy[256], *save, *name;
    bool ok;

    snprintf(copy, sizeof(copy), "%s", names);
    postern_writer_init(&w);
    postern_writer_open(&w, 'a', "s");
    for (name = strtok_r(copy, " ", &save); name != NULL; name = strtok_r(NULL, " ", &save))
        postern_writer_string(&w, name);
    postern_writer_close(&w);
    ok = fixture_call(&fixture, party[who], MEDIATOR1, "RequestFacts", &w, NULL, 0, &reply);
    postern_writer_free(&w);
    return ok;
}

static void tell_value(struct postern_reader *r, char *text, size_t size)
{
    char type = postern_reader_type(r);
    const char *s = "?";
    size_t start, len;
    uint32_t u = 0;

    if (type == 'u') {
        postern_reader_u32(r, &u);
        snprintf(text, size, "%u", u == geteuid() ? 1000 : u);
    } else if (type == 's') {
        postern_reader_string(r, &s, NULL);
        snprintf(text, size, "'%s'", s);
    } else {
        ck_assert(postern_reader_is(r, "ay"));
        ck_assert_int_eq(postern_reader_raw(r, &start, &len), 0);
        snprintf(text, size, "%.*s/%zu", (int)(len - 4), (const char *)r->data + start + 4, len - 4);
    }
}

/* What `to` is told of `from` (WHO_MAX: the bus itself), in one line; "none": nothing is added. The uid of the test counts as 1000. */
static const char *told(enum who from, enum who to, char order)
{
    static char text[512];
    struct postern_view value = {.data = "untouched"};
    struct postern_reader r;
    const char *key;

    ck_assert_int_eq(fixture.module->sender_facts(from == WHO_MAX ? NULL : party[from], party[to], (uint8_t)order, &value), 0);
    if (value.data == NULL)
        return "none";
    ck_assert_int_eq(postern_body_validate(order, "a{sv}", 5, (const uint8_t *)value.data, value.len, 0), 0);
    text[0] = '\0';
    postern_reader_init(&r, order, "a{sv}", (const uint8_t *)value.data, value.len);
    postern_reader_enter(&r, 'a');
    while (postern_reader_more(&r)) {
        char said[128];

        postern_reader_enter(&r, 'e');
        ck_assert_int_eq(postern_reader_string(&r, &key, NULL), 0);
        postern_reader_enter(&r, 'v');
        tell_value(&r, said, sizeof(said));
        postern_reader_leave(&r);
        postern_reader_leave(&r);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s=%s", *text != '\0' ? " " : "", key, said);
    }
    return text;
}

#define PROCESS "UnixUserID=1000 ProcessID=77 LinuxSecurityLabel=a_label/8"
#define APP_ID "ContainerType='org.example.T' ContainerName='app'"
#define STRANGER_ID "ContainerType='org.example.S' ContainerName=''"

static const struct fixture_rule see[] = {{POSTERN_ALLOW_SEE | ANY, "com.example.Service", "/", ""}};
static const struct fixture_rule see_all[] = {{POSTERN_ALLOW_SEE | ANY, "", "/", ""}};

static const struct {
    const char *mode; /* of the container */
    const struct fixture_rule *rules;
    enum who from, to;
    const char *asked, *told;
} rows[] = {
    /* who is in no container is told all that is known */
    {"restrict", NULL, PLAIN, SERVER, ALL, PROCESS},
    {"restrict", NULL, APP, SERVER, ALL, PROCESS " " APP_ID},
    {"restrict", NULL, STRANGER, SERVER, ALL, PROCESS " " STRANGER_ID},
    {"restrict", NULL, SERVER, SERVER, ALL, PROCESS},
    /* what it asked for, and no more */
    {"restrict", NULL, APP, SERVER, "UnixUserID", "UnixUserID=1000"},
    {"restrict", NULL, APP, SERVER, "ProcessID", "ProcessID=77"},
    {"restrict", NULL, APP, SERVER, "LinuxSecurityLabel", "LinuxSecurityLabel=a_label/8"},
    {"restrict", NULL, APP, SERVER, "ContainerType", "ContainerType='org.example.T'"},
    {"restrict", NULL, APP, SERVER, "ContainerName", "ContainerName='app'"},
    {"restrict", NULL, APP, SERVER, "ContainerName UnixUserID ContainerName", "UnixUserID=1000 ContainerName='app'"},
    /* nothing known is not nothing told */
    {"restrict", NULL, PLAIN, SERVER, "ContainerType", ""},
    {"restrict", NULL, APP, SERVER, "", "none"},
    /* the bus itself */
    {"restrict", NULL, WHO_MAX, SERVER, ALL, "none"},
    {"restrict", NULL, WHO_MAX, APP, ALL, "none"},
    /* in a container: everything of its own, of others what it may inspect, of other containers nothing */
    {"restrict", NULL, SIBLING, APP, ALL, PROCESS " " APP_ID},
    {"restrict", NULL, APP, APP, ALL, PROCESS " " APP_ID},
    {"restrict", NULL, SERVER, APP, ALL, ""},
    {"restrict", NULL, STRANGER, APP, ALL, ""},
    {"restrict", see, SERVER, APP, ALL, PROCESS},
    {"restrict", see, PLAIN, APP, ALL, ""},
    {"restrict", see_all, PLAIN, APP, ALL, PROCESS},
    {"restrict", see_all, STRANGER, APP, ALL, ""},
    {"complain", NULL, SIBLING, APP, ALL, PROCESS " " APP_ID},
    {"complain", NULL, SERVER, APP, ALL, ""},
    {"complain", see, SERVER, APP, ALL, PROCESS},
    {"complain", NULL, STRANGER, APP, ALL, ""},
    {"identify", NULL, SERVER, APP, ALL, PROCESS},
    {"identify", NULL, STRANGER, APP, ALL, PROCESS},
    {"identify", NULL, SIBLING, APP, ALL, PROCESS " " APP_ID},
};

START_TEST(what_is_told)
{
    const char *lines = rows[_i].rules == see_all ? "any" : rows[_i].rules != NULL ? "see" : "no rule";
    unsigned before;

    set_up(rows[_i].mode, rows[_i].rules, rows[_i].rules != NULL ? 1 : 0);
    ck_assert_str_eq(told(rows[_i].from, rows[_i].to, 'l'), "none");
    ck_assert_msg(request(rows[_i].to, rows[_i].asked), "%s", fixture.reply_text);
    before = fixture.n_lines;
    for (const char *order = "lB"; *order != '\0'; order++) {
        const char *got = told(rows[_i].from, rows[_i].to, *order);

        ck_assert_msg(strcmp(got, rows[_i].told) == 0, "%s, %s, %d to %d, %c: %s", rows[_i].mode, lines, rows[_i].from, rows[_i].to, *order, got);
    }
    ck_assert_msg(fixture.n_lines == before, "a line for each message: %s", fixture.log);
    tear_down();
}
END_TEST

/* Contact makes a connection visible; it does not let the container inspect it. */
START_TEST(contact_tells_nothing)
{
    set_up("restrict", NULL, 0);
    ck_assert(request(APP, ALL));
    fixture.module->delivered(party[SERVER], party[APP]);
    ck_assert_uint_eq(fixture.module->see(party[APP], party[SERVER], NULL), POSTERN_SEE_EXISTS);
    ck_assert_str_eq(told(SERVER, APP, 'l'), "");
    tear_down();
}
END_TEST

START_TEST(what_is_not_known)
{
    set_up("restrict", NULL, 0);
    ck_assert(request(SERVER, ALL));
    party[PLAIN]->facts.pid = 0;
    ck_assert_str_eq(told(PLAIN, SERVER, 'B'), "UnixUserID=1000 LinuxSecurityLabel=a_label/8");
    free(party[PLAIN]->facts.label);
    party[PLAIN]->facts.label = NULL;
    ck_assert_str_eq(told(PLAIN, SERVER, 'B'), "UnixUserID=1000");
    party[PLAIN]->anonymous = true;
    party[PLAIN]->uid = UINT32_MAX;
    ck_assert_str_eq(told(PLAIN, SERVER, 'B'), "");
    /* Of an Internet socket the kernel names nobody; who authenticated by other means has a uid. */
    party[APP]->facts.uid = POSTERN_PEER_UNKNOWN;
    ck_assert(request(SERVER, "ProcessID UnixUserID"));
    ck_assert_str_eq(told(APP, SERVER, 'l'), "UnixUserID=1000");
    tear_down();
}
END_TEST

START_TEST(asking_again)
{
    static const char *const faulty[] = {"UnixUserId", "UnixUserID Nothing", "unixuserid", "ProcessFD UnixUserID"};

    set_up("restrict", NULL, 0);
    ck_assert(request(SERVER, "UnixUserID ProcessID"));
    for (size_t i = 0; i < sizeof(faulty) / sizeof(faulty[0]); i++) {
        ck_assert(!request(SERVER, faulty[i]));
        ck_assert_str_eq(fixture.reply_error, "org.freedesktop.DBus.Error.InvalidArgs");
        ck_assert_str_eq(told(APP, SERVER, 'l'), "UnixUserID=1000 ProcessID=77");
    }
    ck_assert_ptr_nonnull(strstr(fixture.reply_text, "\"ProcessFD\""));
    ck_assert(request(SERVER, "ContainerName"));
    ck_assert_str_eq(told(APP, SERVER, 'l'), "ContainerName='app'");
    ck_assert_str_eq(told(APP, PLAIN, 'l'), "none");
    ck_assert(request(SERVER, ""));
    ck_assert_str_eq(told(APP, SERVER, 'l'), "none");
    tear_down();
}
END_TEST

/* A bus that does not write the field must not let a service believe in it. */
START_TEST(hosts_that_cannot)
{
    set_up("restrict", NULL, 0);
    fixture.host.abi.minor = 2;
    for (const char *const *names = (const char *const[]){ALL, "", "Nothing", NULL}; *names != NULL; names++) {
        ck_assert(!request(SERVER, *names));
        ck_assert_str_eq(fixture.reply_error, "org.freedesktop.DBus.Error.NotSupported");
    }
    ck_assert_str_eq(told(APP, SERVER, 'l'), "none");
    fixture.host.abi.minor = 3;
    ck_assert(request(SERVER, ALL));
    tear_down();
}
END_TEST

/* What a verdict says of stamp() and sender_facts(), so that the host need not ask them, is what they say. */
static void check_flags(struct postern_party *from, struct postern_party *to, bool always)
{
    const struct postern_message m = {.size = sizeof(m), .type = POSTERN_MESSAGE_SIGNAL, .serial = 1, .path = {.data = "/", .len = 1},
        .interface = {.data = "a.b", .len = 3}, .member = {.data = "M", .len = 1}};
    struct postern_request question = {.size = sizeof(question), .action = POSTERN_ACTION_SEND, .flags = POSTERN_REQUEST_BROADCAST, .from = from, .to = to, .message = &m};
    struct postern_identity identity = {.size = sizeof(identity)};
    struct postern_verdict verdict;
    struct postern_view path, facts;

    fixture.module->stamp(from, to, &path);
    ck_assert_int_eq(fixture.module->sender_facts(from, to, 'l', &facts), 0);
    ck_assert_int_eq(fixture.module->party_identity(from, &identity), 0);
    for (int again = 0; again < 2; again++) { /* the second answer comes another way */
        verdict = (struct postern_verdict){.size = sizeof(verdict)};
        ck_assert_int_eq(fixture.module->mediate(fixture.mediator, &question, &verdict), 0);
        ck_assert(verdict.allowed == 1);
        ck_assert((verdict.flags & POSTERN_VERDICT_PLAIN) == 0 || (path.data == NULL && facts.data == NULL));
        ck_assert((verdict.flags & POSTERN_VERDICT_NO_FACTS) == 0 || facts.data == NULL);
        ck_assert((verdict.flags & POSTERN_VERDICT_INSTANCE) == 0 || (path.data == identity.instance.data && (verdict.flags & POSTERN_VERDICT_PLAIN) == 0));
        if (to->facts_asked == 0) /* else this is about nothing */
            ck_assert_uint_eq(verdict.flags, POSTERN_VERDICT_NO_FACTS | (from->instance != NULL && always ? POSTERN_VERDICT_INSTANCE : to->wants_header ? 0 : POSTERN_VERDICT_PLAIN));
    }
}

START_TEST(flags_of_verdicts)
{
    set_up("identify", NULL, 0);
    for (int from = 0; from < WHO_MAX; from++)
        for (int to = 0; to < WHO_MAX; to++)
            for (int how = 0; how < 8; how++) {
                if (from == to || from == STRANGER || to == STRANGER) /* who may not say anything, or hear it */
                    continue;
                fixture.mediator->settings.header_on_request = (how & 1) != 0;
                party[to]->wants_header = (how & 2) != 0;
                ck_assert(request((enum who)to, (how & 4) != 0 ? "UnixUserID" : ""));
                check_flags(party[from], party[to], (how & 1) == 0);
            }
    tear_down();
}
END_TEST

Suite *core_facts_suite(void)
{
    Suite *suite = suite_create("core: facts about senders");
    TCase *tcase = tcase_create("facts");

    tcase_add_loop_test(tcase, what_is_told, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, contact_tells_nothing);
    tcase_add_test(tcase, what_is_not_known);
    tcase_add_test(tcase, asking_again);
    tcase_add_test(tcase, hosts_that_cannot);
    tcase_add_test(tcase, flags_of_verdicts);
    suite_add_tcase(suite, tcase);
    return suite;
}
