/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages and bodies of either byte order, made from text, valid or not. Tokens, separated by blanks:
 *
 *     'text'       these bytes, no NUL          .        a zero byte        zN   N zero bytes
 *     yHH          the byte 0xHH                qN uN tN a number of 2, 4 or 8 bytes, not aligned
 *     |N           zeros up to a multiple of N
 *     [CT:value]   a header field with code C (decimal) of type T: aligned, a string type or 'u'
 */
#ifndef POSTERN_TESTS_UNIT_WIRE_MAKE_H
#define POSTERN_TESTS_UNIT_WIRE_MAKE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct made {
    uint8_t data[16384];
    size_t len;
};

/* Appends what the text says. */
void make(struct made *made, char order, const char *text);
/* A whole message with serial 7, instead of what *made held. */
void make_message(struct made *made, char order, unsigned type, const char *fields, const char *body);

/* "yyyy...": n times c; static memory, overwritten by the next call but three. */
const char *repeat(char c, size_t n);

Suite *wire_name_suite(void);
Suite *wire_signature_suite(void);
Suite *wire_header_suite(void);
Suite *wire_memo_suite(void);
Suite *wire_body_suite(void);
Suite *wire_values_suite(void);
Suite *wire_match_suite(void);
Suite *wire_address_suite(void);
#ifdef HAVE_DBUS1
Suite *wire_libdbus_suite(void);
#endif

#endif
