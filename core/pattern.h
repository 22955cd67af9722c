/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns by which a label or a control group tells whose it is: mediator.conf(5), section PATTERNS. */
#ifndef POSTERN_CORE_PATTERN_H
#define POSTERN_CORE_PATTERN_H

#include <stddef.h>

#include "util/error.h"

/* What a placeholder stands for: a part of the text that was compared, not a copy. text is NULL when the pattern has none of it. */
struct postern_pattern_capture {
    const char *text;
    size_t len;
};

struct postern_pattern_captures {
    struct postern_pattern_capture name;     /* {name} */
    struct postern_pattern_capture instance; /* {instance} */
};

/* Can it be used? It is not empty; every brace belongs to {name}, {instance}, {app} or {*}; there is text between any two of
 * these, and {name} and {instance} each stand there once at most. 0, or -EINVAL with what is wrong in *error. */
int postern_pattern_check(const char *pattern, struct postern_error *error);

/*
 * Does the whole text match? Returns 1 and sets *captures, or returns 0 with *captures untouched; there is no error.
 *
 * A placeholder is never empty. It ends at the first occurrence of the text that follows it in the pattern, all of that text up to
 * the next placeholder; the first occurrence is the only one that is tried. The last placeholder reaches to the end of the text, or to
 * the pattern's last text there. A placeholder that is not the last never contains the separator; 0: there is no separator.
 *
 * The pattern has been checked; in another, braces that are no placeholder stand for themselves, and placeholders without text
 * between them match nothing. Takes time linear in the lengths of both, allocates nothing. The text may hold any bytes.
 */
int postern_pattern_match(const char *pattern, const char *text, size_t len, char separator, struct postern_pattern_captures *captures);

#endif
