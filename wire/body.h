/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Validation of marshalled values: D-Bus Specification, "Marshaling (Wire Format)". */
#ifndef POSTERN_WIRE_BODY_H
#define POSTERN_WIRE_BODY_H

#include <stddef.h>
#include <stdint.h>

#define POSTERN_ARRAY_MAX (64u << 20) /* bytes of an array's elements */

/* Is body[0..len) exactly the values of the signature, in the byte order 'l' or 'B'? Checks alignment padding (zero),
 * lengths, UTF-8, names, booleans, nesting, array limits and that every UNIX_FD is an index below fds. body must start at
 * an offset of the message that is a multiple of 8, but need not be aligned in memory. Takes time linear in len and bounded
 * stack. 0 or -EBADMSG. */
int postern_body_validate(char order, const char *signature, size_t signature_len, const uint8_t *body, size_t len, uint32_t fds);

/* The same for values that need not fill data: *used is how many of the len bytes they take. */
int postern_body_validate_prefix(char order, const char *signature, size_t signature_len, const uint8_t *data, size_t len,
                                 uint32_t fds, size_t *used);

#endif
