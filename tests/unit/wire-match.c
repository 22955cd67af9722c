/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/wire-make.h"
#include "wire/body.h"
#include "wire/match.h"

/* Rules and their canonical text; NULL: refused. */
static const struct {
    const char *text, *canonical;
} rules[] = {
    {"", ""},
    {"   ", ""},
    {"type='signal'", "type='signal'"},
    {"type=signal", "type='signal'"},
    {"type='method_call'", "type='method_call'"},
    {"type='method_return'", "type='method_return'"},
    {"type='error'", "type='error'"},
    {"type=''", NULL},
    {"type='Signal'", NULL},
    {"type='invalid'", NULL},
    {"sender=':1.5'", "sender=':1.5'"},
    {"sender='org.x'", "sender='org.x'"},
    {"sender='x'", NULL},
    {"destination=':1.5'", "destination=':1.5'"},
    {"destination='x'", NULL},
    {"interface='a.b'", "interface='a.b'"},
    {"interface='a'", NULL},
    {"member='M'", "member='M'"},
    {"member='a.M'", NULL},
    {"path='/a'", "path='/a'"},
    {"path='/a/'", NULL},
    {"path='/'", "path='/'"},
    {"path_namespace='/'", "path_namespace='/'"},
    {"path_namespace='/a/b'", "path_namespace='/a/b'"},
    {"path_namespace='/a/'", NULL},
    {"path='/a',path_namespace='/a'", NULL},
    {"path_namespace='/a',path='/a'", NULL},
    /* arguments */
    {"arg0='x'", "arg0='x'"},
    {"arg0=''", "arg0=''"},
    {"arg63='x'", "arg63='x'"},
    {"arg64='x'", NULL},
    {"arg100='x'", NULL},
    {"arg4294967296='x'", NULL},
    {"arg00='x'", NULL},
    {"arg01='x'", NULL},
    {"arg-1='x'", NULL},
    {"arg+1='x'", NULL},
    {"arg='x'", NULL},
    {"argx='x'", NULL},
    {"arg1x='x'", NULL},
    {"arg0path='/a/'", "arg0path='/a/'"},
    {"arg62path='x y'", "arg62path='x y'"},
    {"arg0namespace='a.b'", "arg0namespace='a.b'"},
    {"arg0namespace='a'", "arg0namespace='a'"},
    {"arg0namespace='a.'", NULL},
    {"arg0namespace=''", NULL},
    {"arg1namespace='a.b'", NULL},
    {"arg0paths='/a'", NULL},
    {"arg0pat='/a'", NULL},
    {"arg2='b',arg10='c',arg0path='d',arg0='e',arg2path='f',arg0namespace='g'",
     "arg0='e',arg0path='d',arg0namespace='g',arg2='b',arg2path='f',arg10='c'"},
    /* eavesdrop is seen however it is written */
    {"eavesdrop='true'", "eavesdrop='true'"},
    {"eavesdrop=true", "eavesdrop='true'"},
    {"eavesdrop =true", "eavesdrop='true'"},
    {" eavesdrop\t =tr'u'e", "eavesdrop='true'"},
    {"\n\r eavesdrop='true'", "eavesdrop='true'"},
    {"eavesdrop='false'", ""},
    {"eavesdrop=false,type=signal", "type='signal'"},
    {"eavesdrop= true", NULL},
    {"eavesdrop=true ", NULL},
    {"eavesdrop=True", NULL},
    {"eavesdrop=1", NULL},
    {"eavesdrop=", NULL},
    {"eavesdrop", NULL},
    {"eavesdrop=false,eavesdrop=true", NULL},
    {"eaves drop=true", NULL},
    {"Eavesdrop=true", NULL},
    {"arg0='x,eavesdrop=true'", "arg0='x,eavesdrop=true'"},
    {"arg0='x',eavesdrop=true", "eavesdrop='true',arg0='x'"},
    {"arg0=\\',eavesdrop=true", "eavesdrop='true',arg0=''\\'''"},
    {"arg0='\\',eavesdrop=true", "eavesdrop='true',arg0='\\'"},
    /* order and blanks */
    {"member='M', interface='a.b' ,type=signal", NULL}, /* a blank behind a value belongs to it */
    {"member='M', interface='a.b',  type=signal", "type='signal',interface='a.b',member='M'"},
    {"type='signal',", "type='signal'"},
    {"type='signal', ", "type='signal'"},
    {"type='signal',,", NULL},
    {",type='signal'", NULL},
    /* quotes */
    {"arg0=it\\'s", "arg0='it'\\''s'"},
    {"arg0='it'\\''s'", "arg0='it'\\''s'"},
    {"arg0='a\\b'", "arg0='a\\b'"},
    {"arg0=a\\b", "arg0='a\\b'"},
    {"arg0=a\\", "arg0='a\\'"},
    {"arg0=a\\\\b", "arg0='a\\\\b'"},
    {"arg0='a'b'c'", "arg0='abc'"},
    {"arg0='a,b'", "arg0='a,b'"},
    {"arg0=a=b", "arg0='a=b'"},
    {"arg0=\"a\"", "arg0='\"a\"'"},
    {"arg0='a", NULL},
    {"arg0='a\\'", "arg0='a\\'"},
    {"arg0=a'", NULL},
    {"arg0= a ", "arg0=' a '"},
    /* keys */
    {"=x", NULL},
    {"x", NULL},
    {"x=y", NULL},
    {"type", NULL},
    {"type=signal,type=signal", NULL},
    {"member=a,member=b", NULL},
    {"arg0=a,arg0=a", NULL},
    {"arg1=a,arg2=a,arg1=b", NULL},
    {"'type'=signal", NULL},
    {"type signal", NULL},
    {"type=='signal'", NULL},
};

static struct postern_match *parse(const char *text)
{
    struct postern_match *match = NULL;
    struct postern_error error = {""};

    ck_assert_msg(postern_match_parse(text, strlen(text), &match, &error) == 0, "%s: %s", text, error.text);
    return match;
}

START_TEST(parsing)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct postern_match *match, *again;
        struct postern_error error = {""};
        char *text;

        if (rules[i].canonical == NULL) {
            match = NULL;
            ck_assert_msg(postern_match_parse(rules[i].text, strlen(rules[i].text), &match, &error) == -EINVAL, "%s", rules[i].text);
            ck_assert(match == NULL && error.text[0] != '\0');
            continue;
        }
        match = parse(rules[i].text);
        text = postern_match_text(match);
        ck_assert_str_eq(text, rules[i].canonical);
        again = parse(text);
        ck_assert(postern_match_equal(match, again));
        postern_match_free(again);
        postern_match_free(match);
        free(text);
    }
    postern_match_free(NULL);
}
END_TEST

START_TEST(parsing_limits)
{
    char text[1100] = "";
    struct postern_match *match = NULL;

    snprintf(text, sizeof(text), "arg0=%s", repeat('x', 1019));
    postern_match_free(parse(text));
    snprintf(text, sizeof(text), "arg0=%s", repeat('x', 1020));
    ck_assert_int_eq(postern_match_parse(text, strlen(text), &match, NULL), -EINVAL);
    ck_assert_int_eq(postern_match_parse("arg0=a\0b", 8, &match, NULL), -EINVAL);
    /* As many keys as the length allows, in the least favourable order. */
    text[0] = '\0';
    for (int i = 63; i >= 0; i--)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "arg%d=,", i);
    for (int i = 63; i >= 14; i--)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "arg%dpath=,", i);
    ck_assert_uint_le(strlen(text), POSTERN_MATCH_TEXT_MAX);
    match = parse(text);
    ck_assert_uint_eq(match->n_args, 114);
    for (uint32_t i = 1; i < match->n_args; i++)
        ck_assert(match->args[i - 1].index * 3 + match->args[i - 1].kind < match->args[i].index * 3 + match->args[i].kind);
    postern_match_free(match);
}
END_TEST

START_TEST(equality)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } pairs[] = {
        {"type=signal,member=M", "member='M',type='signal'", true},
        {"arg1=a,arg0=b", "arg0=b,arg1=a", true},
        {"eavesdrop=false", "", true},
        {"eavesdrop=true", "", false},
        {"arg0=a", "arg0path=a", false},
        {"arg0=a", "arg1=a", false},
        {"arg0=a", "arg0=b", false},
        {"arg0=a", "arg0=a,arg1=", false},
        {"path=/a", "path_namespace=/a", false},
        {"sender=a.b", "destination=a.b", false},
        {"sender=a.b", "sender=a.bc", false},
        {"type=signal", "type=error", false},
        {"interface=a.b", "", false},
        {"member=M", "member=N", false},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct postern_match *a = parse(pairs[i].a), *b = parse(pairs[i].b);

        ck_assert_msg(postern_match_equal(a, b) == pairs[i].equal, "%s and %s", pairs[i].a, pairs[i].b);
        ck_assert_int_eq(postern_match_equal(b, a), pairs[i].equal);
        postern_match_free(a);
        postern_match_free(b);
    }
}
END_TEST

#define SIGNAL "[1o:/a/b] [2s:a.b] [3s:M]"

/* Does the rule match a signal of /a/b a.b.M with such arguments? */
static const struct {
    const char *rule, *signature, *body;
    bool matches;
} matches[] = {
    {"", "", "", true},
    {"type=signal", "", "", true},
    {"type=error", "", "", false},
    {"interface=a.b", "", "", true},
    {"interface=a.c", "", "", false},
    {"interface=a.bc", "", "", false},
    {"member=M", "", "", true},
    {"member=m", "", "", false},
    {"path=/a/b", "", "", true},
    {"path=/a", "", "", false},
    {"path_namespace=/a", "", "", true},
    {"path_namespace=/a/b", "", "", true},
    {"path_namespace=/a/b/c", "", "", false},
    {"path_namespace=/", "", "", true},
    {"type=signal,interface=a.b,member=M,path=/a/b", "", "", true},
    {"type=signal,interface=a.b,member=N,path=/a/b", "", "", false},
    /* whose they are is the router's to check */
    {"sender=:1.9,destination=x.y,eavesdrop=true", "", "", true},
    /* arguments */
    {"arg0=x", "", "", false},
    {"arg0=''", "", "", false},
    {"arg0=x", "s", "u1 'x' .", true},
    {"arg0=y", "s", "u1 'x' .", false},
    {"arg0=x", "s", "u2 'xy' .", false},
    {"arg0=", "s", "u0 .", true},
    {"arg1=x", "s", "u1 'x' .", false},
    {"arg1=x", "ss", "u1 'a' . |4 u1 'x' .", true},
    {"arg0=a,arg1=x", "ss", "u1 'a' . |4 u1 'x' .", true},
    {"arg0=a,arg1=y", "ss", "u1 'a' . |4 u1 'x' .", false},
    {"arg1=x", "us", "u1 u1 'x' .", true},
    {"arg0=1", "us", "u1 u1 'x' .", false},
    {"arg1=x", "a{sv}s", "u0 z4 u1 'x' .", true},
    {"arg2=x", "(us)vs", "u1 u1 'q' . y01 'u' . z3 u5 u1 'x' .", true},
    {"arg0=/a", "o", "u2 '/a' .", false}, /* strings only */
    {"arg0=x", "g", "y01 's' .", false},
    {"arg0=x", "v", "y01 's' . |4 u1 'x' .", false},
    {"arg0=x", "as", "u6 u1 'x' .", false},
    /* paths: equal, or one ends with a slash and begins the other */
    {"arg0path=/a/", "s", "u3 '/a/' .", true},
    {"arg0path=/a/", "s", "u4 '/a/b' .", true},
    {"arg0path=/a/", "s", "u2 '/a' .", false},
    {"arg0path=/a/", "s", "u1 '/' .", true},
    {"arg0path=/a/b", "s", "u3 '/a/' .", true},
    {"arg0path=/a/b", "s", "u2 '/a' .", false},
    {"arg0path=/a", "s", "u4 '/a/b' .", false},
    {"arg0path=/", "s", "u4 '/a/b' .", true},
    {"arg0path=/a/b", "s", "u4 '/a/c' .", false},
    {"arg0path=/aa/bb/", "s", "u7 '/aa/bb/' .", true},
    {"arg0path=/aa/bb/", "s", "u9 '/aa/bb/cc' .", true},
    {"arg0path=/aa/bb/", "s", "u6 '/aa/b/' .", false},
    {"arg0path=", "s", "u0 .", true},
    {"arg0path=", "s", "u1 '/' .", false},
    {"arg0path=", "s", "u1 'a' .", false},
    {"arg0path=/a", "s", "u0 .", false},
    {"arg0path=/a/", "o", "u4 '/a/b' .", true},
    {"arg1path=/a/", "so", "u0 . z3 u4 '/a/b' .", true},
    {"arg0path=/a/", "g", "y00 .", false},
    {"arg0path=/a/", "as", "u8 u3 '/a/' .", false},
    /* namespaces */
    {"arg0namespace=a.b", "s", "u3 'a.b' .", true},
    {"arg0namespace=a.b", "s", "u5 'a.b.c' .", true},
    {"arg0namespace=a.b", "s", "u4 'a.bc' .", false},
    {"arg0namespace=a.b", "s", "u1 'a' .", false},
    {"arg0namespace=a", "s", "u3 'a.b' .", true},
    {"arg0namespace=a", "o", "u2 '/a' .", false},
    {"arg0namespace=a,arg0=a.b", "s", "u3 'a.b' .", true},
    {"arg0namespace=a,arg0=a.c", "s", "u3 'a.b' .", false},
};

static bool matches_message(const char *rule, const struct made *made)
{
    struct postern_match *match = parse(rule);
    struct postern_header header;
    struct postern_match_args args;
    bool result;

    ck_assert_int_eq(postern_header_parse(made->data, (uint32_t)made->len, &header), 0);
    ck_assert_int_eq(postern_body_validate(header.order, header.signature.s != NULL ? header.signature.s : "", header.signature.len,
                                           made->data + header.body_start, header.body_len, 0), 0);
    postern_match_args_init(&args, &header, made->data + header.body_start);
    result = postern_match_matches(match, &header, &args);
    /* The arguments are there now; what they were must not depend on that. */
    ck_assert_int_eq(postern_match_matches(match, &header, &args), result);
    postern_match_free(match);
    return result;
}

START_TEST(matching)
{
    for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
        for (const char *order = "lB"; *order != '\0'; order++) {
            struct made made;
            char fields[128];

            snprintf(fields, sizeof(fields), SIGNAL "[8g:%s]", matches[i].signature);
            make_message(&made, *order, 4, fields, matches[i].body);
            ck_assert_msg(matches_message(matches[i].rule, &made) == matches[i].matches, "%c %s: %s %s", *order, matches[i].rule,
                          matches[i].signature, matches[i].body);
        }
    }
}
END_TEST

/* A key asks for a field that a message may not have. */
START_TEST(matching_absent_fields)
{
    static const char *const asking[] = {"path=/", "path_namespace=/", "interface=a.b", "member=M", "arg0="};
    struct made made;

    make_message(&made, 'l', 2, "[5u:9]", "");
    ck_assert(matches_message("type=method_return", &made));
    for (size_t i = 0; i < sizeof(asking) / sizeof(asking[0]); i++)
        ck_assert_msg(!matches_message(asking[i], &made), "%s", asking[i]);
    make_message(&made, 'l', 9, "", "");
    ck_assert(matches_message("", &made));
    ck_assert(!matches_message("type=signal", &made));
}
END_TEST

START_TEST(matching_last_argument)
{
    struct made made, body = {.len = 0};
    char fields[300], text[2048] = "";

    for (int i = 0; i < 70; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "u1 '%c' . |4 ", i == 63 ? 'x' : i == 64 ? 'y' : 'z');
    make(&body, 'B', text);
    snprintf(fields, sizeof(fields), SIGNAL "[8g:%s]", repeat('s', 70));
    text[strlen(text) - 4] = '\0'; /* no padding behind the last */
    make_message(&made, 'B', 4, fields, text);
    ck_assert(matches_message("arg63=x", &made));
    ck_assert(!matches_message("arg63=y", &made));
    ck_assert(matches_message("arg62=z,arg0=z", &made));
}
END_TEST

Suite *wire_match_suite(void)
{
    Suite *suite = suite_create("match");
    TCase *tcase = tcase_create("match");

    tcase_add_test(tcase, parsing);
    tcase_add_test(tcase, parsing_limits);
    tcase_add_test(tcase, equality);
    tcase_add_test(tcase, matching);
    tcase_add_test(tcase, matching_absent_fields);
    tcase_add_test(tcase, matching_last_argument);
    suite_add_tcase(suite, tcase);
    return suite;
}
