/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lsm.h"

static void remember_line(void *data, int32_t priority, const char *text)
{
    struct lsm_scene *scene = data;

    scene->n_lines++;
    snprintf(scene->line, sizeof(scene->line), "%s", text);
}

static int32_t remember_signal(void *data, const struct postern_signal *signal)
{
    struct lsm_scene *scene = data;

    scene->n_signals += strcmp(signal->member, "InstanceRemoved") == 0;
    return 0;
}

void lsm_scene_open(struct lsm_scene *scene)
{
    struct postern_settings settings = {
        .bus_type = strdup("session"),
        .patterns = calloc(8, sizeof(*settings.patterns)),
        .implicit_mode = POSTERN_MODE_IDENTIFY,
        .quota = {.connections = 2},
    };

    ck_assert(settings.bus_type != NULL && settings.patterns != NULL);
    memset(scene, 0, sizeof(*scene));
    scene->host = (struct postern_host){.abi = {.size = offsetof(struct postern_host, log_fields)},
                                        .data = scene,
                                        .log = remember_line,
                                        .emit = remember_signal};
    postern_mediator_init(&scene->mediator, &scene->host, 0, &settings);
}

void lsm_scene_close(struct lsm_scene *scene)
{
    postern_mediator_finish(&scene->mediator);
}

void lsm_scene_pattern(struct lsm_scene *scene, const char *provider, const char *pattern, const char *type)
{
    struct postern_settings *settings = &scene->mediator.settings;

    ck_assert_uint_lt(settings->n_patterns, 8);
    settings->patterns[settings->n_patterns++] =
        (struct postern_settings_pattern){.provider = provider, .pattern = strdup(pattern), .type = strdup(type)};
}
