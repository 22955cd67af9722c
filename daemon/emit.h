/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of the bus driver itself: replies, errors and signals. All are subject to the receiver's policy; none fails visibly: what
 * cannot be queued for want of memory dooms its receiver, who would otherwise wait in vain. */
#ifndef POSTERN_DAEMON_EMIT_H
#define POSTERN_DAEMON_EMIT_H

#include <stdint.h>

#include "daemon/conn.h"
#include "postern/module.h"
#include "wire/message.h"
#include "wire/writer.h"

#define POSTERN_ERROR_PREFIX "org.freedesktop.DBus.Error."

/* Shows monitors a signal that its receiver, which is not there yet, will get with postern_emit_unicast(): parts has its serial then. */
void postern_emit_announce(struct postern_bus *bus, struct postern_message_parts *parts);
/* Sends parts to one connection: sender and serial are filled in here, and the destination unless it is there. A message that has a serial
 * was announced. fds may be NULL. */
void postern_emit_unicast(struct postern_conn *to, struct postern_message_parts *parts, struct postern_fdset *fds);

/* Answers the call with this serial: with the body that w holds (NULL: none), or with an error. */
void postern_emit_reply(struct postern_conn *to, uint32_t reply_serial, const struct postern_writer *w, struct postern_fdset *fds);
void postern_emit_error(struct postern_conn *to, uint32_t reply_serial, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The error that a verdict asks for. */
void postern_emit_denied(struct postern_conn *to, uint32_t reply_serial, const struct postern_verdict *verdict);

/* Shows monitors, and nobody else, that a message with this serial from `from` (NULL: the driver) was refused, as an error of the driver to
 * its sender: for where the sender itself is not told. */
void postern_emit_refusal(struct postern_bus *bus, const struct postern_conn *from, uint32_t serial, const struct postern_verdict *verdict);

/* Sends a signal to all that have a matching rule and may receive it. */
void postern_emit_broadcast(struct postern_bus *bus, struct postern_message_parts *parts);

/* NameOwnerChanged to all that may see the name; owner is who has or had it. NULL names are empty. */
void postern_emit_name_owner_changed(struct postern_bus *bus, const char *name, struct postern_conn *old_owner, struct postern_conn *new_owner);
/* member: NameAcquired or NameLost. */
void postern_emit_name_signal(struct postern_conn *to, const char *member, const char *name);

#endif
