/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Match rules: D-Bus Specification, "Match Rules". This is the only parser of them: two parsers that disagree about a blank
 * have been a hole in a filter before.
 */
#ifndef POSTERN_WIRE_MATCH_H
#define POSTERN_WIRE_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "wire/header.h"

#define POSTERN_MATCH_TEXT_MAX 1024 /* longer rules are refused, as dbus-daemon does */
#define POSTERN_MATCH_ARG_MAX 63

/* A string of a rule; s is NULL when the key is absent. */
struct postern_match_string {
    char *s;
    uint32_t len;
};

enum postern_match_arg_kind {
    POSTERN_MATCH_ARG_STRING,    /* argN */
    POSTERN_MATCH_ARG_PATH,      /* argNpath */
    POSTERN_MATCH_ARG_NAMESPACE, /* arg0namespace */
};

struct postern_match_arg {
    uint8_t index;
    uint8_t kind; /* enum postern_match_arg_kind */
    struct postern_match_string value;
};

struct postern_match {
    uint8_t type;           /* message type, 0: any */
    bool eavesdrop;         /* eavesdrop='true' */
    bool path_is_namespace; /* path holds a path_namespace */
    struct postern_match_string sender, interface, member, path, destination;
    uint32_t n_args;
    struct postern_match_arg *args; /* sorted by index, then kind */
};

/* Parses text[0..len). 0 and a new rule in *match, or -EINVAL with a reason in *error (NULL allowed): unknown key, key twice,
 * invalid value, both path and path_namespace, arg index above 63, anything after an unclosed quote; -ENOMEM. */
int postern_match_parse(const char *text, size_t len, struct postern_match **match, struct postern_error *error);
void postern_match_free(struct postern_match *match); /* NULL is allowed */

/* The same rule, whatever the order of keys and quoting was. */
bool postern_match_equal(const struct postern_match *a, const struct postern_match *b);

/* The canonical text; for Stats and logs. NULL: out of memory. The caller frees it. */
char *postern_match_text(const struct postern_match *match);

/*
 * The string arguments of one message, found lazily and at most once for all rules that look at them.
 */
struct postern_match_args {
    const struct postern_header *header;
    const uint8_t *body; /* validated */
    bool read;
    uint8_t n;
    struct {
        const char *s; /* NULL: not a string or path */
        uint32_t len;
        char type; /* 's' or 'o' */
    } args[POSTERN_MATCH_ARG_MAX + 1];
};

void postern_match_args_init(struct postern_match_args *args, const struct postern_header *header, const uint8_t *body);
/* Fills args->args and args->n, unless that was done before. postern_match_matches() calls it when a rule needs it; so does an
 * index by arg0. */
void postern_match_args_read(struct postern_match_args *args);

/* Does the rule match, apart from sender, destination and eavesdrop, which depend on who owns which name and are the
 * router's to check? */
bool postern_match_matches(const struct postern_match *match, const struct postern_header *header, struct postern_match_args *args);

#endif
