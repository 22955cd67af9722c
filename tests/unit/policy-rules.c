/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each attribute of <allow> and <deny> means: policies and a message -> decision and the line that decides. */
#include "tests/unit/policy.h"

#define DEFAULT(rules) "<policy context='default'>\n" rules "\n</policy>"
#define CALL POSTERN_MESSAGE_METHOD_CALL
#define RETURN POSTERN_MESSAGE_METHOD_RETURN
#define ERROR POSTERN_MESSAGE_ERROR
#define SIGNAL POSTERN_MESSAGE_SIGNAL
#define REPLY POSTERN_REQUEST_REPLY
#define TO_DRIVER POSTERN_REQUEST_TO_DRIVER
#define FROM_DRIVER POSTERN_REQUEST_FROM_DRIVER

struct row {
    const char *policies; /* begin on line 3 */
    const char *expected; /* as opinion_text() says it */
    uint8_t type;         /* 0: CALL */
    uint32_t flags, fds, reply_serial;
    const char *interface; /* of calls and signals; NULL: a.b.I; "": none */
    const char *member;    /* NULL: M */
    const char *path;      /* NULL: /p */
    const char *error;     /* of errors; NULL: a.b.E */
    const char *to;        /* names of the receiver; NULL: a.b */
    const char *from;      /* names of the sender; NULL: none */
    const char *destination; /* NULL: a.b; "": none */
    enum postern_action action; /* 0: SEND */
    bool other;            /* RECEIVE: addressed to somebody else; SEND: nobody owns the destination */
};

/* Everything is received here: line 4. */
#define SEND(rules) DEFAULT("<allow receive_sender='*' receive_requested_reply='false' eavesdrop='true'/>\n" rules)

static const struct row send_rows[] = {
    /* nothing matches; the last that matches wins */
    {SEND(""), "deny"},
    {SEND("<allow send_destination='*'/>"), "allow:5"},
    {SEND("<allow send_destination='*'/>\n<deny send_destination='*'/>"), "deny:6"},
    {SEND("<allow send_destination='*'/>\n<deny send_destination='a.b'/>\n<allow send_interface='a.b.I'/>"), "allow:7"},
    {SEND("<allow send_destination='*' log='true'/>"), "allow:5 log"},
    {SEND("<deny send_destination='*' log='true'/>"), "deny:5"},
    /* send_destination: any name of the receiver, and the unique one */
    {SEND("<allow send_destination='a.b'/>"), "allow:5"},
    {SEND("<allow send_destination='a.bc'/>"), "deny"},
    {SEND("<allow send_destination='a'/>"), "deny"},
    {SEND("<allow send_destination='c.d'/>"), "allow:5", .to = "a.b c.d"},
    {SEND("<allow send_destination='*'/>\n<deny send_destination='c.d'/>"), "deny:6", .to = "a.b c.d"},
    {SEND("<allow send_destination='*'/>\n<deny send_destination='c.d'/>"), "deny:6", .to = "a.b ~c.d"},
    {SEND("<allow send_destination='*'/>\n<deny send_destination='c.d'/>\n<allow send_destination='a.b'/>"), "allow:7", .to = "a.b c.d"},
    {SEND("<allow send_destination=':1.2'/>"), "allow:5"},
    {SEND("<allow send_destination=':1.1'/>"), "deny"},
    {SEND("<allow send_destination='a.b'/>"), "deny", .to = "c.d"}, /* what the message was addressed to does not matter */
    {SEND("<allow send_destination='a.b'/>"), "allow:5", .other = true},
    {SEND("<allow send_destination='a.b'/>"), "deny", .other = true, .destination = "c.d"},
    {SEND("<allow send_destination='a.b'/>"), "allow:5", SIGNAL, .destination = ""}, /* broadcasts count as sent to who receives them */
    {SEND("<allow send_destination='*'/>\n<deny send_destination='*'/>"), "deny:6", SIGNAL, .destination = ""},
    /* send_destination_prefix */
    {SEND("<allow send_destination_prefix='a.b'/>"), "allow:5"},
    {SEND("<allow send_destination_prefix='a'/>"), "allow:5"},
    {SEND("<allow send_destination_prefix='a.b'/>"), "allow:5", .to = "a.b.c.d"},
    {SEND("<allow send_destination_prefix='a.b'/>"), "deny", .to = "a.bc a"},
    {SEND("<allow send_destination_prefix='a.b'/>"), "allow:5", .to = "x.y ~a.b.c"},
    {SEND("<allow send_destination_prefix='*'/>"), "deny"},
    {SEND("<allow send_destination='*'/>\n<deny send_destination_prefix='a'/>"), "deny:6", .to = "x.y ~a.b.c"},
    {SEND("<deny send_destination_prefix='a'/>\n<allow send_destination_prefix='x'/>"), "allow:6", .to = "x.y a.b"},
    {SEND("<allow send_destination_prefix='a'/>"), "allow:5", .other = true, .destination = "a.b.c"},
    {SEND("<allow send_destination_prefix='a'/>"), "deny", .other = true, .destination = "ab.c"},
    /* send_interface: a message without one meets denials only */
    {SEND("<allow send_interface='a.b.I'/>"), "allow:5"},
    {SEND("<allow send_interface='a.b'/>"), "deny"},
    {SEND("<allow send_interface='a.b.I'/>"), "deny", .interface = ""},
    {SEND("<allow send_interface='*'/>"), "allow:5", .interface = ""},
    {SEND("<allow send_destination='*'/>\n<deny send_interface='x.y'/>"), "allow:5"},
    {SEND("<allow send_destination='*'/>\n<deny send_interface='a.b.I'/>"), "deny:6"},
    {SEND("<allow send_destination='*'/>\n<deny send_interface='x.y'/>"), "deny:6", .interface = ""},
    {SEND("<allow send_destination='*'/>\n<deny send_interface='x.y' send_destination='c.d'/>"), "allow:5", .interface = ""},
    {SEND("<allow send_destination='*'/>\n<deny send_interface='x.y' send_member='M'/>"), "deny:6", .interface = ""},
    {SEND("<allow send_destination='*'/>\n<deny send_interface='x.y' send_member='N'/>"), "allow:5", .interface = ""},
    /* send_member */
    {SEND("<allow send_interface='a.b.I' send_member='M'/>"), "allow:5"},
    {SEND("<allow send_interface='a.b.I' send_member='N'/>"), "deny"},
    {SEND("<allow send_interface='a.b.I' send_member='*'/>"), "allow:5"},
    {SEND("<allow send_type='*'/>\n<deny send_interface='a.b.I' send_member='M'/>"), "deny:6"},
    {SEND("<allow send_type='*'/>\n<deny send_interface='a.b.I' send_member='N'/>"), "allow:5"},
    /* send_path: a rule without destination opens every service (CVE-2014-8148), which is its author's to know */
    {SEND("<allow send_path='/p'/>"), "allow:5"},
    {SEND("<allow send_path='/p/q'/>"), "deny"},
    {SEND("<allow send_path='/'/>"), "deny"},
    {SEND("<allow send_path='*'/>"), "allow:5"},
    {SEND("<allow send_type='*'/>\n<deny send_path='/p'/>"), "deny:6"},
    {SEND("<allow send_type='*'/>\n<deny send_path='/q'/>"), "allow:5"},
    {SEND("<allow send_path='/p' send_destination='c.d'/>"), "deny"},
    /* send_type */
    {SEND("<allow send_type='method_call'/>"), "allow:5"},
    {SEND("<allow send_type='method_call'/>"), "deny", SIGNAL},
    {SEND("<allow send_type='signal'/>"), "allow:5", SIGNAL},
    {SEND("<allow send_type='signal'/>"), "deny"},
    {SEND("<allow send_type='method_return'/>"), "allow:5", RETURN, REPLY},
    {SEND("<allow send_type='error'/>"), "allow:5", ERROR, REPLY},
    {SEND("<allow send_type='error'/>"), "deny", RETURN, REPLY},
    {SEND("<allow send_type='*'/>"), "allow:5", ERROR, REPLY},
    {SEND("<allow send_type='*'/>\n<deny send_type='signal'/>"), "allow:5"},
    {SEND("<allow send_type='*'/>\n<deny send_type='signal'/>"), "deny:6", SIGNAL},
    /* send_error */
    {SEND("<allow send_error='a.b.E'/>"), "allow:5", ERROR, REPLY},
    {SEND("<allow send_error='a.b.F'/>"), "deny", ERROR, REPLY},
    {SEND("<allow send_error='*'/>"), "allow:5", ERROR, REPLY},
    {SEND("<allow send_error='a.b.E'/>"), "deny"},
    {SEND("<allow send_type='*'/>\n<deny send_error='a.b.E' send_requested_reply='true'/>"), "deny:6", ERROR, REPLY},
    {SEND("<allow send_type='*'/>\n<deny send_error='a.b.F' send_requested_reply='true'/>"), "allow:5", ERROR, REPLY},
    /* send_requested_reply */
    {SEND("<allow send_destination='*'/>"), "allow:5", RETURN, REPLY},
    {SEND("<allow send_destination='*'/>"), "deny", RETURN},
    {SEND("<allow send_destination='*' send_requested_reply='true'/>"), "deny", ERROR},
    {SEND("<allow send_destination='*' send_requested_reply='false'/>"), "allow:5", ERROR},
    {SEND("<allow send_destination='*' send_requested_reply='false'/>\n<deny send_type='error'/>"), "deny:6", ERROR},
    {SEND("<allow send_destination='*' send_requested_reply='false'/>\n<deny send_type='error'/>"), "allow:5", ERROR, REPLY},
    {SEND("<allow send_destination='*'/>\n<deny send_type='error' send_requested_reply='true'/>"), "deny:6", ERROR, REPLY},
    {SEND("<allow send_requested_reply='true'/>"), "allow:5"}, /* says nothing about calls */
    {SEND("<allow send_destination='*'/>"), "allow:5", .reply_serial = 7}, /* a call with a reply serial is a call */
    {SEND("<allow send_destination='*' eavesdrop='true'/>"), "allow:5", RETURN},
    /* send_broadcast */
    {SEND("<allow send_broadcast='true'/>"), "allow:5", SIGNAL, .destination = ""},
    {SEND("<allow send_broadcast='true'/>"), "deny", SIGNAL},
    {SEND("<allow send_broadcast='true'/>"), "deny"},
    {SEND("<allow send_broadcast='false'/>"), "deny", SIGNAL, .destination = ""},
    {SEND("<allow send_broadcast='false'/>"), "allow:5", SIGNAL},
    {SEND("<allow send_broadcast='false'/>"), "allow:5"},
    {SEND("<allow send_type='*'/>\n<deny send_broadcast='true'/>"), "deny:6", SIGNAL, .destination = ""},
    {SEND("<allow send_type='*'/>\n<deny send_broadcast='true'/>"), "allow:5", SIGNAL}, /* earlier rules stay in force */
    {SEND("<allow send_type='*'/>\n<deny send_broadcast='false'/>"), "deny:6"},
    /* min_fds, max_fds */
    {SEND("<allow send_type='*' max_fds='1'/>"), "allow:5", .fds = 1},
    {SEND("<allow send_type='*' max_fds='1'/>"), "deny", .fds = 2},
    {SEND("<allow send_type='*' min_fds='2'/>"), "allow:5", .fds = 2},
    {SEND("<allow send_type='*' min_fds='2'/>"), "deny", .fds = 1},
    {SEND("<allow send_type='*'/>\n<deny send_destination='a.b' min_fds='1'/>"), "deny:6", .fds = 1},
    {SEND("<allow send_type='*'/>\n<deny send_destination='a.b' min_fds='1'/>"), "allow:5"},
    {SEND("<allow send_type='*'/>\n<deny send_path='/p' max_fds='2'/>"), "deny:6", .fds = 2},
    /* the driver */
    {SEND("<allow send_destination='org.freedesktop.DBus'/>"), "allow:5", .flags = TO_DRIVER, .destination = "org.freedesktop.DBus"},
    {SEND("<allow send_destination='a.b'/>"), "deny", .flags = TO_DRIVER, .destination = "org.freedesktop.DBus"},
    {SEND("<allow send_destination_prefix='org.freedesktop'/>"), "allow:5", .flags = TO_DRIVER, .destination = "org.freedesktop.DBus"},
    {SEND(""), "allow", .flags = TO_DRIVER, .destination = "", .interface = "org.freedesktop.DBus.Peer"},
    {SEND(""), "deny", .flags = TO_DRIVER, .destination = "", .interface = "org.freedesktop.DBus"},
    {SEND(""), "allow:4", SIGNAL, FROM_DRIVER},
    {SEND(""), "allow:4", ERROR, FROM_DRIVER},
    /* activation */
    {SEND("<allow send_destination='x.y'/>"), "allow:5", .action = POSTERN_ACTION_ACTIVATE, .destination = "x.y"},
    {SEND("<allow send_destination='a.b'/>"), "deny", .action = POSTERN_ACTION_ACTIVATE, .destination = "x.y"},
    {SEND("<allow send_destination_prefix='x'/>"), "allow:5", .action = POSTERN_ACTION_ACTIVATE, .destination = "x.y.z"},
    {SEND("<deny receive_type='*'/>\n<allow send_destination='x.y'/>"), "allow:6", .action = POSTERN_ACTION_ACTIVATE, .destination = "x.y"},
};

/* Everything is sent here: line 4. */
#define RECV(rules) DEFAULT("<allow send_destination='*' send_requested_reply='false'/>\n" rules)
#define COPY .action = POSTERN_ACTION_RECEIVE, .other = true

static const struct row receive_rows[] = {
    {RECV(""), "deny"},
    {RECV("<allow receive_sender='*'/>"), "allow:4"},
    {RECV("<allow receive_sender='*' log='true'/>"), "allow:4 log"},
    {RECV("<allow receive_sender='*'/>\n<deny receive_sender='*'/>"), "deny:6"},
    /* receive_sender */
    {RECV("<allow receive_sender='s.t'/>"), "allow:4", .from = "s.t"},
    {RECV("<allow receive_sender='s.t'/>"), "deny", .from = "s.tu"},
    {RECV("<allow receive_sender='*'/>\n<deny receive_sender='s.t'/>"), "deny:6", .from = "q.r ~s.t"},
    {RECV("<allow receive_sender=':1.1'/>"), "allow:4"},
    {RECV("<allow receive_sender='org.freedesktop.DBus'/>"), "allow:5", SIGNAL, FROM_DRIVER},
    {RECV("<allow receive_sender='org.freedesktop.DBus'/>"), "deny", SIGNAL},
    {RECV("<allow receive_sender='*'/>\n<deny receive_sender='org.freedesktop.DBus'/>"), "deny:6", SIGNAL, FROM_DRIVER},
    /* the fields */
    {RECV("<allow receive_interface='a.b.I'/>"), "allow:4"},
    {RECV("<allow receive_interface='a.b.I'/>"), "deny", .interface = ""},
    {RECV("<allow receive_interface='*'/>"), "allow:4", .interface = ""},
    {RECV("<allow receive_type='*'/>\n<deny receive_interface='x.y'/>"), "deny:6", .interface = ""},
    {RECV("<allow receive_type='*'/>\n<deny receive_interface='a.b.I'/>"), "deny:6", SIGNAL, FROM_DRIVER},
    {RECV("<allow receive_path='/p' receive_member='M'/>"), "allow:4"},
    {RECV("<allow receive_path='/p' receive_member='N'/>"), "deny"},
    {RECV("<allow receive_type='*'/>\n<deny receive_path='/q' receive_member='M'/>"), "allow:4"},
    {RECV("<allow receive_type='*'/>\n<deny receive_path='/p'/>"), "deny:6"},
    {RECV("<allow receive_type='signal'/>"), "allow:4", SIGNAL},
    {RECV("<allow receive_type='signal'/>"), "deny"},
    {RECV("<allow receive_type='*'/>\n<deny receive_type='method_call'/>"), "deny:6"},
    {RECV("<allow receive_error='a.b.E'/>"), "allow:4", ERROR, REPLY},
    {RECV("<allow receive_error='a.b.F'/>"), "deny", ERROR, REPLY},
    {RECV("<allow receive_type='*'/>\n<deny receive_error='a.b.E' receive_requested_reply='true'/>"), "deny:6", ERROR, REPLY},
    {RECV("<allow receive_type='*'/>\n<deny receive_sender='*' min_fds='1'/>"), "deny:6", .fds = 1},
    {RECV("<allow receive_type='*'/>\n<deny receive_sender='*' min_fds='1'/>"), "allow:4"},
    {RECV("<allow receive_type='*' max_fds='0'/>"), "deny", .fds = 1},
    /* receive_requested_reply */
    {RECV("<allow receive_type='*'/>"), "allow:4", RETURN, REPLY},
    {RECV("<allow receive_type='*'/>"), "deny", RETURN},
    {RECV("<allow receive_requested_reply='false'/>"), "allow:4", RETURN},
    {RECV("<allow receive_requested_reply='false'/>\n<deny receive_type='method_return'/>"), "allow:4", RETURN, REPLY},
    {RECV("<allow receive_requested_reply='false'/>\n<deny receive_type='method_return'/>"), "deny:6", RETURN},
    {RECV("<allow receive_type='*'/>\n<deny receive_requested_reply='true'/>"), "deny:6", RETURN, REPLY},
    /* eavesdrop: a copy of what is addressed to somebody else; broadcasts are never eavesdropped */
    {RECV("<allow receive_type='*'/>"), "deny", COPY},
    {RECV("<allow eavesdrop='true'/>"), "allow:4", COPY},
    {RECV("<allow eavesdrop='true'/>"), "allow:4"},
    {RECV("<allow eavesdrop='false'/>"), "deny", COPY},
    {RECV("<allow eavesdrop='true'/>\n<deny eavesdrop='true'/>"), "deny:6", COPY},
    {RECV("<allow eavesdrop='true'/>\n<deny eavesdrop='true'/>"), "allow:4"},
    {RECV("<allow eavesdrop='true'/>\n<deny receive_interface='a.b.I'/>"), "deny:6", COPY},
    {RECV("<allow receive_type='*'/>"), "allow:4", SIGNAL, .destination = "", COPY},
    {RECV("<allow eavesdrop='true' receive_sender='org.freedesktop.DBus'/>"), "allow:5", SIGNAL, FROM_DRIVER, COPY},
    {RECV("<allow eavesdrop='true'/>"), "allow:4", RETURN, COPY},
    {RECV("<allow eavesdrop='true'/>\n<deny receive_type='method_return'/>"), "deny:6", RETURN, REPLY, COPY}, /* it is not his reply */
    {DEFAULT("<allow send_destination='c.d'/>\n<allow eavesdrop='true'/>"), "deny", COPY}, /* the send side counts by who gets the copy */
    {DEFAULT("<allow send_destination='c.d'/>\n<allow eavesdrop='true'/>"), "allow:4", COPY, .to = "c.d"},
};

static const char *or_else(const char *given, const char *otherwise)
{
    return given == NULL ? otherwise : *given != '\0' ? given : NULL;
}

static void check_row(const struct row *row)
{
    struct postern_xml *xml = xml_of(row->policies);
    struct postern_party *from = party_new(":1.1", 1000, row->from), *to = party_new(":1.2", 1001, row->to != NULL ? row->to : "a.b");
    struct postern_party *other = party_new(":1.3", 1002, "a.b");
    struct postern_message message = {.type = row->type != 0 ? row->type : CALL, .fds = row->fds, .reply_serial = row->reply_serial};
    struct postern_request request = {.action = row->action != 0 ? row->action : POSTERN_ACTION_SEND, .flags = row->flags, .message = &message};
    bool nobody = request.action == POSTERN_ACTION_ACTIVATE || (request.action == POSTERN_ACTION_SEND && row->other);

    if (message.type == CALL || message.type == SIGNAL) {
        message.path = view_of(or_else(row->path, "/p"));
        message.interface = view_of(or_else(row->interface, "a.b.I"));
        message.member = view_of(or_else(row->member, "M"));
    } else {
        message.reply_serial = 7;
    }
    if (message.type == ERROR)
        message.error = view_of(or_else(row->error, "a.b.E"));
    message.destination = view_of(or_else(row->destination, "a.b"));
    if (request.action == POSTERN_ACTION_ACTIVATE)
        request.name = message.destination;
    request.from = row->flags & FROM_DRIVER ? NULL : from;
    request.to = row->flags & TO_DRIVER || nobody ? NULL : to;
    request.addressed = row->other ? other : NULL;
    ck_assert_str_eq(ask(xml, &request), row->expected);
    party_free(from);
    party_free(to);
    party_free(other);
    postern_xml_free(xml);
}

START_TEST(send_rules)
{
    check_row(&send_rows[_i]);
}
END_TEST

START_TEST(receive_rules)
{
    check_row(&receive_rows[_i]);
}
END_TEST

static const struct {
    const char *policies, *name, *expected;
} own_rows[] = {
    {DEFAULT(""), "a.b", "deny"},
    {DEFAULT("<allow own='a.b'/>"), "a.b", "allow:4"},
    {DEFAULT("<allow own='a.b'/>"), "a.b.c", "deny"},
    {DEFAULT("<allow own='*'/>"), "a.b.c", "allow:4"},
    {DEFAULT("<allow own='*'/>\n<deny own='a.b'/>"), "a.b", "deny:5"},
    {DEFAULT("<allow own='*'/>\n<deny own='a.b'/>"), "a.bc", "allow:4"},
    {DEFAULT("<allow own_prefix='a.b'/>"), "a.b", "allow:4"},
    {DEFAULT("<allow own_prefix='a.b'/>"), "a.b.c.d", "allow:4"},
    {DEFAULT("<allow own_prefix='a.b'/>"), "a.bc", "deny"},
    {DEFAULT("<allow own_prefix='a.b'/>"), "a.c", "deny"},
    {DEFAULT("<allow own_prefix='*'/>"), "a.b", "deny"},
    {DEFAULT("<allow own='*'/>\n<deny own_prefix='a'/>\n<allow own='a.b'/>"), "a.b", "allow:6"},
    {DEFAULT("<allow own='*'/>\n<deny own_prefix='a'/>\n<allow own='a.b'/>"), "a.c", "deny:5"},
    {DEFAULT("<allow send_destination='*'/>"), "a.b", "deny"},
};

START_TEST(own_rules)
{
    struct postern_xml *xml = xml_of(own_rows[_i].policies);
    struct postern_party *party = party_new(":1.1", 1000, NULL);
    struct postern_request request = {.action = POSTERN_ACTION_OWN, .from = party, .name = view_of(own_rows[_i].name)};

    ck_assert_str_eq(ask(xml, &request), own_rows[_i].expected);
    request.flags = POSTERN_REQUEST_RELEASE;
    ck_assert_str_eq(ask(xml, &request), "allow");
    party_free(party);
    postern_xml_free(xml);
}
END_TEST

#define ADD_ROWS(tcase, test, rows) tcase_add_loop_test(tcase, test, 0, sizeof(rows) / sizeof(rows[0]))

Suite *policy_rules_suite(void)
{
    Suite *suite = suite_create("rules");
    TCase *tcase = tcase_create("rules");

    ADD_ROWS(tcase, send_rules, send_rows);
    ADD_ROWS(tcase, receive_rules, receive_rows);
    ADD_ROWS(tcase, own_rules, own_rows);
    suite_add_tcase(suite, tcase);
    return suite;
}
