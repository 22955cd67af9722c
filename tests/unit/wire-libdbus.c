/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The same bytes before our validators and libdbus's: random valid messages, and these with a few bytes changed. Where the
 * two differ on purpose, it is told here:
 *
 *   - libdbus takes unique names without a period (":x"); the specification wants two elements in every bus name.
 *   - libdbus counts only arrays directly in each other towards the limit of 32; the specification counts all on the way
 *     down. Random signatures do not get that deep; wire-signature.c has the rows.
 *   - libdbus wants the descriptors that UNIX_FDS announces, and we the handles in the body to be among them: such messages
 *     are left out, and handles without UNIX_FDS pass here.
 */
#include <dbus/dbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/wire-make.h"
#include "wire/body.h"
#include "wire/header.h"
#include "wire/name.h"

#define MESSAGES 1000
#define MUTATIONS 40 /* of each message */

static uint64_t random_state;

/* xorshift64*: the same numbers in every run. Below n. */
static unsigned choose(unsigned n)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (unsigned)((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

/* The deepest type that random_type() makes has room in every buffer here. */
static void append(char *out, const char *text)
{
    memcpy(out + strlen(out), text, strlen(text) + 1);
}

/* Appends a random complete type. */
static void random_type(char *out, unsigned depth)
{
    static const char basic[] = "ybnqiuxtdsogh";
    unsigned kind = depth < 4 ? choose(10) : 0;

    out += strlen(out);
    if (kind < 6) {
        snprintf(out, 2, "%c", basic[choose(13)]);
    } else if (kind == 6) {
        append(out, "v");
    } else if (kind == 7) {
        append(out, "(");
        for (unsigned n = 1 + choose(3); n > 0; n--)
            random_type(out, depth + 1);
        append(out, ")");
    } else if (kind == 8) {
        snprintf(out, 4, "a{%c", basic[choose(13)]);
        random_type(out, depth + 2);
        append(out, "}");
    } else {
        append(out, "a");
        random_type(out, depth + 1);
    }
}

static const char *random_value(struct made *made, char order, const char *type, unsigned depth);

static void random_basic(struct made *made, char order, char code)
{
    static const char *const strings[] = {"u0 .", "u2 'hi' .", "u12 'a.b.org.long' .", "u2 yc3 ya9 .", "u3 yef ybf ybf ."};
    static const char *const paths[] = {"u1 '/' .", "u2 '/a' .", "u7 '/a/b0/_' ."};
    static const char *const signatures[] = {". .", "y01 's' .", "y05 'a{sv}' .", "y04 '(yv)' ."};
    char text[64];

    switch (code) {
    case 'y':
        snprintf(text, sizeof(text), "y%02x", choose(256));
        break;
    case 'b':
        snprintf(text, sizeof(text), "|4 u%u", choose(2));
        break;
    case 'n':
    case 'q':
        snprintf(text, sizeof(text), "|2 q%u", choose(65536));
        break;
    case 's':
        snprintf(text, sizeof(text), "|4 %s", strings[choose(5)]);
        break;
    case 'o':
        snprintf(text, sizeof(text), "|4 %s", paths[choose(3)]);
        break;
    case 'g':
        snprintf(text, sizeof(text), "%s", signatures[choose(4)]);
        break;
    case 'x':
    case 't':
    case 'd':
        snprintf(text, sizeof(text), "|8 t%u", choose(1u << 30));
        break;
    default:
        snprintf(text, sizeof(text), "|4 u%u", choose(1000));
    }
    make(made, order, text);
}

static const char *random_array(struct made *made, char order, const char *element, unsigned depth)
{
    struct made length = {.len = 0};
    const char *after = element;
    size_t length_at, start;
    char text[32];

    make(made, order, "|4 u0");
    length_at = made->len - 4;
    make(made, order, strchr("xtd({", *element) != NULL ? "|8" : "");
    start = made->len;
    /* The type has to be walked even if there is no element: on a copy that is thrown away. */
    for (unsigned n = choose(4); n > 0; n--)
        after = random_value(made, order, element, depth + 1);
    if (after == element) {
        struct made *scratch = calloc(1, sizeof(*scratch));

        ck_assert_ptr_nonnull(scratch);
        after = random_value(scratch, order, element, depth + 1);
        free(scratch);
    }
    snprintf(text, sizeof(text), "u%zu", made->len - start);
    make(&length, order, text);
    memcpy(made->data + length_at, length.data, 4);
    return after;
}

/* A random value of the type; returns what follows it in the signature. */
static const char *random_value(struct made *made, char order, const char *type, unsigned depth)
{
    char inner[512] = "", text[600];

    switch (*type) {
    case 'a':
        return random_array(made, order, type + 1, depth);
    case 'v':
        random_type(inner, depth + 1);
        snprintf(text, sizeof(text), "y%02zx '%s' .", strlen(inner), inner);
        make(made, order, text);
        random_value(made, order, inner, depth + 1);
        return type + 1;
    case '(':
    case '{':
        make(made, order, "|8");
        for (type++; *type != ')' && *type != '}';)
            type = random_value(made, order, type, depth + 1);
        return type + 1;
    default:
        random_basic(made, order, *type);
        return type + 1;
    }
}

/* A valid message of random type, fields and body. */
static void random_message(struct made *made)
{
    static const char *const fields[] = {
        "", "[1o:/a/b][3s:Get]", "[5u:9]", "[5u:9][4s:a.b.Error]", "[1o:/][2s:a.b_c][3s:Changed]", "[11s:x]",
    };
    static const char *const more[] = {"", "[6s:org.a-b]", "[6s::1.5]", "[7s::1.77]", "[6s:a.b][7s:c.d]", "[9u:0]"};
    unsigned type = 1 + choose(5);
    char order = choose(2) ? 'l' : 'B', signature[512] = "", text[1024];
    struct made body = {.len = 0}, length = {.len = 0};

    for (unsigned n = choose(4); n > 0; n--)
        random_type(signature, 0);
    for (const char *s = signature; *s != '\0';)
        s = random_value(&body, order, s, 0);
    snprintf(text, sizeof(text), "%s%s[8g:%s]", fields[type], more[choose(6)], signature);
    make_message(made, order, type, text, "");
    snprintf(text, sizeof(text), "u%zu", body.len);
    make(&length, order, text);
    memcpy(made->data + 4, length.data, 4);
    ck_assert_uint_le(made->len + body.len, sizeof(made->data));
    memcpy(made->data + made->len, body.data, body.len);
    made->len += body.len;
}

static void mutate(struct made *made)
{
    static const uint8_t bytes[] = {0, 1, 2, 3, 4, 8, 9, 10, 11, 0x7f, 0x80, 0xff, 'a', '(', ')', '{', 'v', 's', 'y', '/', '.', ':'};
    size_t at = choose((unsigned)made->len), from = choose((unsigned)made->len), n;

    switch (choose(5)) {
    case 0:
        made->data[at] ^= (uint8_t)(1u << choose(8));
        break;
    case 1:
        made->data[at] = (uint8_t)(made->data[at] + (choose(2) ? 1 : -1));
        break;
    case 2:
        n = 1 + choose(8);
        if (at + n <= made->len && from + n <= made->len)
            memmove(made->data + at, made->data + from, n);
        break;
    default:
        made->data[at] = bytes[choose(sizeof(bytes))];
    }
}

enum answer { INVALID, VALID, UNDECIDED };

static enum answer ask_ourselves(const struct made *made)
{
    struct postern_header header;
    uint32_t total;
    int r = postern_header_length(made->data, made->len, POSTERN_MESSAGE_MAX, &total);

    if (r < 0)
        return INVALID;
    if (r == 0 || total != made->len)
        return UNDECIDED; /* half a message, or more than one */
    if (postern_header_parse(made->data, total, &header) < 0)
        return INVALID;
    if (header.fds > 0)
        return UNDECIDED;
    return postern_body_validate(header.order, header.signature.s != NULL ? header.signature.s : "", header.signature.len,
                                 made->data + header.body_start, header.body_len, UINT32_MAX) == 0 ? VALID : INVALID;
}

static bool is_odd_unique_name(const char *name)
{
    return name != NULL && name[0] == ':' && !postern_name_is_unique(name, strlen(name));
}

/* libdbus's answer, apart from where we differ on purpose. */
static enum answer ask_libdbus(const struct made *made)
{
    DBusMessage *message = dbus_message_demarshal((const char *)made->data, (int)made->len, NULL);
    enum answer answer = VALID;

    if (message == NULL)
        return INVALID;
    if (is_odd_unique_name(dbus_message_get_destination(message)) || is_odd_unique_name(dbus_message_get_sender(message)))
        answer = UNDECIDED;
    dbus_message_unref(message);
    return answer;
}

static void compare(const struct made *made, unsigned counts[3])
{
    enum answer ours = ask_ourselves(made), theirs = ask_libdbus(made);
    char hex[4096] = "";

    counts[ours]++;
    if (ours == UNDECIDED || theirs == UNDECIDED || ours == theirs)
        return;
    for (size_t i = 0; i < made->len && i < 1000; i++)
        snprintf(hex + strlen(hex), sizeof(hex) - strlen(hex), "%02x%s", made->data[i], i % 8 == 7 ? " " : "");
    ck_abort_msg("%s here, %s there: %s", ours == VALID ? "valid" : "invalid", theirs == VALID ? "valid" : "invalid", hex);
}

START_TEST(same_answers)
{
    unsigned valid[3] = {0}, changed[3] = {0};

    random_state = UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < MESSAGES; i++) {
        struct made message, copy;

        random_message(&message);
        compare(&message, valid);
        for (int j = 0; j < MUTATIONS; j++) {
            copy = message;
            for (unsigned n = 1 + choose(3); n > 0; n--)
                mutate(&copy);
            compare(&copy, changed);
        }
    }
    /* Neither side may have answered the same to everything. */
    ck_assert_uint_eq(valid[VALID], MESSAGES);
    ck_assert_uint_gt(changed[VALID], MESSAGES);
    ck_assert_uint_gt(changed[INVALID], MESSAGES * MUTATIONS / 4);
    dbus_shutdown();
}
END_TEST

Suite *wire_libdbus_suite(void)
{
    Suite *suite = suite_create("libdbus");
    TCase *tcase = tcase_create("libdbus");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, same_answers);
    suite_add_tcase(suite, tcase);
    return suite;
}
