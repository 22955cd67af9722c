/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface org.postern.Mediator1 on /org/freedesktop/DBus: rules that change while a container runs, services that open
 * themselves to containers, and why the bus decides as it does. docs/containers.md says what it promises. */
#ifndef POSTERN_CORE_MEDIATOR1_H
#define POSTERN_CORE_MEDIATOR1_H

#include "core/mediator.h"
#include "util/error.h"

#define POSTERN_MEDIATOR1 "org.postern.Mediator1"

extern const char postern_mediator1_introspection[]; /* the <interface> element */

/* driver_call() and get_property() of the module's table, for this interface. */
int postern_mediator1_call(struct postern_mediator *mediator, const struct postern_call *call, struct postern_reply *reply);
int postern_mediator1_property(struct postern_mediator *mediator, const char *member, struct postern_reply *reply);

#endif
