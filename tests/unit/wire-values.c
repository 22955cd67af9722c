/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/wire-make.h"
#include "wire/body.h"
#include "wire/credentials.h"
#include "wire/message.h"
#include "wire/reader.h"
#include "wire/writer.h"

/* Appends the values that are left at this level, as text. */
static void dump(struct postern_reader *r, char *out, size_t size)
{
    while (postern_reader_more(r)) {
        char type = postern_reader_type(r);
        const char *s;
        uint8_t byte;
        uint32_t u32;
        uint64_t u64;
        bool truth;
        size_t at = strlen(out);

        if (type == 'y' && postern_reader_byte(r, &byte) == 0) {
            snprintf(out + at, size - at, "y%u ", byte);
        } else if (type == 'b' && postern_reader_bool(r, &truth) == 0) {
            snprintf(out + at, size - at, "b%d ", truth);
        } else if ((type == 'u' || type == 'h') && postern_reader_u32(r, &u32) == 0) {
            snprintf(out + at, size - at, "%c%u ", type, u32);
        } else if (type == 't' && postern_reader_u64(r, &u64) == 0) {
            snprintf(out + at, size - at, "t%llu ", (unsigned long long)u64);
        } else if (strchr("sog", type) != NULL && postern_reader_string(r, &s, NULL) == 0) {
            snprintf(out + at, size - at, "%c'%s' ", type, s);
        } else if (strchr("av({", type) != NULL) {
            char container = type == '(' ? 'r' : type == '{' ? 'e' : type;

            ck_assert_int_eq(postern_reader_enter(r, container), 0);
            snprintf(out + at, size - at, "%c[ ", container);
            dump(r, out, size);
            ck_assert_int_eq(postern_reader_leave(r), 0);
            snprintf(out + strlen(out), size - strlen(out), "] ");
        } else {
            ck_assert_int_eq(postern_reader_skip(r), 0);
            snprintf(out + at, size - at, "%c? ", type);
        }
    }
}

static const struct {
    const char *signature, *body, *dump;
} reads[] = {
    {"", "", ""},
    {"ybut", "y07 |4 u1 u5 |8 t9", "y7 b1 u5 t9 "},
    {"nqixdh", "q1 q2 u3 t4 t5 u6", "n? q? i? x? d? h6 "},
    {"sog", "u1 'a' . |4 u1 '/' . y01 'i' .", "s'a' o'/' g'i' "},
    {"asy", "u14 u2 'hi' . . u1 'x' . y02", "a[ s'hi' s'x' ] y2 "},
    {"atau", "u0 z4 u4 u9", "a[ ] a[ u9 ] "},
    {"y(yu)y", "y01 |8 y02 z3 u3 y04", "y1 r[ y2 u3 ] y4 "},
    {"a{sv}", "u38 z4 u1 'k' . y01 'u' . |4 u5 |8 u1 'l' . y02 'as' . |4 u6 u1 'x' .",
     "a[ e[ s'k' v[ u5 ] ] e[ s'l' v[ a[ s'x' ] ] ] ] "},
    {"v", "y01 'v' . y03 '(y)' . |8 y09", "v[ v[ r[ y9 ] ] ] "},
    {"aau", "u20 u4 u1 u0 u0 u0", "a[ a[ u1 ] a[ ] a[ ] a[ ] ] "},
    {"aay", "u20 u4 'abcd' u1 'e' z3 u0", "a[ a[ y97 y98 y99 y100 ] a[ y101 ] a[ ] ] "},
    {"a(ya{yy})", "u24 z4 y01 |4 u2 |8 y02 y03 |8 y04 |4 u0", "a[ r[ y1 a[ e[ y2 y3 ] ] ] r[ y4 a[ ] ] ] "},
};

START_TEST(reading)
{
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        for (const char *order = "lB"; *order != '\0'; order++) {
            struct postern_reader r;
            struct made made = {.len = 0};
            char text[512] = "";

            make(&made, *order, reads[i].body);
            ck_assert_msg(postern_body_validate(*order, reads[i].signature, strlen(reads[i].signature), made.data, made.len, 99) == 0,
                          "%s: %s", reads[i].signature, reads[i].body);
            postern_reader_init(&r, *order, reads[i].signature, made.data, made.len);
            dump(&r, text, sizeof(text));
            ck_assert_str_eq(text, reads[i].dump);
            ck_assert_int_eq(postern_reader_finish(&r), 0);
        }
    }
}
END_TEST

/* Containers may be left at any point, and values skipped, without losing the place. */
START_TEST(leaving_early)
{
    const char *signature = "a(sv)su";
    struct made made = {.len = 0};
    struct postern_reader r;
    size_t start, len;
    const char *s = NULL;
    uint32_t u = 0;

    make(&made, 'B', "u40 z4 u1 'a' . y02 'as' . |4 u6 u1 'x' . |8 u1 'b' . y01 'u' . |4 u5 u3 'end' . u8");
    ck_assert_int_eq(postern_body_validate('B', signature, strlen(signature), made.data, made.len, 0), 0);
    for (int depth = 0; depth < 5; depth++) {
        postern_reader_init(&r, 'B', signature, made.data, made.len);
        ck_assert(postern_reader_is(&r, "a(sv)"));
        ck_assert(!postern_reader_is(&r, "a(s"));
        if (depth == 0)
            ck_assert_int_eq(postern_reader_skip(&r), 0);
        if (depth > 0)
            ck_assert_int_eq(postern_reader_enter(&r, 'a'), 0);
        if (depth > 1)
            ck_assert_int_eq(postern_reader_enter(&r, 'r'), 0);
        if (depth > 2)
            ck_assert_int_eq(postern_reader_skip(&r), 0);
        if (depth > 2)
            ck_assert_int_eq(postern_reader_enter(&r, 'v'), 0);
        if (depth > 3)
            ck_assert_int_eq(postern_reader_enter(&r, 'a'), 0);
        while (r.depth > 0)
            ck_assert_int_eq(postern_reader_leave(&r), 0);
        ck_assert_int_eq(postern_reader_string(&r, &s, &len), 0);
        ck_assert_str_eq(s, "end");
        ck_assert_int_eq(postern_reader_raw(&r, &start, &len), 0);
        ck_assert_uint_eq(start, made.len - 4);
        ck_assert_uint_eq(len, 4);
        ck_assert_int_eq(postern_reader_finish(&r), 0);
    }
    ck_assert_int_eq(postern_reader_u32(&r, &u), -EBADMSG);
    ck_assert_uint_eq(u, 0);
}
END_TEST

/* A mistake sticks and leaves outputs alone. */
START_TEST(reading_wrongly)
{
    static const struct {
        const char *signature, *body;
    } bad[] = {
        {"s", ""}, {"s", "u9 'a' ."}, {"s", "u1 'a' y01"}, {"u", "z3"}, {"ai", "u8 u1"}, {"v", "y01 'u' . |4"}, {"v", "y09 'u' ."},
        {"v", "y02 'uu' . |4 u1 u2"}, {"v", ". ."}, {"as", "u6 u2 'hi' ."}, {"(", ""}, {"g", "yff 'u' ."}, {"(u)", "z3"}, {"at", "u0"},
    };
    struct made made;
    struct postern_reader r;
    const char *s = NULL;
    bool truth = true;
    uint32_t u = 5;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        made.len = 0;
        make(&made, 'l', bad[i].body);
        postern_reader_init(&r, 'l', bad[i].signature, made.data, made.len);
        ck_assert_msg(postern_reader_skip(&r) == -EBADMSG || postern_reader_finish(&r) == -EBADMSG, "row %zu", i);
        if (bad[i].signature[0] == 'a') {
            postern_reader_init(&r, 'l', bad[i].signature, made.data, made.len);
            if (postern_reader_enter(&r, 'a') == 0)
                while (postern_reader_more(&r))
                    postern_reader_skip(&r);
            ck_assert_msg(r.failed, "row %zu", i);
        }
    }
    made.len = 0;
    make(&made, 'l', "u1 u2");
    postern_reader_init(&r, 'l', "uu", made.data, made.len);
    ck_assert_int_eq(postern_reader_bool(&r, &truth), -EBADMSG);
    ck_assert_int_eq(postern_reader_u32(&r, &u), -EBADMSG);
    ck_assert_int_eq(postern_reader_string(&r, &s, NULL), -EBADMSG);
    ck_assert(u == 5 && truth && s == NULL);
    ck_assert(!postern_reader_more(&r));
    ck_assert_int_eq(postern_reader_type(&r), 0);
    ck_assert_int_eq(postern_reader_finish(&r), -EBADMSG);
    postern_reader_init(&r, 'l', "uu", made.data, made.len);
    ck_assert_int_eq(postern_reader_leave(&r), -EBADMSG);
    postern_reader_init(&r, 'l', "u", made.data, made.len);
    ck_assert_int_eq(postern_reader_u32(&r, &u), 0);
    ck_assert_int_eq(postern_reader_finish(&r), -EBADMSG); /* bytes left over */
}
END_TEST

/* Body bytes that were not validated: deep nesting ends in a failure, not in a deep stack. */
START_TEST(reading_too_deep)
{
    struct made made = {.len = 0};
    struct postern_reader r;

    for (int i = 0; i < 3000; i++)
        make(&made, 'l', "y01 'v' .");
    postern_reader_init(&r, 'l', "v", made.data, made.len);
    ck_assert_int_eq(postern_reader_skip(&r), -EBADMSG);
    ck_assert_uint_le(r.depth, POSTERN_NESTING_MAX);
}
END_TEST

static void check_written(struct postern_writer *w, const char *signature, const char *body)
{
    struct made made = {.len = 0};

    make(&made, postern_native_order(), body);
    ck_assert_int_eq(postern_writer_finish(w), 0);
    ck_assert_str_eq(w->signature, signature);
    ck_assert_uint_eq(w->buf.len, made.len);
    ck_assert(made.len == 0 || memcmp(w->buf.data, made.data, made.len) == 0);
    ck_assert_int_eq(postern_body_validate(postern_native_order(), signature, strlen(signature), made.data, made.len, 99), 0);
    postern_writer_reset(w);
}

START_TEST(writing)
{
    struct postern_writer w;

    postern_writer_init(&w);
    check_written(&w, "", "");
    postern_writer_byte(&w, 1);
    postern_writer_bool(&w, true);
    postern_writer_u32(&w, 2);
    postern_writer_i32(&w, -1);
    postern_writer_fd(&w, 3);
    postern_writer_u64(&w, 4);
    postern_writer_string(&w, "hi");
    postern_writer_path(&w, "/a");
    postern_writer_signature(&w, "as");
    postern_writer_bytes(&w, "xyz", 3);
    check_written(&w, "ybuihtsogay",
                  "y01 |4 u1 u2 u4294967295 u3 |8 t4 u2 'hi' . |4 u2 '/a' . y02 'as' . |4 u3 'xyz'");

    postern_writer_open(&w, 'a', "{sv}");
    postern_writer_entry_u32(&w, "k", 5);
    postern_writer_entry_string(&w, "l", "x");
    postern_writer_entry_path(&w, "m", "/");
    postern_writer_close(&w);
    check_written(&w, "a{sv}",
                  "u58 |8 u1 'k' . y01 'u' . |4 u5 |8 u1 'l' . y01 's' . |4 u1 'x' . |8 u1 'm' . y01 'o' . |4 u1 '/' .");

    postern_writer_byte(&w, 1);
    postern_writer_open(&w, 'a', "t");
    postern_writer_close(&w);
    postern_writer_open(&w, 'a', "(ss)");
    postern_writer_open(&w, 'r', NULL);
    postern_writer_string(&w, "");
    postern_writer_string(&w, "b");
    postern_writer_close(&w);
    postern_writer_close(&w);
    check_written(&w, "yata(ss)", "y01 |4 u0 |8 u14 |8 u0 . |4 u1 'b' .");

    /* Structs at the top spell out their type as they are written. */
    postern_writer_open(&w, 'r', NULL);
    postern_writer_byte(&w, 1);
    postern_writer_open(&w, 'r', NULL);
    postern_writer_open(&w, 'a', "s");
    postern_writer_close(&w);
    postern_writer_open(&w, 'v', "(u)");
    postern_writer_open(&w, 'r', NULL);
    postern_writer_u32(&w, 2);
    postern_writer_close(&w);
    postern_writer_close(&w);
    postern_writer_close(&w);
    postern_writer_close(&w);
    postern_writer_byte(&w, 3);
    check_written(&w, "(y(asv))y", "y01 |8 u0 y03 '(u)' . |8 u2 y03");
    postern_writer_free(&w);
}
END_TEST

/* Most of these are mistakes of the caller, which must be seen at the end. */
static const struct {
    const char *steps; /* "aTYPE;" "vTYPE;" "r" "e": open. ".": close. "y" "u" "s": a value. "S": text that is not UTF-8 */
    int error;
} mistakes[] = {
    {"au;u.", 0},      {"au;y.", -EINVAL},     {"vu;.", -EINVAL},    {"vu;uu.", -EINVAL},  {"vu;y.", -EINVAL},
    {"a(us);ru.", -EINVAL}, {"a(us);rus..", 0}, {"a(us);ruu..", -EINVAL}, {"a(us);rusu..", -EINVAL}, {"a(us);u.", -EINVAL},
    {"a{su};esu..", 0}, {"a{su};es..", -EINVAL}, {"a{su};rsu..", -EINVAL}, {"esu.", -EINVAL}, {"r.", -EINVAL},
    {"ru", -EINVAL},   {".", -EINVAL},         {"a;.", -EINVAL},     {"auu;u.", -EINVAL},  {"vuu;u.", -EINVAL},
    {"a{vs};.", -EINVAL}, {"v{su};.", -EINVAL}, {"S", -EINVAL},      {"aas;as;s..", 0},    {"aas;au;u..", -EINVAL},
    {"avvu;u..", -EINVAL}, {"av;vu;u..", 0},    {"vas;as;s..", 0},    {"vas;au;..", -EINVAL}, {"ru(.", -EINVAL},
};

static void run_steps(struct postern_writer *w, const char *p)
{
    char types[8][32], *type;
    size_t n = 0;

    for (; *p != '\0'; p++) {
        switch (*p) {
        case 'a':
        case 'v':
            type = types[n++];
            snprintf(type, sizeof(types[0]), "%.*s", (int)strcspn(p + 1, ";"), p + 1);
            postern_writer_open(w, *p, type);
            p += strcspn(p, ";");
            break;
        case 'r':
        case 'e':
        case '(':
            postern_writer_open(w, *p, NULL);
            break;
        case '.':
            postern_writer_close(w);
            break;
        case 'y':
            postern_writer_byte(w, 1);
            break;
        case 'u':
            postern_writer_u32(w, 1);
            break;
        default:
            postern_writer_string(w, *p == 's' ? "s" : "\xff");
        }
    }
}

START_TEST(writing_wrongly)
{
    struct postern_writer w;

    postern_writer_init(&w);
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        postern_writer_reset(&w);
        run_steps(&w, mistakes[i].steps);
        ck_assert_msg(postern_writer_finish(&w) == mistakes[i].error, "%s", mistakes[i].steps);
    }
    postern_writer_reset(&w);
    postern_writer_string(&w, NULL);
    postern_writer_byte(&w, 1);
    ck_assert_int_eq(postern_writer_finish(&w), -EINVAL);
    postern_writer_reset(&w);
    postern_writer_path(&w, "a");
    ck_assert_int_eq(postern_writer_finish(&w), -EINVAL);
    postern_writer_reset(&w);
    postern_writer_signature(&w, "a");
    ck_assert_int_eq(postern_writer_finish(&w), -EINVAL);
    postern_writer_reset(&w);
    for (int i = 0; i < 65; i++)
        postern_writer_open(&w, 'v', "v");
    ck_assert_int_eq(postern_writer_finish(&w), -EMSGSIZE);
    postern_writer_reset(&w);
    for (int i = 0; i < 256; i++)
        postern_writer_byte(&w, 1);
    ck_assert_int_eq(postern_writer_finish(&w), -EMSGSIZE);
    postern_writer_free(&w);
}
END_TEST

static const struct {
    const char *type, *value;
} values[] = {
    {"y", "y05"},
    {"u", "u5"},
    {"n", "q5"},
    {"d", "t5"},
    {"b", "u1"},
    {"h", "u3"},
    {"s", "u2 'hi' ."},
    {"o", "u1 '/' ."},
    {"g", "y02 'as' ."},
    {"at", "u16 |8 t1 t2"},
    {"as", "u14 u2 'hi' . |4 u1 'x' ."},
    {"(yt)", "y01 |8 t2"},
    {"a{sv}", "u16 |8 u1 'k' . y02 'at' . |4 u0"},
    {"a{yv}", "u21 |8 y01 y01 'v' . y01 't' . |8 t7 y02 y01 'y' . y08"},
    {"v", "y01 'v' . y04 '(tt)' . |8 t1 t2"},
    {"aaay", "u24 u13 u4 'abcd' u1 'x' |4 u0"},
};

/* Written at every offset, a value must read as the same. */
START_TEST(copying_values)
{
    char order = postern_native_order(), before[256], after[600], expected[600];

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        for (int shift = 0; shift < 8; shift++) {
            struct made made = {.len = 0};
            struct postern_writer w;
            struct postern_reader r;

            make(&made, order, values[i].value);
            before[0] = after[0] = '\0';
            postern_reader_init(&r, order, values[i].type, made.data, made.len);
            dump(&r, before, sizeof(before));
            postern_writer_init(&w);
            for (int j = 0; j < shift; j++)
                postern_writer_byte(&w, 0);
            postern_writer_open(&w, 'v', values[i].type);
            postern_writer_value(&w, values[i].type, made.data, (uint32_t)made.len);
            postern_writer_close(&w);
            postern_writer_value(&w, values[i].type, made.data, (uint32_t)made.len);
            ck_assert_msg(postern_writer_finish(&w) == 0, "%s", values[i].type);
            ck_assert_int_eq(postern_body_validate(order, w.signature, strlen(w.signature), w.buf.data, w.buf.len, 99), 0);
            postern_reader_init(&r, order, w.signature, w.buf.data, w.buf.len);
            for (int j = 0; j < shift; j++)
                postern_reader_skip(&r);
            dump(&r, after, sizeof(after));
            snprintf(expected, sizeof(expected), "v[ %s] %s", before, before);
            ck_assert_str_eq(after, expected);
            ck_assert_int_eq(postern_reader_finish(&r), 0);
            postern_writer_free(&w);
        }
    }
}
END_TEST

START_TEST(copying_bad_values)
{
    struct postern_writer w;

    postern_writer_init(&w);
    postern_writer_value(&w, "uu", "\0\0\0\0\0\0\0", 8);
    ck_assert_int_eq(postern_writer_finish(&w), -EINVAL);
    postern_writer_reset(&w);
    postern_writer_value(&w, "u", "\0\0\0\0", 5);
    ck_assert_int_eq(postern_writer_finish(&w), -EINVAL);
    postern_writer_reset(&w);
    postern_writer_value(&w, "s", "\0\0\0\0", 4);
    ck_assert_int_eq(postern_writer_finish(&w), -EINVAL);
    postern_writer_reset(&w);
    postern_writer_open(&w, 'v', "i"); /* another type than is due */
    postern_writer_value(&w, "u", "\0\0\0\0", 4);
    postern_writer_close(&w);
    ck_assert_int_eq(postern_writer_finish(&w), -EINVAL);
    postern_writer_free(&w);
}
END_TEST

START_TEST(credentials)
{
    gid_t groups[] = {4, 100};
    struct postern_peer_facts facts = {.uid = 1000, .gid = 100}, unknown = {.uid = POSTERN_PEER_UNKNOWN, .pid = 7, .groups = groups};
    struct postern_writer w;
    struct postern_reader r;
    char text[256] = "";

    postern_writer_init(&w);
    postern_writer_open(&w, 'a', "{sv}");
    postern_credentials_write(&w, 1000, &facts);
    facts = (struct postern_peer_facts){.pid = 7, .groups = groups, .n_groups = 2, .label = (char *)"ab", .label_len = 2};
    postern_credentials_write(&w, 0, &facts);
    postern_credentials_write(&w, UINT32_MAX, &unknown); /* ANONYMOUS over the network */
    postern_credentials_write(&w, 5, &unknown);
    postern_writer_close(&w);
    ck_assert_int_eq(postern_writer_finish(&w), 0);
    postern_reader_init(&r, postern_native_order(), w.signature, w.buf.data, w.buf.len);
    dump(&r, text, sizeof(text));
    ck_assert_str_eq(text, "a[ e[ s'UnixUserID' v[ u1000 ] ] e[ s'UnixUserID' v[ u0 ] ] "
                           "e[ s'UnixGroupIDs' v[ a[ u4 u100 ] ] ] e[ s'ProcessID' v[ u7 ] ] "
                           "e[ s'LinuxSecurityLabel' v[ a[ y97 y98 y0 ] ] ] e[ s'UnixUserID' v[ u5 ] ] ] ");
    postern_writer_free(&w);
}
END_TEST

Suite *wire_values_suite(void)
{
    Suite *suite = suite_create("values");
    TCase *tcase = tcase_create("values");

    tcase_add_test(tcase, reading);
    tcase_add_test(tcase, leaving_early);
    tcase_add_test(tcase, reading_wrongly);
    tcase_add_test(tcase, reading_too_deep);
    tcase_add_test(tcase, writing);
    tcase_add_test(tcase, writing_wrongly);
    tcase_add_test(tcase, copying_values);
    tcase_add_test(tcase, copying_bad_values);
    tcase_add_test(tcase, credentials);
    suite_add_tcase(suite, tcase);
    return suite;
}
