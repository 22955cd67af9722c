/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --check: would a bus start with this configuration? */
#ifndef POSTERN_DAEMON_CHECK_H
#define POSTERN_DAEMON_CHECK_H

#include "util/error.h"

struct postern_bus;

/* To be called when the configuration was read and the mediator is open, that is, when what can be faulty in their files was found:
 * looks at the rest that a start would, and says on standard output what there is. Nothing is listened at, written, or changed. What a
 * bus would pass over, such as a faulty service file, is logged as it would be then. 0; or a negative errno, with *error saying file,
 * line and column, when a bus would not start. */
int postern_check_run(struct postern_bus *bus, struct postern_error *error);

#endif
