/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which mechanisms of authentication the bus offers. */
#ifndef POSTERN_DAEMON_MECHANISMS_H
#define POSTERN_DAEMON_MECHANISMS_H

#include "util/error.h"

struct postern_bus;

/* Offers those that the <auth> elements name, all when there are none; ANONYMOUS never without <allow_anonymous/>,
 * DBUS_COOKIE_SHA1 only when the daemon's user has a home. To be called as the user that the bus stays. 0, or a negative errno
 * with *error when nothing is left. */
int postern_mechanisms_enable(struct postern_bus *bus, struct postern_error *error);

#endif
