/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mediator.conf: what it says and where its faults are. */
#include "tests/unit/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ruletext.h"
#include "policy/mediatorconf.h"

#define IN(text) "<mediator>\n" text "\n</mediator>"
#define RULE(allow) IN("<container type='a.b' name='c'>\n" allow "\n</container>")

static int conf_read(const char *text, struct postern_mediatorconf **conf, struct postern_error *error)
{
    char name[64];
    int fd = memory_file(text, strlen(text), name);
    int code = postern_mediatorconf_read(name, false, conf, error);

    close(fd);
    return code;
}

static const struct {
    const char *text, *where, *message;
} refused[] = {
    {"<busconfig/>", "1:1", "<mediator>"},
    {"<mediator a='b'/>", "1:11", "no attributes"},
    {IN("<bees/>"), "2:1", "<identity>"},
    {IN("<identity order='socket selinux socket'/>"), "2:11", "twice"},
    {IN("<identity order='socket smack'/>"), "2:11", "\"smack\""},
    {IN("<identity order='socke'/>"), "2:11", "\"socke\""},
    {IN("<identity order='cgroup socket'/>"), "2:11", "begin with"},
    {IN("<identity order=''/>"), "2:11", "begin with"},
    {IN("<identity unpinned='trust'/>"), "2:11", "\"ignore\" or \"identify\""},
    {IN("<identity mood='x'/>"), "2:11", "known are: order, unpinned"},
    {IN("<containers default-mode='allow'/>"), "2:13", "\"restrict\", \"complain\" or \"identify\""},
    {IN("<containers implicit-mode=''/>"), "2:13", "implicit-mode"},
    {IN("<containers broadcasts='none'/>"), "2:13", "\"everyone\""},
    {IN("<containers instance-header='never'/>"), "2:13", "\"always\""},
    {IN("<containers\n max-total='-1'/>"), "3:2", "max-total"},
    {IN("<containers max-per-user=' 1'/>"), "2:13", "max-per-user"},
    {IN("<containers max-connections='2147483648'/>"), "2:13", "2147483647"},
    {IN("<containers max-metadata=''/>"), "2:13", "max-metadata"},
    {IN("<label match='{name}' type='a.b'/>"), "2:1", "lsm"},
    {IN("<label lsm='smack' match='{name}' type='a.b'/>"), "2:8", "\"selinux\" or \"apparmor\""},
    {IN("<label lsm='selinux' type='a.b'/>"), "2:1", "match"},
    {IN("<cgroup match='{name}'/>"), "2:1", "type"},
    {IN("<cgroup lsm='selinux' match='{name}' type='a.b'/>"), "2:9", "lsm"},
    {IN("<cgroup match='{name}' type='ab'/>"), "2:24", "reversed domain name"},
    {IN("<cgroup match='' type='a.b'/>"), "2:9", "empty"},
    {IN("<cgroup match='{nam}' type='a.b'/>"), "2:9", "at \"{nam}\""},
    {IN("<cgroup match='{name' type='a.b'/>"), "2:9", "{*}"},
    {IN("<cgroup match='name}' type='a.b'/>"), "2:9", "{*}"},
    {IN("<cgroup match='{name}{app}' type='a.b'/>"), "2:9", "between"},
    {IN("<cgroup match='x.{app}.{*}' type='a.b'/>"), "2:9", "{name} or {instance}"},
    {IN("<cgroup match='{name}-{name}' type='a.b'/>"), "2:9", "twice"},
    {IN("<cgroup match='a/{name}' type='a.b'/>"), "2:9", "CONTROLLER:/"},
    {IN("<cgroup match=':/{name}' type='a.b'/>"), "2:9", "CONTROLLER:/"},
    {IN("<cgroup match='{*}:/{name}' type='a.b'/>"), "2:9", "CONTROLLER:/"},
    {IN("<cgroup match='x' type='None'/>"), "2:19", "reversed domain name"},
    {IN("<label lsm='apparmor' match='x' type='nobody'/>"), "2:33", "reversed domain name"},
    {IN("<container name='c'/>"), "2:1", "\"type\" and \"name\""},
    {IN("<container type='a.b'/>"), "2:1", "\"type\" and \"name\""},
    {IN("<container type='a-b' name='c'/>"), "2:12", "reversed domain name"},
    {IN("<container type='a.b' name='c' mode='off'/>"), "2:32", "mode"},
    {IN("<container type='a.b' name='c'>x</container>"), "2:1", "text inside"},
    {IN("<container type='a.b' name='c'><deny talk='a.b'/></container>"), "2:32", "<allow>"},
    {RULE("<allow/>"), "3:1", "exactly one"},
    {RULE("<allow path='/'/>"), "3:1", "exactly one"},
    {RULE("<allow see='a.b' own='a.b'/>"), "3:1", "exactly one"},
    {RULE("<allow talk=''/>"), "3:1", "bus name"},
    {RULE("<allow talk='ab'/>"), "3:1", "\"ab\""},
    {RULE("<allow talk='.*'/>"), "3:1", "bus name"},
    {RULE("<allow talk='org.freedesktop.DBus'/>"), "3:1", "bus itself"},
    {RULE("<allow talk='a.b' path='/a'/>"), "3:1", "talk"},
    {RULE("<allow own='a.b' interface='a.b'/>"), "3:1", "own"},
    {RULE("<allow own=':1.1'/>"), "3:1", ":1.1"},
    {RULE("<allow call='a.b=x.y.z'/>"), "3:8", "attributes"},
    {RULE("<allow call='a.b' path='a'/>"), "3:19", "object path"},
    {RULE("<allow call='a.b' path='/a//b'/>"), "3:1", "/a//b"},
    {RULE("<allow call='a.b' path='/a@/b'/>"), "3:1", "/a@/b"},
    {RULE("<allow call='a.b' interface='x'/>"), "3:19", "interface name"},
    {RULE("<allow call='a.b' interface='*'/>"), "3:19", "interface name"},
    {RULE("<allow call='a.b' interface='x.y@/p'/>"), "3:19", "interface name"},
    {RULE("<allow call='a.b' member='M.N'/>"), "3:19", "member"},
    {RULE("<allow call='a.b' fds='yes'/>"), "3:19", "known are: see, talk"},
    {"<mediator>\n&a;</mediator>", "2:1", "undefined entity"},
};

START_TEST(faults_are_refused_where_they_stand)
{
    struct postern_mediatorconf *conf = NULL;
    struct postern_error error;
    const char *place;

    ck_assert_int_lt(conf_read(refused[_i].text, &conf, &error), 0);
    ck_assert_ptr_null(conf);
    place = strchr(error.text, ':');
    ck_assert_ptr_nonnull(place);
    if (strncmp(place + 1, refused[_i].where, strlen(refused[_i].where)) != 0 || strstr(error.text, refused[_i].message) == NULL)
        ck_abort_msg("\"%s\", expected %s ... %s", error.text, refused[_i].where, refused[_i].message);
}
END_TEST

/* attributes of <allow> -> the rule in its text form */
static const struct {
    const char *allow, *text;
} rules[] = {
    {"see='a.b'", "see=a.b"},
    {"talk='a.b.*'", "talk=a.b.*"},
    {"talk=':1.7'", "talk=:1.7"},
    {"own='a.b'", "own=a.b"},
    {"own='a.b.*'", "own=a.b.*"},
    {"call='a.b'", "call=a.b"},
    {"call='a.b' interface='x.y'", "call=a.b=x.y.*"},
    {"call='a.b' interface='x.y' member='M'", "call=a.b=x.y.M"},
    {"call='a.b' member='M'", "call=a.b=M"},
    {"call='a.b' path='/p'", "call=a.b=*@/p"},
    {"call='a.b.*' path='/p/*' interface='x.y'", "call=a.b.*=x.y.*@/p/*"},
    {"call='a.b' path='/'", "call=a.b=*@/"},
    {"call='a.b' path='/*'", "call=a.b"},
    {"broadcast='a.b' interface='x.y' member='S'", "broadcast=a.b=x.y.S"},
    {"send-fds='a.b' path='/p'", "send-fds=a.b=*@/p"},
    {"receive-fds='a.b'", "receive-fds=a.b"},
};

START_TEST(rules_mean_what_the_text_form_says)
{
    struct postern_mediatorconf *conf;
    struct postern_buf buf = {0};
    struct postern_error error;
    char text[256];

    snprintf(text, sizeof(text), RULE("\n<allow %s/>"), rules[_i].allow);
    if (conf_read(text, &conf, &error) < 0)
        ck_abort_msg("%s", error.text);
    ck_assert_uint_eq(conf->containers[0].n_rules, 1);
    ck_assert_int_eq(postern_ruletext_print(&conf->containers[0].rules[0], &buf), 0);
    ck_assert_int_eq(postern_buf_append(&buf, "", 1), 0);
    ck_assert_str_eq((const char *)buf.data, rules[_i].text);
    ck_assert(conf->containers[0].rules[0].ref.kind == POSTERN_RULE_FILE && conf->containers[0].rules[0].ref.line == 4);
    ck_assert_str_eq(conf->containers[0].rules[0].ref.file, conf->files[0]);
    postern_buf_finish(&buf);
    postern_mediatorconf_free(conf);
}
END_TEST

START_TEST(everything_is_read)
{
    static const char text[] =
        IN("<identity order=' socket\tcgroup ' unpinned='identify'/>"
           "<containers default-mode='complain' implicit-mode='restrict' broadcasts='instance' instance-header='requested'"
           " max-total='1' max-per-user='2' max-connections='3' max-metadata='0'/>\n"
           "<label lsm='selinux' match='x:{*}:{instance}' type='x.y'/><cgroup match='/docker/{name}' type='com.docker'/>"
           "<cgroup match='freezer:/x.{*}' type='none'/><label lsm='selinux' match='{*}:y' type='none'/>"
           "<container type='a.b' name='&#228;'><allow see='a.b'/></container><container type='a.b' name='' mode='identify'/>"
           "<container type='a.b' name='&#228;' mode='complain'><allow own='c.d'/></container><containers max-total='9'/>");
    struct postern_mediatorconf *conf;
    struct postern_error error;

    if (conf_read(text, &conf, &error) < 0)
        ck_abort_msg("%s", error.text);
    ck_assert_uint_eq(conf->n_order, 2);
    ck_assert(conf->order[0] == POSTERN_PROVIDER_SOCKET && conf->order[1] == POSTERN_PROVIDER_CGROUP && conf->unpinned_identifies);
    ck_assert(conf->default_mode == POSTERN_MODE_COMPLAIN && conf->implicit_mode == POSTERN_MODE_RESTRICT);
    ck_assert(conf->broadcasts_inside && conf->header_on_request);
    ck_assert(conf->max_total == 9 && conf->max_per_user == 2 && conf->max_connections == 3 && conf->max_metadata == 0);
    ck_assert_str_eq(conf->matches[0].pattern, "x:{*}:{instance}");
    ck_assert(conf->matches[0].provider == POSTERN_PROVIDER_SELINUX && conf->matches[0].where.line == 3);
    ck_assert_str_eq(conf->matches[1].type, "com.docker");
    ck_assert_str_eq(conf->matches[2].type, POSTERN_SETTINGS_NO_CONTAINER);
    ck_assert_str_eq(conf->matches[3].type, POSTERN_SETTINGS_NO_CONTAINER);
    ck_assert_int_eq(conf->matches[3].provider, POSTERN_PROVIDER_SELINUX);
    /* The shipped patterns of AppArmor still hold: the file says nothing about them. */
    ck_assert_uint_gt(conf->n_matches, 4);
    for (size_t i = 4; i < conf->n_matches; i++)
        ck_assert_int_eq(conf->matches[i].provider, POSTERN_PROVIDER_APPARMOR);
    ck_assert_uint_eq(conf->n_containers, 2);
    ck_assert_str_eq(conf->containers[0].name, "\xc3\xa4");
    ck_assert(conf->containers[0].n_rules == 2 && conf->containers[0].mode == POSTERN_MODE_COMPLAIN);
    ck_assert(conf->containers[1].n_rules == 0 && conf->containers[1].mode == POSTERN_MODE_IDENTIFY);
    postern_mediatorconf_free(conf);
}
END_TEST

static void check_shipped(const struct postern_mediatorconf *conf)
{
    ck_assert(conf->n_order == 4 && conf->order[3] == POSTERN_PROVIDER_CGROUP && !conf->unpinned_identifies);
    ck_assert(conf->default_mode == POSTERN_MODE_RESTRICT && conf->implicit_mode == POSTERN_MODE_IDENTIFY);
    ck_assert(!conf->broadcasts_inside && !conf->header_on_request);
    ck_assert(conf->max_total == POSTERN_LIMIT_UNSET && conf->max_per_user == POSTERN_LIMIT_UNSET);
    ck_assert(conf->max_connections == POSTERN_LIMIT_UNSET && conf->max_metadata == POSTERN_LIMIT_UNSET);
    ck_assert_uint_eq(conf->n_containers, 0);
}

/* The file that is installed says what holds without it. */
START_TEST(installed_file_says_the_defaults)
{
    struct postern_mediatorconf *bare, *file;
    struct postern_error error;

    ck_assert_int_eq(conf_read(IN(""), &bare, &error), 0);
    if (postern_mediatorconf_read(TEST_SRCDIR "/data/mediator.conf", false, &file, &error) < 0)
        ck_abort_msg("%s", error.text);
    check_shipped(bare);
    check_shipped(file);
    ck_assert_uint_eq(bare->n_matches, file->n_matches);
    for (size_t i = 0; i < bare->n_matches; i++) {
        ck_assert_int_eq(bare->matches[i].provider, file->matches[i].provider);
        ck_assert_str_eq(bare->matches[i].pattern, file->matches[i].pattern);
        ck_assert_str_eq(bare->matches[i].type, file->matches[i].type);
    }
    postern_mediatorconf_free(bare);
    postern_mediatorconf_free(file);
}
END_TEST

static void make_dir(const char *dir, const char *name)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

START_TEST(places)
{
    char dir[] = "/tmp/test-policy.XXXXXX", path[300];
    struct postern_mediatorconf *conf = NULL;
    struct postern_error error;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    make_dir(dir, "postern");
    make_dir(dir, "postern/mediator.conf.d");
    write_file(dir, "postern/mediator.conf.d/b.conf", IN("<containers max-total='3' max-metadata='4'/>"));
    write_file(dir, "postern/mediator.conf.d/a.conf", IN("<containers max-total='2'/>"));
    write_file(dir, "postern/mediator.conf.d/c.conf.off", "not read");
    setenv("XDG_CONFIG_HOME", dir, 1);
    ck_assert_int_eq(postern_mediatorconf_read(NULL, false, &conf, &error), 0); /* a .d without the file */
    ck_assert(conf->max_total == 3 && conf->max_metadata == 4);
    ck_assert_ptr_null(conf->files[2]);
    postern_mediatorconf_free(conf);

    write_file(dir, "postern/mediator.conf", IN("<containers max-total='1' max-per-user='5'/><includedir>more</includedir>"));
    make_dir(dir, "postern/more");
    write_file(dir, "postern/more/x.conf", IN("<containers max-connections='6'/>"));
    ck_assert_int_eq(postern_mediatorconf_read(NULL, false, &conf, &error), 0);
    ck_assert(conf->max_total == 3 && conf->max_per_user == 5 && conf->max_connections == 6);
    postern_mediatorconf_free(conf);

    snprintf(path, sizeof(path), "%s/postern/mediator.conf", dir);
    ck_assert_int_eq(postern_mediatorconf_read(path, false, &conf, &error), 0); /* named: no .d */
    ck_assert(conf->max_total == 1 && conf->max_metadata == POSTERN_LIMIT_UNSET);
    postern_mediatorconf_free(conf);
    ck_assert_int_eq(postern_mediatorconf_read("/nonexistent/m.conf", false, &conf, &error), -ENOENT);

    write_file(dir, "postern/more/x.conf", IN("<includedir>../more</includedir>"));
    ck_assert_int_eq(postern_mediatorconf_read(NULL, false, &conf, &error), -ELOOP);
    ck_assert_ptr_nonnull(strstr(error.text, "x.conf:2:1: "));
    unsetenv("XDG_CONFIG_HOME");
    remove_tree(dir);
}
END_TEST

Suite *policy_mediatorconf_suite(void)
{
    Suite *suite = suite_create("mediatorconf");
    TCase *tcase = tcase_create("mediatorconf");

    tcase_add_loop_test(tcase, faults_are_refused_where_they_stand, 0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_loop_test(tcase, rules_mean_what_the_text_form_says, 0, sizeof(rules) / sizeof(rules[0]));
    tcase_add_test(tcase, everything_is_read);
    tcase_add_test(tcase, installed_file_says_the_defaults);
    tcase_add_test(tcase, places);
    suite_add_tcase(suite, tcase);
    return suite;
}
