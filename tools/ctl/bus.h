/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking the bus, and what its refusals mean to the person who typed the command. */
#ifndef POSTERN_TOOLS_CTL_BUS_H
#define POSTERN_TOOLS_CTL_BUS_H

#include "tools/ctl/ctl.h"

#define CTL_MEDIATOR1 "org.postern.Mediator1"
#define CTL_CONTAINERS1 "org.freedesktop.DBus.Containers1"
#define CTL_DRIVER1 "org.freedesktop.DBus"
#define CTL_PROPERTIES1 "org.freedesktop.DBus.Properties"

#define postern_ctl_automessage __attribute__((cleanup(sd_bus_message_unrefp)))

/* Connects to the bus that the command line names. 0, or a negative errno with *error. */
int postern_ctl_connect(struct postern_ctl *ctl, struct postern_error *error);

/* Calls the bus itself and waits for the answer, with sd-bus's own bound of time. 0 with *answer (NULL allowed), or a negative errno
 * with *error, which says what to do about it. -EOPNOTSUPP: the bus has no such method. */
int postern_ctl_call(struct postern_ctl *ctl, const char *interface, const char *member, sd_bus_message **answer, struct postern_error *error,
             const char *types, ...);
/* The same with a call that was made by postern_ctl_new_call() and is not used afterwards. */
int postern_ctl_new_call(struct postern_ctl *ctl, const char *interface, const char *member, sd_bus_message **call);
int postern_ctl_send_call(struct postern_ctl *ctl, sd_bus_message *call, sd_bus_message **answer, struct postern_error *error);

/* A property of the bus as a value; NULL with *error when it cannot be had (or memory has run out). */
struct postern_value *postern_ctl_get(struct postern_ctl *ctl, const char *interface, const char *property, struct postern_error *error);

/* Is there org.postern.Mediator1 at this bus? 0, or a negative errno with *error: -EOPNOTSUPP when there is none. */
int postern_ctl_find_mediator(struct postern_ctl *ctl, struct postern_error *error);

#endif
