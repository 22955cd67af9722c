/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From names of users and groups to numbers. The system's way to do so (NSS) may ask a directory across the network, and take its time:
 * whoever reads a configuration says where the answers come from.
 */
#ifndef POSTERN_CONFIG_LOOKUP_H
#define POSTERN_CONFIG_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

enum postern_lookup_kind { POSTERN_LOOKUP_USER = 1, POSTERN_LOOKUP_GROUP = 2 }; /* as in the module interface */

/* Looks a name up. 1 with *id; 0 when nobody has it; -ESTALE when whoever should know has never been asked about it, which ends the reading;
 * another negative errno when the look-up failed, so that the answer is not known. */
typedef int postern_lookup_fn(void *data, enum postern_lookup_kind kind, const char *name, uint32_t *id);

/* Asks NSS, and waits for it. data is not used. */
postern_lookup_fn postern_lookup_nss;

/* Is the name a number, or empty? Numbers stand for themselves, whether or not somebody has them, but UINT32_MAX is nobody's; what nobody
 * can have gives *exists false. */
bool postern_lookup_number(const char *name, uint32_t *id, bool *exists);

#endif
