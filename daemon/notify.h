/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the service manager is told: sd_notify(3). Without libsystemd, or without a service manager, nothing. */
#ifndef POSTERN_DAEMON_NOTIFY_H
#define POSTERN_DAEMON_NOTIFY_H

struct postern_bus;

/* Sends these assignments as they are. */
void postern_notify(const char *state);
/* The configuration is being read again: what systemd.service(5) asks of Type=notify-reload. */
void postern_notify_reloading(void);
/* The bus serves, after a start or a reload. The status says what of the configuration does not count, and why, when fault is not NULL, a
 * reload was refused. */
void postern_notify_ready(const struct postern_bus *bus, const char *fault);

#endif
