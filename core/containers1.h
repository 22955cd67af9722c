/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface org.freedesktop.DBus.Containers1 on /org/freedesktop/DBus. docs/containers.md says what it promises. */
#ifndef POSTERN_CORE_CONTAINERS1_H
#define POSTERN_CORE_CONTAINERS1_H

#include "core/mediator.h"
#include "util/error.h"

#define POSTERN_CONTAINERS1 "org.freedesktop.DBus.Containers1"

extern const char postern_containers1_introspection[]; /* the <interface> element */

/* driver_call() and get_property() of the module's table, for this interface. */
int postern_containers1_call(struct postern_mediator *mediator, const struct postern_call *call, struct postern_reply *reply);
int postern_containers1_property(struct postern_mediator *mediator, const char *member, struct postern_reply *reply);

/* AddServer. 0 with the answer in mediator->reply; else the errno values of postern_server_args_read(), or -EACCES, or any other
 * for a failure of the system. Then nothing was made. */
int postern_containers1_add_server(struct postern_mediator *mediator, const struct postern_call *call,
                                   struct postern_error *error);

/* Appends the entries of the a{sv} "creator" of an instance: which provider found it, as org.postern.IdentitySource, and what
 * GetConnectionCredentials tells of the creator now (NULL: it has none). 0 or -ENOMEM. */
int postern_containers1_write_creator(const char *source, const struct postern_party *creator, struct postern_buf *entries);

/* credentials() of the module's table. */
int postern_containers1_credentials(const struct postern_party *party, postern_credential_fn *fn, void *fn_data);

/* stamp() of the module's table: header field 10. */
void postern_containers1_stamp(const struct postern_party *from, const struct postern_party *to, struct postern_view *path);

#endif
