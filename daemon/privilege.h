/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The privileges of the daemon's process: what it gives up to become the user of <user>, and the one that it may keep. */
#ifndef POSTERN_DAEMON_PRIVILEGE_H
#define POSTERN_DAEMON_PRIVILEGE_H

#include "util/error.h"

/*
 * Becomes the user named in <user>, with its groups, for good. Of root's capabilities nothing stays but CAP_AUDIT_WRITE, which it
 * takes to write to the audit system; nothing is inheritable or ambient, so that no program that the bus starts has it. Already
 * that user: only the ambient ones go. 0 with *lost telling in words why the audit system cannot be written to (NULL: it can, or
 * this was not root), or a negative errno with *error: then the process must end.
 */
int postern_privilege_drop(const char *user, const char **lost, struct postern_error *error);

#endif
