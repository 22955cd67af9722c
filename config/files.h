/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configuration files that include others: which have been read, which is being read, and how many and how large they may be. */
#ifndef POSTERN_CONFIG_FILES_H
#define POSTERN_CONFIG_FILES_H

#include "config/markup.h"

#define POSTERN_FILES_MAX 4096u
#define POSTERN_FILES_BYTES_MAX (64u << 20) /* of all files together */
#define POSTERN_FILES_DEPTH_MAX 16u         /* files that include one another */

/* The files of one configuration. The caller sets the first three; the others begin as zero. */
struct postern_files {
    const struct postern_markup_element *root; /* what each file must be; its fn takes what stands in the file */
    void *data;                                /* given to root->fn */
    char **names; /* every file read, NULL-terminated, NULL when there is none; locations point to these strings. The caller's to free. */
    size_t n;
    size_t n_read, bytes; /* of all that was read, whatever came of it */
    const struct postern_files_frame *frame; /* the file that is being read */
};

/* Reads one file, calling root->fn. `where` is what asked for it; NULL: nothing did, it is the first one. 0, also for a missing file
 * when ignore_missing is set; else a negative errno with *error as file:line:column. */
int postern_files_read(struct postern_files *files, const char *file, const struct postern_location *where, bool ignore_missing,
                       struct postern_error *error);
/* Called with each *.conf file of a directory; what is not 0 ends it and is returned. */
typedef int postern_files_fn(void *data, const char *file, const struct postern_location *where, struct postern_error *error);
/* Goes through the *.conf files of a directory, in byte order of their names. A missing directory is empty. */
int postern_files_each(const char *dir, const struct postern_location *where, postern_files_fn *fn, void *data, struct postern_error *error);
/* Reads them all. */
int postern_files_read_dir(struct postern_files *files, const char *dir, const struct postern_location *where, struct postern_error *error);

/* Takes back that the last files were read, so that only the first n were. Nothing may point to the others' names any more. */
void postern_files_forget(struct postern_files *files, size_t n);

/* Appends a copy of s to a NULL-terminated array that starts out as NULL. 0 or -ENOMEM. */
int postern_strings_append(char ***array, const char *s);
/* The same, unless the array has it already. */
int postern_strings_append_unique(char ***array, const char *s);
bool postern_strings_have(char *const *array, const char *s); /* NULL is empty */
void postern_strings_free(char **array); /* NULL is allowed */

/* A new string: path itself when absolute, else relative to the directory of file. NULL when out of memory. */
char *postern_path_beside(const char *file, const char *path);

#endif
