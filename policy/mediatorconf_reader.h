/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the mediator.conf reader. Not for others. */
#ifndef POSTERN_POLICY_MEDIATORCONF_READER_H
#define POSTERN_POLICY_MEDIATORCONF_READER_H

#include "config/files.h"
#include "policy/mediatorconf.h"

#define POSTERN_MEDIATORCONF_RULES_MAX 4096u      /* of one container */
#define POSTERN_MEDIATORCONF_CONTAINERS_MAX 4096u
#define POSTERN_MEDIATORCONF_MATCHES_MAX 1024u

struct postern_mediatorconf_reader {
    struct postern_mediatorconf *conf;
    struct postern_files files;
    size_t container; /* index of the <container> that is being read */
};

/* Finds the value of an attribute among words; -1 with *error when it is none of them, n when it is absent. */
int postern_mediatorconf_word(const struct postern_markup_node *node, const char *attribute, const char *const *words, int n,
                              struct postern_error *error);

/* Reads an attribute that names a mode. 0, with *mode untouched when it is absent, or -EINVAL with *error. */
int postern_mediatorconf_mode(const struct postern_markup_node *node, const char *attribute, enum postern_container_mode *mode,
                              struct postern_error *error);

/* The functions below take what one element says, as postern_markup_element.fn. */

/* policy/mediatorconf_match.c: <label> and <cgroup>. */
int postern_mediatorconf_label(void *reader, const struct postern_markup_node *node, struct postern_error *error);
int postern_mediatorconf_cgroup(void *reader, const struct postern_markup_node *node, struct postern_error *error);
/* Adds the shipped patterns of every provider for which no file has given any. 0 or -ENOMEM. */
int postern_mediatorconf_shipped(struct postern_mediatorconf *conf);

/* policy/mediatorconf_container.c: <container>. */
int postern_mediatorconf_container(void *reader, const struct postern_markup_node *node, struct postern_error *error);

#endif
