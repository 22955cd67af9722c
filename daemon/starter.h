/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a service is started: by systemd, by the set-user-id helper of a system bus, which systemd may run for us, or by the bus itself. */
#ifndef POSTERN_DAEMON_STARTER_H
#define POSTERN_DAEMON_STARTER_H

#include "daemon/activation.h"

/* Is this service one that systemd is asked to start? */
bool postern_starter_uses_systemd(const struct postern_bus *bus, const struct postern_service *service);
/* Begins to start the service of an activation, for this connection. When that fails at once, all who wait are told, and the activation
 * is gone. */
void postern_starter_run(struct postern_activation *activation, const struct postern_service *service, const struct postern_conn *requester);

#endif
