/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mediator opens whole or not at all, and says why not. */
#include "tests/unit/core.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/door-fixture.h"

static void write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs(content, file);
    ck_assert_int_eq(fclose(file), 0);
}

#define BUS(inner) "<busconfig><listen>unix:tmpdir=/tmp</listen>" inner "</busconfig>\n"

static const struct {
    const char *bus, *mediator; /* content; NULL: the file is missing */
    const char *says;           /* NULL: it opens */
} files[] = {
    {BUS(""), "<mediator/>", NULL},
    {BUS("<apparmor mode=\"enabled\"/>"), "<mediator/>", NULL},
    {BUS("<apparmor mode=\"disabled\"/>"), "<mediator/>", NULL},
    {BUS("\n<apparmor mode=\"required\"/>"), "<mediator/>", "bus.conf:2:"},
    {BUS("\n<apparmor mode=\"required\"/>"), "<mediator/>", "AppArmor"},
    {BUS("<selinux><associate own=\"a.b\" context=\"c_t\"/></selinux>"), "<mediator/>", NULL},
    {BUS("\n\n<nonsense/>"), "<mediator/>", "bus.conf:3:"},
    {BUS(""), "<mediator>\n<nonsense/></mediator>", "mediator.conf:2:"},
    {BUS(""), "<mediator><container type=\"a.b\" name=\"c\">\n<allow talk=\"bad\"/></container></mediator>", "mediator.conf:2:"},
    {NULL, "<mediator/>", "bus.conf"},
    {BUS(""), NULL, "mediator.conf"},
};

START_TEST(of_files)
{
    struct fixture fixture = {0};
    struct postern_options options = {.size = sizeof(options)};
    struct postern_fault fault = {.size = sizeof(fault)};
    struct postern_mediator *mediator = NULL;
    char bus[96], conf[96];
    int r;

    fixture_open(&fixture, NULL, NULL);
    snprintf(bus, sizeof(bus), "%s/bus.conf", fixture.dir);
    snprintf(conf, sizeof(conf), "%s/mediator.conf", fixture.dir);
    unlink(bus);
    unlink(conf);
    if (files[_i].bus != NULL)
        write_file(bus, files[_i].bus);
    if (files[_i].mediator != NULL)
        write_file(conf, files[_i].mediator);
    options.host = &fixture.host;
    options.bus_config = bus;
    options.mediator_config = conf;
    r = fixture.module->open(&options, &mediator, &fault);
    ck_assert_msg((r == 0) == (files[_i].says == NULL), "%s", fault.text);
    ck_assert((mediator != NULL) == (r == 0));
    ck_assert_msg(r == 0 || strstr(fault.text, files[_i].says) != NULL, "\"%s\" is not in: %s", files[_i].says, fault.text);
    fixture.module->close(mediator);
    fixture_close(&fixture);
}
END_TEST

static const struct {
    uint32_t options_size, host_size;
    uint16_t major;
    uint32_t flags;
    bool no_host, no_file, opens;
} hosts[] = {
    {sizeof(struct postern_options), sizeof(struct postern_host), 1, 0, false, false, true},
    {sizeof(struct postern_options), sizeof(struct postern_host), 1, POSTERN_OPTION_LOG_ALL, false, false, true},
    {sizeof(struct postern_options), sizeof(struct postern_host), 2, 0, false, false, false},
    {sizeof(struct postern_options), sizeof(struct postern_host), 0, 0, false, false, false},
    {sizeof(struct postern_options) - 8, sizeof(struct postern_host), 1, 0, false, false, false},
    {sizeof(struct postern_options), offsetof(struct postern_host, log_fields), 1, 0, false, false, true}, /* version 1.0 */
    {sizeof(struct postern_options), offsetof(struct postern_host, log_fields) - 8, 1, 0, false, false, false},
    {0, sizeof(struct postern_host), 1, 0, false, false, false},
    {sizeof(struct postern_options), sizeof(struct postern_host), 1, POSTERN_OPTION_NO_CACHE, false, false, true},
    {sizeof(struct postern_options), sizeof(struct postern_host), 1, 4, false, false, false},
    {sizeof(struct postern_options), sizeof(struct postern_host), 1, 0, true, false, false},
    {sizeof(struct postern_options), sizeof(struct postern_host), 1, 0, false, true, false},
};

START_TEST(for_hosts)
{
    struct fixture fixture = {0};
    struct postern_options options = {.size = hosts[_i].options_size, .flags = hosts[_i].flags};
    struct postern_fault fault = {.size = sizeof(fault)};
    struct postern_mediator *mediator = NULL;
    struct postern_host host;
    char bus[96], conf[96];
    int r;

    fixture_open(&fixture, NULL, NULL);
    snprintf(bus, sizeof(bus), "%s/bus.conf", fixture.dir);
    snprintf(conf, sizeof(conf), "%s/mediator.conf", fixture.dir);
    host = fixture.host;
    host.abi.size = hosts[_i].host_size;
    host.abi.major = hosts[_i].major;
    options.host = hosts[_i].no_host ? NULL : &host;
    options.bus_config = hosts[_i].no_file ? NULL : bus;
    options.mediator_config = conf;
    r = fixture.module->open(&options, &mediator, &fault);
    ck_assert((r == 0) == hosts[_i].opens);
    ck_assert((mediator != NULL) == hosts[_i].opens);
    ck_assert(hosts[_i].opens || fault.text[0] != '\0');
    fixture.module->close(mediator);
    fixture_close(&fixture);
}
END_TEST

/* A host that knows users and groups is asked, at once and for every name, and nobody else. */
static char asked[200];

static int32_t account(void *data, uint32_t kind, const char *name, uint32_t *id)
{
    size_t len = strlen(asked);

    snprintf(asked + len, sizeof(asked) - len, "%u:%s ", kind, name);
    if (strcmp(name, "changed") == 0)
        return -ESTALE;
    if (strcmp(name, "down") == 0)
        return -EIO;
    *id = 1000;
    return strcmp(name, "alice") == 0;
}

static char logged[2000];

static void note_log(void *data, int32_t priority, const char *text)
{
    size_t len = strlen(logged);

    snprintf(logged + len, sizeof(logged) - len, "%d %s\n", priority, text);
}

START_TEST(names_are_the_hosts)
{
    static const char policies[] = BUS("<policy user=\"alice\"/><policy group=\"root\"/>\n<policy user=\"down\"/><policy user=\"7\"/>");
    struct fixture fixture = {0};
    struct postern_options options = {.size = sizeof(options)};
    struct postern_fault fault = {.size = sizeof(fault)};
    struct postern_mediator *mediator = NULL;
    struct postern_host host;
    char bus[96], conf[96];

    fixture_open(&fixture, NULL, NULL);
    snprintf(bus, sizeof(bus), "%s/bus.conf", fixture.dir);
    snprintf(conf, sizeof(conf), "%s/mediator.conf", fixture.dir);
    host = fixture.host;
    host.account = account;
    host.log = note_log;
    options.host = &host;
    options.bus_config = bus;
    options.mediator_config = conf;
    write_file(bus, policies);
    ck_assert_int_eq(fixture.module->open(&options, &mediator, &fault), 0);
    ck_assert_str_eq(asked, "1:alice 2:root 1:down ");
    ck_assert_ptr_nonnull(strstr(logged, "3 "));
    ck_assert_ptr_nonnull(strstr(logged, "bus.conf:2:9: cannot look up user=\"down\""));
    write_file(bus, BUS("<policy user=\"changed\"/>"));
    ck_assert_int_eq(fixture.module->reload(mediator, &fault), -ESTALE);
    ck_assert_ptr_nonnull(strstr(fault.text, "bus.conf:1:"));
    write_file(bus, policies);
    ck_assert_int_eq(fixture.module->reload(mediator, &fault), 0);
    fixture.module->close(mediator);
    fixture_close(&fixture);
}
END_TEST

START_TEST(the_table)
{
    extern postern_module_fn postern_module_v1;
    const struct postern_interface *list;
    const struct postern_module *module = postern_module_v1(POSTERN_ABI_MAJOR, POSTERN_ABI_MINOR + 5);

    ck_assert_ptr_nonnull(module);
    ck_assert_uint_eq(module->abi.size, sizeof(*module));
    ck_assert_ptr_null(postern_module_v1(POSTERN_ABI_MAJOR + 1, 0));
    ck_assert_ptr_null(postern_module_v1(0, 0));
    ck_assert_uint_eq(module->interfaces(&list), 2);
    ck_assert_str_eq(list[1].name, "org.postern.Mediator1");
    ck_assert_str_eq(list[0].name, "org.freedesktop.DBus.Containers1");
    ck_assert_str_eq(module->features()[0], "HeaderFiltering");
}
END_TEST

Suite *core_open_suite(void)
{
    Suite *suite = suite_create("core: opening");
    TCase *tcase = tcase_create("open");

    tcase_add_loop_test(tcase, of_files, 0, sizeof(files) / sizeof(files[0]));
    tcase_add_loop_test(tcase, for_hosts, 0, sizeof(hosts) / sizeof(hosts[0]));
    tcase_add_test(tcase, names_are_the_hosts);
    tcase_add_test(tcase, the_table);
    suite_add_tcase(suite, tcase);
    return suite;
}
