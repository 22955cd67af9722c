/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where elements and attributes stand: what is counted quickly, and what expat says. */
#include "tests/unit/policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/markup.h"
#include "util/buf.h"

static struct postern_markup_node *parse(const char *text, size_t len, struct postern_error *error)
{
    const struct postern_markup_source source = {.file = "f", .data = (char *)(uintptr_t)text, .len = len};
    struct postern_markup_node *root = NULL;

    *error = (struct postern_error){.text = ""};
    return postern_markup_parse(&source, &root, error) == 0 ? root : NULL;
}

/* "name@line:column name@..." of the element, its attributes and all below it, in order. */
static void list(struct postern_buf *out, const struct postern_markup_node *node)
{
    ck_assert_int_eq(postern_buf_printf(out, "%s@%u:%u ", node->name, node->where.line, node->where.column), 0);
    for (size_t i = 0; i < node->n_attributes; i++)
        ck_assert_int_eq(postern_buf_printf(out, ".%s@%u:%u ", node->attributes[i].name, node->attributes[i].where.line,
                                            node->attributes[i].where.column),
                         0);
    for (const struct postern_markup_node *child = node->children; child != NULL; child = child->next)
        list(out, child);
}

/* Parses and lists; a failure is its own text. */
static char *places(const char *text, size_t len)
{
    struct postern_buf out = {0};
    struct postern_error error;
    struct postern_markup_node *root = parse(text, len, &error);

    if (root != NULL)
        list(&out, root);
    else
        ck_assert_int_eq(postern_buf_printf(&out, "%s", error.text), 0);
    ck_assert_int_eq(postern_buf_append(&out, "", 1), 0);
    postern_markup_free(root);
    return (char *)out.data;
}

static const struct {
    const char *text, *places;
} rows[] = {
    {"<a/>", "a@1:1 "},
    {"<a x='1' y=\"2\"/>", "a@1:1 .x@1:4 .y@1:10 "},
    {"\n <a\n\tx = '1'\n\n  y='2'>\n  <b z='\n'/><c\nq='>'/></a>\n", "a@2:2 .x@3:2 .y@5:3 b@6:3 .z@6:6 c@7:4 .q@8:1 "},
    {"<!-- \n --><a x='=/&gt;&#65;\"' y='x=\"1\"'/>", "a@2:5 .x@2:8 .y@2:25 "},
    {"<a x='\xc3\xa4\xe2\x82\xac' y='1'>\xc3\xa4<b/></a>", "a@1:1 .x@1:4 .y@1:11 b@1:18 "},
    {"\xef\xbb\xbf<a x='1'/>", NULL},
    {"<a\r\n x='1'\r y='\r\n'><b/></a>", "a@1:1 .x@2:2 .y@3:2 b@4:3 "},
    {"<!DOCTYPE a SYSTEM 'x'>\n<a x='1'\n y='&no;'/>", "f:3:5: undefined entity"},
    {"<!DOCTYPE a SYSTEM 'x'>\r\n<a x='1'\r\n y='&no;'/>", "f:3:5: undefined entity"},
    {"<!DOCTYPE a SYSTEM 'x'>\n<a x='&amp;&no;'/>", "f:2:12: undefined entity"},
    {"<a>\n <b></a>", "f:2:7: mismatched tag"},
};

START_TEST(places_of_rows)
{
    char *found = places(rows[_i].text, strlen(rows[_i].text));

    if (rows[_i].places != NULL)
        ck_assert_str_eq(found, rows[_i].places);
    else
        ck_assert_ptr_null(strstr(found, "f:")); /* whatever expat counts, it is read */
    free(found);
}
END_TEST

static void add(struct postern_buf *text, const char *s)
{
    ck_assert_int_eq(postern_buf_append(text, s, strlen(s)), 0);
}

static const char *one_of(const char *const *list, unsigned n)
{
    return list[(unsigned)random() % n];
}

#define ONE_OF(...) one_of((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void add_element(struct postern_buf *text, unsigned depth)
{
    add(text, "<e");
    if (random() % 4 != 0) {
        add(text, ONE_OF(" ", "\n", "\t", "  \n\t"));
        add(text, ONE_OF("a='", "aa = '", "a\n=\n'"));
        add(text, ONE_OF("", "x", "\n", "a b=\"c\" / >", "&lt;", "&#10;&amp;\nx"));
        add(text, ONE_OF("' ", "'\n", "'\n  "));
        add(text, ONE_OF("", "b=\"it's\"", "b=\"\n\""));
    }
    add(text, ">");
    for (unsigned i = 0; depth < 5 && i < (unsigned)random() % 4; i++) {
        add(text, ONE_OF("", "\n", "text", "<!-- <e x='1'> -->", "<!--\n-->", "\n\n  "));
        add_element(text, depth + 1);
    }
    add(text, "</e>");
}

/* The same file, but for a CR at its end, is counted in the other way. */
START_TEST(places_of_random_files)
{
    srandom(5);
    for (int i = 0; i < 2000; i++) {
        struct postern_buf text = {0};
        char *quick, *slow;

        add(&text, ONE_OF("", "\n", "<?xml version='1.0'?>\n", "<!-- -->"));
        add_element(&text, 0);
        quick = places((const char *)text.data, text.len);
        add(&text, "\r");
        slow = places((const char *)text.data, text.len);
        ck_assert_str_eq(quick, slow);
        ck_assert_ptr_null(strstr(quick, "f:"));
        free(quick);
        free(slow);
        postern_buf_finish(&text);
    }
}
END_TEST

Suite *policy_markup_suite(void)
{
    Suite *suite = suite_create("policy: markup");
    TCase *tcase = tcase_create("markup");

    tcase_add_loop_test(tcase, places_of_rows, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, places_of_random_files);
    suite_add_tcase(suite, tcase);
    return suite;
}
