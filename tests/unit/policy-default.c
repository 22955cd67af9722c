/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the standard session and system policies come down to, message by message (CVE-2008-4311 was a default that allowed far more
 * than was meant). Asked of policies written here that say the same, and of the machine's own files where there are any.
 */
#include "tests/unit/policy.h"

#include <stdlib.h>
#include <unistd.h>

#define DRIVER "org.freedesktop.DBus"
#define SERVICE "com.example.Postern.Test"

static const char session_policy[] = "<policy context='default'><allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/>"
                                     "<allow own='*'/></policy>";

static const char system_policy[] =
    "<policy context='default'>"
    "<allow user='*'/><deny own='*'/><deny send_type='method_call'/>"
    "<allow send_type='signal'/><allow send_requested_reply='true' send_type='method_return'/>"
    "<allow send_requested_reply='true' send_type='error'/>"
    "<allow receive_type='method_call'/><allow receive_type='method_return'/><allow receive_type='error'/><allow receive_type='signal'/>"
    "<allow send_destination='" DRIVER "' send_interface='" DRIVER "'/>"
    "<allow send_destination='" DRIVER "' send_interface='" DRIVER ".Introspectable'/>"
    "<allow send_destination='" DRIVER "' send_interface='" DRIVER ".Properties'/>"
    "<allow send_destination='" DRIVER "' send_interface='" DRIVER ".Containers1'/>"
    "<deny send_destination='" DRIVER "' send_interface='" DRIVER "' send_member='UpdateActivationEnvironment'/>"
    "<deny send_destination='" DRIVER "' send_interface='" DRIVER ".Debug.Stats'/>"
    "<deny send_destination='" DRIVER "' send_interface='org.freedesktop.systemd1.Activator'/></policy>"
    "<policy user='root'><allow send_destination='" DRIVER "' send_interface='org.freedesktop.systemd1.Activator'/>"
    "<allow send_destination='" DRIVER "' send_interface='" DRIVER ".Monitoring'/>"
    "<allow send_destination='" DRIVER "' send_interface='" DRIVER ".Debug.Stats'/></policy>";

/* What is sent, and whether it passes: on a session bus, on a system bus for a user, on a system bus for root. */
static const struct row {
    uint8_t type;
    const char *to; /* the driver, a service, or NULL for a broadcast */
    const char *interface, *member;
    uint32_t flags, fds;
    enum postern_action action; /* 0: SEND */
    bool session, user, root;
} rows[] = {
    {POSTERN_MESSAGE_METHOD_CALL, SERVICE, "a.b.I", "M", .session = true},
    {POSTERN_MESSAGE_METHOD_CALL, SERVICE, NULL, "M", .session = true},
    {POSTERN_MESSAGE_METHOD_CALL, SERVICE, "a.b.I", "M", .fds = 3, .session = true},
    {POSTERN_MESSAGE_METHOD_CALL, SERVICE, DRIVER, "Hello", .session = true},
    {POSTERN_MESSAGE_METHOD_CALL, SERVICE, DRIVER ".Properties", "Get", .session = true},
    {POSTERN_MESSAGE_METHOD_CALL, SERVICE, "a.b.I", "M", .action = POSTERN_ACTION_ACTIVATE, .session = true},
    {POSTERN_MESSAGE_METHOD_CALL, SERVICE, "a.b.I", "M", .action = POSTERN_ACTION_RECEIVE, .session = true},
    {POSTERN_MESSAGE_SIGNAL, SERVICE, "a.b.I", "S", .session = true, .user = true, .root = true},
    {POSTERN_MESSAGE_SIGNAL, SERVICE, "a.b.I", "S", .action = POSTERN_ACTION_RECEIVE, .session = true},
    {POSTERN_MESSAGE_SIGNAL, NULL, "a.b.I", "S", .session = true, .user = true, .root = true},
    {POSTERN_MESSAGE_SIGNAL, NULL, DRIVER, "NameOwnerChanged", .session = true, .user = true, .root = true},
    {POSTERN_MESSAGE_METHOD_RETURN, SERVICE, .flags = POSTERN_REQUEST_REPLY, .session = true, .user = true, .root = true},
    {POSTERN_MESSAGE_METHOD_RETURN, SERVICE, .session = true},
    {POSTERN_MESSAGE_METHOD_RETURN, SERVICE, .action = POSTERN_ACTION_RECEIVE, .session = true},
    {POSTERN_MESSAGE_ERROR, SERVICE, .flags = POSTERN_REQUEST_REPLY, .session = true, .user = true, .root = true},
    {POSTERN_MESSAGE_ERROR, SERVICE, .session = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, DRIVER, "Hello", .session = true, .user = true, .root = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, DRIVER, "RequestName", .session = true, .user = true, .root = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, NULL, "RequestName", .session = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, DRIVER ".Introspectable", "Introspect", .session = true, .user = true, .root = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, DRIVER ".Properties", "Get", .session = true, .user = true, .root = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, DRIVER ".Containers1", "AddServer", .session = true, .user = true, .root = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, DRIVER, "UpdateActivationEnvironment", .session = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, NULL, "UpdateActivationEnvironment", .session = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, DRIVER ".Debug.Stats", "GetStats", .session = true, .root = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, DRIVER ".Monitoring", "BecomeMonitor", .session = true, .root = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, DRIVER ".Verbose", "EnableVerbose", .session = true},
    {POSTERN_MESSAGE_METHOD_CALL, DRIVER, DRIVER ".Peer", "Ping", .session = true},
    {POSTERN_MESSAGE_SIGNAL, DRIVER, "org.freedesktop.systemd1.Activator", "ActivationFailure", .session = true, .root = true},
    {.action = POSTERN_ACTION_OWN, .session = true},
};

static bool passes(struct postern_xml *xml, const struct row *row, uint32_t uid)
{
    struct postern_party *from = party_new(":1.1", uid, NULL), *to = party_new(":1.2", 1001, SERVICE), *other = party_new(":1.3", 1002, NULL);
    struct postern_message message = {.type = row->type, .fds = row->fds, .interface = view_of(row->interface),
                                      .member = view_of(row->member), .destination = view_of(row->to)};
    struct postern_request request = {.action = row->action != 0 ? row->action : POSTERN_ACTION_SEND, .flags = row->flags, .from = from,
                                      .to = to, .message = &message, .name = view_of(SERVICE)};
    bool result;

    if (row->type == POSTERN_MESSAGE_METHOD_CALL || row->type == POSTERN_MESSAGE_SIGNAL)
        message.path = view_of("/p");
    else
        message.reply_serial = 5;
    if (row->type == POSTERN_MESSAGE_ERROR)
        message.error = view_of("a.b.E");
    if (row->to != NULL && strcmp(row->to, DRIVER) == 0)
        request.flags |= POSTERN_REQUEST_TO_DRIVER;
    if (request.flags & POSTERN_REQUEST_TO_DRIVER || row->action == POSTERN_ACTION_ACTIVATE || row->action == POSTERN_ACTION_OWN)
        request.to = NULL;
    if (row->action == POSTERN_ACTION_RECEIVE)
        request.addressed = other;
    result = strncmp(ask(xml, &request), "allow", 5) == 0;
    party_free(from);
    party_free(to);
    party_free(other);
    return result;
}

static bool may_connect(struct postern_xml *xml, uint32_t uid)
{
    struct postern_party *party = party_new(NULL, uid, NULL);
    struct postern_request request = {.action = POSTERN_ACTION_CONNECT, .from = party};
    bool result = strncmp(ask(xml, &request), "allow", 5) == 0;

    party_free(party);
    return result;
}

static void check_bus(struct postern_xml *xml, bool system_bus)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool user = passes(xml, &rows[i], 12345), root = passes(xml, &rows[i], 0);

        if (user != (system_bus ? rows[i].user : rows[i].session) || root != (system_bus ? rows[i].root : rows[i].session))
            ck_abort_msg("row %zu on the %s bus: user %d, root %d", i, system_bus ? "system" : "session", user, root);
    }
    ck_assert(may_connect(xml, geteuid()));
    ck_assert_int_eq(may_connect(xml, 12345), system_bus);
    postern_xml_free(xml);
}

START_TEST(written_here)
{
    check_bus(xml_of(session_policy), false);
    check_bus(xml_of(system_policy), true);
}
END_TEST

START_TEST(of_this_machine)
{
    static const char *const files[] = {POSTERN_DBUS_DATADIR "/session.conf", POSTERN_DBUS_DATADIR "/system.conf"};

    for (int i = 0; i < 2; i++) {
        struct postern_busconfig *config;
        struct postern_error error;
        struct postern_xml *xml;

        if (access(files[i], R_OK) < 0)
            continue; /* a machine without a bus has nothing to compare with */
        if (postern_busconfig_read(files[i], NULL, &config, &error) < 0)
            ck_abort_msg("%s", error.text);
        ck_assert_str_eq(config->type, i == 0 ? "session" : "system");
        ck_assert_int_eq(postern_xml_new(config, 1, &xml), 0);
        check_bus(xml, i == 1);
    }
}
END_TEST

Suite *policy_default_suite(void)
{
    Suite *suite = suite_create("default");
    TCase *tcase = tcase_create("default");

    tcase_add_test(tcase, written_here);
    tcase_add_test(tcase, of_this_machine);
    suite_add_tcase(suite, tcase);
    return suite;
}
