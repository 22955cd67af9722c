/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the interfaces on /org/freedesktop/DBus have in common: a table of methods, answers, errors. */
#ifndef POSTERN_CORE_OBJECT_H
#define POSTERN_CORE_OBJECT_H

#include <stddef.h>

#include "core/mediator.h"
#include "util/error.h"
#include "wire/reader.h"

/* A method: 0 with the answer in mediator->reply, or a negative errno, of which some stand for an error name of D-Bus, with *error. */
typedef int postern_object_fn(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error);

struct postern_object_method {
    const char *name;
    const char *signature; /* of its arguments */
    postern_object_fn *fn;
};

/* Calls the method that the message names; methods[0..n) are those of `interface`. driver_call() of the module's table. */
int postern_object_call(struct postern_mediator *mediator, const struct postern_call *call, const char *interface,
                        const struct postern_object_method *methods, size_t n, struct postern_reply *reply);

/* The answer is what mediator->reply holds. 0, or the writer's error. */
int postern_object_answer(struct postern_mediator *mediator, struct postern_reply *reply);
/* The answer is the error UnknownProperty. Always 0. */
int postern_object_no_property(struct postern_mediator *mediator, const char *interface, struct postern_reply *reply);

/* Reads the one argument, a string or path. 0 or -EINVAL. */
int postern_object_read_text(const struct postern_call *call, const char **text);

/* One entry of an a{sv}: the reader stands inside its variant. 0, or a negative errno with *error. */
typedef int postern_object_entry_fn(void *data, struct postern_reader *r, const char *key, struct postern_error *error);
/* Reads the a{sv} that comes next, entry by entry. 0; what fn returned; or -EINVAL with *error. */
int postern_object_read_entries(struct postern_reader *r, postern_object_entry_fn *fn, void *data, struct postern_error *error);

/* Is the caller root or the user whom the bus runs as, and in no container? */
bool postern_object_is_privileged(const struct postern_party *caller);

/* Entries that were stored as they stand behind an array's length, as an a{sv}. */
void postern_object_write_entries(struct postern_writer *w, const struct postern_buf *entries);

/* The instance that path names: -ENXIO with *error when there is none. To a container every instance but its own does not exist. */
int postern_object_find_instance(struct postern_mediator *mediator, const struct postern_party *caller, const char *path,
                                 struct postern_instance **instance, struct postern_error *error);
/* The same for what only its creator's user may do, and no container: -EACCES. privileged_too: root and the bus's user may as well. */
int postern_object_find_own_instance(struct postern_mediator *mediator, const struct postern_party *caller, const char *path,
                                     bool privileged_too, struct postern_instance **instance, struct postern_error *error);

#endif
