/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/signs.h"

#include <errno.h>
#include <string.h>

#include "core/pattern.h"

static int copy(char *to, size_t size, const struct postern_pattern_capture *from)
{
    if (from->len >= size)
        return -EMSGSIZE;
    if (from->len > 0)
        memcpy(to, from->text, from->len);
    to[from->len] = '\0';
    return 0;
}

int postern_sign_of_label(const struct postern_settings *settings, const char *provider, const char *text, size_t len, char separator,
                          struct postern_label_sign *sign, struct postern_error *error)
{
    for (size_t i = 0; i < settings->n_patterns; i++) {
        const struct postern_settings_pattern *pattern = &settings->patterns[i];
        struct postern_pattern_captures captures = {{NULL, 0}, {NULL, 0}};

        if (strcmp(pattern->provider, provider) != 0 || !postern_pattern_match(pattern->pattern, text, len, separator, &captures))
            continue;
        if (copy(sign->name, sizeof(sign->name), &captures.name) < 0 || copy(sign->instance, sizeof(sign->instance), &captures.instance) < 0)
            return postern_error_set(error, -EMSGSIZE, "the label \"%.*s\" matches \"%s\", and the name in it is too long", (int)len, text,
                                     pattern->pattern);
        sign->type = pattern->type;
        return 1;
    }
    return 0;
}

int postern_sign_is_none(const struct postern_label_sign *sign)
{
    return strcmp(sign->type, POSTERN_SETTINGS_NO_CONTAINER) == 0;
}

int postern_sign_equal(const struct postern_label_sign *a, const struct postern_label_sign *b)
{
    return strcmp(a->type, b->type) == 0 && strcmp(a->name, b->name) == 0 && strcmp(a->instance, b->instance) == 0;
}

int postern_sign_of_hidden(const struct postern_settings *settings, struct postern_error *error)
{
    if (!postern_settings_rule_implicit(settings))
        return 0;
    return postern_error_set(error, -EPERM, "/proc hides its process (hidepid=), and containers that nobody announced are held to rules here");
}
