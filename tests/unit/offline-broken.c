/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled AppArmor profiles that nobody should write, and what keeps them from doing harm. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/apparmor/compiled.h"
#include "tests/unit/offline-blob.h"
#include "tests/unit/offline.h"
#include "util/buf.h"

#define SEND POSTERN_APPARMOR_COMPILED_SEND
#define RECEIVE POSTERN_APPARMOR_COMPILED_RECEIVE

#define DIFFERENCE 0x80000000u

static int parse(const struct postern_buf *file, struct postern_apparmor_compiled **set, struct postern_error *error)
{
    *set = NULL;
    return postern_apparmor_compiled_parse(file->data, file->len, set, error);
}

/* What the only profile of a file answers. */
static bool allows(const struct postern_buf *file, uint32_t mask, const char *query)
{
    struct postern_apparmor_compiled *set;
    struct postern_error error = {""};
    bool allow = false, audit = false;

    ck_assert_msg(parse(file, &set, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(postern_apparmor_compiled_count(set), 1);
    ck_assert_int_eq(
        postern_apparmor_compiled_query(postern_apparmor_compiled_at(set, 0), mask, query, strlen(query), &allow, &audit), 0);
    postern_apparmor_compiled_free(set);
    return allow;
}

static bool blob_allows(const struct offline_blob *blob, uint32_t mask, const char *query)
{
    struct postern_buf file = {0};
    bool allow;

    offline_blob_write(blob, &file);
    allow = allows(&file, mask, query);
    postern_buf_finish(&file);
    return allow;
}

static void refused(const struct offline_blob *blob, const char *why)
{
    struct postern_apparmor_compiled *set;
    struct postern_error error = {""};
    struct postern_buf file = {0};

    offline_blob_write(blob, &file);
    ck_assert_msg(parse(&file, &set, &error) == -EBADMSG, "taken, instead of: %s", why);
    ck_assert_msg(strstr(error.text, why) != NULL, "\"%s\" instead of: %s", error.text, why);
    ck_assert_ptr_null(set);
    postern_buf_finish(&file);
}

START_TEST(by_hand)
{
    struct offline_blob blob = offline_blob_plain();

    ck_assert(blob_allows(&blob, SEND, " x"));
    ck_assert(!blob_allows(&blob, RECEIVE, " x"));
    ck_assert(blob_allows(&blob, RECEIVE, "!x")); /* not mediated */
    blob.dfa.width = 4;
    ck_assert(blob_allows(&blob, SEND, " x"));
    ck_assert(!blob_allows(&blob, RECEIVE, " x"));
    blob.depth = 15;
    ck_assert(blob_allows(&blob, SEND, " x"));
    blob.policies = 0;
    ck_assert(blob_allows(&blob, RECEIVE, " x"));
}
END_TEST

START_TEST(classes)
{
    struct offline_blob blob = offline_blob_plain();

    /* Byte 0x20 is of class 0x20, all others of class 0. */
    blob.dfa.n_classes = 256;
    ck_assert(!blob_allows(&blob, RECEIVE, " x"));
    /* Where the transition of state 1 is that of class 0, all bytes but 0x20 lead to state 2. */
    blob.dfa.base[1] = 0x20;
    blob.dfa.n_next = blob.dfa.n_check = 512;
    ck_assert(blob_allows(&blob, RECEIVE, " x"));
    ck_assert(!blob_allows(&blob, RECEIVE, "yx"));
}
END_TEST

/* State 3 says of one byte only where it leads, of all others that they lead where those of state 2 do. */
START_TEST(differences)
{
    struct offline_blob blob = offline_blob_plain();

    blob.dfa.flags = 1;
    blob.dfa.states = 4;
    blob.dfa.n_next = blob.dfa.n_check = 512;
    blob.dfa.base[3] = DIFFERENCE;
    blob.dfa.otherwise[3] = 1;
    blob.start = 3;
    ck_assert(!blob_allows(&blob, RECEIVE, " x"));
    ck_assert(blob_allows(&blob, SEND, " x"));
    ck_assert(blob_allows(&blob, RECEIVE, "!x"));
    blob.dfa.base[3] = 0;
    ck_assert_msg(!blob_allows(&blob, RECEIVE, "!x"), "state 1 is where each byte leads");
}
END_TEST

static const struct offline_perms three = {
    .version = 1,
    .n = 3,
    .words = {{0}, {0, SEND | RECEIVE}, {0, SEND, RECEIVE}},
};

START_TEST(table_of_permissions)
{
    struct offline_blob blob = offline_blob_plain();
    struct offline_perms perms = three;

    blob.perms = &perms;
    blob.permsv = 3;
    blob.dfa.left_out = 1u << 7;
    ck_assert(blob_allows(&blob, SEND, " x"));
    ck_assert(!blob_allows(&blob, RECEIVE, " x"));
    blob.dfa.accept[2] = 1;
    ck_assert(blob_allows(&blob, SEND | RECEIVE, " x"));
    blob.dfa.accept[2] = 0;
    ck_assert(!blob_allows(&blob, SEND, " x"));
    blob.dfa.accept[2] = 3;
    refused(&blob, "permissions behind the end of the table");
    blob.dfa.accept[2] = 2;
    blob.permsv = 4;
    refused(&blob, "unknown version");
    blob.permsv = 0;
    perms.words[2][1] |= RECEIVE;
    refused(&blob, "contradicts itself");
    perms = three;
    perms.version = 2;
    refused(&blob, "version 2");
    perms = three;
    perms.claimed = 65535;
    refused(&blob, "ends behind the end");
    perms.claimed = 4;
    refused(&blob, "another element");
    perms.claimed = 2;
    refused(&blob, "another element");
    perms = three;
    perms.n = 0;
    refused(&blob, "empty");
}
END_TEST

/* The low seven bits are as they are, the others are spread; version 9 uses bits that older ones left to execution. */
START_TEST(spread_bits)
{
    struct offline_blob blob = offline_blob_plain();

    blob.dfa.accept[2] = 0x01u << 14;
    ck_assert(blob_allows(&blob, 0x100, " x") && !blob_allows(&blob, 0x200, " x"));
    blob.dfa.accept[2] = 0x04u << 14;
    ck_assert(blob_allows(&blob, 0x100000, " x"));
    blob.dfa.accept[2] = 0x20u << 14;
    ck_assert(blob_allows(&blob, 0x1000000, " x"));
    blob.dfa.accept[2] = 0x80000000u;
    ck_assert(blob_allows(&blob, 0x80000000u, " x"));
    blob.dfa.accept[2] = 0x7fu << 7;
    ck_assert(blob_allows(&blob, 0x8000, " x") && !blob_allows(&blob, 0x80, " x"));
    blob.version = 9;
    ck_assert(blob_allows(&blob, 0x80 | 0xfc00, " x") && !blob_allows(&blob, 0x100, " x"));
}
END_TEST

START_TEST(broken_stream)
{
    struct offline_blob blob = offline_blob_plain();

    blob.version = 4;
    refused(&blob, "version 5 to 9");
    blob.version = 10;
    refused(&blob, "version 5 to 9");
    blob = offline_blob_plain();
    blob.mode = 5;
    refused(&blob, "unknown mode");
    blob = offline_blob_plain();
    blob.name = "";
    refused(&blob, "without a name");
    blob.name = ":ns:";
    refused(&blob, "without a name");
    blob.name = ":ns";
    refused(&blob, "no name");
    blob.name = "::a";
    refused(&blob, "no name");
    blob = offline_blob_plain();
    blob.depth = 17;
    refused(&blob, "too many");
    blob = offline_blob_plain();
    blob.policies = 2;
    refused(&blob, "rules twice");
    blob.policies = 1;
    blob.flags = 2;
    refused(&blob, "flags twice");
    blob.flags = 0;
    refused(&blob, "no flags");
    blob = offline_blob_plain();
    blob.start = 3;
    refused(&blob, "first state");
}
END_TEST

START_TEST(broken_tables)
{
    struct offline_blob blob = offline_blob_plain();
    const struct offline_dfa plain = offline_dfa_plain();

    blob.dfa.magic++;
    refused(&blob, "is none");
    blob.dfa = plain, blob.dfa.header = 8;
    refused(&blob, "header of the automaton");
    blob.dfa = plain, blob.dfa.header = 0xfffffff0u;
    refused(&blob, "header of the automaton");
    blob.dfa = plain, blob.dfa.flags = 4;
    refused(&blob, "header of the automaton");
    for (uint32_t id = 1; id <= 8; id++) {
        if (id == 5 || id == 6)
            continue;
        blob.dfa = plain, blob.dfa.left_out = 1u << id;
        refused(&blob, "lacks a table");
    }
    blob.dfa = plain, blob.dfa.doubled = 1;
    refused(&blob, "table 1 twice");
    blob.dfa = plain, blob.dfa.odd_table = 6;
    refused(&blob, "unknown kind, 6");
    blob.dfa.odd_table = 5;
    refused(&blob, "entries of an unknown kind");
    blob.dfa = plain, blob.dfa.width = 1;
    refused(&blob, "entries of an unknown kind");
    blob.dfa = plain, blob.dfa.claimed = 0xffffffffu;
    refused(&blob, "ends behind the end");
    blob.dfa = plain, blob.dfa.cut = 8;
    refused(&blob, "ends behind the end");
    blob.dfa.cut = 520; /* all of the last table but 8 bytes */
    refused(&blob, "ends in the header of a table");
    blob.dfa = plain, blob.dfa.claimed = 2;
    refused(&blob, "do not belong together");
    blob.dfa = plain, blob.dfa.states = 1;
    refused(&blob, "do not belong together");
    blob.dfa = plain, blob.dfa.n_check = 255;
    refused(&blob, "do not belong together");
    blob.dfa = plain, blob.dfa.n_classes = 255;
    refused(&blob, "do not belong together");
}
END_TEST

START_TEST(broken_states)
{
    struct offline_blob blob = offline_blob_plain();
    const struct offline_dfa plain = offline_dfa_plain();

    blob.dfa.otherwise[2] = 3;
    refused(&blob, "state 2 of the automaton leads nowhere");
    blob.dfa = plain, blob.dfa.base[2] = 1;
    refused(&blob, "transitions behind the end");
    blob.dfa = plain, blob.dfa.n_next = blob.dfa.n_check = 255;
    refused(&blob, "transitions behind the end");
    blob.dfa = plain, blob.dfa.next = 3;
    refused(&blob, "transition 32 of the automaton leads nowhere");
    blob.dfa = plain, blob.dfa.check = 3;
    refused(&blob, "transition 32 of the automaton leads nowhere");
    blob.dfa = plain, blob.dfa.base[2] = 0x40000000u;
    refused(&blob, "unknown flags");
    blob.dfa.base[2] = DIFFERENCE; /* which the header does not announce */
    refused(&blob, "unknown flags");
    blob.dfa.flags = 1; /* state 2 goes on in state 2 */
    refused(&blob, "does not end");
    blob.dfa.base[1] = DIFFERENCE;
    blob.dfa.otherwise[1] = 2;
    blob.dfa.otherwise[2] = 1;
    refused(&blob, "does not end");
    blob.dfa.base[2] = 0;
    ck_assert(!blob_allows(&blob, RECEIVE, " x"));
}
END_TEST

/* Whatever was read can be asked. */
static void ask_all(const struct postern_apparmor_compiled *set)
{
    for (size_t i = 0; i < postern_apparmor_compiled_count(set); i++) {
        bool allow, audit;

        ck_assert_int_eq(
            postern_apparmor_compiled_query(postern_apparmor_compiled_at(set, i), SEND, " session\0a\0\377", 12, &allow, &audit),
            0);
    }
}

static void try_and_ask(const struct postern_buf *file)
{
    struct postern_apparmor_compiled *set;
    struct postern_error error = {""};
    int r = parse(file, &set, &error);

    if (r == 0)
        ask_all(set);
    else
        ck_assert(r == -EBADMSG && error.text[0] != '\0');
    postern_apparmor_compiled_free(set);
}

START_TEST(changed)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct offline_blob blob = offline_blob_plain();
    struct postern_buf file = {0};

    blob.perms = &three;
    offline_blob_write(&blob, &file);
    for (size_t i = 0; i < file.len; i++) {
        uint8_t was = file.data[i];

        for (size_t v = 0; v < sizeof(values); v++) {
            file.data[i] = values[v];
            try_and_ask(&file);
        }
        file.data[i] = was;
    }
    postern_buf_finish(&file);
}
END_TEST

/* Copies of the very length, so that a sanitizer notices a look behind the end. */
static void cut_off(const struct postern_buf *file, size_t len)
{
    struct postern_apparmor_compiled *set;
    struct postern_error error = {""};
    uint8_t *copy = malloc(len > 0 ? len : 1);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, file->data, len);
    ck_assert_int_eq(postern_apparmor_compiled_parse(copy, len, &set, &error), -EBADMSG);
    ck_assert_str_ne(error.text, "");
    free(copy);
}

START_TEST(cut)
{
    struct offline_blob blob = offline_blob_plain();
    struct postern_buf file = {0}, real = {0};

    blob.perms = &three;
    blob.ns = "n";
    offline_blob_write(&blob, &file);
    for (size_t len = 0; len < file.len; len++)
        cut_off(&file, len);
    postern_buf_finish(&file);
    offline_read("apparmor-v9-profiles.bin", &real);
    for (size_t len = 1; len < 8000; len += 7) /* within the first profile */
        cut_off(&real, len);
    postern_buf_finish(&real);
}
END_TEST

START_TEST(other_files)
{
    static const char compressed[] = "\x28\xb5\x2f\xfd"
                                     "abcdefghijklmnopqrstuvwxyz";
    struct postern_apparmor_compiled *set = NULL;
    struct postern_error error = {""};

    ck_assert_int_eq(postern_apparmor_compiled_parse(compressed, sizeof(compressed), &set, &error), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(error.text, "compressed"));
    ck_assert_int_eq(postern_apparmor_compiled_parse("", 0, &set, &error), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(error.text, "empty"));
    ck_assert_int_eq(postern_apparmor_compiled_parse("profile a { }\n", 14, &set, &error), -EBADMSG);
    ck_assert_int_eq(postern_apparmor_compiled_parse("", (size_t)POSTERN_APPARMOR_COMPILED_MAX + 1, &set, &error), -EFBIG);
    ck_assert_ptr_null(set);
    postern_apparmor_compiled_free(NULL);
}
END_TEST

Suite *offline_broken_suite(void)
{
    Suite *suite = suite_create("offline broken");
    TCase *tcase = tcase_create("broken");

    tcase_add_test(tcase, by_hand);
    tcase_add_test(tcase, classes);
    tcase_add_test(tcase, differences);
    tcase_add_test(tcase, table_of_permissions);
    tcase_add_test(tcase, spread_bits);
    tcase_add_test(tcase, broken_stream);
    tcase_add_test(tcase, broken_tables);
    tcase_add_test(tcase, broken_states);
    tcase_add_test(tcase, changed);
    tcase_add_test(tcase, cut);
    tcase_add_test(tcase, other_files);
    suite_add_tcase(suite, tcase);
    return suite;
}
