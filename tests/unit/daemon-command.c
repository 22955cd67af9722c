/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exec= lines, and the environment of what they start. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/command.h"
#include "daemon/environment.h"
#include "tests/unit/daemon.h"

/* A line, and its words joined with '|'; NULL: what the error says. */
static const struct {
    const char *line, *words, *error;
} lines[] = {
    {"/bin/a", "/bin/a", NULL},
    {"  /bin/a\t b  ", "/bin/a|b", NULL},
    {"/bin/a\nb", "/bin/a|b", NULL},
    {"/bin/a ''", "/bin/a|", NULL},
    {"/bin/a \"\" b", "/bin/a||b", NULL},
    {"/bin/a 'b c'd", "/bin/a|b cd", NULL},
    {"/bin/a 'b\\c' \"d'e\" 'f\"g'", "/bin/a|b\\c|d'e|f\"g", NULL},
    {"/bin/a \"b\\\"c\\\\d\\$e\\`f\"", "/bin/a|b\"c\\d$e`f", NULL},
    {"/bin/a \"b\\nc\\'d\"", "/bin/a|b\\nc\\'d", NULL},
    {"/bin/a \"b\\\nc\"", "/bin/a|bc", NULL},
    {"/bin/a b\\ c \\'d \\\\", "/bin/a|b c|'d|\\", NULL},
    {"/bin/a b\\\nc", "/bin/a|bc", NULL},
    {"/bin/a $HOME ~ * ; `x` &", "/bin/a|$HOME|~|*|;|`x`|&", NULL},
    {"/bin/a b#c # d 'e", "/bin/a|b#c", NULL},
    {"# a\n/bin/b", "/bin/b", NULL},
    {"", NULL, "the command is empty"},
    {" \t", NULL, "the command is empty"},
    {"# only this", NULL, "the command is empty"},
    {"/bin/a 'b", NULL, "a ' without its other half"},
    {"/bin/a \"b\\\"", NULL, "a \" without its other half"},
    {"/bin/a \\", NULL, "ends in a backslash"},
};

static void join(char *const *words, const char *separator, char *text, size_t size)
{
    text[0] = '\0';
    for (size_t i = 0; words[i] != NULL; i++)
        snprintf(text + strlen(text), size - strlen(text), "%s%s", i > 0 ? separator : "", words[i]);
}

START_TEST(splits)
{
    struct postern_error error = {""};
    char text[256], **words = NULL;
    int r = postern_command_split(lines[_i].line, &words, &error);

    if (lines[_i].words == NULL) {
        ck_assert_int_eq(r, -EINVAL);
        ck_assert_ptr_null(words);
        ck_assert_msg(strstr(error.text, lines[_i].error) != NULL, "%s", error.text);
        return;
    }
    ck_assert_msg(r == 0, "%s", error.text);
    join(words, "|", text, sizeof(text));
    ck_assert_str_eq(text, lines[_i].words);
    postern_command_free(words);
}
END_TEST

START_TEST(has_an_end)
{
    char *line = malloc(2 * POSTERN_COMMAND_WORDS_MAX + 3), **words = NULL;
    struct postern_error error = {""};

    for (unsigned i = 0; i <= POSTERN_COMMAND_WORDS_MAX; i++)
        memcpy(line + 2 * i, "a ", 3);
    ck_assert_int_eq(postern_command_split(line, &words, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "4096 words"));
    line[2 * POSTERN_COMMAND_WORDS_MAX] = '\0';
    ck_assert_int_eq(postern_command_split(line, &words, &error), 0);
    postern_command_free(words);
    free(line);
}
END_TEST

START_TEST(environment)
{
    char path[] = "PATH=/bin", home[] = "HOME=/root", notify[] = "NOTIFY_SOCKET=/run/n", fds[] = "LISTEN_FDS=1", odd[] = "ODD", term[] = "TERM=x";
    char *base[] = {path, home, notify, fds, odd, term, NULL};
    char type[] = "DBUS_STARTER_BUS_TYPE", session[] = "session", address[] = "DBUS_STARTER_ADDRESS", absent[] = "TERM";
    const struct postern_variable own[] = {{.name = type, .value = session}, {.name = absent}, {.name = address, .value = session}, {0}};
    struct postern_environment changed = {0};
    char text[256], **built;

    ck_assert_int_eq(postern_environment_set(&changed, "HOME", "/home/me"), 0);
    ck_assert_int_eq(postern_environment_set(&changed, "DISPLAY", ":7=x"), 0);
    ck_assert_int_eq(postern_environment_set(&changed, "DBUS_STARTER_ADDRESS", "forged"), 0);
    built = postern_environment_build(&changed, base, own);
    join(built, " ", text, sizeof(text));
    ck_assert_str_eq(text, "PATH=/bin ODD HOME=/home/me DISPLAY=:7=x DBUS_STARTER_BUS_TYPE=session DBUS_STARTER_ADDRESS=session");
    postern_environment_free(built);
    postern_environment_finish(&changed);
}
END_TEST

/* However small the variables: with the pointers to them they are what execve(2) still takes. */
START_TEST(environment_has_an_end)
{
    struct postern_environment changed = {0};
    size_t taken = 0;
    char name[16];
    int r = 0;

    for (unsigned i = 0; r == 0; i++) {
        snprintf(name, sizeof(name), "V%u", i);
        r = postern_environment_set(&changed, name, "");
        taken += r == 0 ? strlen(name) + 2 + sizeof(char *) : 0;
    }
    ck_assert_int_eq(r, -ENOBUFS);
    ck_assert_uint_le(taken, POSTERN_ENVIRONMENT_MAX);
    ck_assert_uint_gt(taken, POSTERN_ENVIRONMENT_MAX - 64);
    postern_environment_finish(&changed);
}
END_TEST

Suite *command_suite(void)
{
    Suite *suite = suite_create("daemon/command");
    TCase *tests = tcase_create("command");

    tcase_add_loop_test(tests, splits, 0, sizeof(lines) / sizeof(lines[0]));
    tcase_add_test(tests, has_an_end);
    tcase_add_test(tests, environment);
    tcase_add_test(tests, environment_has_an_end);
    suite_add_tcase(suite, tests);
    return suite;
}
