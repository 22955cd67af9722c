/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/settings.h"

#include <stdlib.h>
#include <string.h>

static const struct postern_settings_container *find(const struct postern_settings *settings, const char *type, const char *name)
{
    for (size_t i = 0; i < settings->n_containers; i++)
        if (strcmp(settings->containers[i].type, type) == 0 && strcmp(settings->containers[i].name, name) == 0)
            return &settings->containers[i];
    return NULL;
}

const struct postern_ruleset *postern_settings_rules(const struct postern_settings *settings, const char *type, const char *name)
{
    const struct postern_settings_container *container = find(settings, type, name);

    return container != NULL ? container->rules : NULL;
}

bool postern_settings_rule_implicit(const struct postern_settings *settings)
{
    bool ruled = settings->implicit_mode != POSTERN_MODE_IDENTIFY;

    for (size_t i = 0; i < settings->n_containers; i++)
        ruled |= settings->containers[i].mode == POSTERN_MODE_RESTRICT || settings->containers[i].mode == POSTERN_MODE_COMPLAIN;
    return ruled;
}

uint32_t postern_settings_implicit_mode(const struct postern_settings *settings, const char *type, const char *name)
{
    const struct postern_settings_container *container = find(settings, type, name);

    return container != NULL && container->mode != POSTERN_MODE_NONE ? container->mode : settings->implicit_mode;
}

void postern_settings_finish(struct postern_settings *settings)
{
    for (size_t i = 0; i < settings->n_contexts; i++) {
        free(settings->contexts[i].name);
        free(settings->contexts[i].context);
    }
    free(settings->contexts);
    for (size_t i = 0; i < settings->n_patterns; i++) {
        free(settings->patterns[i].pattern);
        free(settings->patterns[i].type);
    }
    free(settings->patterns);
    free(settings->bus_type);
    free(settings->apparmor_where);
    for (size_t i = 0; i < settings->n_containers; i++) {
        free(settings->containers[i].type);
        free(settings->containers[i].name);
        postern_ruleset_free(settings->containers[i].rules);
    }
    free(settings->containers);
    free(settings->socket_dir);
    *settings = (struct postern_settings){0};
}
