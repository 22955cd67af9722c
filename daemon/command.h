/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exec= of a service file, cut into words: D-Bus Specification, "Message Bus Starting Services". The quoting is a shell's, but no shell
 * is asked: nothing is expanded, so that $, `, *, ~ and ; are letters like any other.
 */
#ifndef POSTERN_DAEMON_COMMAND_H
#define POSTERN_DAEMON_COMMAND_H

#include "util/error.h"

#define POSTERN_COMMAND_WORDS_MAX 4096u

/* Cuts the command line into words: between blanks, tabs and newlines; a backslash takes the next character as it is (before a newline,
 * both vanish); 'between single quotes' nothing is special; "between double quotes" a backslash works before $, `, ", \ and newline
 * only; # at the beginning of a word begins a comment up to the end of the line. 0 with a new NULL-terminated *words of at least one,
 * -EINVAL with *error saying what is wrong, or -ENOMEM. */
int postern_command_split(const char *line, char ***words, struct postern_error *error);
void postern_command_free(char **words); /* NULL is allowed */

#endif
