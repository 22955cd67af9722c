/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Credentials of a peer in the a{sv} of GetConnectionCredentials: D-Bus Specification, org.freedesktop.DBus. */
#ifndef POSTERN_WIRE_CREDENTIALS_H
#define POSTERN_WIRE_CREDENTIALS_H

#include "util/peer.h"
#include "wire/writer.h"

/* Adds UnixUserID, UnixGroupIDs, ProcessID and LinuxSecurityLabel, as far as known, to the open a{sv} of w. uid: who authenticated;
 * UINT32_MAX: nobody by name. ProcessFD is the caller's to add: it needs a descriptor to be sent along. */
void postern_credentials_write(struct postern_writer *w, uint32_t uid, const struct postern_peer_facts *facts);

/* Adds LinuxSecurityLabel to the open a{sv} of w; the label must be known. */
void postern_credentials_write_label(struct postern_writer *w, const struct postern_peer_facts *facts);

#endif
