/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-1, as FIPS 180-4 has it. Broken where an attacker chooses what is hashed; here for DBUS_COOKIE_SHA1, which needs no more
 * than that nobody can find the secret by the sum. */
#ifndef POSTERN_UTIL_SHA1_H
#define POSTERN_UTIL_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define POSTERN_SHA1_BYTES 20

/* The sum of n bytes. */
void postern_sha1(const void *data, size_t n, uint8_t sum[POSTERN_SHA1_BYTES]);

/* Writes n bytes as 2n lower-case hexadecimal digits and a NUL. */
void postern_hex(const uint8_t *bytes, size_t n, char *text);

#endif
