/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which bus postern-run asks, and where every bus that the caller knows of can be reached: there the app must not get. */
#ifndef POSTERN_TOOLS_BUSES_H
#define POSTERN_TOOLS_BUSES_H

#include <stdbool.h>

#include "tools/list.h"
#include "util/error.h"

struct postern_buses {
    char *address;              /* of the session bus */
    char *runtime_dir;          /* XDG_RUNTIME_DIR, or NULL */
    struct postern_list sockets; /* the socket files of all buses known, as written */
    char *beyond_files;         /* one address that is no file (abstract, tcp, ...), which only a network namespace shuts off; NULL */
};

/* The session bus is `given` if not NULL, else DBUS_SESSION_BUS_ADDRESS, else $XDG_RUNTIME_DIR/bus. The sockets also hold those of
 * the system bus and of every other bus that the environment names. 0, or a negative errno with *error saying what to do; then
 * *buses is empty. An address that cannot be understood is an error: its socket could not be hidden. */
int postern_buses_find(struct postern_buses *buses, const char *given, struct postern_error *error);
void postern_buses_finish(struct postern_buses *buses);

/* Is this environment variable ("NAME=value") about a bus or about inherited descriptors? The app does not get to see those. */
bool postern_buses_is_variable(const char *entry);

#endif
