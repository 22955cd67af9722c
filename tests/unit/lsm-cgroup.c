/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the provider of control groups remembers: that a text stands for no container, for as long as the settings are in force. */
#include <stdio.h>
#include <string.h>

#include "backends/cgroup.h"
#include "backends/cgroup/peer.h"
#include "tests/unit/lsm.h"

static const char *group; /* of whoever connects */

int __wrap_postern_cgroup_of_peer(struct postern_cgroup_view *view, int fd, pid_t pid, bool unpinned_ok, struct postern_buf *text, bool *pinned,
                                  struct postern_error *error);

int __wrap_postern_cgroup_of_peer(struct postern_cgroup_view *view, int fd, pid_t pid, bool unpinned_ok, struct postern_buf *text, bool *pinned,
                                  struct postern_error *error)
{
    ck_assert_int_eq(postern_buf_append(text, group, strlen(group)), 0);
    *pinned = true;
    return 1;
}

/* The name of the container that somebody in this group is in; "-": none; "!": refused. */
static const char *who(void *data, const char *text)
{
    struct postern_peer peer = {.size = sizeof(peer), .fd = -1};
    struct postern_peer_facts facts = {.uid = 1000, .gid = 1000, .pid = 77};
    struct postern_instance *instance = NULL;
    struct postern_error error = {.text = ""};
    int r;

    group = text;
    r = postern_cgroup_backend.identify(data, &peer, &facts, &instance, &error);
    if (r < 0)
        return "!";
    return r == 0 ? "-" : instance->name;
}

/* All of it, once and again. */
static void check_twice(void *data, const char *const expected[][2])
{
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; expected[i][0] != NULL; i++)
            ck_assert_msg(strcmp(who(data, expected[i][0]), expected[i][1]) == 0, "round %d: %s", round, expected[i][0]);
}

START_TEST(remembered)
{
    static const char *const first[][2] = {
        {"0::/app-a.scope\n", "a"},      {"0::/user.slice\n", "-"},       {"0::/bpp-a.scope\n", "-"},
        {"0::/app-a.scope", "!"},        {"0::/user.slice", "!"},         {"0::/x (deleted)\n", "!"},
        {"0::/user.slice/app-b.scope\n", "b"}, {"", "!"},                 {NULL, NULL},
    };
    static const char *const second[][2] = {
        {"0::/app-a.scope\n", "-"}, {"0::/user.slice\n", "-"}, {"0::/bpp-a.scope\n", "a"}, {NULL, NULL},
    };
    struct lsm_scene scene;
    struct postern_error error;
    char text[4000], number[16];
    void *data;

    lsm_scene_open(&scene);
    lsm_scene_pattern(&scene, "cgroup", "app-{name}.scope", "org.example.T");
    ck_assert_int_eq(postern_cgroup_backend.open(&scene.mediator, &data, &error), 0);
    check_twice(data, first);
    /* More than are remembered, and some that are too long for that. */
    for (int i = 0; i < 500; i++) {
        snprintf(number, sizeof(number), "%d", i);
        snprintf(text, sizeof(text), "0::/app-%d.scope\n", i);
        ck_assert_str_eq(who(data, text), number);
        snprintf(text, sizeof(text), "0::/none-%*d.scope\n", i % 2 == 0 ? 1 : 3000, i);
        ck_assert_str_eq(who(data, text), "-");
    }
    check_twice(data, first);
    scene.mediator.settings.patterns[0].pattern[0] = 'b';
    postern_cgroup_backend.refresh(data);
    check_twice(data, second);
    postern_cgroup_backend.close(data);
    lsm_scene_close(&scene);
}
END_TEST

Suite *lsm_cgroup_suite(void)
{
    Suite *suite = suite_create("lsm: control groups");
    TCase *tcase = tcase_create("cgroup");

    tcase_add_test(tcase, remembered);
    suite_add_tcase(suite, tcase);
    return suite;
}
