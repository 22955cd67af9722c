/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SELinux's containers, the contexts of names, and the words of records. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/selinux/state.h"
#include "tests/unit/lsm.h"

/* ---- containers ---------------------------------------------------------------------------------------- */

static const struct {
    const char *own, *context, *expected; /* the key of the instance; "none": known to be in none; "": not known */
} containers[] = {
    {"u:r:busd_t:s0", "system_u:system_r:container_t:s0:c1,c2", "s0:c1,c2"},
    {"u:r:busd_t:s0", "system_u:system_r:container_t:s0-s0:c0.c3", "s0-s0:c0.c3"},
    {"u:r:busd_t:s0", "system_u:system_r:container_t:s0", "s0"},
    {"u:r:busd_t:s0", "system_u:system_r:spc_t:s0", "none"},
    {"u:r:busd_t:s0", "system_u:system_r:spc_t:s0:c1,c2", "none"},
    {"u:r:busd_t:s0", "system_u:system_r:unconfined_t:s0-s0:c0.c1023", ""},
    {"u:r:busd_t:s0", "system_u:container_t:other_t:s0", ""},
    {"u:r:busd_t:s0", "container_t:system_r:other_t:s0", ""},
    {"u:r:busd_t:s0", "system_u:system_r:other_t:container_t:s0", ""},
    {"u:r:busd_t:s0", "system_u:system_r:container_t", ""},
    {"u:r:container_t:s0:c1,c2", "system_u:system_r:container_t:s0:c1,c2", ""},
    {"u:r:container_t:s0:c1,c3", "system_u:system_r:container_t:s0:c1,c2", "s0:c1,c2"},
};

START_TEST(identity)
{
    struct lsm_scene scene;
    struct postern_selinux selinux = {.mediator = &scene.mediator, .active = true, .own = (char *)(uintptr_t)containers[_i].own};
    struct postern_peer_facts facts = {.uid = 1000, .label = (char *)(uintptr_t)containers[_i].context, .label_len = strlen(containers[_i].context)};
    struct postern_peer peer = {.size = sizeof(peer), .fd = -1};
    struct postern_instance *instance = NULL;
    struct postern_error error = {.text = ""};
    int r;

    lsm_scene_open(&scene);
    lsm_scene_pattern(&scene, "selinux", "{*}:{*}:spc_t:{*}", "none");
    lsm_scene_pattern(&scene, "selinux", "{*}:{*}:container_t:{instance}", "org.t");
    r = postern_selinux_identify(&selinux, &peer, &facts, &instance, &error);
    ck_assert_int_eq(r, *containers[_i].expected != '\0');
    ck_assert_int_eq(r == 1 && instance == NULL, strcmp(containers[_i].expected, "none") == 0); /* no other provider is asked */
    if (r == 1 && instance != NULL) {
        ck_assert_str_eq(instance->type, "org.t");
        ck_assert_ptr_nonnull(memmem(instance->recognised.data, instance->recognised.len, containers[_i].expected, strlen(containers[_i].expected)));
    }
    lsm_scene_close(&scene);
}
END_TEST

/* Where every socket has a context, one without is no container's and nobody else's either. */
START_TEST(no_context)
{
    struct postern_selinux selinux = {.active = true};
    struct postern_peer_facts facts = {.uid = 1000};
    struct postern_peer peer = {.size = sizeof(peer), .fd = -1};
    struct postern_instance *instance = NULL;
    struct postern_error error = {.text = ""};

    ck_assert_int_eq(postern_selinux_identify(&selinux, &peer, &facts, &instance, &error), -EPERM);
    facts.uid = POSTERN_PEER_UNKNOWN; /* somebody on another machine */
    ck_assert_int_eq(postern_selinux_identify(&selinux, &peer, &facts, &instance, &error), 0);
    selinux.active = false;
    facts.uid = 1000;
    ck_assert_int_eq(postern_selinux_identify(&selinux, &peer, &facts, &instance, &error), 0);
}
END_TEST

/* ---- names and records ------------------------------------------------------------------------------------ */

static void add_context(struct lsm_scene *scene, const char *name, const char *context)
{
    struct postern_settings *settings = &scene->mediator.settings;

    settings->contexts = reallocarray(settings->contexts, settings->n_contexts + 1, sizeof(*settings->contexts));
    ck_assert_ptr_nonnull(settings->contexts);
    settings->contexts[settings->n_contexts++] = (struct postern_settings_context){.name = strdup(name), .context = strdup(context)};
}

#define VIEW(text) {.data = (text), .len = sizeof(text) - 1}

START_TEST(names)
{
    struct lsm_scene scene;
    struct postern_selinux selinux = {.mediator = &scene.mediator, .own = (char *)(uintptr_t) "own"};
    const struct postern_view name = VIEW("org.x.Y"), longer = VIEW("org.x.Yy");

    lsm_scene_open(&scene);
    add_context(&scene, "org.x.Y", "first");
    add_context(&scene, "org.x.Y", "second");
    ck_assert_str_eq(postern_selinux_context_of_name(&selinux, &name), "second");
    ck_assert_str_eq(postern_selinux_context_of_name(&selinux, &longer), "own");
    lsm_scene_close(&scene);
}
END_TEST

static const struct postern_message call = {.size = sizeof(call),
                                            .type = POSTERN_MESSAGE_METHOD_CALL,
                                            .path = VIEW("/o"),
                                            .interface = VIEW("org.x.I"),
                                            .member = VIEW("M"),
                                            .destination = VIEW("org.x.Y")};

static const struct {
    uint32_t action;
    struct postern_finding finding;
    const char *expected;
} records[] = {
    {POSTERN_ACTION_SEND,
     {.permission = POSTERN_SELINUX_SEND_MSG},
     "avc:  denied  { send_msg } for  msgtype=method_call path=/o interface=org.x.I member=M dest=org.x.Y spid=11 tpid=22 scontext=u:r:a_t:s0 "
     "tcontext=u:r:c_t:s0 tclass=dbus permissive=0"},
    {POSTERN_ACTION_SEND,
     {.permission = POSTERN_SELINUX_SEND_MSG, .allowed = true, .lenient = true},
     "avc:  denied  { send_msg } for  msgtype=method_call path=/o interface=org.x.I member=M dest=org.x.Y spid=11 tpid=22 scontext=u:r:a_t:s0 "
     "tcontext=u:r:c_t:s0 tclass=dbus permissive=1"},
    {POSTERN_ACTION_SEND,
     {.permission = POSTERN_SELINUX_SEND_MSG, .allowed = true},
     "avc:  granted  { send_msg } for  msgtype=method_call path=/o interface=org.x.I member=M dest=org.x.Y spid=11 tpid=22 scontext=u:r:a_t:s0 "
     "tcontext=u:r:c_t:s0 tclass=dbus"},
    {POSTERN_ACTION_OWN,
     {.permission = POSTERN_SELINUX_ACQUIRE_SVC, .error = -EINVAL},
     "avc:  denied  { acquire_svc } for  service=org.x.Own spid=11 scontext=u:r:a_t:s0 tcontext=own tclass=dbus permissive=0 info=EINVAL"},
};

START_TEST(record)
{
    struct lsm_scene scene;
    struct postern_selinux selinux = {.mediator = &scene.mediator, .own = (char *)(uintptr_t) "own", .trail = {.fd = -1}};
    char label_a[] = "u:r:a_t:s0", label_c[] = "u:r:c_t:s0";
    struct postern_party from = {.facts = {.pid = 11, .label = label_a}}, to = {.facts = {.pid = 22, .label = label_c}};
    struct postern_request request = {.size = sizeof(request),
                                      .action = records[_i].action,
                                      .from = &from,
                                      .to = records[_i].action == POSTERN_ACTION_SEND ? &to : NULL,
                                      .message = &call,
                                      .name = VIEW("org.x.Own")};

    lsm_scene_open(&scene);
    postern_selinux_report(&selinux, &request, &records[_i].finding);
    ck_assert_str_eq(scene.line, records[_i].expected);
    lsm_scene_close(&scene);
}
END_TEST

/* The kernel tells of a change on a page of memory. */
START_TEST(tells_of_changes)
{
    struct postern_selinux_page page = {.version = 1, .sequence = 4};
    struct postern_selinux selinux = {.active = true, .current = 1, .server = {.page = &page}};

    ck_assert(!postern_selinux_current(&selinux)); /* nothing was ever good */
    ck_assert(postern_selinux_current(&selinux) && postern_selinux_current(&selinux));
    page.sequence = 5; /* it changes now */
    ck_assert(!postern_selinux_current(&selinux));
    ck_assert(!postern_selinux_current(&selinux));
    page.sequence = 4; /* as it never does, and if it did, something was in between */
    ck_assert(!postern_selinux_current(&selinux));
    page.sequence = 6;
    ck_assert(!postern_selinux_current(&selinux));
    ck_assert(postern_selinux_current(&selinux));
}
END_TEST

#define N(table) (int)(sizeof(table) / sizeof((table)[0]))

Suite *lsm_selinux_suite(void)
{
    Suite *suite = suite_create("lsm-selinux");
    TCase *tcase = tcase_create("selinux");

    tcase_add_loop_test(tcase, identity, 0, N(containers));
    tcase_add_test(tcase, no_context);
    tcase_add_test(tcase, names);
    tcase_add_test(tcase, tells_of_changes);
    tcase_add_loop_test(tcase, record, 0, N(records));
    suite_add_tcase(suite, tcase);
    return suite;
}
