/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sasl_cookie.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/sha1.h"

#define RESPONSE_MAX 512u /* bytes of a response; real ones have 32 for the client's challenge, 40 for the sum */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 2n hexadecimal digits as n bytes. How many, or -EINVAL. */
static int decode(const char *hex, size_t len, uint8_t *bytes, size_t max)
{
    if (len % 2 != 0 || len / 2 > max)
        return -EINVAL;
    for (size_t i = 0; i < len; i += 2) {
        int high = digit(hex[i]), low = digit(hex[i + 1]);

        if (high < 0 || low < 0)
            return -EINVAL;
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    return (int)(len / 2);
}

bool postern_sasl_cookie_is_owner(const struct postern_sasl_keyring *keyring, const char *hex, size_t len)
{
    uint8_t name[RESPONSE_MAX];
    char number[16];
    int n = decode(hex, len, name, sizeof(name));

    if (n <= 0)
        return false;
    snprintf(number, sizeof(number), "%u", (unsigned)keyring->uid);
    return ((size_t)n == strlen(keyring->user) && memcmp(name, keyring->user, (size_t)n) == 0) ||
           ((size_t)n == strlen(number) && memcmp(name, number, (size_t)n) == 0);
}

int postern_sasl_cookie_ask(const struct postern_challenge *challenge, struct postern_buf *out)
{
    char text[sizeof(POSTERN_COOKIE_CONTEXT) + POSTERN_CHALLENGE_DIGITS + 16], hex[2 * sizeof(text) + 1];
    int n = snprintf(text, sizeof(text), POSTERN_COOKIE_CONTEXT " %u %s", (unsigned)challenge->id, challenge->digits);

    postern_hex((const uint8_t *)text, (size_t)n, hex);
    return postern_buf_printf(out, "DATA %s\r\n", hex);
}

/* "CHALLENGE SUM": finds the blank between them. 0: it is not of that form. */
static size_t find_blank(const uint8_t *text, size_t n)
{
    size_t blank = 0;

    while (blank < n && text[blank] > ' ' && text[blank] < 0x7f)
        blank++;
    return blank < n && text[blank] == ' ' ? blank : 0;
}

bool postern_sasl_cookie_proves(const struct postern_challenge *challenge, const char *hex, size_t len)
{
    uint8_t text[RESPONSE_MAX], sum[POSTERN_SHA1_BYTES], claimed[POSTERN_SHA1_BYTES], differs = 0;
    char known[POSTERN_CHALLENGE_DIGITS + RESPONSE_MAX + POSTERN_COOKIE_DIGITS_MAX + 3];
    int n = decode(hex, len, text, sizeof(text));
    size_t blank = n > 0 ? find_blank(text, (size_t)n) : 0;
    int known_len;

    if (blank == 0 || decode((const char *)text + blank + 1, (size_t)n - blank - 1, claimed, sizeof(claimed)) != sizeof(claimed))
        return false;
    known_len =
        snprintf(known, sizeof(known), "%s:%.*s:%s", challenge->digits, (int)blank, (const char *)text, challenge->cookie);
    postern_sha1(known, (size_t)known_len, sum);
    explicit_bzero(known, sizeof(known));
    /* Takes as long for every wrong sum. */
    for (size_t i = 0; i < sizeof(sum); i++)
        differs |= sum[i] ^ claimed[i];
    return differs == 0;
}
