/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which verdicts watch shows, and how one is written. */
#ifndef POSTERN_TOOLS_CTL_FILTER_H
#define POSTERN_TOOLS_CTL_FILTER_H

#include "tools/ctl/ctl.h"

/* The options of watch that are filters come first, in the order of the table in filter.c. */
enum {
    CTL_FILTER_INSTANCE = CTL_OWN,
    CTL_FILTER_TYPE,
    CTL_FILTER_NAME,
    CTL_FILTER_DOOR,
    CTL_FILTER_VERDICT,
    CTL_FILTER_ACTION,
    CTL_FILTER_SENDER,
    CTL_FILTER_DESTINATION,
    CTL_FILTER_INTERFACE,
    CTL_FILTER_MEMBER,
    CTL_FILTER_END,
};

/* Does a verdict (an object with the keys of the signal) match the filters among the arguments? Different ones must all match, of the
 * same one a single one. A pattern is as of the shell; what a verdict does not have matches nothing. */
bool postern_ctl_filter_matches(const struct postern_ctl_arg *args, size_t n, const struct postern_value *verdict);

/* One verdict as a line for people, newline and all. */
void postern_ctl_filter_print(struct postern_output *out, const struct postern_value *verdict);

#endif
