/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The description of the driver's objects, made from its tables. */
#ifndef POSTERN_DAEMON_INTROSPECT_H
#define POSTERN_DAEMON_INTROSPECT_H

#include "util/buf.h"

struct postern_bus;

/* Appends the introspection document of the object at `path`, NUL-terminated. Every path is answered, since the oldest interfaces are;
 * from the root downwards the documents lead to /org/freedesktop/DBus. 0 or -ENOMEM. */
int postern_introspect(const struct postern_bus *bus, const char *path, struct postern_buf *xml);

#endif
