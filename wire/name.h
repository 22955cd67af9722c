/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and paths: D-Bus Specification, "Valid Names" and "Valid Object Paths". All take a length; none needs a NUL. */
#ifndef POSTERN_WIRE_NAME_H
#define POSTERN_WIRE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define POSTERN_NAME_MAX 255
#define POSTERN_DRIVER_NAME "org.freedesktop.DBus"
#define POSTERN_DRIVER_PATH "/org/freedesktop/DBus"

/* A unique name, ":1.42": what follows the colon may begin with digits. */
bool postern_name_is_unique(const char *s, size_t len);
bool postern_name_is_well_known(const char *s, size_t len);
/* Unique or well-known. */
bool postern_name_is_bus(const char *s, size_t len);
/* What arg0namespace of a match rule takes: like a well-known name, but a single element will do. */
bool postern_name_is_namespace(const char *s, size_t len);
bool postern_name_is_interface(const char *s, size_t len);
/* The same syntax as an interface name. */
bool postern_name_is_error(const char *s, size_t len);
bool postern_name_is_member(const char *s, size_t len);
bool postern_path_is_valid(const char *s, size_t len);
/* Valid UTF-8 without NUL, surrogates and overlong forms; noncharacters are allowed, as in specification 0.21 and later. */
bool postern_utf8_is_valid(const char *s, size_t len);

/* name is root itself or below it: "a.b" covers "a.b" and "a.b.c", not "a.bc". */
bool postern_name_in_subtree(const char *name, size_t len, const char *root, size_t root_len);
/* path is root itself or below it: "/a" covers "/a" and "/a/b", not "/ab"; "/" covers all. */
bool postern_path_in_subtree(const char *path, size_t len, const char *root, size_t root_len);

#endif
