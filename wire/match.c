/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/match.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "wire/name.h"
#include "wire/reader.h"

/* Each of argN and argNpath for 0 to 63, and arg0namespace. */
#define ARGS_MAX (2 * (POSTERN_MATCH_ARG_MAX + 1) + 1)

static const char *const type_names[] = {NULL, "method_call", "method_return", "error", "signal"};
static const char *const arg_suffixes[] = {"", "path", "namespace"};

/* A rule while it is parsed: all strings are in `text`, one after the other with a NUL each. As a key takes at least two
 * bytes with its '=', they never need more room than the rule. */
struct parse {
    const char *pos, *end;
    struct postern_match match;
    bool has_eavesdrop;
    struct postern_match_arg args[ARGS_MAX];
    size_t text_len;
    char text[POSTERN_MATCH_TEXT_MAX + 1];
    struct postern_error *error;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct parse *parse)
{
    while (parse->pos < parse->end && is_blank(*parse->pos))
        parse->pos++;
}

/* Blanks, a key, blanks and '='. 1 with the key, 0 at the end of the rule, or -EINVAL. Blanks around the key mean nothing;
 * behind the '=' they belong to the value. */
static int parse_key(struct parse *parse, struct postern_match_string *key)
{
    const char *start;

    skip_blanks(parse);
    if (parse->pos == parse->end)
        return 0;
    start = parse->pos;
    while (parse->pos < parse->end && *parse->pos != '=' && !is_blank(*parse->pos))
        parse->pos++;
    key->s = (char *)start;
    key->len = (uint32_t)(parse->pos - start);
    skip_blanks(parse);
    if (key->len == 0 || parse->pos == parse->end || *parse->pos != '=')
        return postern_error_set(parse->error, -EINVAL, "match rule: \"%.*s\" is not followed by '='", (int)key->len, start);
    parse->pos++;
    return 1;
}

/*
 * A value up to a comma outside quotes, or the end. Quotes may begin and end anywhere; inside them all stands for itself.
 * Outside, \' is an apostrophe, and a backslash before anything else stands for itself.
 */
static int parse_value(struct parse *parse, struct postern_match_string *value)
{
    char *out = parse->text + parse->text_len, *start = out;
    bool quoted = false;

    for (; parse->pos < parse->end && (quoted || *parse->pos != ','); parse->pos++) {
        if (*parse->pos == '\'') {
            quoted = !quoted;
        } else if (!quoted && *parse->pos == '\\' && parse->end - parse->pos > 1 && parse->pos[1] == '\'') {
            *out++ = '\'';
            parse->pos++;
        } else {
            *out++ = *parse->pos;
        }
    }
    if (quoted)
        return postern_error_set(parse->error, -EINVAL, "match rule: a quote is not closed");
    if (parse->pos < parse->end)
        parse->pos++; /* the comma */
    *out = '\0';
    value->s = start;
    value->len = (uint32_t)(out - start);
    parse->text_len += value->len + 1;
    return 0;
}

static int refuse_value(struct parse *parse, const struct postern_match_string *key, const struct postern_match_string *value)
{
    return postern_error_set(parse->error, -EINVAL, "match rule: \"%s\" is not a valid value of %.*s", value->s, (int)key->len,
                             key->s);
}

static int refuse_twice(struct parse *parse, const struct postern_match_string *key)
{
    return postern_error_set(parse->error, -EINVAL, "match rule: the key %.*s occurs twice", (int)key->len, key->s);
}

static int set_type(struct parse *parse, const struct postern_match_string *key, const struct postern_match_string *value)
{
    if (parse->match.type != 0)
        return refuse_twice(parse, key);
    for (uint8_t i = 1; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
        if (strcmp(value->s, type_names[i]) == 0) {
            parse->match.type = i;
            return 0;
        }
    }
    return refuse_value(parse, key, value);
}

static int set_eavesdrop(struct parse *parse, const struct postern_match_string *key, const struct postern_match_string *value)
{
    if (parse->has_eavesdrop)
        return refuse_twice(parse, key);
    if (strcmp(value->s, "true") != 0 && strcmp(value->s, "false") != 0)
        return refuse_value(parse, key, value);
    parse->has_eavesdrop = true;
    parse->match.eavesdrop = value->s[0] == 't';
    return 0;
}

/* Sorted insertion. */
static int add_arg(struct parse *parse, const struct postern_match_string *key, const struct postern_match_arg *arg)
{
    uint32_t i = parse->match.n_args;

    for (; i > 0; i--) {
        const struct postern_match_arg *before = &parse->args[i - 1];

        if (before->index == arg->index && before->kind == arg->kind)
            return refuse_twice(parse, key);
        if (before->index < arg->index || (before->index == arg->index && before->kind < arg->kind))
            break;
    }
    memmove(&parse->args[i + 1], &parse->args[i], (parse->match.n_args - i) * sizeof(parse->args[0]));
    parse->args[i] = *arg;
    parse->match.n_args++;
    return 0;
}

/* "arg", a number without superfluous zeros, and what kind it is. */
static int set_arg(struct parse *parse, const struct postern_match_string *key, const struct postern_match_string *value)
{
    struct postern_match_arg arg = {.value = *value};
    const char *p = key->s + 3, *end = key->s + key->len, *digits = p;
    unsigned index = 0, kind = POSTERN_MATCH_ARG_STRING;

    for (; p < end && p - digits < 2 && *p >= '0' && *p <= '9'; p++)
        index = index * 10 + (unsigned)(*p - '0');
    if (p == digits || (p - digits == 2 && *digits == '0') || index > POSTERN_MATCH_ARG_MAX)
        return postern_error_set(parse->error, -EINVAL, "match rule: %.*s does not number an argument from 0 to %d",
                                 (int)key->len, key->s, POSTERN_MATCH_ARG_MAX);
    while (kind <= POSTERN_MATCH_ARG_NAMESPACE &&
           (strlen(arg_suffixes[kind]) != (size_t)(end - p) || memcmp(arg_suffixes[kind], p, (size_t)(end - p)) != 0))
        kind++;
    if (kind > POSTERN_MATCH_ARG_NAMESPACE || (kind == POSTERN_MATCH_ARG_NAMESPACE && index != 0))
        return postern_error_set(parse->error, -EINVAL, "match rule: unknown key %.*s", (int)key->len, key->s);
    if (kind == POSTERN_MATCH_ARG_NAMESPACE && !postern_name_is_namespace(value->s, value->len) &&
        !postern_name_is_unique(value->s, value->len))
        return refuse_value(parse, key, value);
    arg.index = (uint8_t)index;
    arg.kind = (uint8_t)kind;
    return add_arg(parse, key, &arg);
}

static int set_string(struct parse *parse, const struct postern_match_string *key, const struct postern_match_string *value,
                      struct postern_match_string *to, bool valid)
{
    if (to->s != NULL)
        return refuse_twice(parse, key);
    if (!valid)
        return refuse_value(parse, key, value);
    *to = *value;
    return 0;
}

static bool key_is(const struct postern_match_string *key, const char *name)
{
    return key->len == strlen(name) && memcmp(key->s, name, key->len) == 0;
}

static int set_key(struct parse *parse, const struct postern_match_string *key, const struct postern_match_string *value)
{
    struct postern_match *match = &parse->match;
    const char *s = value->s;
    size_t len = value->len;

    if (key_is(key, "type"))
        return set_type(parse, key, value);
    if (key_is(key, "sender"))
        return set_string(parse, key, value, &match->sender, postern_name_is_bus(s, len));
    if (key_is(key, "destination"))
        return set_string(parse, key, value, &match->destination, postern_name_is_bus(s, len));
    if (key_is(key, "interface"))
        return set_string(parse, key, value, &match->interface, postern_name_is_interface(s, len));
    if (key_is(key, "member"))
        return set_string(parse, key, value, &match->member, postern_name_is_member(s, len));
    if (key_is(key, "path") || key_is(key, "path_namespace")) {
        /* They exclude each other, hence the one place for both. */
        int r = set_string(parse, key, value, &match->path, postern_path_is_valid(s, len));

        match->path_is_namespace = key_is(key, "path_namespace");
        return r;
    }
    if (key_is(key, "eavesdrop"))
        return set_eavesdrop(parse, key, value);
    if (key->len > 3 && memcmp(key->s, "arg", 3) == 0)
        return set_arg(parse, key, value);
    return postern_error_set(parse->error, -EINVAL, "match rule: unknown key %.*s", (int)key->len, key->s);
}

/* The string as it will be in the copy of the text at `to`. */
static void rebase(struct postern_match_string *string, const char *from, char *to)
{
    if (string->s != NULL)
        string->s = to + (string->s - from);
}

/* The rule in one block of memory: itself, its arguments, its text. */
static struct postern_match *pack(const struct parse *parse)
{
    size_t args_size = parse->match.n_args * sizeof(struct postern_match_arg);
    struct postern_match *match = malloc(sizeof(*match) + args_size + parse->text_len);
    char *text;

    if (match == NULL)
        return NULL;
    *match = parse->match;
    match->args = (struct postern_match_arg *)(match + 1);
    text = (char *)match->args + args_size;
    memcpy(match->args, parse->args, args_size);
    memcpy(text, parse->text, parse->text_len);
    rebase(&match->sender, parse->text, text);
    rebase(&match->destination, parse->text, text);
    rebase(&match->interface, parse->text, text);
    rebase(&match->member, parse->text, text);
    rebase(&match->path, parse->text, text);
    for (uint32_t i = 0; i < match->n_args; i++)
        rebase(&match->args[i].value, parse->text, text);
    return match;
}

int postern_match_parse(const char *text, size_t len, struct postern_match **match, struct postern_error *error)
{
    struct postern_match_string key, value;
    struct postern_match *packed;
    struct parse parse;
    int r;

    if (len > POSTERN_MATCH_TEXT_MAX)
        return postern_error_set(error, -EINVAL, "match rule: longer than %d bytes", POSTERN_MATCH_TEXT_MAX);
    if (memchr(text, '\0', len) != NULL)
        return postern_error_set(error, -EINVAL, "match rule: contains a NUL");
    parse.pos = text;
    parse.end = text + len;
    parse.match = (struct postern_match){0};
    parse.has_eavesdrop = false;
    parse.text_len = 0;
    parse.error = error;
    while ((r = parse_key(&parse, &key)) > 0) {
        r = parse_value(&parse, &value);
        if (r == 0)
            r = set_key(&parse, &key, &value);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    packed = pack(&parse);
    if (packed == NULL)
        return -ENOMEM;
    *match = packed;
    return 0;
}

void postern_match_free(struct postern_match *match)
{
    free(match);
}

static bool string_equal(const struct postern_match_string *a, const struct postern_match_string *b)
{
    if (a->s == NULL || b->s == NULL)
        return a->s == b->s;
    return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
}

bool postern_match_equal(const struct postern_match *a, const struct postern_match *b)
{
    if (a->type != b->type || a->eavesdrop != b->eavesdrop || a->path_is_namespace != b->path_is_namespace ||
        a->n_args != b->n_args || !string_equal(&a->sender, &b->sender) || !string_equal(&a->interface, &b->interface) ||
        !string_equal(&a->member, &b->member) || !string_equal(&a->path, &b->path) ||
        !string_equal(&a->destination, &b->destination))
        return false;
    for (uint32_t i = 0; i < a->n_args; i++)
        if (a->args[i].index != b->args[i].index || a->args[i].kind != b->args[i].kind ||
            !string_equal(&a->args[i].value, &b->args[i].value))
            return false;
    return true;
}

/* ",key='value'", an apostrophe written as '\''. */
static int text_add(struct postern_buf *buf, const char *key, const char *value)
{
    int r;

    if (value == NULL)
        return 0;
    r = postern_buf_printf(buf, "%s%s='", buf->len > 0 ? "," : "", key);
    for (; r == 0 && *value != '\0'; value++)
        r = *value == '\'' ? postern_buf_append(buf, "'\\''", 4) : postern_buf_append(buf, value, 1);
    return r < 0 ? r : postern_buf_append(buf, "'", 1);
}

char *postern_match_text(const struct postern_match *match)
{
    struct postern_buf buf = {0};
    char key[32];
    int r = text_add(&buf, "type", type_names[match->type]);

    r |= text_add(&buf, "sender", match->sender.s);
    r |= text_add(&buf, "interface", match->interface.s);
    r |= text_add(&buf, "member", match->member.s);
    r |= text_add(&buf, match->path_is_namespace ? "path_namespace" : "path", match->path.s);
    r |= text_add(&buf, "destination", match->destination.s);
    r |= text_add(&buf, "eavesdrop", match->eavesdrop ? "true" : NULL);
    for (uint32_t i = 0; i < match->n_args; i++) {
        snprintf(key, sizeof(key), "arg%u%s", match->args[i].index, arg_suffixes[match->args[i].kind]);
        r |= text_add(&buf, key, match->args[i].value.s);
    }
    r |= postern_buf_append(&buf, "", 1);
    if (r < 0)
        postern_buf_finish(&buf);
    return (char *)buf.data;
}

void postern_match_args_init(struct postern_match_args *args, const struct postern_header *header, const uint8_t *body)
{
    args->header = header;
    args->body = body;
    args->read = false;
    args->n = 0;
}

void postern_match_args_read(struct postern_match_args *args)
{
    const struct postern_header *header = args->header;
    struct postern_reader r;
    char type;

    if (args->read)
        return;
    args->read = true;
    if (header->signature.len == 0)
        return;
    postern_reader_init(&r, header->order, header->signature.s, args->body, header->body_len);
    while (args->n <= POSTERN_MATCH_ARG_MAX && (type = postern_reader_type(&r)) != '\0') {
        const char *s = NULL;
        size_t len = 0;

        if (type == 's' || type == 'o')
            postern_reader_string(&r, &s, &len);
        else
            postern_reader_skip(&r);
        args->args[args->n].s = s;
        args->args[args->n].len = (uint32_t)len;
        args->args[args->n].type = type;
        args->n++;
    }
}

/* "argNpath": the same, or one of them ends with a slash and the other begins with it. */
static bool is_path_match(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len == b_len)
        return memcmp(a, b, a_len) == 0;
    if (a_len > b_len)
        return b_len > 0 && b[b_len - 1] == '/' && memcmp(a, b, b_len) == 0;
    return a_len > 0 && a[a_len - 1] == '/' && memcmp(a, b, a_len) == 0;
}

static bool arg_matches(const struct postern_match_arg *arg, const struct postern_match_args *args)
{
    const char *s = arg->index < args->n ? args->args[arg->index].s : NULL;
    size_t len;

    if (s == NULL)
        return false;
    len = args->args[arg->index].len;
    if (arg->kind == POSTERN_MATCH_ARG_PATH)
        return is_path_match(s, len, arg->value.s, arg->value.len);
    if (args->args[arg->index].type != 's')
        return false;
    if (arg->kind == POSTERN_MATCH_ARG_NAMESPACE)
        return postern_name_in_subtree(s, len, arg->value.s, arg->value.len);
    return len == arg->value.len && memcmp(s, arg->value.s, len) == 0;
}

/* A key that is absent matches everything, one that is there no message without such a field. */
static bool field_matches(const struct postern_match_string *want, const struct postern_field_view *field)
{
    return want->s == NULL || (field->s != NULL && field->len == want->len && memcmp(field->s, want->s, want->len) == 0);
}

static bool path_matches(const struct postern_match *match, const struct postern_field_view *path)
{
    if (!match->path_is_namespace)
        return field_matches(&match->path, path);
    return path->s != NULL && postern_path_in_subtree(path->s, path->len, match->path.s, match->path.len);
}

bool postern_match_matches(const struct postern_match *match, const struct postern_header *header, struct postern_match_args *args)
{
    if ((match->type != 0 && match->type != header->type) || !field_matches(&match->member, &header->member) ||
        !field_matches(&match->interface, &header->interface) || !path_matches(match, &header->path))
        return false;
    if (match->n_args > 0)
        postern_match_args_read(args);
    for (uint32_t i = 0; i < match->n_args; i++)
        if (!arg_matches(&match->args[i], args))
            return false;
    return true;
}
