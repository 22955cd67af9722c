/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the suites of test-policy share. */
#ifndef POSTERN_TESTS_UNIT_POLICY_H
#define POSTERN_TESTS_UNIT_POLICY_H

#include <check.h>
#include <string.h>

#include "config/busconfig.h"
#include "core/party.h"
#include "policy/xml.h"

Suite *policy_config_suite(void);
Suite *policy_rules_suite(void);
Suite *policy_door_suite(void);
Suite *policy_index_suite(void);
Suite *policy_default_suite(void);
Suite *policy_markup_suite(void);
Suite *policy_mediatorconf_suite(void);
Suite *policy_parts_suite(void);
Suite *policy_subjects_suite(void);
Suite *policy_services_suite(void);

/* A file in memory with this text; its name is good until it is closed. Returns the fd. */
int memory_file(const char *text, size_t len, char name[64]);
/* Reads a busconfig from memory. Of users and groups it knows root, besides the names "down" and "gone": the first cannot be looked up, and
 * nobody was ever asked about the other. */
int config_read(const char *text, struct postern_busconfig **config, struct postern_error *error);
/* A configuration that must be good; rules in it begin on line 3. */
struct postern_xml *xml_of(const char *policies);

void write_file(const char *dir, const char *name, const char *text);
/* Removes a directory with all that is in it. */
void remove_tree(const char *dir);

/* A connection after Hello. names: "a.b ~c.d": owner of a.b, in the queue for c.d; NULL: none. */
struct postern_party *party_new(const char *unique_name, uint32_t uid, const char *names);
void party_groups(struct postern_party *party, const gid_t *groups, size_t n);
void party_free(struct postern_party *party);

struct postern_view view_of(const char *s);
/* "allow:5" or "deny:7", without a number when no rule matched. Into a static buffer. */
const char *opinion_text(const struct postern_opinion *opinion);
const char *ask(struct postern_xml *xml, const struct postern_request *request);

#endif
