/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dlopen() side of the module interface: trust before code. */
#ifndef POSTERN_DAEMON_LOADER_H
#define POSTERN_DAEMON_LOADER_H

#include "postern/module.h"
#include "util/error.h"

/* Zeroed while nothing is loaded. */
struct postern_loader {
    void *handle;
    int fd; /* the file that was checked and loaded; stays open, as the dynamic linker knows it by this number */
    const struct postern_module *module;
    char *path;
};

/* Loads the module at an absolute path. Refuses, with *error saying which and what to do: a relative path; a file that is no regular
 * file, or is, like any folder above it, owned by neither root nor the daemon's user or writable for others (a sticky folder may
 * be, and what belongs to the private group of a daemon's user who is not root); one that does not load (RTLD_NOW | RTLD_LOCAL),
 * exports no postern_module_v1, returns NULL, has another major, a table shorter than version 1.0, a longer one with unknown
 * content, or a NULL where version 1.0 has a function. Symbolic links are followed; what they lead to is checked. 0 or negative
 * errno: -EPERM when the file may not be trusted, -ELIBBAD when it is no module for this host, -E2BIG for unknown content. */
int postern_loader_open(struct postern_loader *loader, const char *path, struct postern_error *error);
/* Unloads the module, if one is loaded, and zeroes *loader. */
void postern_loader_close(struct postern_loader *loader);

/* Where the module is when nobody says: beside a posternd that runs from its build tree, else the installed one. The caller frees it;
 * NULL: out of memory. */
char *postern_loader_default_path(void);

#endif
