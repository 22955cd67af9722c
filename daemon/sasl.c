/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every byte here is from somebody who has not yet said who he is. Filters and servers that disagreed about blanks in these
 * lines have let things through before, so there is one reading of each line or none.
 */
#include "daemon/sasl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The states of the specification's server, and the two ends. */
enum sasl_state {
    SASL_WAIT_NONCE,
    SASL_WAIT_NUL,
    SASL_WAIT_AUTH,
    SASL_WAIT_DATA,  /* the initial response of a mechanism */
    SASL_WAIT_PROOF, /* the answer to a challenge of DBUS_COOKIE_SHA1 */
    SASL_WAIT_BEGIN,
    SASL_DONE,
    SASL_FAILED,
};

/* A word or the rest of a line. s is NULL when there is none. */
struct word {
    const char *s;
    size_t len;
};

static const struct {
    uint32_t bit;
    const char *name;
} mechanisms[] = {
    {POSTERN_SASL_EXTERNAL, "EXTERNAL"},
    {POSTERN_SASL_COOKIE, "DBUS_COOKIE_SHA1"},
    {POSTERN_SASL_ANONYMOUS, "ANONYMOUS"},
};

void postern_sasl_init(struct postern_sasl *sasl, const char *guid, uint32_t enabled, uint32_t socket_uid, bool can_pass_fds)
{
    *sasl = (struct postern_sasl){
        .guid = guid,
        .mechanisms = enabled,
        .socket_uid = socket_uid,
        .can_pass_fds = can_pass_fds,
        .state = SASL_WAIT_NUL,
        .uid = UINT32_MAX,
    };
}

void postern_sasl_ask_nonce(struct postern_sasl *sasl, const uint8_t nonce[POSTERN_SASL_NONCE_BYTES])
{
    memcpy(sasl->nonce, nonce, sizeof(sasl->nonce));
    sasl->state = SASL_WAIT_NONCE;
}

void postern_sasl_free(struct postern_sasl *sasl)
{
    if (sasl != NULL)
        explicit_bzero(sasl, sizeof(*sasl));
    free(sasl);
}

static bool word_is(struct word word, const char *text)
{
    return word.s != NULL && word.len == strlen(text) && memcmp(word.s, text, word.len) == 0;
}

/* Cuts the first word off; what is behind its blank stays in *rest. */
static struct word next_word(struct word *rest)
{
    struct word word = *rest;
    const char *blank = rest->s != NULL ? memchr(rest->s, ' ', rest->len) : NULL;

    if (blank == NULL) {
        *rest = (struct word){0};
        return word;
    }
    word.len = (size_t)(blank - word.s);
    *rest = (struct word){blank + 1, rest->len - word.len - 1};
    return word;
}

/* Lists the enabled mechanisms and starts over; whatever was agreed to is void. */
static int reject(struct postern_sasl *sasl, struct postern_buf *out)
{
    int r = postern_buf_printf(out, "REJECTED");

    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]) && r == 0; i++)
        if (sasl->mechanisms & mechanisms[i].bit)
            r = postern_buf_printf(out, " %s", mechanisms[i].name);
    if (r == 0)
        r = postern_buf_printf(out, "\r\n");
    explicit_bzero(&sasl->challenge, sizeof(sasl->challenge));
    sasl->state = SASL_WAIT_AUTH;
    sasl->fds_agreed = false;
    sasl->anonymous = false;
    sasl->uid = UINT32_MAX;
    if (r == 0 && ++sasl->rejections >= POSTERN_SASL_REJECTIONS_MAX)
        r = -EPROTO;
    return r;
}

static int write_text(struct postern_buf *out, const char *text)
{
    return postern_buf_append(out, text, strlen(text));
}

static int refuse(struct postern_buf *out, const char *why)
{
    return postern_buf_printf(out, "ERROR \"%s\"\r\n", why);
}

static int accept_as(struct postern_sasl *sasl, uint32_t uid, bool anonymous, struct postern_buf *out)
{
    sasl->uid = uid;
    sasl->anonymous = anonymous;
    sasl->state = SASL_WAIT_BEGIN;
    return write_text(out, "OK ") < 0 || write_text(out, sasl->guid) < 0 || write_text(out, "\r\n") < 0 ? -ENOMEM : 0;
}

/* A uid in decimal, each digit in hexadecimal: "31303030" is 1000. There is one spelling of each uid: no sign, no leading zero.
 */
static bool parse_uid(struct word hex, uint32_t *uid)
{
    uint64_t value = 0;

    if (hex.len == 0 || hex.len % 2 != 0 || hex.len > 20)
        return false;
    for (size_t i = 0; i < hex.len; i += 2) {
        if (hex.s[i] != '3' || hex.s[i + 1] < '0' || hex.s[i + 1] > '9')
            return false;
        value = value * 10 + (uint64_t)(hex.s[i + 1] - '0');
    }
    if ((hex.s[1] == '0' && hex.len > 2) || value >= UINT32_MAX)
        return false;
    *uid = (uint32_t)value;
    return true;
}

static bool is_hex(struct word word)
{
    for (size_t i = 0; i < word.len; i++)
        if (strchr("0123456789abcdefABCDEF", word.s[i]) == NULL)
            return false;
    return word.len % 2 == 0;
}

/* The identity asked for, or the socket's own when it is left empty. Nobody may ask for another than the socket's. */
static int external(struct postern_sasl *sasl, struct word response, struct postern_buf *out)
{
    uint32_t uid = sasl->socket_uid;

    if (sasl->socket_uid == UINT32_MAX || (response.len > 0 && !parse_uid(response, &uid)) || uid != sasl->socket_uid)
        return reject(sasl, out);
    return accept_as(sasl, uid, false, out);
}

/* Only the keyring's user can prove who he is, and on a Unix socket only he may try: a socket of one user and a secret of another
 * do not fit together. */
static int cookie(struct postern_sasl *sasl, struct word response, struct postern_buf *out)
{
    const struct postern_sasl_keyring *keyring = sasl->keyring;

    if (keyring == NULL || !postern_sasl_cookie_is_owner(keyring, response.s, response.len) ||
        (sasl->socket_uid != UINT32_MAX && sasl->socket_uid != keyring->uid) ||
        keyring->challenge(keyring->data, &sasl->challenge) < 0)
        return reject(sasl, out);
    sasl->state = SASL_WAIT_PROOF;
    return postern_sasl_cookie_ask(&sasl->challenge, out);
}

/* Allowed, since who knows the cookie can read a file that is this user's alone. */
static int proof(struct postern_sasl *sasl, struct word response, struct postern_buf *out)
{
    bool proves = postern_sasl_cookie_proves(&sasl->challenge, response.s, response.len);

    explicit_bzero(&sasl->challenge, sizeof(sasl->challenge));
    return proves ? accept_as(sasl, sasl->keyring->uid, false, out) : reject(sasl, out);
}

static int respond(struct postern_sasl *sasl, struct word response, struct postern_buf *out)
{
    return sasl->mechanism == POSTERN_SASL_COOKIE ? cookie(sasl, response, out) : external(sasl, response, out);
}

static int command_auth(struct postern_sasl *sasl, struct word rest, struct postern_buf *out)
{
    struct word name = next_word(&rest);

    sasl->mechanism = 0;
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
        if (word_is(name, mechanisms[i].name))
            sasl->mechanism = mechanisms[i].bit & sasl->mechanisms;
    if (sasl->mechanism == 0)
        return reject(sasl, out);
    /* The response to ANONYMOUS is a trace for people; the configuration said <allow_anonymous/>. */
    if (sasl->mechanism == POSTERN_SASL_ANONYMOUS)
        return is_hex(rest) ? accept_as(sasl, UINT32_MAX, true, out) : reject(sasl, out);
    if (rest.s != NULL)
        return respond(sasl, rest, out);
    sasl->state = SASL_WAIT_DATA;
    return write_text(out, "DATA\r\n");
}

static int command_negotiate(struct postern_sasl *sasl, struct postern_buf *out)
{
    if (!sasl->can_pass_fds)
        return refuse(out, "Unix file descriptors cannot be passed here");
    sasl->fds_agreed = true;
    return write_text(out, "AGREE_UNIX_FD\r\n");
}

/* One complete line, without CR LF. 0, 1 after BEGIN, or a negative errno. */
static int take_line(struct postern_sasl *sasl, struct word rest, struct postern_buf *out)
{
    struct word command = next_word(&rest);

    if (word_is(command, "BEGIN") && rest.s == NULL) {
        if (sasl->state != SASL_WAIT_BEGIN)
            return -EPROTO;
        sasl->state = SASL_DONE;
        return 1;
    }
    if (word_is(command, "ERROR") || (word_is(command, "CANCEL") && rest.s == NULL && sasl->state != SASL_WAIT_AUTH))
        return reject(sasl, out);
    if (word_is(command, "AUTH") && sasl->state == SASL_WAIT_AUTH)
        return command_auth(sasl, rest, out);
    if (word_is(command, "DATA") && sasl->state == SASL_WAIT_DATA)
        return respond(sasl, rest, out);
    if (word_is(command, "DATA") && sasl->state == SASL_WAIT_PROOF)
        return proof(sasl, rest, out);
    if (word_is(command, "NEGOTIATE_UNIX_FD") && rest.s == NULL && sasl->state == SASL_WAIT_BEGIN)
        return command_negotiate(sasl, out);
    return refuse(out, "Unknown or unexpected command");
}

/* Exactly one blank between words and none around them. "DATA " is the one exception: it is the specification's "DATA <hex>"
 * with no bytes to encode, as GDBus writes it, and nobody can read it in another way. */
static bool blanks_are_strict(const uint8_t *line, size_t n)
{
    if (n == 5 && memcmp(line, "DATA ", 5) == 0)
        return true;
    if (n == 0 || line[0] == ' ' || line[n - 1] == ' ')
        return false;
    for (size_t i = 1; i < n; i++)
        if (line[i] == ' ' && line[i - 1] == ' ')
            return false;
    return true;
}

/* Looks for the end of the line that begins at data. Its length with CR LF; 0: not yet there; -EPROTO. */
static int find_line(struct postern_sasl *sasl, const uint8_t *data, size_t n)
{
    uint8_t previous = sasl->scanned > 0 ? data[sasl->scanned - 1] : 0;

    for (size_t i = sasl->scanned; i < n && i < POSTERN_SASL_LINE_MAX; i++) {
        uint8_t c = data[i];

        if (previous == '\r')
            return c == '\n' ? (int)i + 1 : -EPROTO;
        if (c != '\r' && (c < 0x20 || c > 0x7e))
            return -EPROTO;
        previous = c;
    }
    if (n >= POSTERN_SASL_LINE_MAX)
        return -EPROTO;
    sasl->scanned = (uint32_t)n;
    return 0;
}

/* The bytes before all others on a socket of nonce-tcp. Takes as long for every wrong one. */
static int take_nonce(struct postern_sasl *sasl, const uint8_t *data, size_t n)
{
    uint8_t differs = 0;

    if (n < sizeof(sasl->nonce))
        return 0;
    for (size_t i = 0; i < sizeof(sasl->nonce); i++)
        differs |= data[i] ^ sasl->nonce[i];
    sasl->state = SASL_WAIT_NUL;
    return differs == 0 ? (int)sizeof(sasl->nonce) : -EPROTO;
}

/* One line or the NUL before all lines, of at least one byte: how many bytes were taken, 0: more is needed, negative errno. */
static int take_step(struct postern_sasl *sasl, const uint8_t *data, size_t n, struct postern_buf *out)
{
    int len, r;

    if (sasl->state == SASL_WAIT_NONCE)
        return take_nonce(sasl, data, n);
    if (sasl->state == SASL_WAIT_NUL) {
        /* Some systems carry credentials with this byte; the specification asks for it everywhere. */
        sasl->state = SASL_WAIT_AUTH;
        return data[0] == '\0' ? 1 : -EPROTO;
    }
    len = find_line(sasl, data, n);
    if (len <= 0)
        return len;
    sasl->scanned = 0;
    if (++sasl->lines > POSTERN_SASL_LINES_MAX || !blanks_are_strict(data, (size_t)len - 2))
        return -EPROTO;
    r = take_line(sasl, (struct word){(const char *)data, (size_t)len - 2}, out);
    return r < 0 ? r : len;
}

int postern_sasl_feed(struct postern_sasl *sasl, const uint8_t *data, size_t n, size_t *used, struct postern_buf *out)
{
    size_t taken = 0;
    int r = 0;

    while (sasl->state < SASL_DONE && taken < n) {
        r = take_step(sasl, data + taken, n - taken, out);
        if (r <= 0)
            break;
        taken += (size_t)r;
    }
    if (r < 0)
        sasl->state = SASL_FAILED;
    *used = taken;
    if (sasl->state == SASL_FAILED)
        return r < 0 ? r : -EPROTO;
    return sasl->state == SASL_DONE;
}
