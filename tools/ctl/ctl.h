/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * posternctl, as its verbs see it. A verb is one row of the table in main.c: its options, and a function that is given the command line
 * behind it in the order written, asks the bus, and writes into ctl->out, which main.c shows when the verb is done.
 */
#ifndef POSTERN_TOOLS_CTL_CTL_H
#define POSTERN_TOOLS_CTL_CTL_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

#include "tools/ctl/output.h"
#include "util/error.h"

/* Exit statuses. */
#define CTL_OK 0
#define CTL_FAILED 1  /* the bus refused, or cannot be asked */
#define CTL_USAGE 2   /* nothing was asked */
#define CTL_UNASKED 3 /* of explain, whose 1 is an answer */

/* What is no option, in struct postern_ctl_arg. Options of verbs count from CTL_OWN, those for every verb from CTL_GLOBAL; below are characters. */
#define CTL_ARGUMENT (-1)
#define CTL_OWN 200
#define CTL_GLOBAL 1000

struct postern_ctl_arg {
    int option; /* the `val` of the option, or CTL_ARGUMENT */
    const char *value; /* NULL when the option takes none */
};

struct postern_ctl {
    bool system;
    const char *address; /* of the bus to ask; NULL: the user's or the system's */
    enum postern_json json;
    bool no_pager, no_legend;
    const char *verb;
    sd_bus *bus; /* once a verb has called postern_ctl_connect() */
    struct postern_output out;
};

struct postern_ctl_verb {
    const char *name;
    const char *arguments; /* what stands behind it, for --help */
    const char *does;
    const struct option *options; /* ends with a row of zeros, as of getopt_long() */
    /* The exit status. */
    int (*run)(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n);
};

/* Says on standard error what went wrong, made harmless to a terminal, and returns status. */
int postern_ctl_complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a wrong command line; returns CTL_USAGE. */
int postern_ctl_usage(const struct postern_ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

extern const struct option postern_ctl_no_options[], postern_ctl_rules_options[], postern_ctl_stop_options[], postern_ctl_watch_options[];
int postern_ctl_list(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n);
int postern_ctl_show(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n);
int postern_ctl_rules(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n);
int postern_ctl_explain(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n);
int postern_ctl_watch(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n);
int postern_ctl_reload(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n);
int postern_ctl_stop(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n);
int postern_ctl_status(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n);

#endif
