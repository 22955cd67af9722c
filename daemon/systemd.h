/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the bus and systemd say to each other, over the bus itself: start this unit, take these variables, that unit has failed. What
 * systemd is to hear before it is on the bus is kept until it is.
 */
#ifndef POSTERN_DAEMON_SYSTEMD_H
#define POSTERN_DAEMON_SYSTEMD_H

#include <stdbool.h>

#include "daemon/activation.h"

#define POSTERN_SYSTEMD_NAME "org.freedesktop.systemd1"

/* Asks for the unit of an activation. */
void postern_systemd_start(struct postern_bus *bus, struct postern_activation *activation);
/* Passes on what has changed in bus->environment. */
void postern_systemd_pass_environment(struct postern_bus *bus);
/* A name has got an owner: if it is systemd's, says what was kept. */
void postern_systemd_arrived(struct postern_bus *bus, const char *name);

/* Is this signal to the bus the one by which the owner of systemd's name says that a unit has failed? A forged one is logged, and is a
 * signal like any other. */
bool postern_systemd_is_failure(const struct postern_conn *from, const struct postern_header *header);
/* Acts on it. */
void postern_systemd_failure(struct postern_conn *from, const struct postern_incoming *message);

#endif
