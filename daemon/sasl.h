/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server's side of authentication: D-Bus Specification, "Authentication Protocol". A pure state machine over bytes: no
 * socket, no allocation but in the output buffer. Cookies come through an interface.
 */
#ifndef POSTERN_DAEMON_SASL_H
#define POSTERN_DAEMON_SASL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/sasl_cookie.h"
#include "util/buf.h"

#define POSTERN_SASL_LINE_MAX 16384u
#define POSTERN_SASL_REJECTIONS_MAX 6 /* refused attempts before the connection is closed */
#define POSTERN_SASL_LINES_MAX 64     /* lines of one conversation; a real one has 6 at most */

#define POSTERN_SASL_EXTERNAL 0x1u
#define POSTERN_SASL_ANONYMOUS 0x2u
#define POSTERN_SASL_COOKIE 0x4u /* DBUS_COOKIE_SHA1 */
#define POSTERN_SASL_NONCE_BYTES 16u

struct postern_sasl {
    const char *guid;    /* 32 lower-case hex digits; not owned */
    uint32_t mechanisms; /* POSTERN_SASL_...: those enabled */
    uint32_t socket_uid; /* who connected, by SO_PEERCRED; UINT32_MAX: unknown (EXTERNAL is then refused) */
    bool can_pass_fds;   /* the transport is an AF_UNIX socket */
    const struct postern_sasl_keyring *keyring; /* NULL: DBUS_COOKIE_SHA1 is refused; not owned */

    uint8_t state;
    uint32_t mechanism;                 /* POSTERN_SASL_...: the one that waits for a response */
    struct postern_challenge challenge; /* of DBUS_COOKIE_SHA1, until it was answered */
    uint8_t nonce[POSTERN_SASL_NONCE_BYTES];
    uint8_t rejections;
    uint8_t lines;
    uint32_t scanned; /* bytes of the unfinished line that were already looked at */
    bool fds_agreed;  /* result: NEGOTIATE_UNIX_FD was agreed to */
    bool anonymous;   /* result */
    uint32_t uid;     /* result: who authenticated; UINT32_MAX: nobody by name (ANONYMOUS) */
};

void postern_sasl_init(struct postern_sasl *sasl, const char *guid, uint32_t mechanisms, uint32_t socket_uid, bool can_pass_fds);

/* The conversation must begin with these bytes: "Nonce-authenticated TCP Sockets". Before the first byte was taken. */
void postern_sasl_ask_nonce(struct postern_sasl *sasl, const uint8_t nonce[POSTERN_SASL_NONCE_BYTES]);

/* Forgets its secrets and frees it; NULL is allowed. */
void postern_sasl_free(struct postern_sasl *sasl);

/* Takes what has arrived; *used says how many bytes were consumed (an unfinished line stays with the caller, who passes it again
 * with more behind it), and replies are appended to out. 1: BEGIN was read, all bytes behind *used are messages; 0: more is
 * needed; negative: the connection must be closed (-EPROTO, -ENOMEM). Answers are in out in every case and should still be sent.
 * Lines are read strictly: printable ASCII up to CR LF, words separated by one blank; anything else ends the conversation. */
int postern_sasl_feed(struct postern_sasl *sasl, const uint8_t *data, size_t n, size_t *used, struct postern_buf *out);

#endif
