/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/wire-make.h"
#include "wire/header.h"
#include "wire/message.h"

#define CALL "[1o:/a] [3s:M]"
#define SIGNAL "[1o:/a] [2s:a.b] [3s:M]"
#define REPLY "[5u:9]"

/* A valid message, the same with each part wrong or missing, and so on. */
static const struct {
    unsigned type;
    const char *fields, *body;
    bool valid;
} rows[] = {
    /* what each type must have */
    {1, CALL, "", true},
    {1, "[1o:/a]", "", false},
    {1, "[3s:M]", "", false},
    {2, REPLY, "", true},
    {2, "", "", false},
    {2, CALL, "", false},
    {3, "[4s:a.E] [5u:9]", "", true},
    {3, "[4s:a.E]", "", false},
    {3, "[5u:9]", "", false},
    {4, SIGNAL, "", true},
    {4, "[2s:a.b] [3s:M]", "", false},
    {4, "[1o:/a] [3s:M]", "", false},
    {4, "[1o:/a] [2s:a.b]", "", false},
    {0, CALL, "", false},
    {5, "", "", true},
    {255, "[5u:9]", "", true},
    /* all fields at once, in any order */
    {1, "[9u:2] [8g:s] [7s::1.2] [6s:a.b] [5u:9] [4s:a.E] [3s:M] [2s:a.b] [1o:/a] [10o:/c]", "u1 'x' .", true},
    /* values */
    {1, "[1o:/a/] [3s:M]", "", false},
    {1, "[1o:a] [3s:M]", "", false},
    {1, "[1o:/a] [3s:M.N]", "", false},
    {1, "[1o:/a] [3s:]", "", false},
    {1, CALL "[2s:a]", "", false},
    {1, CALL "[2s:a.b-c]", "", false},
    {1, CALL "[4s:a]", "", false},
    {1, CALL "[5u:0]", "", false},
    {1, CALL "[6s:a]", "", false},
    {1, CALL "[6s::1.5]", "", true},
    {1, CALL "[6s::1]", "", false},
    {1, CALL "[6s:a.9]", "", false},
    {1, CALL "[7s:]", "", false},
    {1, CALL "[7s:a.b]", "", true},
    {1, CALL "[8g:]", "", true},
    {1, CALL "[8g:a]", "u0", false},
    {1, CALL "[9u:0]", "", true},
    {1, CALL "[10o:a]", "", false},
    {1, CALL "[10o:/]", "", true},
    /* types */
    {1, "[1s:/a] [3s:M]", "", false},
    {1, "[1o:/a] [3g:M]", "", false},
    {1, CALL "[5i:9]", "", false},
    {1, CALL "[8s:i]", "u1", false},
    {1, CALL "[10s:/a]", "", false},
    {1, CALL "|8 y09 y02 'uu' . |4 u0 u0", "", false},
    {1, CALL "|8 y09 . .", "", false},
    /* twice */
    {1, CALL "[3s:M]", "", false},
    {1, CALL "[7s::1.2] [7s::1.2]", "", false},
    {1, CALL "[10o:/b] [10o:/b]", "", false},
    {1, CALL "[9u:0] [9u:0]", "", false},
    /* unknown fields: of any type, but well-formed; code 0 is none */
    {1, CALL "[11s:x]", "", true},
    {1, "[255u:7]" CALL "[11o:/x]", "", true},
    {1, CALL "|8 yfa y05 'a{sv}' . |4 u17 |8 u1 'k' . y01 's' . |4 u0 .", "", true},
    {1, CALL "|8 yfa y05 'a{sv}' . |4 u16 |8 u1 'k' . y01 's' . |4 u0 .", "", false},
    {1, CALL "|8 yfa y01 'h' . u77", "", true},
    {1, CALL "[11o:x]", "", false},
    {1, CALL "|8 y0b y02 'yy' . y01 y01", "", false},
    {1, CALL "|8 y0b . . y01", "", false},
    {1, CALL "[0s:x]", "", false},
    {1, CALL "|8 . y01 . . u5", "", false},
    {1, CALL "|8 . . . . u5", "", false},
    {1, CALL "|8 . . . . u3 'a.b' .", "", false},
    /* reserved for libraries */
    {1, "[1o:/org/freedesktop/DBus/Local] [3s:M]", "", false},
    {1, "[1o:/org/freedesktop/DBus/Locals] [3s:M]", "", true},
    {1, CALL "[2s:org.freedesktop.DBus.Local]", "", false},
    {4, "[1o:/a] [2s:org.freedesktop.DBus.Local] [3s:Disconnected]", "", false},
    /* a body and its signature imply each other */
    {1, CALL "[8g:u]", "u5", true},
    {1, CALL "[8g:u]", "", false},
    {1, CALL, "u5", false},
    {1, CALL "[8g:]", "u5", false},
    /* marshalling */
    {1, CALL "y01", "", false},       /* padding that is not zero */
    {1, CALL ".", "", false},
    {1, CALL "z6", "", false},        /* padding counted as part of the array */
    {1, CALL "|8 y05", "", false},
    {1, CALL "|8 y05 y01 'u' .", "", false},
    {1, CALL "|8 y05 y01 'u' . y09 z2", "", false},
    {1, CALL "|8 y08 y01 'g' .", "", false},
    {1, CALL "|8 y08 y01 'g' . .", "", false},
    {1, CALL "|8 y08 y01 'g' . . .", "", true},
    {1, CALL "|8 y05 y01 'u' . u9 .", "", false},
    {1, CALL "|8 y05 y01 'u' y01 u9", "", false},
    {1, "[1o:/a] |8 y03 y01 's' . u1 'M'", "", false},
    {1, "[1o:/a] |8 y03 y01 's' . u1 'M' y01", "", false},
    {1, "[1o:/a] |8 y03 y01 's' . u2 'M' .", "", false},
    {1, "[1o:/a] |8 y03 y01 's' . u4294967295 'M' .", "", false},
    {1, "[1o:/a] |8 y03 y01 's' . u2 'M' . .", "", false},
    {1, CALL "|8 y08 y01 'g' . yff 'u' .", "u1", false},
    {1, CALL "|8 y08 y01 'g' . y01 'u'", "u1", false},
};

/* In memory of just the right size. */
static int parse(const struct made *made, struct postern_header *header)
{
    uint8_t *copy = malloc(made->len);
    int r;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, made->data, made->len);
    r = postern_header_parse(copy, (uint32_t)made->len, header);
    free(copy);
    return r;
}

START_TEST(headers)
{
    struct postern_header header;
    struct made made;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (const char *order = "lB"; *order != '\0'; order++) {
            make_message(&made, *order, rows[i].type, rows[i].fields, rows[i].body);
            ck_assert_msg(parse(&made, &header) == (rows[i].valid ? 0 : -EBADMSG), "%c %u: %s / %s", *order, rows[i].type,
                          rows[i].fields, rows[i].body);
        }
    }
}
END_TEST

/* Members of every length, then another field, or none: the padding between them and at the end must be zero. */
START_TEST(header_padding)
{
    for (size_t n = 1; n < 20; n++) {
        for (int last = 0; last < 2; last++) {
            size_t end = 16 + 16 + 8 + n + 1; /* fixed part, path, member */
            struct postern_header header;
            struct made made;
            char fields[64];

            snprintf(fields, sizeof(fields), "[1o:/a] [3s:%s] %s", repeat('M', n), last ? "" : "[6s:a.b]");
            make_message(&made, 'l', 1, fields, "");
            ck_assert_int_eq(parse(&made, &header), 0);
            for (size_t at = end; at % 8 != 0; at++) {
                made.data[at] = 1;
                ck_assert_int_eq(parse(&made, &header), -EBADMSG);
                made.data[at] = 0;
            }
        }
    }
}
END_TEST

/* What was there before is still there when the header is not valid. */
START_TEST(untouched_on_failure)
{
    struct postern_header header, before;
    struct made made;

    memset(&header, 0x5a, sizeof(header));
    before = header;
    make_message(&made, 'l', 1, CALL "[8g:u]", "");
    ck_assert_int_eq(parse(&made, &header), -EBADMSG);
    ck_assert_mem_eq(&header, &before, sizeof(header));
}
END_TEST

static void check_view(const struct postern_field_view *view, const char *expected)
{
    if (expected == NULL) {
        ck_assert_ptr_null(view->s);
        return;
    }
    ck_assert_str_eq(view->s, expected);
    ck_assert_uint_eq(view->len, strlen(expected));
}

START_TEST(header_contents)
{
    struct postern_header header;
    struct made made;

    for (const char *order = "lB"; *order != '\0'; order++) {
        make_message(&made, *order, 1,
                     "[1o:/a] [2s:i.f] [3s:M] [4s:e.E] [5u:77] [6s:d.d] [7s::1.2] [8g:su] [9u:3]", "u1 'x' . . . u5");
        made.data[2] = 0xf5;
        ck_assert_int_eq(postern_header_parse(made.data, (uint32_t)made.len, &header), 0);
        ck_assert_int_eq(header.order, *order);
        ck_assert_uint_eq(header.type, 1);
        ck_assert_uint_eq(header.flags, 0xf5); /* unknown ones included */
        ck_assert_uint_eq(header.serial, 7);
        ck_assert_uint_eq(header.reply_serial, 77);
        ck_assert_uint_eq(header.fds, 3);
        ck_assert_uint_eq(header.body_len, 12);
        ck_assert_uint_eq(header.body_start, made.len - 12);
        ck_assert(!header.clean);
        check_view(&header.path, "/a");
        check_view(&header.interface, "i.f");
        check_view(&header.member, "M");
        check_view(&header.error, "e.E");
        check_view(&header.destination, "d.d");
        check_view(&header.sender, ":1.2");
        check_view(&header.signature, "su");

        make_message(&made, *order, 2, REPLY, "");
        ck_assert_int_eq(postern_header_parse(made.data, (uint32_t)made.len, &header), 0);
        ck_assert(header.clean);
        ck_assert_uint_eq(header.fds, 0);
        check_view(&header.path, NULL);
        check_view(&header.sender, NULL);
        check_view(&header.signature, NULL);
    }
}
END_TEST

START_TEST(fixed_part)
{
    static const struct {
        size_t at;
        uint8_t byte;
    } faults[] = {{0, 'L'}, {0, 0}, {1, 0}, {3, 0}, {3, 2}, {8, 0}, {4, 8}, {4, 1}, {12, 1}, {12, 0}, {15, 4}};
    struct postern_header header;
    struct made made;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        make_message(&made, 'l', 1, CALL, "");
        ck_assert_int_eq(parse(&made, &header), 0);
        made.data[faults[i].at] = faults[i].byte;
        ck_assert_msg(parse(&made, &header) == -EBADMSG, "fault %zu", i);
    }
    /* The whole message and nothing else. */
    make_message(&made, 'l', 1, CALL, "");
    make(&made, 'l', ".");
    ck_assert_int_eq(parse(&made, &header), -EBADMSG);
    for (made.len -= 2; made.len > 0; made.len--)
        ck_assert_int_eq(parse(&made, &header), -EBADMSG);
}
END_TEST

static const struct {
    const char *head; /* everything but the order: type, flags, version, body, serial, fields */
    uint32_t max;
    int result;
    uint32_t total;
} lengths[] = {
    {"y01 . y01 u0 u1 u0", 1000, 1, 16},
    {"y01 . y01 u5 u1 u9", 1000, 1, 37},
    {"y01 . y01 u5 u1 u16", 1000, 1, 37},
    {"y01 . y01 u5 u1 u9", 37, 1, 37},
    {"y01 . y01 u5 u1 u9", 36, -EBADMSG, 0},
    {"y01 . y01 u0 u1 u67108864", UINT32_MAX, 1, 67108880},
    {"y01 . y01 u0 u1 u67108865", UINT32_MAX, -EBADMSG, 0},
    {"y01 . y01 u134217712 u1 u0", UINT32_MAX, 1, 134217728},
    {"y01 . y01 u134217713 u1 u0", UINT32_MAX, -EBADMSG, 0},
    {"y01 . y01 u4294967295 u1 u4294967295", UINT32_MAX, -EBADMSG, 0},
    {"y01 . y02 u0 u1 u0", 1000, -EBADMSG, 0},
    {"y01 . y01 u0 u1", 1000, 0, 0},
    {"y01 . y01", 1000, 0, 0},
    {"y01 . y02", 1000, -EBADMSG, 0}, /* as soon as it can be told */
    {"", 1000, 0, 0},
};

START_TEST(header_length)
{
    uint32_t total = 5;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (const char *order = "lB"; *order != '\0'; order++) {
            struct made made = {.data = {(uint8_t)*order}, .len = 1};

            make(&made, *order, lengths[i].head);
            ck_assert_msg(postern_header_length(made.data, made.len, lengths[i].max, &total) == lengths[i].result, "row %zu", i);
            if (lengths[i].result == 1)
                ck_assert_uint_eq(total, lengths[i].total);
        }
    }
    ck_assert_int_eq(postern_header_length((const uint8_t *)"x", 1, 1000, &total), -EBADMSG);
    ck_assert_int_eq(postern_header_length((const uint8_t *)"", 0, 1000, &total), 0);
}
END_TEST

/* Fields before, and what stays of them. */
static const struct {
    unsigned type;
    const char *before, *kept;
} rewrites[] = {
    {1, CALL, CALL},
    {1, "[3s:Mem] [1o:/a] [6s:d.d]", "[3s:Mem] [1o:/a] [6s:d.d]"},
    {2, "[5u:77]", "[5u:77]"},
    {3, "[5u:77] [4s:e.E] [8g:u] [9u:1]", "[5u:77] [4s:e.E] [8g:u] [9u:1]"},
    {1, CALL "[7s::1.99]", CALL},
    {1, "[7s:x.y]" CALL, CALL},
    {1, "[1o:/a] [7s:x.y] [3s:M]", CALL},
    {1, CALL "[10o:/forged]", CALL},
    {1, "[10o:/forged] [7s:x.y]" CALL, CALL},
    {1, CALL "[11s:unknown]", CALL},
    {1, "[250u:1] [1o:/a] [250s:more] [3s:M] [255g:i]", CALL},
    {1, "|8 yfa y05 'a{sv}' . |4 u17 |8 u1 'k' . y01 's' . |4 u0 ." CALL, CALL},
    {3, "[9u:1] [11u:1] [8g:u] [250s:x] [5u:77] [7s::1.1] [4s:e.E]", "[9u:1] [8g:u] [5u:77] [4s:e.E]"},
    {1, "[11u:1] [6s:d.d] [10o:/b] [3s:M] [12s:y] [2s:a.b] [13u:1] [1o:/a]", "[6s:d.d] [3s:M] [2s:a.b] [1o:/a]"},
    {5, "", ""},
    {5, "[7s:x.y]", ""},
    {5, "[11u:1] [12u:2]", ""},
    {5, "[11u:1] [8g:] [12u:2] [9u:0]", "[8g:] [9u:0]"},
};

/* Values of field 250, from its length on: none, an empty one, one of the LSM's bytes. */
static const char *const facts_values[] = {NULL, "u0 |8", "u24 |8 u10 'UnixUserID' . y01 'u' . |4 u1000",
                                           "u25 |8 u5 'Label' . y02 'ay' . |4 u5 'abcd' ."};

/* What is stripped is the message that would have been without. */
static void check_strip(struct made *before, char order, size_t row, const char *body)
{
    struct postern_header header;
    struct made expected;
    uint32_t stripped;

    make_message(&expected, order, rewrites[row].type, rewrites[row].kept, body);
    expected.data[2] = 0x83;
    ck_assert_int_eq(postern_header_parse(before->data, (uint32_t)before->len, &header), 0);
    stripped = postern_header_strip(&header, before->data);
    ck_assert_uint_eq(before->len - stripped, expected.len);
    ck_assert_msg(memcmp(before->data + stripped, expected.data, expected.len) == 0, "%c: %s", order, rewrites[row].before);
    ck_assert_int_eq(postern_header_parse(expected.data, (uint32_t)expected.len, &header), 0);
    ck_assert(header.clean);
}

static void check_rewrite(char order, size_t row, const char *sender, const char *instance, const char *facts)
{
    const char *body = strstr(rewrites[row].kept, "[8g:u]") != NULL ? "u4711" : "";
    struct made before, expected, out = {.len = 0}, value = {.len = 0};
    struct postern_facts_value added = {0};
    struct postern_header header, again;
    struct postern_stamp stamp;
    char fields[2048];

    if (facts != NULL) {
        make(&value, order, facts);
        added = (struct postern_facts_value){.data = value.data, .len = (uint32_t)value.len};
    }
    make_message(&before, order, rewrites[row].type, rewrites[row].before, body);
    before.data[2] = 0x83;
    snprintf(fields, sizeof(fields), "%s [7s:%s]%s%s%s%s%s", rewrites[row].kept, sender, instance != NULL ? "[10o:" : "",
             instance != NULL ? instance : "", instance != NULL ? "]" : "", facts != NULL ? "|8 yfa y05 'a{sv}' ." : "", facts != NULL ? facts : "");
    make_message(&expected, order, rewrites[row].type, fields, body);
    expected.data[2] = 0x83;

    ck_assert_int_eq(postern_header_parse(before.data, (uint32_t)before.len, &header), 0);
    ck_assert_int_eq(postern_stamp_init(&stamp, order, sender, instance), 0);
    out.len = (size_t)postern_header_rewritten_length(&header, before.data, &stamp, &added);
    ck_assert_uint_eq(out.len + header.body_len, expected.len);
    memset(out.data, 0xaa, sizeof(out.data));
    postern_header_rewrite(&header, before.data, &stamp, &added, out.data);
    ck_assert_uint_eq(out.data[out.len], 0xaa);
    memcpy(out.data + out.len, before.data + header.body_start, header.body_len);
    out.len += header.body_len;
    ck_assert_msg(memcmp(out.data, expected.data, expected.len) == 0, "%c: %s", order, rewrites[row].before);
    ck_assert_int_eq(postern_header_parse(out.data, (uint32_t)out.len, &again), 0);
    ck_assert_str_eq(again.sender.s, sender);
    ck_assert_uint_eq(again.serial, header.serial);
    postern_stamp_finish(&stamp);
    check_strip(&before, order, row, body);
}

START_TEST(rewriting)
{
    char longest[256], path[700];

    snprintf(longest, sizeof(longest), ":1.%s", repeat('7', 252));
    snprintf(path, sizeof(path), "/%s", repeat('p', 600));
    for (size_t i = 0; i < sizeof(rewrites) / sizeof(rewrites[0]); i++) {
        for (const char *order = "lB"; *order != '\0'; order++) {
            for (size_t k = 0; k < sizeof(facts_values) / sizeof(facts_values[0]); k++) {
                check_rewrite(*order, i, ":1.5", NULL, facts_values[k]);
                check_rewrite(*order, i, ":1.123456", "/", facts_values[k]);
                check_rewrite(*order, i, "org.freedesktop.DBus", "/org/freedesktop/DBus/Containers1/c12", facts_values[k]);
                check_rewrite(*order, i, longest, NULL, facts_values[k]);
                check_rewrite(*order, i, longest, path, facts_values[k]);
            }
        }
    }
}
END_TEST

/* Near the limits, where only the lengths matter: the fields themselves need not be there. */
START_TEST(rewriting_limits)
{
    struct postern_header header = {.order = 'l', .type = 1, .clean = true};
    struct postern_facts_value facts = {.data = "", .len = 16};
    struct postern_stamp stamp;

    ck_assert_int_eq(postern_stamp_init(&stamp, 'l', ":1.5", NULL), 0);
    ck_assert_uint_eq(stamp.len, 13);
    header.fields_len = POSTERN_FIELDS_MAX - 16;
    ck_assert_int_eq(postern_header_rewritten_length(&header, NULL, &stamp, NULL), 16 + POSTERN_FIELDS_MAX);
    header.fields_len = POSTERN_FIELDS_MAX - 15;
    ck_assert_int_eq(postern_header_rewritten_length(&header, NULL, &stamp, NULL), -EMSGSIZE);
    header.fields_len = 0;
    header.body_len = POSTERN_MESSAGE_MAX - 32;
    ck_assert_int_eq(postern_header_rewritten_length(&header, NULL, &stamp, NULL), 32);
    header.body_len++;
    ck_assert_int_eq(postern_header_rewritten_length(&header, NULL, &stamp, NULL), -EMSGSIZE);
    /* The stamp takes 13 bytes, padded to 16, the head of the facts 8. */
    header.body_len = POSTERN_MESSAGE_MAX - 56;
    ck_assert_int_eq(postern_header_rewritten_length(&header, NULL, &stamp, &facts), 56);
    header.body_len++;
    ck_assert_int_eq(postern_header_rewritten_length(&header, NULL, &stamp, &facts), -EMSGSIZE);
    header.body_len = 0;
    header.fields_len = POSTERN_FIELDS_MAX - 40;
    ck_assert_int_eq(postern_header_rewritten_length(&header, NULL, &stamp, &facts), 16 + POSTERN_FIELDS_MAX);
    header.fields_len++;
    ck_assert_int_eq(postern_header_rewritten_length(&header, NULL, &stamp, &facts), -EMSGSIZE);
    facts.len = UINT32_MAX;
    header.fields_len = 0;
    ck_assert_int_eq(postern_header_rewritten_length(&header, NULL, &stamp, &facts), -EMSGSIZE);
    postern_stamp_finish(&stamp);
}
END_TEST

START_TEST(building)
{
    const char native = postern_native_order();
    struct made expected;
    struct postern_buf buf = {0};
    struct postern_message_parts parts = {
        .type = 1, .serial = 7, .reply_serial = 9, .fds = 2, .path = "/a", .interface = "a.b", .member = "M", .error = "a.E",
        .destination = ":1.2", .sender = "org.freedesktop.DBus", .signature = "u", .body = "\1\2\3\4", .body_len = 4,
    };

    ck_assert_int_eq(postern_message_build(&buf, &parts), 0);
    make_message(&expected, native, 1,
                 "[1o:/a] [2s:a.b] [3s:M] [4s:a.E] [5u:9] [6s::1.2] [7s:org.freedesktop.DBus] [8g:u] [9u:2]",
                 "y01 y02 y03 y04");
    ck_assert_uint_eq(buf.len, expected.len);
    ck_assert_mem_eq(buf.data, expected.data, buf.len);

    /* Appended behind what is there, wherever that ends; absent parts leave no field. */
    parts = (struct postern_message_parts){.type = 2, .serial = 7, .reply_serial = 9, .signature = ""};
    buf.len = 5;
    ck_assert_int_eq(postern_message_build(&buf, &parts), 0);
    make_message(&expected, native, 2, "[5u:9]", "");
    ck_assert_uint_eq(buf.len, 5 + expected.len);
    ck_assert_mem_eq(buf.data + 5, expected.data, expected.len);

    parts.body_len = POSTERN_MESSAGE_MAX;
    ck_assert_int_eq(postern_message_build(&buf, &parts), -EMSGSIZE);
    ck_assert_uint_eq(buf.len, 5 + expected.len);
    postern_buf_finish(&buf);
}
END_TEST

/* Each of them may be of a type that costs to follow: there may not be any number of them. */
START_TEST(many_unknown)
{
    static const uint8_t unknown[] = {200, 1, 'y', 0, 7, 0, 0, 0};
    struct postern_header header;
    struct made made;

    make_message(&made, 'l', 1, CALL, "");
    for (unsigned n = 1; n <= POSTERN_FIELDS_UNKNOWN_MAX + 1; n++) {
        uint32_t fields_len;

        memcpy(made.data + made.len, unknown, sizeof(unknown));
        made.len += sizeof(unknown);
        fields_len = (uint32_t)made.len - POSTERN_HEADER_FIXED - 3; /* the padding of the last one is not the array's */
        memcpy(made.data + 12, &fields_len, sizeof(fields_len));
        ck_assert_int_eq(postern_header_parse(made.data, (uint32_t)made.len, &header), n <= POSTERN_FIELDS_UNKNOWN_MAX ? 0 : -EBADMSG);
    }
}
END_TEST

Suite *wire_header_suite(void)
{
    Suite *suite = suite_create("header");
    TCase *tcase = tcase_create("header");

    tcase_add_test(tcase, headers);
    tcase_add_test(tcase, header_padding);
    tcase_add_test(tcase, untouched_on_failure);
    tcase_add_test(tcase, header_contents);
    tcase_add_test(tcase, fixed_part);
    tcase_add_test(tcase, header_length);
    tcase_add_test(tcase, rewriting);
    tcase_add_test(tcase, rewriting_limits);
    tcase_add_test(tcase, building);
    tcase_add_test(tcase, many_unknown);
    suite_add_tcase(suite, tcase);
    return suite;
}
