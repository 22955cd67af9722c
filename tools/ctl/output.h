/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one place that turns values into text: JSON, tables and lines.
 *
 * Names of containers are what an app's manager says, in any UTF-8: nothing of them may reach a terminal as a command, or look like
 * another line or another name. Whatever controls a terminal or the direction of writing is written as an escape, in JSON as well.
 */
#ifndef POSTERN_TOOLS_CTL_OUTPUT_H
#define POSTERN_TOOLS_CTL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/ctl/value.h"
#include "util/buf.h"

enum postern_json { POSTERN_JSON_OFF, POSTERN_JSON_SHORT, POSTERN_JSON_PRETTY };

/* Text that grows; a zeroed struct is empty. Running out of memory is remembered: a failed text is incomplete and must not be shown. */
struct postern_output {
    struct postern_buf buf;
    bool failed;
};

/* One column of a table: its heading, and under which key of a row its cells are. */
struct postern_column {
    const char *title;
    const char *key;
};

void postern_output_finish(struct postern_output *out);
/* The text as a value of its own, and empties it; NULL when memory had run out. */
struct postern_value *postern_output_take(struct postern_output *out);
/* Formatted text as it is: for text of ours. */
void postern_output_printf(struct postern_output *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text of others: control characters and what is no UTF-8 become \n, \t, \x1b, \u202e; a backslash is doubled. */
void postern_output_text(struct postern_output *out, const char *text);
/* A value as a cell or behind a label: no value is "-", the empty string "", an array its items with commas between. */
void postern_output_cell(struct postern_output *out, const struct postern_value *value);

/* One value as JSON, and a newline. `how` is not POSTERN_JSON_OFF. */
void postern_output_json(struct postern_output *out, const struct postern_value *value, enum postern_json how);
/* An array of objects as a table, with the headings if `legend`. */
void postern_output_table(struct postern_output *out, const struct postern_value *rows, const struct postern_column *columns, size_t n, bool legend);
/* One "label: value" line; labels are padded to the same width. */
void postern_output_field(struct postern_output *out, const char *label, const struct postern_value *value);

/* How many places a NUL-terminated text takes, counting each character as one. */
size_t postern_output_width(const char *text);

#endif
