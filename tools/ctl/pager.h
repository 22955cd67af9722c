/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Long answers, a screen at a time. */
#ifndef POSTERN_TOOLS_CTL_PAGER_H
#define POSTERN_TOOLS_CTL_PAGER_H

#include <stdbool.h>
#include <stddef.h>

/* Writes all of it to standard output; through a pager when `wanted`, standard output is a terminal and there is one. 0, or a negative
 * errno. As in systemd's programs, the pager is that of SYSTEMD_PAGER or PAGER, else less; an empty one or "cat" is none. */
int postern_pager_show(const void *data, size_t len, bool wanted);

/* The words of the pager to be used, NULL-terminated; the caller frees the array and, with it, the words. NULL: none.
 * Secure is what runs with more rights than whoever sits at the terminal: then no program of that one's choice is started. */
char **postern_pager_choose(bool secure);

#endif
