/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/options.h"
#include "tests/unit/daemon.h"

#define MAX_ARGS 8

/* Words of a good command line, and what it means: "config mediator module address address-fd pid-fd fork pidfile verbose log".
 */
static const struct {
    const char *words[MAX_ARGS];
    const char *meaning;
} good[] = {
    {{"--session"}, POSTERN_DBUS_DATADIR "/session.conf - - - -1 -1 0 0 0 0 0"},
    {{"--system"}, POSTERN_DBUS_DATADIR "/system.conf - - - -1 -1 0 0 0 0 0"},
    {{"--config-file=/c"}, "/c - - - -1 -1 0 0 0 0 0"},
    {{"--config-file", "/c"}, "/c - - - -1 -1 0 0 0 0 0"},
    {{"--config-file=a=b"}, "a=b - - - -1 -1 0 0 0 0 0"},
    {{"--session", "--mediator-config=/m", "--module=/x.so"}, POSTERN_DBUS_DATADIR "/session.conf /m /x.so - -1 -1 0 0 0 0 0"},
    {{"--session", "--mediator-config", "/m", "--module", "none"}, POSTERN_DBUS_DATADIR "/session.conf /m none - -1 -1 0 0 0 0 0"},
    {{"--config-file=/c", "--address=unix:path=/a"}, "/c - - unix:path=/a -1 -1 0 0 0 0 0"},
    {{"--config-file=/c", "--address", "unix:path=/a;systemd:"}, "/c - - unix:path=/a;systemd: -1 -1 0 0 0 0 0"},
    {{"--config-file=/c", "--print-address", "--print-pid"}, "/c - - - 1 1 0 0 0 0 0"},
    {{"--config-file=/c", "--print-address=8", "--print-pid=9", "--fork"}, "/c - - - 8 9 1 0 0 0 0"},
    {{"--nofork", "--print-address", "4", "--session"}, POSTERN_DBUS_DATADIR "/session.conf - - - 4 -1 2 0 0 0 0"},
    {{"--print-pid", "0", "--config-file", "/c"}, "/c - - - -1 0 0 0 0 0 0"},
    {{"--print-address", "--config-file", "/c"}, "/c - - - 1 -1 0 0 0 0 0"},
    {{"--config-file=/c", "--fork", "--nofork"}, "/c - - - -1 -1 2 0 0 0 0"},
    {{"--config-file=/c", "--nopidfile", "--verbose"}, "/c - - - -1 -1 0 1 1 0 0"},
    {{"--config-file=/c", "--nosyslog"}, "/c - - - -1 -1 0 0 0 1 0"},
    {{"--config-file=/c", "--syslog"}, "/c - - - -1 -1 0 0 0 2 0"},
    {{"--config-file=/c", "--syslog-only"}, "/c - - - -1 -1 0 0 0 3 0"},
    {{"--config-file=/c", "--systemd-activation"}, "/c - - - -1 -1 0 0 0 0 1"},
};

/* Words of a bad one, and what the error must say. */
static const struct {
    const char *words[MAX_ARGS];
    const char *error;
} bad[] = {
    {{NULL}, "no configuration"},
    {{"--print-address"}, "no configuration"},
    {{"--session", "--system"}, "only one of"},
    {{"--session", "--config-file=/c"}, "only one of"},
    {{"--config-file=/c", "--config-file=/d"}, "only one of"},
    {{"--session", "--session"}, "only one of"},
    {{"--config-file"}, "--config-file needs a value"},
    {{"--config-file="}, "--config-file needs a value"},
    {{"--session", "--address="}, "--address needs a value"},
    {{"--session", "--module"}, "--module needs a value"},
    {{"--session", "--module=mediator.so"}, "--module=mediator.so"},
    {{"--session", "--mediator-config"}, "--mediator-config needs a value"},
    {{"--session", "--print-address=x"}, "--print-address=x"},
    {{"--session", "--print-address="}, "--print-address="},
    {{"--session", "--launch-unit=a@.service"}, "only with --systemd-activation"},
    {{"--session", "--systemd-activation", "--launch-unit=a.service"}, "--launch-unit=a.service"},
    {{"--session", "--systemd-activation", "--launch-unit=a@b@.service"}, "--launch-unit=a@b@.service"},
    {{"--session", "--systemd-activation", "--launch-unit=@.service"}, "--launch-unit=@.service"},
    {{"--session", "--print-pid=-1"}, "--print-pid=-1"},
    {{"--session", "--print-pid=+1"}, "--print-pid=+1"},
    {{"--session", "--print-pid= 1"}, "--print-pid= 1"},
    {{"--session", "--print-pid=1x"}, "--print-pid=1x"},
    {{"--session", "--print-pid=2147483648"}, "--print-pid=2147483648"},
    {{"--session", "--print-pid=99999999999999999999"}, "--print-pid=9999"},
    {{"--session", "--print-pid", "99999999999999999999"}, "--print-pid=9999"},
    {{"--session", "--print-pid", "x"}, "x: there is no such option"},
    {{"--session", "--fork=yes"}, "--fork takes no value"},
    {{"--session", "--session="}, "--session takes no value"},
    {{"--session", "--sess"}, "--sess: there is no such option; --help"},
    {{"--introspect=yes"}, "--introspect takes no value"},
    {{"--session", "session.conf"}, "session.conf: there is no such option"},
    {{"--session", ""}, "there is no such option"},
    {{"--session", "--"}, "there is no such option"},
    {{"--session", "--systemd-activation=yes"}, "takes no value"},
};

static int parse(const char *const *words, struct postern_daemon_options *options, struct postern_error *error)
{
    char *argv[MAX_ARGS + 2] = {(char *)"posternd"};
    int argc = 1;

    for (size_t i = 0; i < MAX_ARGS && words[i] != NULL; i++)
        argv[argc++] = (char *)words[i];
    return postern_options_parse(argc, argv, options, error);
}

static const char *or_dash(const char *s)
{
    return s != NULL ? s : "-";
}

START_TEST(good_lines)
{
    struct postern_daemon_options o;
    struct postern_error error = {""};
    char meaning[256];

    ck_assert_msg(parse(good[_i].words, &o, &error) == 0, "%s", error.text);
    snprintf(meaning, sizeof(meaning), "%s %s %s %s %d %d %d %d %d %d %d", o.config_file, or_dash(o.mediator_config),
             or_dash(o.module), or_dash(o.address), o.print_address, o.print_pid, o.fork, o.no_pidfile, o.verbose, o.log, o.systemd_activation);
    ck_assert_str_eq(meaning, good[_i].meaning);
    ck_assert(!o.help && !o.version);
}
END_TEST

START_TEST(bad_lines)
{
    struct postern_daemon_options o = {.print_pid = 77};
    struct postern_error error = {""};

    ck_assert_int_eq(parse(bad[_i].words, &o, &error), -EINVAL);
    ck_assert_msg(strstr(error.text, bad[_i].error) != NULL, "'%s' does not say '%s'", error.text, bad[_i].error);
    ck_assert_int_eq(o.print_pid, 77);
}
END_TEST

/* The manual page has a word on each: "Fl -session" for --session. */
static void check_manual(const char *const *options, size_t n)
{
    static char page[65536];
    char flag[64];
    FILE *f = fopen(TEST_SRCDIR "/docs/posternd.1", "re");

    ck_assert_ptr_nonnull(f);
    page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
    fclose(f);
    for (size_t i = 0; i < n; i++) {
        snprintf(flag, sizeof(flag), "Fl %s%s", strcmp(options[i], "-?") == 0 ? "\\&" : "", options[i] + 1);
        ck_assert_msg(strstr(page, flag) != NULL, "the manual page says nothing of %s", options[i]);
    }
}

/* Help is given before anything else is found wrong, and names every option there is. */
START_TEST(help)
{
    static const char *const asking[] = {"--help", "-h", "-?"};
    static const char *const all[] = {"--session",
                                      "--system",
                                      "--config-file",
                                      "--mediator-config",
                                      "--module",
                                      "--address",
                                      "--print-address",
                                      "--print-pid",
                                      "--fork",
                                      "--nofork",
                                      "--nopidfile",
                                      "--syslog",
                                      "--nosyslog",
                                      "--syslog-only",
                                      "--systemd-activation",
                                      "--verbose",
                                      "--help",
                                      "-h",
                                      "-?",
                                      "--version"};
    struct postern_daemon_options o;
    struct postern_error error;

    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(parse((const char *const[MAX_ARGS]){asking[i], "--nonsense"}, &o, &error), 0);
        ck_assert(o.help && !o.version);
    }
    ck_assert_int_eq(parse((const char *const[MAX_ARGS]){"--version"}, &o, &error), 0);
    ck_assert(o.version && !o.help);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        ck_assert_ptr_nonnull(strstr(postern_options_help(), all[i]));
    check_manual(all, sizeof(all) / sizeof(all[0]));
    ck_assert_ptr_eq(strstr(postern_options_version(), "posternd " PACKAGE_VERSION "\n"), postern_options_version());
}
END_TEST

Suite *options_suite(void)
{
    Suite *suite = suite_create("daemon/options");
    TCase *tcase = tcase_create("options");

    tcase_add_loop_test(tcase, good_lines, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tcase, bad_lines, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tcase, help);
    suite_add_tcase(suite, tcase);
    return suite;
}
