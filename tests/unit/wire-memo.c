/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/wire-make.h"
#include "wire/memo.h"

static const struct {
    unsigned type;
    const char *fields, *body;
} rows[] = {
    {1, "[1o:/a] [6s:org.example.Notes] [2s:a.b] [3s:Method] [8g:u]", "u5"},
    {1, "[1o:/a] [3s:Method]", ""},
    {1, "[1o:/a] [5u:3] [3s:Method] [9u:1]", ""},
    {2, "[5u:9] [6s::1.7] [8g:s]", "u1 'x' ."},
    {2, "[6s::1.7] [5u:9]", ""},
    {3, "[4s:a.E] [5u:9]", ""},
    {4, "[1o:/a] [2s:a.b] [3s:Tick] [8g:y]", "y01"},
    {4, "[1o:/a] [2s:a.b] [3s:Tick]", ""},
    {1, "[1o:/a] [3s:M] [7s::1.2]", ""},
    {1, "[1o:/a] [3s:M] [11s:x]", ""},
    {9, "", ""},
};

static bool same_view(const struct postern_field_view *a, const struct postern_field_view *b)
{
    return a->s == b->s && a->len == b->len;
}

/* The views are compared by where they point to. */
static bool same_header(const struct postern_header *a, const struct postern_header *b)
{
    return a->order == b->order && a->type == b->type && a->flags == b->flags && a->serial == b->serial &&
           a->reply_serial == b->reply_serial && a->reply_at == b->reply_at && a->fds_at == b->fds_at && a->fds == b->fds && a->clean == b->clean &&
           a->fields_len == b->fields_len && a->body_len == b->body_len && a->body_start == b->body_start && same_view(&a->path, &b->path) &&
           same_view(&a->interface, &b->interface) && same_view(&a->member, &b->member) && same_view(&a->error, &b->error) &&
           same_view(&a->destination, &b->destination) && same_view(&a->sender, &b->sender) && same_view(&a->signature, &b->signature);
}

/* Who has the kind of another must be like it in all but flags, serials and the length of the body. */
static void check_kind(const struct postern_memo *memo, const struct postern_header *header, const uint8_t *p)
{
    static struct {
        uint64_t kind;
        uint8_t bytes[POSTERN_MEMO_HEADER_MAX];
    } seen[64];
    static uint64_t kinds;
    uint8_t bytes[POSTERN_MEMO_HEADER_MAX] = {0};

    if (memo->kinds < kinds) /* it is another memo */
        memset(seen, 0, sizeof(seen));
    kinds = memo->kinds;
    if (header->kind == 0)
        return;
    ck_assert_uint_le(header->body_start, sizeof(bytes));
    memcpy(bytes, p, header->body_start);
    memset(bytes + 2, 0, 1);
    memset(bytes + 4, header->body_len > 0, 8);
    if (header->reply_at > 0)
        memset(bytes + header->reply_at, 0, 4);
    if (seen[header->kind % 64].kind == header->kind && memcmp(seen[header->kind % 64].bytes, bytes, sizeof(bytes)) != 0)
        ck_abort_msg("two headers of one kind are not alike");
    seen[header->kind % 64].kind = header->kind;
    memcpy(seen[header->kind % 64].bytes, bytes, sizeof(bytes));
}

/* Whatever the memo holds, the answer to the message is the one it always has. */
static int check(struct postern_memo *memo, const uint8_t *data, size_t len)
{
    struct postern_header header, expected;
    uint8_t *p = malloc(len > 0 ? len : 1); /* of just the right size */
    static uint8_t *last;                   /* still there, so that p is elsewhere */
    int r;

    memcpy(p, data, len);
    memset(&header, 0x5a, sizeof(header));
    memset(&expected, 0x5a, sizeof(expected));
    r = postern_header_parse(p, (uint32_t)len, &expected);
    if (postern_memo_parse(memo, 7, p, (uint32_t)len, &header) != r)
        ck_abort_msg("the memo changes whether a message is valid");
    if (r == 0 ? !same_header(&header, &expected) : memcmp(&header, &expected, sizeof(header)) != 0)
        ck_abort_msg("the memo changes what a header says");
    if (r == 0)
        check_kind(memo, &header, p);
    free(last);
    last = p;
    return r;
}

static void fill(struct postern_memo *memo, const struct made *made)
{
    if (check(memo, made->data, made->len) < 0)
        ck_abort_msg("a message that should be valid is not");
}

/* After a message, every other that differs from it in one bit. */
START_TEST(one_bit_off)
{
    struct postern_memo *memo = calloc(1, sizeof(*memo));

    ck_assert_ptr_nonnull(memo);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (const char *order = "lB"; *order != '\0'; order++) {
            struct made made;

            make_message(&made, *order, rows[i].type, rows[i].fields, rows[i].body);
            for (size_t bit = 0; bit < 8 * made.len; bit++) {
                fill(memo, &made);
                made.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
                check(memo, made.data, made.len);
                made.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
        }
    }
    free(memo);
}
END_TEST

static void set32(uint8_t *p, char order, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[order == 'l' ? i : 3 - i] = (uint8_t)(value >> 8 * i);
}

/* Bodies of other lengths, also none and some where it was the other way, said so or not; and messages that end anywhere. */
START_TEST(other_lengths)
{
    struct postern_memo *memo = calloc(1, sizeof(*memo));

    ck_assert_ptr_nonnull(memo);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (const char *order = "lB"; *order != '\0'; order++) {
            struct postern_header header;
            struct made made, other;

            make_message(&made, *order, rows[i].type, rows[i].fields, rows[i].body);
            ck_assert_int_eq(postern_header_parse(made.data, (uint32_t)made.len, &header), 0);
            for (uint32_t len = 0; len < header.body_start + 40; len++) {
                other = made;
                fill(memo, &made);
                check(memo, other.data, len);
                set32(other.data + 4, *order, len - header.body_start);
                fill(memo, &made);
                ck_assert_int_eq(check(memo, other.data, len) == 0,
                                 len >= header.body_start && (len > header.body_start) == (header.body_len > 0));
            }
        }
    }
    free(memo);
}
END_TEST

/* Serials and flags are those of each message; 0 is none. */
START_TEST(serials)
{
    struct postern_memo *memo = calloc(1, sizeof(*memo));
    struct postern_header header;
    struct made made;

    ck_assert_ptr_nonnull(memo);
    for (const char *order = "lB"; *order != '\0'; order++) {
        make_message(&made, *order, 2, "[5u:9] [6s::1.7]", "");
        fill(memo, &made);
        for (uint32_t serial = 0; serial < 3; serial++) {
            for (uint32_t reply = 0; reply < 3; reply++) {
                made.data[2] = (uint8_t)(serial + reply);
                set32(made.data + 8, *order, serial << 20);
                set32(made.data + 20, *order, reply << 20);
                ck_assert_int_eq(check(memo, made.data, made.len), serial > 0 && reply > 0 ? 0 : -EBADMSG);
                if (serial == 0 || reply == 0)
                    continue;
                ck_assert_int_eq(postern_memo_parse(memo, 7, made.data, (uint32_t)made.len, &header), 0);
                ck_assert(header.serial == serial << 20 && header.reply_serial == reply << 20 && header.flags == serial + reply);
            }
        }
    }
    free(memo);
}
END_TEST

/* Headers of up to, and above, what is kept; each several times. */
START_TEST(long_headers)
{
    struct postern_memo *memo = calloc(1, sizeof(*memo));

    ck_assert_ptr_nonnull(memo);
    for (size_t n = 1; n < 255; n++) {
        struct made made;
        char fields[300];

        snprintf(fields, sizeof(fields), "[1o:/a] [3s:%s]", repeat('M', n));
        make_message(&made, 'l', 1, fields, "");
        for (int i = 0; i < 3; i++)
            fill(memo, &made);
    }
    for (size_t i = 0; i < POSTERN_MEMO_GROUPS * POSTERN_MEMO_GROUP; i++)
        ck_assert_uint_le(memo->slots[i].header.body_start, POSTERN_MEMO_HEADER_MAX);
    free(memo);
}
END_TEST

/* Shorter and shorter replies, which each find what a longer one has left in their slot: nothing is to be looked for where it stood. */
START_TEST(shorter_headers)
{
    struct postern_memo *memo = calloc(1, sizeof(*memo));

    ck_assert_ptr_nonnull(memo);
    for (size_t n = 200; n > 0; n--) {
        for (unsigned i = 0; i < 26; i++) {
            struct made made;
            char fields[300];

            snprintf(fields, sizeof(fields), "[6s:a.%s%c] [5u:9]", repeat('b', n), 'a' + (int)i);
            make_message(&made, 'l', 2, fields, "");
            fill(memo, &made);
        }
    }
    free(memo);
}
END_TEST

/* The second time it is the memo that answers: else all of the above would be true of a memo that does nothing. */
START_TEST(it_remembers)
{
    struct postern_memo *memo = calloc(1, sizeof(*memo));
    struct postern_header header;
    struct made made;
    size_t kept = 0;

    ck_assert_ptr_nonnull(memo);
    make_message(&made, 'l', 1, "[1o:/a] [6s:org.example.Notes] [2s:a.b] [3s:Method] [8g:u]", "u5");
    fill(memo, &made);
    for (size_t i = 0; i < POSTERN_MEMO_GROUPS * POSTERN_MEMO_GROUP; i++) {
        if (memo->slots[i].header.body_start == 0)
            continue;
        memo->slots[i].header.fds = 77;
        kept++;
    }
    ck_assert_uint_eq(kept, 1);
    ck_assert_int_eq(postern_memo_parse(memo, 7, made.data, (uint32_t)made.len, &header), 0);
    ck_assert_uint_eq(header.fds, 77);
    ck_assert_uint_eq(header.kind, 1);
    kept = header.kind;
    /* To another sender it is new, also to one of the same group. */
    ck_assert_int_eq(postern_memo_parse(memo, 7 + POSTERN_MEMO_GROUPS, made.data, (uint32_t)made.len, &header), 0);
    ck_assert_uint_eq(header.fds, 0);
    ck_assert_uint_ne(header.kind, kept);
    free(memo);
}
END_TEST

Suite *wire_memo_suite(void)
{
    Suite *suite = suite_create("memo");
    TCase *tcase = tcase_create("memo");

    tcase_add_test(tcase, one_bit_off);
    tcase_add_test(tcase, other_lengths);
    tcase_add_test(tcase, serials);
    tcase_add_test(tcase, long_headers);
    tcase_add_test(tcase, shorter_headers);
    tcase_add_test(tcase, it_remembers);
    suite_add_tcase(suite, tcase);
    return suite;
}
