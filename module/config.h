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

/* What to read, and on whose behalf. */
struct postern_config_order {
    const struct postern_host *host; /* knows users and groups, and is told what the administrator should hear */
    const char *bus_config;
    const char *mediator_config;  /* NULL: the default places */
    const struct postern_xml *in_force; /* what would be replaced; NULL */
    uint64_t generation;          /* for postern_xml_new() */
};

/* The number of a user who may be given by name or number; host and answers as for postern_host.account. For core/services.h. */
int postern_config_user(void *host, const char *name, uint32_t *uid);

/* Reads both files. 0, or a negative errno with *error saying file:line:column. */
int postern_config_read(const struct postern_config_order *order, struct postern_config *config, struct postern_error *error);
void postern_config_finish(struct postern_config *config); /* a zeroed one is allowed */

#endif
