/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a label says of the container whose it is, by the patterns of the settings. */
#ifndef POSTERN_BACKENDS_SIGNS_H
#define POSTERN_BACKENDS_SIGNS_H

#include <stddef.h>

#include "core/settings.h"
#include "util/error.h"

struct postern_label_sign {
    const char *type; /* the pattern's; lives as long as the settings */
    char name[256];
    char instance[256];
};

/* The first pattern of this provider that the text matches. 1 with *sign; 0: none does; -EMSGSIZE with *error: one does, and a part is
 * longer than a name may be. */
int postern_sign_of_label(const struct postern_settings *settings, const char *provider, const char *text, size_t len, char separator,
                          struct postern_label_sign *sign, struct postern_error *error);
/* Is it the pattern of labels that are no container's, whatever providers asked later would say? */
int postern_sign_is_none(const struct postern_label_sign *sign);
/* Do both stand for the same container? */
int postern_sign_equal(const struct postern_label_sign *a, const struct postern_label_sign *b);
/* What a provider says of a process that /proc hides from it: 0, nothing, which the log has been told at the start; or -EPERM with *error
 * where rules depend on who is in a container. */
int postern_sign_of_hidden(const struct postern_settings *settings, struct postern_error *error);

#endif
