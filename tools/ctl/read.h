/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands in a message, as values. */
#ifndef POSTERN_TOOLS_CTL_READ_H
#define POSTERN_TOOLS_CTL_READ_H

#include <systemd/sd-bus.h>

#include "tools/ctl/value.h"

/* Reads the next complete type. Variants are what they hold, dictionaries objects, structs arrays; a LinuxSecurityLabel is a string
 * without its final NUL. 0 with *value, which is never NULL then; -EBADMSG when there is none, or -ENOMEM. */
int postern_ctl_read(sd_bus_message *message, struct postern_value **value);

/* Reads an array of structs into an array of objects: `keys` names the fields of each, in order, and ends with NULL. The message must
 * have this very signature, and nothing behind it. 0, or a negative errno. */
int postern_ctl_read_rows(sd_bus_message *message, const char *signature, const char *const *keys, struct postern_value **rows);

#endif
