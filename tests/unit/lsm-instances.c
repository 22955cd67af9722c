/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Instances that nobody announced: which signs share one, and how long one lives. */
#include <errno.h>
#include <string.h>

#include "tests/unit/lsm.h"

static const struct postern_sign plain = {
    .source = "cgroup", .type = "org.example.T", .name = "app", .instance = "1", .uid = 1000, .evidence = "0::/app-1.scope"};

static struct postern_instance *recognise(struct lsm_scene *scene, const struct postern_sign *sign)
{
    struct postern_instance *instance = NULL;
    struct postern_error error = {.text = ""};

    ck_assert_msg(postern_instance_recognise(&scene->mediator, sign, &instance, &error) == 0, "%s", error.text);
    return instance;
}

/* Rows differ from the plain sign in one thing; only the evidence may differ within an instance. */
static const struct {
    struct postern_sign sign;
    bool same;
} rows[] = {
    {{"cgroup", "org.example.T", "app", "1", 1000, "0::/app-1.scope/child"}, true},
    {{"apparmor", "org.example.T", "app", "1", 1000, "0::/app-1.scope"}, false},
    {{"cgroup", "org.example.U", "app", "1", 1000, "0::/app-1.scope"}, false},
    {{"cgroup", "org.example.T", "apq", "1", 1000, "0::/app-1.scope"}, false},
    {{"cgroup", "org.example.T", "app", "2", 1000, "0::/app-1.scope"}, false},
    {{"cgroup", "org.example.T", "app", "1", 1001, "0::/app-1.scope"}, false},
    {{"cgroup", "org.example.T", "", "app1", 1000, "0::/app-1.scope"}, false},
    {{"cgroup", "org.example.T", "app 1:1", "", 1000, "0::/app-1.scope"}, false},
};

START_TEST(shared)
{
    struct lsm_scene scene;
    struct postern_instance *first, *second;

    lsm_scene_open(&scene);
    first = recognise(&scene, &plain);
    second = recognise(&scene, &rows[_i].sign);
    ck_assert_int_eq(first == second, rows[_i].same);
    ck_assert_str_eq(first->source, "cgroup");
    ck_assert_uint_eq(first->mode, POSTERN_MODE_IDENTIFY);
    ck_assert_uint_eq(first->creator_uid, 1000);
    lsm_scene_close(&scene);
}
END_TEST

/* It lives while somebody in it is connected, its end is announced once, and the next of its kind is another one. */
START_TEST(life)
{
    struct lsm_scene scene;
    struct postern_party a = {.mediator = &scene.mediator}, b = {.mediator = &scene.mediator};
    struct postern_instance *instance;
    uint64_t number;

    lsm_scene_open(&scene);
    instance = recognise(&scene, &plain);
    number = instance->number;
    ck_assert_int_eq(postern_instance_join(instance, &a), 0);
    ck_assert_int_eq(postern_instance_join(recognise(&scene, &plain), &b), 0);
    postern_instance_give_up(instance); /* it has connections */
    ck_assert_int_eq(postern_party_authenticated(&b, 1000), 0);
    postern_instance_part(&a);
    ck_assert_ptr_eq(recognise(&scene, &plain), instance);
    ck_assert_uint_eq(scene.n_signals, 0);
    postern_instance_part(&b);
    ck_assert_uint_eq(scene.n_signals, 1);
    instance = recognise(&scene, &plain);
    ck_assert_uint_gt(instance->number, number);
    ck_assert_int_eq(postern_instance_join(instance, &a), 0);
    postern_instance_part(&a); /* it connected and went: no news */
    ck_assert_uint_eq(scene.n_signals, 1);
    instance = recognise(&scene, &plain);
    postern_instance_give_up(instance); /* nobody has heard of it */
    ck_assert_uint_eq(scene.n_signals, 1);
    ck_assert_ptr_null(scene.mediator.implicit);
    ck_assert_ptr_null(scene.mediator.instances);
    lsm_scene_close(&scene);
}
END_TEST

/* The limits of containers are for those with rules; one that is only identified uses what its connections may. */
START_TEST(limits)
{
    struct lsm_scene scene;
    struct postern_sign other = plain;

    lsm_scene_open(&scene);
    ck_assert_uint_eq(recognise(&scene, &plain)->quota.connections, UINT64_MAX);
    scene.mediator.settings.implicit_mode = POSTERN_MODE_RESTRICT;
    other.name = "other";
    ck_assert_uint_eq(recognise(&scene, &other)->quota.connections, 2);
    ck_assert_uint_eq(recognise(&scene, &other)->mode, POSTERN_MODE_RESTRICT);
    lsm_scene_close(&scene);
}
END_TEST

/* A name that D-Bus cannot tell is an error, never nobody's. */
/* Evidence is for people: what is too long for them is left out, and uses no memory. */
START_TEST(evidence)
{
    struct lsm_scene scene;
    struct postern_sign sign = plain;
    char text[8192];

    lsm_scene_open(&scene);
    memset(text, 'x', sizeof(text));
    text[4096] = '\0';
    sign.evidence = text;
    ck_assert_uint_gt(recognise(&scene, &sign)->metadata.len, 4096);
    text[4096] = 'x';
    text[4097] = '\0';
    sign.name = "other";
    ck_assert_uint_lt(recognise(&scene, &sign)->metadata.len, 100);
    lsm_scene_close(&scene);
}
END_TEST

START_TEST(names)
{
    struct lsm_scene scene;
    struct postern_instance *instance;
    struct postern_sign sign = plain;
    struct postern_error error;

    lsm_scene_open(&scene);
    sign.name = "\xff";
    ck_assert_int_eq(postern_instance_recognise(&scene.mediator, &sign, &instance, &error), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(error.text, "UTF-8"));
    sign.name = "app";
    sign.evidence = "\xff"; /* only what people read lacks it */
    ck_assert_ptr_nonnull(recognise(&scene, &sign));
    lsm_scene_close(&scene);
}
END_TEST

Suite *lsm_instances_suite(void)
{
    Suite *suite = suite_create("lsm-instances");
    TCase *tcase = tcase_create("instances");

    tcase_add_loop_test(tcase, shared, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tcase, life);
    tcase_add_test(tcase, limits);
    tcase_add_test(tcase, names);
    tcase_add_test(tcase, evidence);
    suite_add_tcase(suite, tcase);
    return suite;
}
