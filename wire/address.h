/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Server addresses: D-Bus Specification, "Server Addresses". */
#ifndef POSTERN_WIRE_ADDRESS_H
#define POSTERN_WIRE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/error.h"

struct postern_address_option {
    char *key;
    char *value; /* unescaped; may contain any byte but NUL */
};

struct postern_address {
    char *transport; /* "unix", "tcp", "systemd", ... */
    size_t n_options;
    struct postern_address_option *options;
};

/* Parses a ';'-separated list. 0 and a new array, or -EINVAL with a reason, or -ENOMEM. An empty list is -EINVAL. */
int postern_address_parse(const char *text, struct postern_address **list, size_t *n, struct postern_error *error);
void postern_address_free(struct postern_address *list, size_t n);
/* The value of a key, or NULL. */
const char *postern_address_get(const struct postern_address *address, const char *key);
/* Appends value with every byte outside the optionally-escaped set as %xx. 0 or -ENOMEM. */
int postern_address_escape(struct postern_buf *buf, const char *value, size_t len);

#endif
