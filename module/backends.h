/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The backends of one mediator: opened once, asked in the order that the settings say. */
#ifndef POSTERN_MODULE_BACKENDS_H
#define POSTERN_MODULE_BACKENDS_H

#include "core/mediator.h"
#include "policy/mediatorconf.h"

/* Opens all that this build has, as doors too. 0, or a negative errno with *error; what was opened is closed by postern_backends_close(). */
int postern_backends_open(struct postern_mediator *mediator, struct postern_error *error);
void postern_backends_close(struct postern_mediator *mediator);
/* Can they do what these settings ask? Before those are put in force. 0, or a negative errno with *error. */
int postern_backends_admit(const struct postern_mediator *mediator, const struct postern_settings *settings, struct postern_error *error);
/* Puts the providers in the order of <identity>, and tells the log of those that this build does not have. */
void postern_backends_arrange(struct postern_mediator *mediator, const struct postern_mediatorconf *conf);
/* Other settings are in force. */
void postern_backends_refresh(struct postern_mediator *mediator);

#endif
