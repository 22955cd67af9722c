/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/settings.h"

#include <stdlib.h>
#include <string.h>

const struct postern_ruleset *postern_settings_rules(const struct postern_settings *settings, const char *type, const char *name)
{
    for (size_t i = 0; i < settings->n_containers; i++) {
        const struct postern_settings_container *container = &settings->containers[i];

        if (strcmp(container->type, type) == 0 && strcmp(container->name, name) == 0)
            return container->rules;
    }
    return NULL;
}

void postern_settings_finish(struct postern_settings *settings)
{
    for (size_t i = 0; i < settings->n_containers; i++) {
        free(settings->containers[i].type);
        free(settings->containers[i].name);
        postern_ruleset_free(settings->containers[i].rules);
    }
    free(settings->containers);
    free(settings->socket_dir);
    *settings = (struct postern_settings){0};
}
