/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What service files say, told through the module interface: the rules of Allow= for every container, and what is wrong in a file. */
#include "tests/unit/core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mediator.h"
#include "core/services.h"
#include "tests/unit/door-fixture.h"

#define SERVICE "com.example.Service"
#define SERVICE_FILE "/s/com.example.Service.service"

static struct fixture fixture;
static struct postern_party *app, *server, *other, *manager;
static char logged[8192];

/* Less what is decided, and what a build without some library says each time that it reads the settings. */
static void note_log(void *data, int32_t priority, const char *text)
{
    static const char lesser_build[] = "this build cannot identify containers by";
    size_t len = strlen(logged);

    if (strncmp(text, "verdict=", 8) != 0 && strncmp(text, lesser_build, sizeof(lesser_build) - 1) != 0)
        snprintf(logged + len, sizeof(logged) - len, "%d %s\n", priority, text);
}

static void set_up(void)
{
    struct fixture_container container;

    logged[0] = '\0';
    fixture.quiet = true;
    fixture_open(&fixture, NULL, NULL);
    manager = fixture_outside(&fixture, 1);
    ck_assert(fixture_add_server(&fixture, manager, "a.b", "app", "restrict", NULL, 0, &container));
    app = fixture_inside(&fixture, &container, 2);
    server = fixture_outside(&fixture, 3);
    other = fixture_outside(&fixture, 4);
    fixture_own(&fixture, server, SERVICE);
    fixture_own(&fixture, other, SERVICE ".Sub");
    fixture.host.log = note_log;
}

static void tear_down(void)
{
    struct postern_party *all[] = {app, server, other, manager};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        fixture.module->party_leave(all[i]);
        fixture.module->party_free(all[i]);
    }
    fixture_close(&fixture);
}

static struct postern_view view(const char *s)
{
    return (struct postern_view){.data = s, .len = s != NULL ? (uint32_t)strlen(s) : 0};
}

static struct postern_activatable file_of(const char *name, const char *file, const char *allow)
{
    return (struct postern_activatable){.size = sizeof(struct postern_activatable),
                                        .allow_line = 5,
                                        .owner_user_line = 6,
                                        .access_control_line = 7,
                                        .name = view(name),
                                        .file = view(file),
                                        .allow = view(allow)};
}

static int tell(const struct postern_activatable *files, uint32_t n)
{
    const struct postern_activatable *list[8];

    for (uint32_t i = 0; i < n; i++)
        list[i] = &files[i];
    return fixture.module->services(fixture.mediator, list, n);
}

static bool may(struct postern_party *from, struct postern_party *to, struct fixture_message message)
{
    struct postern_verdict verdict;

    return fixture_send(&fixture, from, to, &message, &verdict);
}

#define METHOD(...) (struct fixture_message){.type = POSTERN_MESSAGE_METHOD_CALL, .interface = "a.b", .member = "M", __VA_ARGS__}
#define NOTE(...) (struct fixture_message){.type = POSTERN_MESSAGE_SIGNAL, .interface = "a.b", __VA_ARGS__}

/* A letter for each thing that the container may do with the service, '-' for what it may not. */
static const char *outcome(void)
{
    static char text[16];
    const bool can[] = {
        fixture.module->see(app, server, SERVICE) == POSTERN_SEE_INSPECT,
        may(app, server, METHOD(.path = "/obj/x", .destination = SERVICE)),
        may(app, server, METHOD(.path = "/other", .destination = SERVICE)),
        may(app, server, METHOD(.path = "/obj/x", .destination = SERVICE, .fds = 1)),
        may(server, app, METHOD(.path = "/obj/x", .destination = ":1.2", .fds = 1)),
        may(server, app, NOTE(.path = "/obj/x", .member = "S", .flags = POSTERN_REQUEST_BROADCAST)),
        may(server, app, NOTE(.path = "/obj/x", .member = "T", .flags = POSTERN_REQUEST_BROADCAST)),
        fixture_ask(&fixture, POSTERN_ACTION_ACTIVATE, app, SERVICE, 0),
        fixture_ask(&fixture, POSTERN_ACTION_OWN, app, SERVICE, 0),
        fixture.module->see(app, other, SERVICE ".Sub") != POSTERN_SEE_HIDDEN,
    };

    for (size_t i = 0; i < sizeof(can) / sizeof(can[0]); i++)
        text[i] = can[i] ? "vcofrbBawX"[i] : '-';
    text[sizeof(can) / sizeof(can[0])] = '\0';
    return text;
}

#define NOTHING "----------"

static const struct {
    const char *allow, *outcome, *fault; /* NULL: there is none */
} texts[] = {
    {NULL, NOTHING, NULL},
    {"", NOTHING, NULL},
    {"see", "v---------", NULL},
    {"see;", "v---------", NULL},
    {"call", "vco----a--", NULL},
    {" call ; see ; ", "vco----a--", NULL},
    {"talk", "vco--bBa--", NULL},
    {"broadcast", "v----bB---", NULL},
    {"broadcast=a.b.S", "v----b----", NULL},
    {"broadcast=*@/obj/x", "v----bB---", NULL},
    {"call=*@/obj/*", "vc-----a--", NULL},
    {"call=*@/obj", "v------a--", NULL},
    {"call=a.b.M@/other", "v-o----a--", NULL},
    {"call=a.b.*", "vco----a--", NULL},
    {"call=x.y.*", "v------a--", NULL},
    {"call=N;call=*@/obj/x", "vc-----a--", NULL},
    {"call=M", "vco----a--", NULL},
    {"send-fds", "vcof---a--", NULL},
    {"send-fds=*@/other", "v-o----a--", NULL},
    {"receive-fds=*@/obj/*", "vc--r--a--", NULL},
    {"see;call=*@/obj/x;broadcast=a.b.S;receive-fds=*@/obj/*", "vc--rb-a--", NULL},
    /* What is no rule, and nothing of the text counts. */
    {"own", NOTHING, "own is not for a service to give away"},
    {"call;own", NOTHING, "own is not for a service to give away"},
    {"own=x", NOTHING, "own is not for a service to give away"},
    {"tlak", NOTHING, "\"tlak\" is no kind of rule"},
    {"call;;see", NOTHING, "a rule is missing before a \";\""},
    {";", NOTHING, "a rule is missing before a \";\""},
    {"=", NOTHING, "nothing stands behind \"=\""},
    {"call=", NOTHING, "nothing stands behind \"call=\""},
    {"=a.b", NOTHING, "\"\" is no kind of rule"},
    {"call =a.b.M", NOTHING, "\"call \" is no kind of rule"},
    {"see=*", NOTHING, "too much"},
    {"talk=com.example.Other", NOTHING, "too much"},
    {"call=com.example.Other=*", NOTHING, "not a valid member name"},
    {"call=*@obj", NOTHING, "not a valid object path"},
    {"call=*@", NOTHING, "not a valid object path"},
    {"call=a..b.M", NOTHING, "not a valid interface name"},
    {"call;call=*@/a//b", NOTHING, "not a valid object path"},
    {"call\xff", NOTHING, "Allow= is not text"},
};

START_TEST(of_allow)
{
    struct postern_activatable files[] = {file_of(SERVICE, SERVICE_FILE, texts[_i].allow), file_of("com.example.Later", "/s/later", "see")};

    ck_assert_int_eq(tell(files, 2), 0);
    ck_assert_msg(strcmp(outcome(), texts[_i].outcome) == 0, "%s: %s", texts[_i].allow, outcome());
    /* A fault in one file is not the other's. */
    ck_assert_uint_eq(fixture.module->see(app, NULL, "com.example.Later"), POSTERN_SEE_INSPECT);
    if (texts[_i].fault == NULL) {
        ck_assert_str_eq(logged, "");
        return;
    }
    ck_assert_ptr_nonnull(strstr(logged, "3 " SERVICE_FILE ":5: Allow"));
    ck_assert_msg(strstr(logged, texts[_i].fault) != NULL, "%s", logged);
}
END_TEST

/* n times "see;". */
static char *many(size_t n)
{
    char *text = malloc(4 * n + 1);

    for (size_t i = 0; i < n; i++)
        memcpy(text + 4 * i, "see;", 4);
    text[4 * n] = '\0';
    return text;
}

START_TEST(limits)
{
    char *most = many(POSTERN_SERVICES_RULES_PER_FILE), *too_many = many(POSTERN_SERVICES_RULES_PER_FILE + 1);
    static char blank[POSTERN_SERVICES_TEXT_MAX + 2];
    static char names[66][40];
    static struct postern_activatable files[66];
    const struct postern_activatable *list[66];
    struct postern_activatable one = file_of(SERVICE, SERVICE_FILE, most);

    ck_assert_int_eq(tell(&one, 1), 0);
    ck_assert_str_eq(outcome(), "v---------");
    one.allow = view(too_many);
    ck_assert_int_eq(tell(&one, 1), 0);
    ck_assert_str_eq(outcome(), NOTHING);
    ck_assert_ptr_nonnull(strstr(logged, SERVICE_FILE ":5: Allow=: more than 256 rules"));
    memset(blank, ' ', sizeof(blank) - 1);
    memcpy(blank, "see", 3);
    one.allow = (struct postern_view){.data = blank, .len = POSTERN_SERVICES_TEXT_MAX + 1};
    ck_assert_int_eq(tell(&one, 1), 0);
    ck_assert_str_eq(outcome(), NOTHING);
    ck_assert_ptr_nonnull(strstr(logged, "longer than 65536 bytes"));
    blank[POSTERN_SERVICES_TEXT_MAX] = '\0';
    one.allow.len--;
    ck_assert_int_eq(tell(&one, 1), 0);
    ck_assert_str_eq(outcome(), "v---------");

    /* 64 files fill it up; what does not fit gives nothing, what came before stays. */
    for (unsigned i = 0; i < 66; i++) {
        snprintf(names[i], sizeof(names[i]), "com.example.N%u", i);
        files[i] = file_of(i == 65 ? SERVICE : names[i], names[i], most);
        list[i] = &files[i];
    }
    files[63].allow = view("see");
    logged[0] = '\0';
    ck_assert_int_eq(fixture.module->services(fixture.mediator, list, 66), 0);
    ck_assert_ptr_nonnull(strstr(logged, "com.example.N64:5: Allow=: more than 16384 rules"));
    ck_assert_str_eq(outcome(), NOTHING);
    ck_assert_uint_eq(fixture.module->see(app, NULL, "com.example.N63"), POSTERN_SEE_INSPECT);
    ck_assert_uint_eq(fixture.module->see(app, NULL, "com.example.N64"), POSTERN_SEE_HIDDEN);
    free(most);
    free(too_many);
}
END_TEST

/* A list takes the place of the one before, or nothing changes; a reload of the configuration keeps it. */
START_TEST(replaced_as_a_whole)
{
    struct postern_activatable files[] = {file_of(SERVICE, SERVICE_FILE, "call"), file_of("com.example.B", "/s/b", "see")};
    struct postern_activatable odd = file_of(SERVICE, SERVICE_FILE, "see");
    struct postern_fault fault = {.size = sizeof(fault)};
    const struct postern_activatable *none[] = {&odd, NULL};

    ck_assert_int_eq(tell(files, 2), 0);
    ck_assert_str_eq(outcome(), "vco----a--");
    odd.size = 8;
    ck_assert_int_eq(tell(&odd, 1), -EINVAL);
    ck_assert_int_eq(fixture.module->services(fixture.mediator, NULL, 1), -EINVAL);
    odd.size = sizeof(odd);
    ck_assert_int_eq(fixture.module->services(fixture.mediator, none, 2), -EINVAL);
    ck_assert_str_eq(outcome(), "vco----a--");
    ck_assert_int_eq(fixture.module->reload(fixture.mediator, &fault), 0);
    ck_assert_str_eq(outcome(), "vco----a--");
    ck_assert_int_eq(tell(files + 1, 1), 0);
    ck_assert_str_eq(outcome(), NOTHING);
    ck_assert_int_eq(tell(&odd, 1), 0);
    ck_assert_str_eq(outcome(), "v---------");
    ck_assert_int_eq(tell(NULL, 0), 0);
    ck_assert_str_eq(outcome(), NOTHING);
    ck_assert_str_eq(logged, "");
}
END_TEST

START_TEST(the_table)
{
    struct postern_activatable files[] = {file_of(SERVICE, SERVICE_FILE, NULL), file_of("com.example.B", "/s/\xff", "bad"),
                                          file_of("org.freedesktop.DBus", "/s/bus", "call"), file_of("nodot", "/s/nodot", "call"),
                                          file_of(SERVICE, "/s/second", "talk"), file_of(SERVICE ".*", "/s/star", "talk")};
    const struct postern_service_entry *entry;

    ck_assert_ptr_null(postern_services_find_entry(fixture.mediator, SERVICE, strlen(SERVICE)));
    files[0].assumed_label = view("/usr/bin/a");
    ck_assert_int_eq(tell(files, 6), 0);
    entry = postern_services_find_entry(fixture.mediator, SERVICE "X", strlen(SERVICE));
    ck_assert_ptr_nonnull(entry);
    ck_assert_str_eq(entry->name, SERVICE);
    ck_assert_str_eq(entry->file, SERVICE_FILE);
    ck_assert_str_eq(entry->assumed_label, "/usr/bin/a");
    ck_assert(!entry->has_owner && !entry->is_open);
    entry = postern_services_find_entry(fixture.mediator, "com.example.B", strlen("com.example.B"));
    ck_assert_str_eq(entry->file, "the service file of com.example.B");
    ck_assert_ptr_null(entry->assumed_label);
    ck_assert_ptr_null(postern_services_find_entry(fixture.mediator, "org.freedesktop.DBus", strlen("org.freedesktop.DBus")));
    ck_assert_ptr_null(postern_services_find_entry(fixture.mediator, "nodot", 5));
    ck_assert_uint_eq(HASH_COUNT(fixture.mediator->services->entries), 2);
    ck_assert_ptr_nonnull(strstr(logged, "/s/nodot"));
    ck_assert_ptr_nonnull(strstr(logged, "/s/star"));
    ck_assert_ptr_nonnull(strstr(logged, "/s/bus"));
    ck_assert_str_eq(outcome(), NOTHING); /* the first file of a name is the one */
}
END_TEST

/* Elsewhere than on a system bus these say nothing, and nobody is looked up; what is wrong is wrong nevertheless. */
START_TEST(not_on_a_session_bus)
{
    struct postern_activatable file = file_of(SERVICE, SERVICE_FILE, "see");

    file.owner_user = view("nobody whom anybody knows");
    file.access_control = view("self");
    ck_assert_int_eq(tell(&file, 1), 0);
    ck_assert_str_eq(logged, "5 " SERVICE_FILE ":7: AccessControl= has no effect on this bus: it is for buses of <type>system</type>\n"
                             "5 " SERVICE_FILE ":6: OwnerUser= has no effect on this bus: it is for buses of <type>system</type>\n");
    ck_assert_str_eq(outcome(), "v---------");
    file.access_control = view("Self");
    ck_assert_int_eq(tell(&file, 1), 0);
    ck_assert_str_eq(outcome(), NOTHING);
    ck_assert_ptr_nonnull(strstr(logged, ":7: AccessControl=Self: only \"self\" can stand there"));
}
END_TEST

/* ---- on a system bus ------------------------------------------------------------------------------------------ */

static int32_t account(void *data, uint32_t kind, const char *name, uint32_t *id)
{
    if (kind != POSTERN_ACCOUNT_USER)
        return -EINVAL;
    if (strcmp(name, "new") == 0)
        return -ESTALE;
    if (strcmp(name, "down") == 0)
        return -EIO;
    *id = strcmp(name, "me") == 0 ? geteuid() : geteuid() + 1;
    return strcmp(name, "me") == 0 || strcmp(name, "neighbour") == 0;
}

static const struct {
    const char *owner, *access, *allow;
    int result;
    bool owns, calls, contained; /* I may own it, outside one may call it, from a container one may see it */
    const char *says;            /* NULL: nothing */
} keys[] = {
    {NULL, NULL, NULL, 0, false, false, false, NULL},
    {"me", "self", "see", 0, true, true, true, NULL},
    {"me", NULL, NULL, 0, true, false, false, NULL},
    {NULL, "self", NULL, 0, false, true, false, NULL},
    {"neighbour", "self", NULL, 0, false, true, false, NULL},
    {"ME", "self", "see", 0, false, false, false,
     "3 " SERVICE_FILE ":6: OwnerUser=ME: there is no such user - nothing in the group [X-Postern] counts"},
    {"4294967295", "self", "see", 0, false, false, false, ":6: OwnerUser=4294967295: there is no such user"},
    {"99999999999999999999", "self", "see", 0, false, false, false, "there is no such user"},
    {"down", "self", "see", 0, false, false, false, ":6: cannot look up OwnerUser=down: Input/output error"},
    {"new", "self", "see", -EAGAIN, false, false, false, "6 " SERVICE_FILE ":6: the user of OwnerUser= is being looked up"},
    {"me", "me", "see", 0, false, false, false, ":7: AccessControl=me: only \"self\" can stand there"},
    {"me", "self;", NULL, 0, false, false, false, ":7: AccessControl=self;"},
    {"me", "self", "own", 0, false, false, false, ":5: Allow=: own is not"}, /* one fault is the whole group's */
    {"", "", "", 0, false, false, false, NULL},
};

static void use_system_bus(void)
{
    static const char conf[] = "<busconfig><type>system</type><listen>unix:tmpdir=/tmp</listen><policy context='default'><allow user='*'/>"
                               "<allow receive_sender='*'/><allow send_destination='com.example.Open'/><deny own='*'/></policy></busconfig>";
    struct postern_fault fault = {.size = sizeof(fault)};
    char path[96];
    FILE *f;

    snprintf(path, sizeof(path), "%s/bus.conf", fixture.dir);
    f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    fputs(conf, f);
    ck_assert_int_eq(fclose(f), 0);
    fixture.host.account = account;
    ck_assert_int_eq(fixture.module->reload(fixture.mediator, &fault), 0);
}

START_TEST(on_a_system_bus)
{
    struct postern_activatable files[] = {file_of(SERVICE, SERVICE_FILE, keys[_i].allow), file_of("com.example.Later", "/s/later", NULL)};
    struct postern_fault fault = {.size = sizeof(fault)};
    char number[16];

    use_system_bus();
    snprintf(number, sizeof(number), "%u", (unsigned)geteuid());
    files[0].owner_user = view(keys[_i].owner);
    files[0].access_control = view(keys[_i].access);
    files[1].owner_user = view(number);
    ck_assert(!fixture_ask(&fixture, POSTERN_ACTION_OWN, other, SERVICE, 0));
    ck_assert_int_eq(tell(files, 2), keys[_i].result);
    for (int again = 0; again < 2; again++) {
        ck_assert(fixture_ask(&fixture, POSTERN_ACTION_OWN, other, SERVICE, 0) == keys[_i].owns);
        ck_assert(may(other, server, METHOD(.path = "/", .destination = SERVICE)) == keys[_i].calls);
        ck_assert((fixture.module->see(app, server, SERVICE) == POSTERN_SEE_INSPECT) == keys[_i].contained);
        ck_assert(fixture_ask(&fixture, POSTERN_ACTION_OWN, other, "com.example.Later", 0)); /* the other file counts */
        ck_assert_int_eq(fixture.module->reload(fixture.mediator, &fault), 0);              /* what was told stays */
    }
    ck_assert_msg(keys[_i].says != NULL ? strstr(logged, keys[_i].says) != NULL : logged[0] == '\0', "%s", logged);
    ck_assert_int_eq(tell(NULL, 0), 0);
    ck_assert(!fixture_ask(&fixture, POSTERN_ACTION_OWN, other, "com.example.Later", 0));
}
END_TEST

/* ---- memory that runs out, at each allocation in turn ------------------------------------------------------------- */

/* The linker puts these in the places of the C library's. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static int left = -1; /* allocations that still succeed; -1: all */

static bool fails(void)
{
    if (left > 0)
        left--;
    else if (left == 0)
        return true;
    return false;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
    return fails() ? NULL : __real_strndup(s, n);
}

/* All or nothing: until it succeeds, all is as before; and what failed in the middle of a file is no fault of the file. */
START_TEST(out_of_memory)
{
    struct postern_activatable before = file_of(SERVICE, SERVICE_FILE, "see");
    struct postern_activatable files[] = {file_of(SERVICE, SERVICE_FILE, "call=*@/obj/*;broadcast"), file_of("com.example.B", "/s/b", "talk")};
    int r, allowed = 0;

    use_system_bus();
    before.owner_user = before.access_control = view(NULL);
    files[0].owner_user = view("me");
    files[0].access_control = view("self");
    files[1].assumed_label = view("/usr/bin/b");
    ck_assert_int_eq(tell(&before, 1), 0);
    do {
        ck_assert_str_eq(outcome(), "v---------");
        ck_assert(!fixture_ask(&fixture, POSTERN_ACTION_OWN, other, SERVICE, 0));
        left = allowed++;
        r = tell(files, 2);
        left = -1;
        ck_assert(r == 0 || r == -ENOMEM);
    } while (r < 0);
    ck_assert_int_gt(allowed, 10);
    ck_assert(fixture.module->see(app, NULL, "com.example.B") == POSTERN_SEE_INSPECT && fixture_ask(&fixture, POSTERN_ACTION_OWN, other, SERVICE, 0));
    ck_assert_str_eq(logged, "");
}
END_TEST

Suite *core_services_suite(void)
{
    Suite *suite = suite_create("core: services");
    TCase *tcase = tcase_create("services");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, of_allow, 0, sizeof(texts) / sizeof(texts[0]));
    tcase_add_test(tcase, limits);
    tcase_add_test(tcase, replaced_as_a_whole);
    tcase_add_test(tcase, the_table);
    tcase_add_test(tcase, out_of_memory);
    tcase_add_test(tcase, not_on_a_session_bus);
    tcase_add_loop_test(tcase, on_a_system_bus, 0, sizeof(keys) / sizeof(keys[0]));
    suite_add_tcase(suite, tcase);
    return suite;
}
