/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* at_console="true" of <policy>: does the user sit at the machine? */
#ifndef POSTERN_CORE_CONSOLE_H
#define POSTERN_CORE_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

struct postern_host;
struct postern_mediator;

/* Is the user (UINT32_MAX: nobody) at the console? Only asked for when some rule wants to know, else false. systemd-logind's word counts, and
 * so does a file of pam_console with the user's name, if the host knows whose name that is. */
bool postern_console_has(const struct postern_mediator *mediator, uint32_t uid);

/* Has this host account(), which came with version 1.1? */
bool postern_host_has_account(const struct postern_host *host);

#endif
