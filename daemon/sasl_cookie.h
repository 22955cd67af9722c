/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of DBUS_COOKIE_SHA1: D-Bus Specification, "DBUS_COOKIE_SHA1". Who can read a secret file of a user is that user. Like
 * the rest of authentication this is pure; where cookies come from is the keyring's to know.
 */
#ifndef POSTERN_DAEMON_SASL_COOKIE_H
#define POSTERN_DAEMON_SASL_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

#define POSTERN_COOKIE_CONTEXT "org_freedesktop_general"
#define POSTERN_COOKIE_DIGITS_MAX 128u
#define POSTERN_CHALLENGE_DIGITS 32u

/* What one client is asked to prove. */
struct postern_challenge {
    uint32_t id;                                /* of the cookie in its file */
    char cookie[POSTERN_COOKIE_DIGITS_MAX + 1]; /* secret: hexadecimal digits, as in the file */
    char digits[POSTERN_CHALLENGE_DIGITS + 1];  /* random, new for each client */
};

/* Where challenges come from, and for whom. */
struct postern_sasl_keyring {
    void *data;
    const char *user; /* the one who can prove who he is: the daemon's own user */
    uint32_t uid;
    /* Makes a challenge. 0, or a negative errno: then the client is rejected. */
    int (*challenge)(void *data, struct postern_challenge *challenge);
};

/* Is this initial response, hexadecimal, the name or number of the keyring's user? */
bool postern_sasl_cookie_is_owner(const struct postern_sasl_keyring *keyring, const char *hex, size_t len);

/* Appends the line that puts the challenge to the client. 0 or -ENOMEM. */
int postern_sasl_cookie_ask(const struct postern_challenge *challenge, struct postern_buf *out);

/* Does this response, hexadecimal, prove that the client knows the cookie? */
bool postern_sasl_cookie_proves(const struct postern_challenge *challenge, const char *hex, size_t len);

#endif
