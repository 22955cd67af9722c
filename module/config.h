/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the files to what the layers need: the one place that knows both. */
#ifndef POSTERN_MODULE_CONFIG_H
#define POSTERN_MODULE_CONFIG_H

#include "core/settings.h"
#include "policy/mediatorconf.h"
#include "policy/xml.h"
#include "util/error.h"

/* One configuration, read whole. */
struct postern_config {
    struct postern_xml *xml;           /* owns the busconfig */
    struct postern_mediatorconf *conf; /* owns the file names that rules refer to */
    struct postern_settings settings;  /* empty once the mediator has taken them over */
};

/* Reads both files. generation is for postern_xml_new(). 0, or a negative errno with *error saying file:line:column. */
int postern_config_read(const char *bus_config, const char *mediator_config, uint64_t generation, struct postern_config *config,
                        struct postern_error *error);
void postern_config_finish(struct postern_config *config); /* a zeroed one is allowed */

#endif
