/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The busconfig reader: what it takes, what it refuses and where it says the fault is. */
#include "tests/unit/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DOCTYPE                                                                                                          \
    "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"                               \
    " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
#define HEAD "<busconfig>\n<listen>tcp:port=1</listen>\n"
#define TAIL "</busconfig>"
#define IN_DEFAULT(rule) HEAD "<policy context='default'>\n" rule "\n</policy>" TAIL

/* text -> line:column and a part of the message */
static const struct {
    const char *text, *where, *message;
} refused[] = {
    /* not XML, or more of XML than is wanted */
    {"", "1:1", "no element"},
    {HEAD, "3:1", "no element"},
    {HEAD "<user>a</foo>" TAIL, "3:10", "mismatched"},
    {HEAD "<include ignore_missing='y", "3:1", "unclosed"},
    {HEAD "<user>&lol;</user>" TAIL, "3:7", "undefined entity"},
    {"<!DOCTYPE busconfig [<!ENTITY a 'b'>]>\n" HEAD TAIL, "1:", "DOCTYPE"},
    {"<!DOCTYPE busconfig SYSTEM 'x' [<!ENTITY % a SYSTEM '/etc/passwd'> %a;]>\n" HEAD TAIL, "1:", "DOCTYPE"},
    {DOCTYPE HEAD "<user>&lol;</user>" TAIL, "5:7", "undefined entity"},
    {DOCTYPE HEAD "<policy context='default'>\n<allow\n own='a.&lol;b'/></policy>" TAIL, "7:9", "undefined entity"},
    {HEAD "<user>\xff</user>" TAIL, "3:7", "invalid token"},
    {HEAD "<user>a\x01</user>" TAIL, "3:8", "invalid token"},
    {HEAD "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>", "3:46", "too deeply"},
    /* elements */
    {"<buscfg/>", "1:1", "<busconfig>"},
    {"<busconfig a='b'/>", "1:12", "no attributes"},
    {"<busconfig></busconfig>", "1:1", "<listen>"},
    {HEAD "<bees/>" TAIL, "3:1", "<bees>"},
    {HEAD "text" TAIL, "1:1", "text inside"},
    {HEAD "<user></user>" TAIL, "3:1", "needs text"},
    {HEAD "<user> \n </user>" TAIL, "3:1", "needs text"},
    {HEAD "<listen/>" TAIL, "3:1", "needs text"},
    {HEAD "<listen><user>a</user></listen>" TAIL, "3:9", "<user> inside <listen>"},
    {HEAD "<fork>now</fork>" TAIL, "3:1", "text inside"},
    {HEAD "<fork a='b'/>" TAIL, "3:7", "no attributes"},
    {HEAD "<listen\n  carefully='yes'>a:</listen>" TAIL, "4:3", "carefully"},
    {HEAD "<apparmor mode='sometimes'/>" TAIL, "3:11", "\"required\""},
    {HEAD "<apparmor style='x'/>" TAIL, "3:11", "known are: mode"},
    {HEAD "<selinux><associate own='a.b'/></selinux>" TAIL, "3:10", "context"},
    {HEAD "<selinux><associate context='a'/></selinux>" TAIL, "3:10", "own"},
    {HEAD "<selinux><bees/></selinux>" TAIL, "3:10", "<associate>"},
    {HEAD "<include if_selinux_enabled='moo'>x</include>" TAIL, "3:10", "\"yes\""},
    {HEAD "<include selinux_root_relative='moo'>x</include>" TAIL, "3:10", "\"yes\""},
    {HEAD "<include ignore_missing='true'>x</include>" TAIL, "3:10", "\"no\""},
    {HEAD "<include>/nonexistent/file</include>" TAIL, "3:1", "No such file"},
    {HEAD "<include>/dev/null</include>" TAIL, "3:1", "regular file"},
    {HEAD "<includedir>/dev/null</includedir>" TAIL, "3:1", "/dev/null"},
    /* limits */
    {HEAD "<limit name='max_bees'>5</limit>" TAIL, "3:8", "max_bees"},
    {HEAD "<limit wildebeest='gnu'>5</limit>" TAIL, "3:8", "wildebeest"},
    {HEAD "<limit>5</limit>" TAIL, "3:1", "\"name\""},
    {HEAD "<limit name='max_names_per_connection'/>" TAIL, "3:1", "needs text"},
    {HEAD "<limit name='max_names_per_connection'>-1</limit>" TAIL, "3:1", "-1"},
    {HEAD "<limit name='max_names_per_connection'>3123123123</limit>" TAIL, "3:1", "2147483647"},
    {HEAD "<limit name='max_incoming_bytes'>99999999999999999999</limit>" TAIL, "3:1", "whole number"},
    {HEAD "<limit name='max_incoming_bytes'>1 000</limit>" TAIL, "3:1", "1 000"},
    {HEAD "<limit name='max_incoming_bytes'>bees</limit>" TAIL, "3:1", "bees"},
    /* policies */
    {HEAD "<policy/>" TAIL, "3:1", "exactly one"},
    {HEAD "<policy user='root' at_console='true'/>" TAIL, "3:1", "exactly one"},
    {HEAD "<policy context='other'/>" TAIL, "3:9", "\"mandatory\""},
    {HEAD "<policy at_console='yes'/>" TAIL, "3:9", "\"true\""},
    {HEAD "<policy hat='top'/>" TAIL, "3:9", "hat"},
    {HEAD "<policy context='default'><permit/></policy>" TAIL, "3:27", "<allow>, <deny>"},
    {HEAD "<allow own='a.b'/>" TAIL, "3:1", "<allow>"},
    /* rules */
    {IN_DEFAULT("<allow/>"), "4:1", "what it is about"},
    {IN_DEFAULT("<allow log='true'/>"), "4:1", "what it is about"},
    {IN_DEFAULT("<allow max_fds='1'/>"), "4:1", "what it is about"},
    {IN_DEFAULT("<allow species='stoat'/>"), "4:8", "species"},
    {IN_DEFAULT("<allow own='a.b'>x</allow>"), "4:1", "text inside"},
    {IN_DEFAULT("<allow own='a.b' own='c.d'/>"), "4:", "duplicate"},
    {IN_DEFAULT("<allow user='*' own='a.b'/>"), "4:1", "combined"},
    {IN_DEFAULT("<allow user='*' group='*'/>"), "4:1", "combined"},
    {IN_DEFAULT("<deny user='*' send_type='signal'/>"), "4:1", "combined"},
    {IN_DEFAULT("<allow own='a.b' own_prefix='a'/>"), "4:1", "combined"},
    {IN_DEFAULT("<allow own='a.b' eavesdrop='true'/>"), "4:1", "combined"},
    {IN_DEFAULT("<allow own='a.b' max_fds='1'/>"), "4:1", "combined"},
    {IN_DEFAULT("<allow receive_type='signal' send_destination='a.b'/>"), "4:1", "send_* and receive_*"},
    {IN_DEFAULT("<deny send_member='Reboot'/>"), "4:1", "send_member"},
    {IN_DEFAULT("<deny receive_member='Reboot'/>"), "4:1", "receive_member"},
    {IN_DEFAULT("<deny send_error='a.b' send_interface='a.b'/>"), "4:1", "send_error"},
    {IN_DEFAULT("<deny receive_error='a.b' receive_path='/' receive_member='a'/>"), "4:1", "receive_error"},
    {IN_DEFAULT("<allow send_destination='a.b' send_destination_prefix='a'/>"), "4:1", "send_destination_prefix"},
    {IN_DEFAULT("<allow send_broadcast='true' send_destination='a.b'/>"), "4:1", "broadcast"},
    {IN_DEFAULT("<allow send_broadcast='true' send_destination_prefix='a.b'/>"), "4:1", "broadcast"},
    {IN_DEFAULT("<allow send_type='call'/>"), "4:8", "\"method_call\""},
    {IN_DEFAULT("<allow\n\tsend_requested_reply='maybe'/>"), "5:2", "\"true\""},
    {IN_DEFAULT("<allow eavesdrop='yes'/>"), "4:8", "\"true\""},
    {IN_DEFAULT("<allow own='a.b' log='loud'/>"), "4:18", "log"},
    {IN_DEFAULT("<allow send_type='*' min_fds='-1'/>"), "4:22", "min_fds"},
    {IN_DEFAULT("<allow send_type='*' max_fds='99999999'/>"), "4:22", "max_fds"},
    {HEAD "<policy user='root'><deny user='bob'/></policy>" TAIL, "3:21", "<policy context"},
    {HEAD "<policy group='0'><allow group='*'/></policy>" TAIL, "3:19", "<policy context"},
};

START_TEST(faults_are_refused_where_they_stand)
{
    struct postern_busconfig *config = NULL;
    struct postern_error error;
    const char *place;

    ck_assert_int_lt(config_read(refused[_i].text, &config, &error), 0);
    ck_assert_ptr_null(config);
    place = strchr(error.text, ':');
    ck_assert_ptr_nonnull(place);
    if (strncmp(place + 1, refused[_i].where, strlen(refused[_i].where)) != 0 || strstr(error.text, refused[_i].message) == NULL)
        ck_abort_msg("\"%s\", expected %s ... %s", error.text, refused[_i].where, refused[_i].message);
}
END_TEST

START_TEST(every_element_is_read)
{
    static const char text[] = "<?xml version='1.0' encoding='UTF-8'?><!-- c -->\n" DOCTYPE
                               "<busconfig><type>session</type><type> system\n</type><user>mess<!-- -->age&#98;us</user><fork/><keep_umask/><syslog/>"
                               "<allow_anonymous/><pidfile>/run/&amp;p</pidfile><listen>unix:path=/a</listen><listen>tcp:</listen>"
                               "<auth>EXTERNAL</auth><auth>ANONYMOUS</auth><servicehelper>/lib/helper</servicehelper>"
                               "<servicedir>/s/one</servicedir><servicedir>rel</servicedir><servicedir>/s/one</servicedir>"
                               "<include ignore_missing='yes'>/nonexistent/x</include><includedir>/nonexistent/d</includedir>"
                               "<include if_selinux_enabled='no' ignore_missing='yes'>/nonexistent/x</include>"
                               "<limit name='max_message_size'>0x100</limit><limit name='max_containers'>7</limit>"
                               "<apparmor mode='required'/><selinux><associate own='a.b' context='c_t'/></selinux></busconfig>\n<!-- end -->\n";
    struct postern_busconfig *config;
    struct postern_error error;

    if (config_read(text, &config, &error) < 0)
        ck_abort_msg("%s", error.text);
    ck_assert_str_eq(config->type, "system");
    ck_assert_str_eq(config->user, "messagebus");
    ck_assert(config->fork && config->keep_umask && config->syslog && config->allow_anonymous);
    ck_assert_str_eq(config->pidfile, "/run/&p");
    ck_assert_str_eq(config->listen[0], "unix:path=/a");
    ck_assert_str_eq(config->listen[1], "tcp:");
    ck_assert_ptr_null(config->listen[2]);
    ck_assert_str_eq(config->auth[1], "ANONYMOUS");
    ck_assert_str_eq(config->servicehelper, "/lib/helper");
    ck_assert_str_eq(config->servicedirs[0], "/s/one");
    ck_assert_str_eq(config->servicedirs[1], "/proc/self/fd/rel");
    ck_assert_ptr_null(config->servicedirs[2]);
    ck_assert_uint_eq(config->limits.max_message_size, 256);
    ck_assert_uint_eq(config->limits.max_containers, 7);
    ck_assert_uint_eq(config->limits.max_containers_per_user, 16);
    ck_assert_uint_eq(config->limits.max_incoming_bytes, 127 << 20);
    ck_assert_int_eq(config->apparmor, POSTERN_APPARMOR_REQUIRED);
    ck_assert_uint_eq(config->n_associates, 1);
    ck_assert_str_eq(config->associates[0].context, "c_t");
    ck_assert_uint_eq(config->associates[0].where.line, 5);
    postern_busconfig_free(config);
}
END_TEST

START_TEST(rules_are_read)
{
    static const char text[] = HEAD "<policy user='0'>\n<allow send_destination='a.b' send_type='signal' min_fds='1' max_fds='3' log='true'/>\n"
                                    "<deny eavesdrop='true'/></policy>\n<policy group='no such group'><allow own_prefix='x'/></policy>"
                                    "<policy context='mandatory'><deny user='no such user'/><allow group='*'/></policy>" TAIL;
    const struct postern_busconfig_rule *rule;
    struct postern_busconfig *config;
    struct postern_error error;

    if (config_read(text, &config, &error) < 0)
        ck_abort_msg("%s", error.text);
    ck_assert_uint_eq(config->n_rules, 5);
    rule = config->rules;
    ck_assert(rule->context == POSTERN_CONTEXT_USER && rule->context_known && rule->context_id == 0 && rule->allow);
    ck_assert_str_eq(rule->send_destination, "a.b");
    ck_assert(rule->send_type == 4 && rule->has_send_type && rule->min_fds == 1 && rule->max_fds == 3 && rule->log == POSTERN_TRUE);
    ck_assert(rule->where.line == 4 && rule->where.column == 1);
    ck_assert(rule[1].eavesdrop == POSTERN_TRUE && !rule[1].allow && rule[1].max_fds == UINT32_MAX);
    ck_assert(rule[2].context == POSTERN_CONTEXT_GROUP && !rule[2].context_known);
    ck_assert(rule[3].context == POSTERN_CONTEXT_MANDATORY && !rule[3].user_known);
    ck_assert_str_eq(rule[4].group, "*");
    postern_busconfig_free(config);
}
END_TEST

START_TEST(standard_directories)
{
    struct postern_busconfig *config;
    struct postern_error error;

    setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    setenv("XDG_DATA_HOME", "/home/x/share/", 1);
    setenv("XDG_DATA_DIRS", "/opt/a:relative::", 1);
    ck_assert_int_eq(config_read(HEAD "<standard_session_servicedirs/>" TAIL, &config, &error), 0);
    ck_assert_str_eq(config->servicedirs[0], "/run/user/7/dbus-1/services");
    ck_assert_str_eq(config->servicedirs[1], "/home/x/share/dbus-1/services");
    ck_assert_str_eq(config->servicedirs[2], "/opt/a/dbus-1/services");
    ck_assert_str_eq(config->servicedirs[3], POSTERN_DBUS_DATADIR "/services");
    ck_assert_ptr_null(config->servicedirs[4]);
    postern_busconfig_free(config);
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_DATA_HOME");
    unsetenv("XDG_DATA_DIRS");
    setenv("HOME", "/home/y", 1);
    ck_assert_int_eq(config_read(HEAD "<standard_session_servicedirs/><standard_system_servicedirs/>" TAIL, &config, &error), 0);
    ck_assert_str_eq(config->servicedirs[0], "/home/y/.local/share/dbus-1/services");
    ck_assert_str_eq(config->servicedirs[1], "/usr/local/share/dbus-1/services");
    ck_assert_str_eq(config->servicedirs[2], "/usr/share/dbus-1/services");
    ck_assert_uint_eq(config->limits.max_containers, 10000);
    postern_busconfig_free(config);
}
END_TEST

Suite *policy_config_suite(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = tcase_create("config");

    tcase_add_loop_test(tcase, faults_are_refused_where_they_stand, 0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tcase, every_element_is_read);
    tcase_add_test(tcase, rules_are_read);
    tcase_add_test(tcase, standard_directories);
    suite_add_tcase(suite, tcase);
    return suite;
}
