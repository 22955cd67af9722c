/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From bytes of a socket to messages: reading, authentication, framing, and which descriptors belong to which message. */
#ifndef POSTERN_DAEMON_INPUT_H
#define POSTERN_DAEMON_INPUT_H

#include <stdbool.h>
#include <stdint.h>

struct postern_conn;

/* The ready function of a connection's source; data is the connection. */
void postern_input_ready(void *data, uint32_t events);

/* Has a paused connection read enough to be listened to again? */
bool postern_input_may_resume(const struct postern_conn *conn);

/* Handles the messages that were read while the connection was paused, and lets it read again. */
void postern_input_resume(struct postern_conn *conn);

/* Frees what is half read. */
void postern_input_finish(struct postern_conn *conn);

#endif
