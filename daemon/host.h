/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's side of the module interface: the table of functions that the mediator may call. */
#ifndef POSTERN_DAEMON_HOST_H
#define POSTERN_DAEMON_HOST_H

struct postern_bus;

/* Fills bus->host. */
void postern_host_init(struct postern_bus *bus);
/* Frees watches and listeners that were removed in this round. */
void postern_host_reap(struct postern_bus *bus);
/* Removes what is left; for the end. */
void postern_host_finish(struct postern_bus *bus);

#endif
