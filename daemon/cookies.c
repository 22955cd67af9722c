/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of a keyring's file. What is in it was written by programs of the same user; it is read as if it were not. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/keyring.h"
#include "util/sha1.h"

#define SECRET_BYTES 24
#define ID_MAX INT32_MAX /* readers keep ids in an int */

/* A decimal number in *text, up to a blank, which is taken, too. -EINVAL: not one, or above max. */
static int read_number(const char **text, const char *end, int64_t max, int64_t *number)
{
    const char *p = *text;
    int64_t value = 0;

    while (p < end && *p >= '0' && *p <= '9') {
        value = value * 10 + (*p++ - '0');
        if (value > max)
            return -EINVAL;
    }
    if (p == *text || p == end || *p != ' ')
        return -EINVAL;
    *text = p + 1;
    *number = value;
    return 0;
}

static int read_secret(const char *text, const char *end, char digits[POSTERN_COOKIE_DIGITS_MAX + 1])
{
    size_t len = (size_t)(end - text);

    if (len == 0 || len % 2 != 0 || len > POSTERN_COOKIE_DIGITS_MAX)
        return -EINVAL;
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0' || strchr("0123456789abcdefABCDEF", text[i]) == NULL)
            return -EINVAL;
    memcpy(digits, text, len);
    digits[len] = '\0';
    return 0;
}

static bool has_id(const struct postern_cookies *cookies, uint32_t id)
{
    for (size_t i = 0; i < cookies->n; i++)
        if (cookies->list[i].id == id)
            return true;
    return false;
}

/* One line, without its end. */
static void take_line(struct postern_cookies *cookies, const char *text, const char *end, int64_t now)
{
    struct postern_cookie cookie;
    int64_t id;

    if (read_number(&text, end, ID_MAX, &id) < 0 || read_number(&text, end, INT64_MAX / 16, &cookie.made) < 0 ||
        read_secret(text, end, cookie.digits) < 0)
        return;
    cookie.id = (uint32_t)id;
    if (cookie.made < now - POSTERN_COOKIE_KEPT || cookie.made > now + POSTERN_COOKIE_FRESH || has_id(cookies, cookie.id))
        return;
    cookies->list[cookies->n++] = cookie;
}

void postern_cookies_parse(const char *text, size_t n, int64_t now, struct postern_cookies *cookies)
{
    const char *end;

    cookies->n = 0;
    if (n == 0)
        return; /* text may be NULL, as of an empty file */
    end = text + n;
    while (text < end && cookies->n < POSTERN_COOKIES_MAX) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));

        if (stop == NULL)
            return; /* every line ends; this one is not whole */
        take_line(cookies, text, stop, now);
        text = stop + 1;
    }
}

const struct postern_cookie *postern_cookies_best(const struct postern_cookies *cookies, int64_t now)
{
    const struct postern_cookie *best = NULL;

    for (size_t i = 0; i < cookies->n; i++)
        if (cookies->list[i].made > now - POSTERN_COOKIE_FRESH && (best == NULL || cookies->list[i].made > best->made))
            best = &cookies->list[i];
    return best;
}

int postern_cookies_add(struct postern_cookies *cookies, int64_t now)
{
    struct postern_cookie cookie = {.made = now};
    uint8_t secret[SECRET_BYTES];

    do {
        if (getrandom(&cookie.id, sizeof(cookie.id), 0) != sizeof(cookie.id))
            return -EIO;
        cookie.id &= ID_MAX;
    } while (has_id(cookies, cookie.id));
    if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
        return -EIO;
    postern_hex(secret, sizeof(secret), cookie.digits);
    explicit_bzero(secret, sizeof(secret));
    /* They are in the order of their making; the first is the least useful. */
    if (cookies->n == POSTERN_COOKIES_MAX)
        memmove(&cookies->list[0], &cookies->list[1], --cookies->n * sizeof(cookie));
    cookies->list[cookies->n++] = cookie;
    return 0;
}

int postern_cookies_format(const struct postern_cookies *cookies, struct postern_buf *text)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < cookies->n; i++)
        r = postern_buf_printf(text, "%" PRIu32 " %" PRId64 " %s\n", cookies->list[i].id, cookies->list[i].made,
                               cookies->list[i].digits);
    return r;
}
