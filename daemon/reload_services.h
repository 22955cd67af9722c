/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service files of a configuration: read, put in force, and told to the mediator. Those of a system bus may name users (OwnerUser= of the group
 * [X-Postern]), which are looked up along with the names of the configuration.
 */
#ifndef POSTERN_DAEMON_RELOAD_SERVICES_H
#define POSTERN_DAEMON_RELOAD_SERVICES_H

#include "config/busconfig.h"
#include "daemon/lookups.h"
#include "daemon/service.h"

struct postern_bus;

/* Reads the service files of a configuration, and says which are passed over. 0, or a negative errno with no services. */
int postern_reload_services(struct postern_bus *bus, const struct postern_busconfig *config, struct postern_services *services);
/* Wants the users that service files of a configuration name. 0 or -ENOMEM. */
int postern_reload_services_collect(const struct postern_busconfig *config, struct postern_lookups *lookups);

/* Tells the mediator of the services in force. Is a user not known, the configuration is read again, with everybody whom the files name. */
void postern_reload_services_tell(struct postern_bus *bus);
/* Puts services in force, which are the bus's then. */
void postern_reload_services_replace(struct postern_bus *bus, const struct postern_services *services);
/* Reads the files of the configuration in force again. */
void postern_reload_services_changed(struct postern_bus *bus);

#endif
