/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Provider "socket": who comes through the socket that AddServer made belongs to that container. The strong one: nothing about
 * the process is looked at. */
#ifndef POSTERN_BACKENDS_SOCKET_H
#define POSTERN_BACKENDS_SOCKET_H

#include "core/backend.h"

extern const struct postern_backend postern_socket_backend;

#endif
