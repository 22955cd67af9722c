/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Well-known names come and go: bookkeeping, quotas, the mediator's knowledge and the signals, in the one right order. */
#ifndef POSTERN_DAEMON_NAMING_H
#define POSTERN_DAEMON_NAMING_H

#include <stdint.h>

#include "daemon/conn.h"

/* 0 with *result (POSTERN_REQUEST_NAME_...); -ENOBUFS: too many names; -ENOMEM. Nothing changes on failure. name is valid and permitted. */
int postern_naming_request(struct postern_conn *conn, const char *name, uint32_t flags, uint32_t *result);
/* POSTERN_RELEASE_NAME_... */
uint32_t postern_naming_release(struct postern_conn *conn, const char *name);
/* For a connection that leaves. */
void postern_naming_release_all(struct postern_conn *conn);

#endif
