/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers on the command line. */
#ifndef POSTERN_TOOLS_CTL_NUMBER_H
#define POSTERN_TOOLS_CTL_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits alone, up to max. False, with *number untouched, when it is anything else. */
bool postern_ctl_number(const char *text, uint64_t max, uint64_t *number);

#endif
