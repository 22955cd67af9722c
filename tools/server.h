/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container server, asked for over the bus: org.freedesktop.DBus.Containers1. */
#ifndef POSTERN_TOOLS_SERVER_H
#define POSTERN_TOOLS_SERVER_H

#include <systemd/sd-bus.h>

#include "tools/runopts.h"
#include "util/error.h"

struct postern_server {
    sd_bus *bus; /* our own connection: the container server stops listening when it closes */
    char *instance;
    char *path; /* of the socket */
};

/* Connects to the bus at address and asks for a server with the options' type, name, mode and rules. 0, or a negative errno
 * with *error in words for the user; then *server is empty. */
int postern_server_start(struct postern_server *server, const char *address, const struct postern_runopts *options, struct postern_error *error);
/* Ends the instance, its connections with it, and ours. An empty server is allowed. */
void postern_server_stop(struct postern_server *server);

#endif
