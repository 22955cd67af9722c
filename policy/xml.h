/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The XML door: what the <policy> elements of the busconfig files say. Sends are asked at the sender's rules, receptions at the
 * receiver's; the contexts count in the order default, group, user, at_console, mandatory; the last rule that matches wins, and when
 * none does the answer is deny.
 */
#ifndef POSTERN_POLICY_XML_H
#define POSTERN_POLICY_XML_H

#include <stdint.h>

#include "config/busconfig.h"
#include "core/door.h"
#include "core/services.h"

/* The rules of one configuration; a reload makes another. */
struct postern_xml;

/* Compiles the rules. On success *xml owns config. generation tells this set of rules from all that the same
 * parties have met before: never 0, never the same twice. 0 or -ENOMEM. */
int postern_xml_new(struct postern_busconfig *config, uint64_t generation, struct postern_xml **xml);
/*
 * Takes what service files say (core/services.h) into the policy, in place of what others said before. Only a bus of <type>system</type> heeds it.
 * The configuration is not read again. generation as above: another one than now, once somebody has been asked about. services may be NULL, and must
 * outlive the policy. 0, or -ENOMEM with all as it was.
 */
int postern_xml_take_services(struct postern_xml *xml, uint64_t generation, const struct postern_service_table *services);
/* NULL is allowed. Opinions that point to its rules are then void. */
void postern_xml_free(struct postern_xml *xml);

uint64_t postern_xml_generation(const struct postern_xml *xml);
/* The configuration that it was made of, for all that is not <policy>. */
const struct postern_busconfig *postern_xml_config(const struct postern_xml *xml);

/* The door, a postern_door_fn; `door` is a struct postern_xml. Keeps in the parties of a request which rules apply to them. */
void postern_xml_door(void *door, const struct postern_request *request, struct postern_opinion *opinion);
/* Its postern_group_fn: parties of one group have the same rules. */
uint32_t postern_xml_group(void *door, const struct postern_party *party);
/* Its postern_fix_fn: an <allow> element, which has to stand behind what denies. */
int postern_xml_fix(void *door, const struct postern_request *request, const struct postern_opinion *opinion, struct postern_buf *text);

#endif
