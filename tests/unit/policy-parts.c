/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration of several files, and of names that somebody else knows: what counts when one of them is faulty or one of those fails. */
#include "tests/unit/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "util/buf.h"

#define HEAD "<busconfig>\n<listen>tcp:port=1</listen>\n"
#define TAIL "</busconfig>"

static int read_in(const char *dir, const char *name, struct postern_busconfig **config, struct postern_error *error)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return postern_busconfig_read(path, NULL, config, error);
}

START_TEST(files_include_files)
{
    char dir[] = "/tmp/test-policy.XXXXXX", path[300];
    struct postern_busconfig *config;
    struct postern_error error;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/d", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    write_file(dir, "top.conf", HEAD "<include>d/a.conf</include><includedir>d</includedir>" TAIL);
    write_file(dir, "d/b.conf", "<busconfig><type>b</type><listen>b:</listen><servicedir>beside</servicedir></busconfig>");
    write_file(dir, "d/a.conf", "<busconfig><type>a</type><listen>a:</listen><include ignore_missing='yes'>none</include></busconfig>");
    write_file(dir, "d/c.txt", "not read");
    write_file(dir, "d/.conf", "not read");
    write_file(dir, "self.conf", "<busconfig>\n<include>other.conf</include></busconfig>");
    write_file(dir, "other.conf", "<busconfig>\n\n <include>./self.conf</include></busconfig>");
    write_file(dir, "bad.conf", "<busconfig>\n<listen>a:</listen><include>bad.xml</include></busconfig>");
    write_file(dir, "bad.xml", "<busconfig>\n <bees/></busconfig>");

    if (read_in(dir, "top.conf", &config, &error) < 0)
        ck_abort_msg("%s", error.text);
    ck_assert_str_eq(config->listen[1], "a:");
    ck_assert_str_eq(config->listen[2], "a:");
    ck_assert_str_eq(config->listen[3], "b:");
    ck_assert_ptr_null(config->listen[4]);
    ck_assert_str_eq(config->type, "b");
    snprintf(path, sizeof(path), "%s/d/beside", dir);
    ck_assert_str_eq(config->servicedirs[0], path);
    snprintf(path, sizeof(path), "%s/top.conf", dir);
    ck_assert_str_eq(config->files[0], path);
    postern_busconfig_free(config);

    ck_assert_int_eq(read_in(dir, "self.conf", &config, &error), -ELOOP);
    ck_assert_ptr_nonnull(strstr(error.text, "other.conf:3:2: "));
    ck_assert_int_lt(read_in(dir, "bad.conf", &config, &error), 0);
    ck_assert_ptr_nonnull(strstr(error.text, "bad.xml:2:2: "));
    ck_assert_int_eq(read_in(dir, "none.conf", &config, &error), -ENOENT);

    remove_tree(dir);
}
END_TEST

static struct postern_busconfig *config_of(const char *text)
{
    struct postern_busconfig *config;
    struct postern_error error;

    if (config_read(text, &config, &error) < 0)
        ck_abort_msg("%s", error.text);
    return config;
}

START_TEST(lookups_that_fail)
{
    struct postern_busconfig *config =
        config_of(HEAD "<policy user='down'>\n<allow own='a.b'/><deny own='c.d'/></policy>\n<policy group='down'><allow own='a.b'/></policy>\n"
                       "<policy context='default'><deny user='down'/>\n <allow group='down2'/><allow user='nobody here'/></policy>" TAIL);
    static const char *const wheres[] = {":3:9: cannot look up user=\"down\"", ":5:9: cannot look up group=\"down\"",
                                         ":6:33: cannot look up user=\"down\"", ":7:9: cannot look up group=\"down2\""};
    struct postern_error error;
    const struct postern_busconfig_rule *rule = config->rules;

    ck_assert_uint_eq(config->n_failed, 4);
    ck_assert(rule[0].context_failed && rule[1].context_failed && rule[2].context_failed && !rule[0].context_known);
    ck_assert(rule[3].account_failed && !rule[3].user_known && rule[4].account_failed && !rule[5].account_failed && !rule[5].user_known);
    for (size_t i = 0; i < 4; i++)
        ck_assert_msg(strstr(config->warnings[i], wheres[i]) != NULL, "\"%s\" is not in: %s", wheres[i], config->warnings[i]);
    ck_assert_ptr_null(config->warnings[4]);
    postern_busconfig_free(config);
    ck_assert_int_eq(config_read(HEAD "<policy user='gone'/>" TAIL, &config, &error), -ESTALE);
    ck_assert_ptr_nonnull(strstr(error.text, ":3:9: "));
    ck_assert_int_eq(config_read(HEAD "<policy context='default'><allow group='gone'/></policy>" TAIL, &config, &error), -ESTALE);
}
END_TEST

START_TEST(warnings_have_an_end)
{
    struct postern_buf text = {0};
    struct postern_busconfig *config;
    size_t n = 0;

    postern_buf_printf(&text, "%s", HEAD);
    for (int i = 0; i < 1000; i++)
        postern_buf_printf(&text, "<policy user='down%d'><deny own='a.b'/></policy>", i);
    postern_buf_printf(&text, "%s", TAIL);
    config = config_of((const char *)text.data);
    while (config->warnings[n] != NULL)
        n++;
    ck_assert(n >= 10 && n <= 100 && config->n_failed == 1000 && config->n_rules == 1000);
    postern_busconfig_free(config);
    postern_buf_finish(&text);
}
END_TEST

/* What stands in a file of an <includedir> means what it would mean in the file itself. */
START_TEST(a_part_is_as_the_whole)
{
    static const char body[] = "<type>system</type><user>u</user><fork/><keep_umask/><syslog/><allow_anonymous/><pidfile>/p</pidfile>"
                               "<listen>c:</listen><listen>d:</listen><auth>A</auth><servicehelper>/h</servicehelper><servicedir>/s</servicedir>"
                               "<servicedir>/t</servicedir><limit name='max_containers'>7</limit><limit name='max_message_size'>0x100</limit>"
                               "<apparmor mode='required'/><selinux><associate own='a.b' context='t'/><associate own='c.d' context='t'/></selinux>"
                               "<policy at_console='true'><allow own='a.b'/></policy><policy user='0'><allow own='a.b'/><deny own='c'/></policy>";
    char dir[] = "/tmp/test-policy.XXXXXX", path[300], text[2000];
    struct postern_busconfig *config;
    struct postern_error error;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/d", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(text, sizeof(text), "<busconfig>%s</busconfig>", body);
    write_file(dir, "d/a.conf", text);
    snprintf(text, sizeof(text), "<busconfig>%s<oops/></busconfig>", body);
    write_file(dir, "d/b.conf", text);
    write_file(dir, "top.conf", "<busconfig><listen>b:</listen><servicedir>/s</servicedir><selinux><associate own='e.f' context='t'/></selinux>"
                                "<includedir>d</includedir><policy context='default'><allow own='a.b'/></policy></busconfig>");
    if (read_in(dir, "top.conf", &config, &error) < 0)
        ck_abort_msg("%s", error.text);
    ck_assert_str_eq(config->type, "system");
    ck_assert_str_eq(config->user, "u");
    ck_assert_str_eq(config->pidfile, "/p");
    ck_assert_str_eq(config->servicehelper, "/h");
    ck_assert(config->fork && config->keep_umask && config->syslog && config->allow_anonymous && config->at_console);
    ck_assert_str_eq(config->listen[2], "d:");
    ck_assert_ptr_null(config->listen[3]);
    ck_assert(config->listen_where[0].file == config->files[0] && config->listen_where[2].file == config->files[1]);
    ck_assert(config->user_where.file == config->files[1] && config->auth_where.file == config->files[1]);
    ck_assert_str_eq(config->auth[0], "A");
    ck_assert_str_eq(config->servicedirs[1], "/t");
    ck_assert_ptr_null(config->servicedirs[2]);
    ck_assert_str_eq(config->includedirs[0], path);
    ck_assert_uint_eq(config->limits.max_containers, 7);
    ck_assert_uint_eq(config->limits.max_message_size, 256);
    ck_assert(config->apparmor_given && config->apparmor == POSTERN_APPARMOR_REQUIRED);
    ck_assert_uint_eq(config->n_associates, 3);
    ck_assert_str_eq(config->associates[2].name, "c.d");
    ck_assert_uint_eq(config->n_rules, 4);
    ck_assert(config->rules[0].where.file == config->files[1] && config->rules[3].where.file == config->files[0]);
    ck_assert_ptr_null(config->files[2]);
    ck_assert_uint_eq(config->n_passed_over, 1);
    ck_assert_ptr_nonnull(strstr(config->warnings[0], "d/b.conf:1:"));
    ck_assert_ptr_null(config->warnings[1]);
    postern_busconfig_free(config);
    remove_tree(dir);
}
END_TEST

START_TEST(what_is_in_force_is_not_passed_over)
{
    char dir[] = "/tmp/test-policy.XXXXXX", path[300];
    struct postern_busconfig *before, *config = NULL;
    struct postern_busconfig_source source = {0};
    struct postern_error error;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    write_file(dir, "top.conf", HEAD "<includedir>.</includedir>" TAIL);
    write_file(dir, "a.conf", "<busconfig><policy context='default'><deny own='a.b'/></policy></busconfig>");
    write_file(dir, "b.conf", "<busconfig/><oops/>");
    if (read_in(dir, "top.conf", &before, &error) < 0)
        ck_abort_msg("%s", error.text);
    ck_assert_uint_eq(before->n_passed_over, 2); /* itself, too: it includes itself */
    ck_assert_uint_eq(before->n_rules, 1);
    write_file(dir, "top.conf", HEAD "<include>a.conf</include><includedir>d</includedir>" TAIL);
    snprintf(path, sizeof(path), "%s/d", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    write_file(dir, "d/a.conf", "<busconfig><policy context='default'><deny own='a.b'/></policy></busconfig>");
    write_file(dir, "d/b.conf", "<busconfig/><oops/>");
    postern_busconfig_free(before);
    ck_assert_int_eq(read_in(dir, "top.conf", &before, &error), 0);
    source.in_force = before;
    snprintf(path, sizeof(path), "%s/top.conf", dir);
    ck_assert_int_eq(postern_busconfig_read(path, &source, &config, &error), 0);
    ck_assert_uint_eq(config->n_passed_over, 1);
    postern_busconfig_free(config);
    config = NULL;
    write_file(dir, "d/a.conf", "<busconfig>\n<oops/></busconfig>");
    ck_assert_int_lt(postern_busconfig_read(path, &source, &config, &error), 0);
    ck_assert_ptr_null(config);
    ck_assert_ptr_nonnull(strstr(error.text, "d/a.conf:2:1: "));
    postern_busconfig_free(before);
    remove_tree(dir);
}
END_TEST

/* Files that include one another's folder, and are faulty: the work has an end. */
START_TEST(faulty_files_have_an_end)
{
    char dir[] = "/tmp/test-policy.XXXXXX", path[300], name[32];
    struct postern_busconfig *config;
    struct postern_error error;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/d", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    write_file(dir, "top.conf", HEAD "<includedir>d</includedir>" TAIL);
    for (int i = 0; i < 14; i++) {
        snprintf(name, sizeof(name), "d/%d.conf", i);
        write_file(dir, name, "<busconfig><includedir>.</includedir><oops/></busconfig>");
    }
    ck_assert_int_eq(read_in(dir, "top.conf", &config, &error), -E2BIG);
    remove_tree(dir);
}
END_TEST

Suite *policy_parts_suite(void)
{
    Suite *suite = suite_create("parts");
    TCase *tcase = tcase_create("parts");

    tcase_add_test(tcase, files_include_files);
    tcase_add_test(tcase, lookups_that_fail);
    tcase_add_test(tcase, warnings_have_an_end);
    tcase_add_test(tcase, a_part_is_as_the_whole);
    tcase_add_test(tcase, what_is_in_force_is_not_passed_over);
    tcase_add_test(tcase, faulty_files_have_an_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
