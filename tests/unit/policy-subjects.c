/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* To whom a rule applies: each sort of <policy> and each kind of rule, asked for different users. */
#include "tests/unit/policy.h"

#include <stdio.h>

/* Who asks. Not one of the numbers is another's, so that a mix-up of users and groups shows. */
enum who { ALICE, BOB, ROOT, GUEST, SEATED, N_WHO };
static const gid_t alices[] = {20, 30}, bobs[] = {21, 1000}, twice[] = {20, 20, 20};
static const struct {
    uint32_t uid;
    const gid_t *groups;
    size_t n_groups;
    bool anonymous, at_console;
} subjects[N_WHO] = {
    [ALICE] = {1000, alices, 2},
    [BOB] = {1001, bobs, 2}, /* in a group with the number of alice */
    [ROOT] = {0, twice, 3},
    [GUEST] = {UINT32_MAX, alices, 2, .anonymous = true},
    [SEATED] = {1002, NULL, 0, .at_console = true},
};

/* What each of them is told to a question that the rules allow to whom the policy is for: 'a' allowed, 'd' denied; in the order above. */
static const struct {
    const char *policy;  /* the attribute */
    const char *allowed; /* when there is only an <allow> */
    const char *denied;  /* when all may but for a <deny> */
} rows[] = {
    {"context='default'", "aaaaa", "ddddd"},
    {"context='mandatory'", "aaaaa", "ddddd"},
    {"user='1000'", "adddd", "daaaa"},
    {"user='alice'", "adddd", "daaaa"},
    {"user='alias'", "adddd", "daaaa"}, /* another name of the same user */
    {"user='1001'", "daddd", "adaaa"},
    {"user='root'", "ddadd", "aadaa"},
    {"user='0'", "ddadd", "aadaa"},
    {"user='4294967295'", "ddddd", "aaaaa"},
    {"user='nobody here'", "ddddd", "aaaaa"},
    {"group='20'", "adadd", "dadaa"},
    {"group='staff'", "adadd", "dadaa"},
    {"group='30'", "adddd", "daaaa"},
    {"group='21'", "daddd", "adaaa"},
    {"group='1000'", "daddd", "adaaa"},
    {"group='0'", "ddddd", "aaaaa"},
    {"group='4294967295'", "ddddd", "aaaaa"},
    {"at_console='true'", "dddda", "aaaad"},
    {"at_console='false'", "aaadd", "dddaa"},
    /* Nobody may get more than the answer would have given, whatever it is; root is spared. */
    {"user='down'", "ddddd", "ddaad"},
    {"group='down'", "ddddd", "ddaad"},
};

static struct postern_party *party_of(enum who who)
{
    struct postern_party *party = party_new(":1.1", subjects[who].uid, NULL);

    party_groups(party, subjects[who].groups != NULL ? subjects[who].groups : alices, subjects[who].n_groups);
    party->anonymous = subjects[who].anonymous;
    party->at_console = subjects[who].at_console;
    return party;
}

/* Asks for all of them, twice: the second answer comes from what the first has left in the index. */
static void ask_all(const char *policies, enum postern_action action, const char *expected)
{
    struct postern_xml *xml = xml_of(policies);
    struct postern_party *peer = party_new(":1.9", 4711, "a.b");
    struct postern_message message = {
        .type = POSTERN_MESSAGE_METHOD_CALL, .path = view_of("/p"), .interface = view_of("a.b.I"), .member = view_of("M"), .destination = view_of("a.b")};

    for (int i = 0; i < 2 * N_WHO; i++) {
        enum who who = (enum who)(i % N_WHO);
        struct postern_party *party = party_of(who);
        struct postern_request request = {.action = action, .from = party, .to = peer, .message = &message, .name = view_of("a.b")};

        if (action == POSTERN_ACTION_RECEIVE) { /* a call to the party: that is a SEND with the other end asked */
            request.action = POSTERN_ACTION_SEND;
            request.from = peer;
            request.to = party;
        }
        ck_assert_msg(ask(xml, &request)[0] == expected[who], "%s, action %d, subject %d: %s", policies, action, who, ask(xml, &request));
        party_free(party);
    }
    party_free(peer);
    postern_xml_free(xml);
}

static void ask_kind(const char *policy, enum postern_action action, const char *rule, const char *others, const char *allowed, const char *denied)
{
    char text[600];

    snprintf(text, sizeof(text), "<policy context='default'>%s</policy><policy %s><allow %s/></policy>", others, policy, rule);
    ask_all(text, action, allowed);
    snprintf(text, sizeof(text), "<policy context='default'>%s<allow %s/></policy><policy %s><deny %s/></policy>", others, rule, policy, rule);
    ask_all(text, action, denied);
}

START_TEST(every_policy_and_every_kind)
{
    const char *policy = rows[_i].policy, *allowed = rows[_i].allowed, *denied = rows[_i].denied;

    ask_kind(policy, POSTERN_ACTION_OWN, "own='a.b'", "", allowed, denied);
    ask_kind(policy, POSTERN_ACTION_OWN, "own_prefix='a'", "", allowed, denied);
    ask_kind(policy, POSTERN_ACTION_SEND, "send_destination='a.b'", "<allow receive_sender='*'/>", allowed, denied);
    ask_kind(policy, POSTERN_ACTION_SEND, "send_interface='a.b.I' send_member='M'", "<allow receive_sender='*'/>", allowed, denied);
    ask_kind(policy, POSTERN_ACTION_RECEIVE, "receive_sender='a.b'", "<allow send_destination='*'/>", allowed, denied);
}
END_TEST

/* Who may connect: the rule itself names users or groups. */
static const struct {
    const char *attribute, *allowed, *denied;
} connect_rows[] = {
    {"user='*'", "aaada", "ddddd"},
    {"group='*'", "aaada", "ddddd"},
    {"user='1000'", "adddd", "daada"},
    {"user='alias'", "adddd", "daada"},
    {"group='1000'", "daddd", "adada"},
    {"group='20'", "adadd", "dadda"},
    {"user='20'", "ddddd", "aaada"},
    {"user='0'", "ddadd", "aadda"},
    {"group='0'", "ddddd", "aaada"},
    {"user='4294967295'", "ddddd", "aaada"},
    {"user='down'", "ddddd", "ddadd"},
    {"group='down'", "ddddd", "ddadd"},
};

START_TEST(who_may_connect)
{
    for (int denied = 0; denied <= 1; denied++) {
        const char *expected = denied ? connect_rows[_i].denied : connect_rows[_i].allowed;
        char text[300];
        struct postern_xml *xml;

        snprintf(text, sizeof(text), "<policy context='default'>%s<%s %s/></policy>", denied ? "<allow user='*'/>" : "<deny user='*'/>",
                 denied ? "deny" : "allow", connect_rows[_i].attribute);
        xml = xml_of(text);
        for (int who = 0; who < N_WHO; who++) {
            struct postern_party *party = party_of((enum who)who);
            struct postern_request request = {.action = POSTERN_ACTION_CONNECT, .from = party};

            ck_assert_msg(ask(xml, &request)[0] == expected[who], "%s, subject %d", text, who);
            party_free(party);
        }
        postern_xml_free(xml);
    }
}
END_TEST

/* What is not known counts where it stands: later rules still win over it. */
START_TEST(order_of_what_is_not_known)
{
    ask_all("<policy context='default'><allow own='*'/></policy><policy group='down'><deny own='a.b'/></policy><policy user='1000'><allow own='a.b'/></policy>",
            POSTERN_ACTION_OWN, "adaad");
    ask_all("<policy user='down'><deny own='a.b'/></policy><policy context='mandatory'><allow own='a.b'/></policy>", POSTERN_ACTION_OWN, "aaaaa");
    ask_all("<policy context='default'><allow own='*'/></policy><policy user='down'><deny own='a.b'/><allow own='a.b'/></policy>", POSTERN_ACTION_OWN,
            "ddaad");
}
END_TEST

Suite *policy_subjects_suite(void)
{
    Suite *suite = suite_create("subjects");
    TCase *tcase = tcase_create("subjects");

    tcase_add_loop_test(tcase, every_policy_and_every_kind, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(tcase, who_may_connect, 0, sizeof(connect_rows) / sizeof(connect_rows[0]));
    tcase_add_test(tcase, order_of_what_is_not_known);
    suite_add_tcase(suite, tcase);
    return suite;
}
