/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs by name, and what keeps bubblewrap from working. */
#ifndef POSTERN_TOOLS_PROGRAM_H
#define POSTERN_TOOLS_PROGRAM_H

/* Finds a program as execvp() would. 0 and its path (the caller frees it), -ENOENT, -EACCES when it is there but not executable, or
 * -ENOMEM. */
int postern_program_find(const char *program, char **path);

/* Why bubblewrap cannot make a sandbox on this machine and what to do: a static text, or NULL when no reason is to be seen. */
const char *postern_program_diagnose_bwrap(void);

#endif
