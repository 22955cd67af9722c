/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sasl.h"
#include "tests/unit/daemon.h"
#include "util/sha1.h"

#define GUID "0123456789abcdef0123456789abcdef"
#define OK "OK " GUID "\r\n"
#define REJECTED "REJECTED EXTERNAL\r\n"
#define UNKNOWN "ERROR \"Unknown or unexpected command\"\r\n"
#define NOBODY UINT32_MAX
#define SOCKET_UID 1000
#define EXT POSTERN_SASL_EXTERNAL
#define ANON POSTERN_SASL_ANONYMOUS

/* What came of a conversation. */
struct outcome {
    int r;
    size_t used;
    char *out;
    uint32_t uid;
    bool fds, anonymous;
};

/* Feeds the first split bytes, then the rest in steps of `step`, keeping what was not used, as a connection does. */
static struct outcome converse(const struct postern_sasl *start, const char *input, size_t n, size_t split, size_t step)
{
    struct postern_sasl sasl = *start;
    struct postern_buf out = {0};
    struct outcome outcome = {0};
    size_t arrived = split;

    for (;;) {
        size_t used;
        uint8_t *exact = malloc(arrived - outcome.used + 1); /* so that a sanitizer sees a read behind the end */

        memcpy(exact, input + outcome.used, arrived - outcome.used);
        outcome.r = postern_sasl_feed(&sasl, exact, arrived - outcome.used, &used, &out);
        free(exact);
        outcome.used += used;
        if (outcome.r != 0 || arrived == n)
            break;
        arrived = step < n - arrived ? arrived + step : n;
    }
    ck_assert_int_eq(postern_buf_append(&out, "", 1), 0);
    outcome.out = (char *)out.data;
    outcome.uid = sasl.uid;
    outcome.fds = sasl.fds_agreed;
    outcome.anonymous = sasl.anonymous;
    return outcome;
}

static void check_same(const struct outcome *a, const struct outcome *b, const char *what, size_t split)
{
    ck_assert_msg(a->r == b->r && a->used == b->used && a->uid == b->uid && a->fds == b->fds && a->anonymous == b->anonymous &&
                      strcmp(a->out, b->out) == 0,
                  "%s, split at %zu: %d %zu '%s' instead of %d %zu '%s'", what, split, b->r, b->used, b->out, a->r, a->used,
                  a->out);
}

/* input: without the NUL of its beginning. left: bytes of it that were not used. uid and fds count unless it ends in a failure.
 */
static const struct row {
    const char *what;
    const char *input;
    const char *out;
    int r;
    size_t left;
    uint32_t uid;
    bool fds;
} rows[] = {
    /* conversations of the libraries in use */
    {"sd-bus", "AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", "DATA\r\n" OK "AGREE_UNIX_FD\r\n", 1, 0, 1000, true},
    {"older sd-bus", "AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", OK "AGREE_UNIX_FD\r\n", 1, 0, 1000, true},
    {"libdbus", "AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nl\1\0", OK "AGREE_UNIX_FD\r\n", 1, 2, 1000, true},
    {"GDBus", "AUTH\r\nAUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", REJECTED OK "AGREE_UNIX_FD\r\n", 1, 0, 1000,
     true},
    {"GDBus across user namespaces", "AUTH\r\nAUTH EXTERNAL\r\nDATA \r\nBEGIN\r\n", REJECTED "DATA\r\n" OK, 1, 0, 1000, false},
    {"no fds wanted", "AUTH EXTERNAL 31303030\r\nBEGIN\r\n", OK, 1, 0, 1000, false},
    {"lines behind BEGIN are messages", "AUTH EXTERNAL 31303030\r\nBEGIN\r\nBEGIN\r\n\t", OK, 1, 8, 1000, false},
    {"a line break behind BEGIN too", "AUTH EXTERNAL 31303030\r\nBEGIN\r\n\r\n", OK, 1, 2, 1000, false},
    /* who one says one is */
    {"another uid", "AUTH EXTERNAL 30\r\n", REJECTED, 0, 0, NOBODY, false},
    {"another uid as DATA", "AUTH EXTERNAL\r\nDATA 30\r\n", "DATA\r\n" REJECTED, 0, 0, NOBODY, false},
    {"own uid as DATA", "AUTH EXTERNAL\r\nDATA 31303030\r\n", "DATA\r\n" OK, 0, 0, 1000, false},
    {"leading zero", "AUTH EXTERNAL 3031303030\r\n", REJECTED, 0, 0, NOBODY, false},
    {"plus sign", "AUTH EXTERNAL 2b31303030\r\n", REJECTED, 0, 0, NOBODY, false},
    {"minus one", "AUTH EXTERNAL 2d31\r\n", REJECTED, 0, 0, NOBODY, false},
    {"blank inside", "AUTH EXTERNAL 2031303030\r\n", REJECTED, 0, 0, NOBODY, false},
    {"2^32 + 1000", "AUTH EXTERNAL 34323934393638323936\r\n", REJECTED, 0, 0, NOBODY, false},
    {"2^32 - 1", "AUTH EXTERNAL 34323934393637323935\r\n", REJECTED, 0, 0, NOBODY, false},
    {"2^64 + 1000", "AUTH EXTERNAL 3138343436373434303733373039353532363136\r\n", REJECTED, 0, 0, NOBODY, false},
    {"odd digits", "AUTH EXTERNAL 3130303\r\n", REJECTED, 0, 0, NOBODY, false},
    {"not hexadecimal", "AUTH EXTERNAL 1000\r\n", REJECTED, 0, 0, NOBODY, false},
    {"NUL behind the uid", "AUTH EXTERNAL 3130303000\r\n", REJECTED, 0, 0, NOBODY, false},
    {"two responses", "AUTH EXTERNAL 31303030 31303030\r\n", REJECTED, 0, 0, NOBODY, false},
    /* mechanisms */
    {"cookie", "AUTH DBUS_COOKIE_SHA1 31303030\r\n", REJECTED, 0, 0, NOBODY, false},
    {"anonymous is off", "AUTH ANONYMOUS\r\n", REJECTED, 0, 0, NOBODY, false},
    {"mechanisms are upper-case", "AUTH external 31303030\r\n", REJECTED, 0, 0, NOBODY, false},
    {"part of a name", "AUTH EXTERNA 31303030\r\n", REJECTED, 0, 0, NOBODY, false},
    /* the states */
    {"BEGIN first", "BEGIN\r\n", "", -EPROTO, 7, NOBODY, false},
    {"BEGIN after REJECTED", "AUTH\r\nBEGIN\r\n", REJECTED, -EPROTO, 7, NOBODY, false},
    {"BEGIN instead of DATA", "AUTH EXTERNAL\r\nBEGIN\r\n", "DATA\r\n", -EPROTO, 7, NOBODY, false},
    {"BEGIN with a word", "AUTH EXTERNAL 31303030\r\nBEGIN now\r\nBEGIN\r\n", OK UNKNOWN, 1, 0, 1000, false},
    {"CANCEL before AUTH", "CANCEL\r\n", UNKNOWN, 0, 0, NOBODY, false},
    {"CANCEL instead of DATA", "AUTH EXTERNAL\r\nCANCEL\r\nDATA 31303030\r\n", "DATA\r\n" REJECTED UNKNOWN, 0, 0, NOBODY, false},
    {"CANCEL after OK", "AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nCANCEL\r\n", OK "AGREE_UNIX_FD\r\n" REJECTED, 0, 0,
     NOBODY, false},
    {"BEGIN after CANCEL", "AUTH EXTERNAL 31303030\r\nCANCEL\r\nBEGIN\r\n", OK REJECTED, -EPROTO, 7, NOBODY, false},
    {"ERROR anywhere", "ERROR\r\nAUTH EXTERNAL\r\nERROR \"no\"\r\nAUTH EXTERNAL 31303030\r\nERROR\r\n",
     REJECTED "DATA\r\n" REJECTED OK REJECTED, 0, 0, NOBODY, false},
    {"fds before OK", "NEGOTIATE_UNIX_FD\r\n", UNKNOWN, 0, 0, NOBODY, false},
    {"fds twice", "AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nNEGOTIATE_UNIX_FD\r\n", OK "AGREE_UNIX_FD\r\nAGREE_UNIX_FD\r\n",
     0, 0, 1000, true},
    {"AUTH after OK", "AUTH EXTERNAL 31303030\r\nAUTH EXTERNAL 30\r\nBEGIN\r\n", OK UNKNOWN, 1, 0, 1000, false},
    {"DATA after OK", "AUTH EXTERNAL 31303030\r\nDATA 30\r\nBEGIN\r\n", OK UNKNOWN, 1, 0, 1000, false},
    {"DATA first", "DATA 31303030\r\n", UNKNOWN, 0, 0, NOBODY, false},
    {"unknown command", "HELO\r\n", UNKNOWN, 0, 0, NOBODY, false},
    {"a server's words", "OK " GUID "\r\nREJECTED\r\nAGREE_UNIX_FD\r\n", UNKNOWN UNKNOWN UNKNOWN, 0, 0, NOBODY, false},
    {"lower case", "auth EXTERNAL 31303030\r\n", UNKNOWN, 0, 0, NOBODY, false},
    /* how lines are written */
    {"LF alone", "AUTH EXTERNAL 31303030\n", "", -EPROTO, 23, NOBODY, false},
    {"CR alone", "AUTH EXTERNAL 31303030\rBEGIN\r\n", "", -EPROTO, 30, NOBODY, false},
    {"CR CR LF", "AUTH EXTERNAL 31303030\r\r\n", "", -EPROTO, 25, NOBODY, false},
    {"LF CR", "AUTH EXTERNAL 31303030\n\r", "", -EPROTO, 24, NOBODY, false},
    {"empty line", "\r\n", "", -EPROTO, 2, NOBODY, false},
    {"tab", "AUTH\tEXTERNAL 31303030\r\n", "", -EPROTO, 24, NOBODY, false},
    {"two blanks", "AUTH  EXTERNAL 31303030\r\n", "", -EPROTO, 25, NOBODY, false},
    {"two blanks before the uid", "AUTH EXTERNAL  31303030\r\n", "", -EPROTO, 25, NOBODY, false},
    {"blank in front", " AUTH EXTERNAL 31303030\r\n", "", -EPROTO, 25, NOBODY, false},
    {"blank at the end", "AUTH EXTERNAL 31303030 \r\n", "", -EPROTO, 25, NOBODY, false},
    {"blank behind EXTERNAL", "AUTH EXTERNAL \r\n", "", -EPROTO, 16, NOBODY, false},
    {"blank behind BEGIN", "AUTH EXTERNAL 31303030\r\nBEGIN \r\n", OK, -EPROTO, 8, NOBODY, false},
    {"two blanks behind DATA", "AUTH EXTERNAL\r\nDATA  \r\n", "DATA\r\n", -EPROTO, 8, NOBODY, false},
    {"byte above ASCII", "AUTH EXTERNAL 31303030\xc2\xa0\r\n", "", -EPROTO, 26, NOBODY, false},
    {"DEL", "AUTH\x7f\r\n", "", -EPROTO, 7, NOBODY, false},
    {"not a line at all", "GET / HTTP/1.1\r\nHost: x\r\n", UNKNOWN UNKNOWN, 0, 0, NOBODY, false},
    {"seven refusals", "AUTH\r\nAUTH\r\nAUTH\r\nAUTH\r\nAUTH\r\nAUTH\r\nAUTH EXTERNAL 31303030\r\n",
     REJECTED REJECTED REJECTED REJECTED REJECTED REJECTED, -EPROTO, 30, NOBODY, false},
};

START_TEST(conversations)
{
    const struct row *row = &rows[_i];
    size_t n = strlen(row->input) + 1;
    char input[512] = "";
    struct postern_sasl start;
    struct outcome whole;

    memcpy(input + 1, row->input, n - 1);
    postern_sasl_init(&start, GUID, EXT, SOCKET_UID, true);
    whole = converse(&start, input, n, n, n);
    ck_assert_msg(whole.r == row->r, "%s: %d", row->what, whole.r);
    ck_assert_str_eq(whole.out, row->out);
    ck_assert_msg(n - whole.used == row->left, "%s: %zu bytes left", row->what, n - whole.used);
    if (row->r >= 0)
        ck_assert_msg(whole.uid == row->uid && whole.fds == row->fds, "%s: uid %u fds %d", row->what, whole.uid, whole.fds);
    for (size_t split = 0; split <= n; split++) {
        struct outcome parts = converse(&start, input, n, split, n);

        check_same(&whole, &parts, row->what, split);
        free(parts.out);
    }
    for (size_t step = 1; step <= 3; step++) {
        struct outcome parts = converse(&start, input, n, 0, step);

        check_same(&whole, &parts, row->what, step);
        free(parts.out);
    }
    free(whole.out);
}
END_TEST

/* How the server is set up, and what a conversation then comes to. */
static const struct setup {
    uint32_t mechanisms, socket_uid;
    bool can_pass_fds;
    const char *input, *out;
    int r;
    bool anonymous;
} setups[] = {
    {EXT, 1000, false, "AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n",
     OK "ERROR \"Unix file descriptors cannot be passed here\"\r\n", 1, false},
    {EXT, UINT32_MAX, true, "AUTH EXTERNAL\r\n", "DATA\r\n", 0, false},
    {EXT, UINT32_MAX, true, "AUTH EXTERNAL\r\nDATA\r\n", "DATA\r\n" REJECTED, 0, false},
    {EXT, UINT32_MAX, true, "AUTH EXTERNAL 34323934393637323935\r\n", REJECTED, 0, false},
    {EXT, 0, true, "AUTH EXTERNAL 30\r\nBEGIN\r\n", OK, 1, false},
    {EXT, 0, true, "AUTH EXTERNAL 3030\r\n", REJECTED, 0, false},
    {EXT | ANON, 1000, true, "AUTH\r\nAUTH ANONYMOUS\r\nBEGIN\r\n", "REJECTED EXTERNAL ANONYMOUS\r\n" OK, 1, true},
    {EXT | ANON, 1000, true, "AUTH ANONYMOUS 616c6963654\r\n", "REJECTED EXTERNAL ANONYMOUS\r\n", 0, false},
    {ANON, 1000, true, "AUTH ANONYMOUS 616C696365\r\nBEGIN\r\n", OK, 1, true},
    {ANON, 1000, true, "AUTH EXTERNAL 31303030\r\n", "REJECTED ANONYMOUS\r\n", 0, false},
    {EXT | ANON, 1000, true, "AUTH ANONYMOUS\r\nCANCEL\r\nAUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n",
     OK "REJECTED EXTERNAL ANONYMOUS\r\nDATA\r\n" OK, 1, false},
    {0, 1000, true, "AUTH\r\nAUTH EXTERNAL 31303030\r\n", "REJECTED\r\nREJECTED\r\n", 0, false},
};

START_TEST(set_up)
{
    const struct setup *setup = &setups[_i];
    struct postern_sasl start;
    struct outcome outcome;
    char input[256] = "";

    memcpy(input + 1, setup->input, strlen(setup->input));
    postern_sasl_init(&start, GUID, setup->mechanisms, setup->socket_uid, setup->can_pass_fds);
    outcome = converse(&start, input, strlen(setup->input) + 1, 1, 1);
    ck_assert_int_eq(outcome.r, setup->r);
    ck_assert_str_eq(outcome.out, setup->out);
    ck_assert_int_eq(outcome.anonymous, setup->anonymous);
    if (setup->anonymous)
        ck_assert_uint_eq(outcome.uid, NOBODY);
    free(outcome.out);
}
END_TEST

/* ---- cookies: the sum is that of sha1sum(1) over "CHALLENGE:CLIENT'S:COOKIE" */

#define COOKIE POSTERN_SASL_COOKIE
#define CREJECTED "REJECTED EXTERNAL DBUS_COOKIE_SHA1\r\n"
/* org_freedesktop_general 7 000102030405060708090a0b0c0d0e0f */
#define QUESTION \
    "DATA 6f72675f667265656465736b746f705f67656e6572616c203720" \
    "3030303130323033303430353036303730383039306130623063306430653066\r\n"
#define ALICE "616c696365"

static int give(void *data, struct postern_challenge *challenge)
{
    int *answer = data;

    if (*answer < 0)
        return *answer;
    challenge->id = 7;
    memcpy(challenge->cookie, "c0ffee", sizeof("c0ffee"));
    memcpy(challenge->digits, "000102030405060708090a0b0c0d0e0f", sizeof(challenge->digits));
    return 0;
}

/* The answer to the question: the client's challenge, a blank, the sum of "000102030405060708090a0b0c0d0e0f:CLIENT:COOKIE". */
static char *prove(const char *client, const char *cookie, const char *more)
{
    uint8_t sum[POSTERN_SHA1_BYTES];
    char text[512], hex[2 * POSTERN_SHA1_BYTES + 1], *line = NULL, *encoded = NULL;
    int n = snprintf(text, sizeof(text), "000102030405060708090a0b0c0d0e0f:%s:%s", client, cookie);

    postern_sha1(text, (size_t)n, sum);
    postern_hex(sum, sizeof(sum), hex);
    n = snprintf(text, sizeof(text), "%s %s%s", client, hex, more);
    encoded = malloc(2 * (size_t)n + 1);
    postern_hex((const uint8_t *)text, (size_t)n, encoded);
    ck_assert_int_gt(asprintf(&line, "DATA %s\r\n", encoded), 0);
    free(encoded);
    return line;
}

/* first: what comes before the proof. */
static const struct {
    const char *what, *first, *client, *cookie, *more, *last;
    uint32_t socket_uid;
    int keyring;
    const char *out;
    int r;
    uint32_t uid;
} cookies[] = {
    {"over the network", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\n", "abcd", "c0ffee", "", "BEGIN\r\n", NOBODY, 0, QUESTION OK, 1, 1000},
    {"by number", "AUTH DBUS_COOKIE_SHA1 31303030\r\n", "abcd", "c0ffee", "", "BEGIN\r\n", NOBODY, 0, QUESTION OK, 1, 1000},
    {"with DATA", "AUTH DBUS_COOKIE_SHA1\r\nDATA " ALICE "\r\n", "abcd", "c0ffee", "", "BEGIN\r\n", NOBODY, 0,
     "DATA\r\n" QUESTION OK, 1, 1000},
    {"over a Unix socket", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\n", "abcd", "c0ffee", "", "BEGIN\r\n", 1000, 0, QUESTION OK, 1, 1000},
    {"another client's challenge", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\n", "~!any-printable", "c0ffee", "", "BEGIN\r\n", NOBODY, 0,
     QUESTION OK, 1, 1000},
    {"a socket of another user", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\n", "abcd", "c0ffee", "", "", 1001, 0, CREJECTED UNKNOWN, 0, NOBODY},
    {"another cookie", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\n", "abcd", "c0ffef", "", "", NOBODY, 0, QUESTION CREJECTED, 0, NOBODY},
    {"a longer sum", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\n", "abcd", "c0ffee", "00", "", NOBODY, 0, QUESTION CREJECTED, 0, NOBODY},
    {"a blank behind", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\n", "abcd", "c0ffee", " ", "", NOBODY, 0, QUESTION CREJECTED, 0, NOBODY},
    {"no challenge of its own", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\n", "", "c0ffee", "", "", NOBODY, 0, QUESTION CREJECTED, 0, NOBODY},
    {"two words", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\n", "ab cd", "c0ffee", "", "", NOBODY, 0, QUESTION CREJECTED, 0, NOBODY},
    {"another name", "AUTH DBUS_COOKIE_SHA1 626f62\r\n", "abcd", "c0ffee", "", "", NOBODY, 0, CREJECTED UNKNOWN, 0, NOBODY},
    {"part of the name", "AUTH DBUS_COOKIE_SHA1 616c6963\r\n", "abcd", "c0ffee", "", "", NOBODY, 0, CREJECTED UNKNOWN, 0, NOBODY},
    {"another number", "AUTH DBUS_COOKIE_SHA1 30\r\n", "abcd", "c0ffee", "", "", NOBODY, 0, CREJECTED UNKNOWN, 0, NOBODY},
    {"no name", "AUTH DBUS_COOKIE_SHA1\r\nDATA\r\n", "abcd", "c0ffee", "", "", NOBODY, 0, "DATA\r\n" CREJECTED UNKNOWN, 0, NOBODY},
    {"no keyring", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\n", "abcd", "c0ffee", "", "", NOBODY, -EPERM, CREJECTED UNKNOWN, 0, NOBODY},
    {"the proof twice", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\nDATA 61\r\n", "abcd", "c0ffee", "", "", NOBODY, 0, QUESTION CREJECTED UNKNOWN,
     0, NOBODY},
    {"BEGIN without proof", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\nBEGIN\r\n", "abcd", "c0ffee", "", "", NOBODY, 0, QUESTION, -EPROTO, NOBODY},
    {"CANCEL instead of proof", "AUTH DBUS_COOKIE_SHA1 " ALICE "\r\nCANCEL\r\n", "abcd", "c0ffee", "", "", NOBODY, 0,
     QUESTION CREJECTED UNKNOWN, 0, NOBODY},
    {"EXTERNAL over the network", "AUTH EXTERNAL 31303030\r\n", "abcd", "c0ffee", "", "", NOBODY, 0, CREJECTED UNKNOWN, 0, NOBODY},
};

START_TEST(cookie_proofs)
{
    char input[1024] = "", *proof = prove(cookies[_i].client, cookies[_i].cookie, cookies[_i].more);
    int answer = cookies[_i].keyring;
    const struct postern_sasl_keyring keyring = {.data = &answer, .user = "alice", .uid = 1000, .challenge = give};
    struct postern_sasl start;
    size_t n = (size_t)snprintf(input + 1, sizeof(input) - 1, "%s%s%s", cookies[_i].first, proof, cookies[_i].last) + 1;

    postern_sasl_init(&start, GUID, EXT | COOKIE, cookies[_i].socket_uid, false);
    start.keyring = &keyring;
    for (size_t step = 1; step <= n; step = 2 * step + 1) {
        struct outcome outcome = converse(&start, input, n, 0, step);

        ck_assert_msg(outcome.r == cookies[_i].r, "%s: %d", cookies[_i].what, outcome.r);
        ck_assert_msg(strcmp(outcome.out, cookies[_i].out) == 0, "%s: %s", cookies[_i].what, outcome.out);
        if (outcome.r >= 0)
            ck_assert_msg(outcome.uid == cookies[_i].uid, "%s: uid %u", cookies[_i].what, outcome.uid);
        free(outcome.out);
    }
    free(proof);
}
END_TEST

/* Without a keyring the mechanism is refused, also when it was enabled. */
START_TEST(cookies_need_a_keyring)
{
    struct postern_sasl start;
    struct outcome outcome;

    postern_sasl_init(&start, GUID, EXT | COOKIE, NOBODY, false);
    outcome = converse(&start, "\0AUTH DBUS_COOKIE_SHA1 " ALICE "\r\n", 35, 0, 35);
    ck_assert_str_eq(outcome.out, CREJECTED);
    free(outcome.out);
}
END_TEST

/* The bytes of a nonce come before all others, however they arrive. */
START_TEST(nonce)
{
    static const char right[] = "0123456789abcdef\0AUTH\r\n", wrong[] = "0123456789abcdeF\0AUTH\r\n", short_one[] = "0123456789abcde";
    struct postern_sasl start;

    postern_sasl_init(&start, GUID, EXT, NOBODY, false);
    postern_sasl_ask_nonce(&start, (const uint8_t *)right);
    for (size_t step = 1; step < sizeof(right); step++) {
        struct outcome good = converse(&start, right, sizeof(right) - 1, 0, step), bad = converse(&start, wrong, sizeof(wrong) - 1, 0, step);

        ck_assert_int_eq(good.r, 0);
        ck_assert_str_eq(good.out, REJECTED);
        ck_assert_int_eq(bad.r, -EPROTO);
        ck_assert_str_eq(bad.out, "");
        free(good.out);
        free(bad.out);
    }
    for (size_t step = 1; step < sizeof(short_one); step++) {
        struct outcome partial = converse(&start, short_one, sizeof(short_one) - 1, 0, step);

        ck_assert_int_eq(partial.r, 0);
        ck_assert_uint_eq(partial.used, 0);
        free(partial.out);
    }
}
END_TEST

/* A conversation is as long as it takes, and no longer. */
START_TEST(bounds)
{
    static char line[POSTERN_SASL_LINE_MAX + 8];
    struct postern_sasl start;
    struct outcome outcome;

    postern_sasl_init(&start, GUID, EXT, SOCKET_UID, true);
    memset(line + 1, 'A', sizeof(line) - 1);
    memcpy(line + POSTERN_SASL_LINE_MAX - 1, "\r\n", 2);
    outcome = converse(&start, line, POSTERN_SASL_LINE_MAX + 1, 1, 7);
    ck_assert_int_eq(outcome.r, 0);
    ck_assert_str_eq(outcome.out, UNKNOWN);
    free(outcome.out);

    memcpy(line + POSTERN_SASL_LINE_MAX - 1, "AA\r\n", 4);
    for (size_t step = 1; step < sizeof(line); step *= 4) {
        outcome = converse(&start, line, sizeof(line), 0, step);
        ck_assert_int_eq(outcome.r, -EPROTO);
        ck_assert_str_eq(outcome.out, "");
        free(outcome.out);
    }

    for (size_t i = 1; i + 3 <= sizeof(line); i += 3)
        memcpy(line + i, "X\r\n", 3);
    outcome = converse(&start, line, sizeof(line), 0, 4096);
    ck_assert_int_eq(outcome.r, -EPROTO);
    ck_assert_uint_eq(strlen(outcome.out), POSTERN_SASL_LINES_MAX * strlen(UNKNOWN));
    free(outcome.out);
}
END_TEST

/* The first byte, and what follows an end. */
START_TEST(first_and_last)
{
    struct postern_sasl sasl;
    struct postern_buf out = {0};
    size_t used = 99;

    postern_sasl_init(&sasl, GUID, EXT, SOCKET_UID, true);
    ck_assert_int_eq(postern_sasl_feed(&sasl, (const uint8_t *)"AUTH\r\n", 6, &used, &out), -EPROTO);
    ck_assert_uint_eq(used, 0);
    /* A failure stays one. */
    ck_assert_int_eq(postern_sasl_feed(&sasl, (const uint8_t *)"\0AUTH\r\n", 7, &used, &out), -EPROTO);
    ck_assert_uint_eq(out.len, 0);

    /* There is one NUL, not two. */
    postern_sasl_init(&sasl, GUID, EXT, SOCKET_UID, true);
    ck_assert_int_eq(postern_sasl_feed(&sasl, NULL, 0, &used, &out), 0);
    ck_assert_int_eq(postern_sasl_feed(&sasl, (const uint8_t *)"\0\0AUTH\r\n", 8, &used, &out), -EPROTO);

    /* After BEGIN nothing is used any more. */
    postern_sasl_init(&sasl, GUID, EXT, SOCKET_UID, true);
    ck_assert_int_eq(postern_sasl_feed(&sasl, (const uint8_t *)"\0AUTH EXTERNAL 31303030\r\nBEGIN\r\n", 32, &used, &out), 1);
    ck_assert_uint_eq(used, 32);
    ck_assert_int_eq(postern_sasl_feed(&sasl, (const uint8_t *)"AUTH\r\n", 6, &used, &out), 1);
    ck_assert_uint_eq(used, 0);
    postern_buf_finish(&out);
}
END_TEST

Suite *sasl_suite(void)
{
    Suite *suite = suite_create("daemon/sasl");
    TCase *tcase = tcase_create("sasl");

    tcase_add_loop_test(tcase, conversations, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(tcase, set_up, 0, sizeof(setups) / sizeof(setups[0]));
    tcase_add_loop_test(tcase, cookie_proofs, 0, sizeof(cookies) / sizeof(cookies[0]));
    tcase_add_test(tcase, cookies_need_a_keyring);
    tcase_add_test(tcase, nonce);
    tcase_add_test(tcase, bounds);
    tcase_add_test(tcase, first_and_last);
    suite_add_tcase(suite, tcase);
    return suite;
}
