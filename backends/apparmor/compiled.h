/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What compiled AppArmor profiles say about D-Bus, without a kernel: reads what apparmor_parser writes for the kernel and answers
 * as the kernel would answer a query about a label. Tests take it as their oracle, and a checker can ask about profiles that are
 * not loaded. It is no part of the mediator, which asks the kernel.
 *
 * Both ways to encode permissions are understood: in the two accept tables of the automaton (parsers before 5.0), and in a table
 * of its own ("permstable32").
 *
 * What it cannot know: whether the profile is loaded, stacked or replaced, and whether the kernel takes part at all. A kernel
 * without the network rules of version 9 in the profile does not mediate D-Bus, if it is one that knows them (7.3 does, 6.1 does
 * not): then it allows everything, whatever the answer here. mediates_network_v9 tells the two cases apart.
 */
#ifndef POSTERN_BACKENDS_APPARMOR_COMPILED_H
#define POSTERN_BACKENDS_APPARMOR_COMPILED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define POSTERN_APPARMOR_COMPILED_MAX (64u << 20)    /* bytes of one file */
#define POSTERN_APPARMOR_COMPILED_QUERY_MAX 4096u    /* bytes of one query; the kernel takes less than a page with the label */
#define POSTERN_APPARMOR_COMPILED_CLASS_FILE 0x02u   /* first byte of a query about files */
#define POSTERN_APPARMOR_COMPILED_CLASS_NET_V9 0x0fu /* about the network, version 9 */
#define POSTERN_APPARMOR_COMPILED_CLASS_DBUS 0x20u   /* about D-Bus */

/* The bits of a mask in a query about D-Bus. */
#define POSTERN_APPARMOR_COMPILED_SEND 0x02u
#define POSTERN_APPARMOR_COMPILED_RECEIVE 0x04u
#define POSTERN_APPARMOR_COMPILED_EAVESDROP 0x20u
#define POSTERN_APPARMOR_COMPILED_BIND 0x40u

enum postern_apparmor_compiled_mode {
    POSTERN_APPARMOR_COMPILED_ENFORCE = 0,
    POSTERN_APPARMOR_COMPILED_COMPLAIN = 1,
    POSTERN_APPARMOR_COMPILED_KILL = 2,
    POSTERN_APPARMOR_COMPILED_UNCONFINED = 3,
    POSTERN_APPARMOR_COMPILED_USER = 4, /* a person is asked: "prompt" */
};

struct postern_apparmor_policy; /* the rules of a profile */

struct postern_apparmor_compiled_profile {
    const char *name; /* without the namespace; a hat or child is called PARENT//NAME */
    const char *ns;   /* the namespace that the file puts it in, NULL: the one it is loaded into; a kernel wants one for all */
    enum postern_apparmor_compiled_mode mode;
    bool audit_all;           /* the flag "audit": whatever is allowed is audited, and no denial is quiet */
    bool hat;                 /* the flag of a hat */
    bool mediates_dbus;       /* it has, or was compiled to have, rules about D-Bus; false: everything is allowed */
    bool mediates_network_v9; /* the same for the network in version 9; see the top of this file */
    uint32_t abi;             /* version of the format: 5 to 9 */
    const struct postern_apparmor_policy *policy; /* NULL: there are no rules but those about files */
};

struct postern_apparmor_compiled; /* the profiles of a file */

/*
 * Reads the contents of a file: one profile or several, uncompressed. 0 with *set, which the caller frees; or a negative errno
 * with *error: -EBADMSG for what is no such file, was cut off, is compressed, or would make a kernel leave its tables; -EFBIG;
 * -ENOMEM. Hostile contents are safe to read, and need memory of no more than a few times their length. The bytes are copied.
 */
int postern_apparmor_compiled_parse(const void *data, size_t len, struct postern_apparmor_compiled **set,
                                    struct postern_error *error);
/* Takes NULL, too. */
void postern_apparmor_compiled_free(struct postern_apparmor_compiled *set);

/* How many profiles there are (at least 1), and the one with the number i < count, in the order of the file. They live as long as
 * the set. */
size_t postern_apparmor_compiled_count(const struct postern_apparmor_compiled *set);
const struct postern_apparmor_compiled_profile *postern_apparmor_compiled_at(const struct postern_apparmor_compiled *set,
                                                                             size_t i);
/* The first profile of this name in this namespace (NULL: in none), or NULL. */
const struct postern_apparmor_compiled_profile *postern_apparmor_compiled_find(const struct postern_apparmor_compiled *set,
                                                                               const char *ns, const char *name);

/*
 * Asks what aa_query_label() asks the kernel. query[0..len) is what comes behind the label and its NUL: the byte of the class,
 * then the fields with NULs between them and none at the end. *allow: all bits of the mask are allowed. *audit: what was decided
 * is to be logged; for a denial that is so unless a rule denies quietly. 0, or -EINVAL for an empty mask or query and for the
 * class of files, which has an automaton of its own, or -EFBIG; callers must treat these as a denial.
 *
 * As with the kernel, the mode is left to the caller, but for "unconfined": what a profile in complain mode denies is allowed and
 * logged. And as with the kernel everything is allowed, without audit, in a class that the profile does not mediate.
 */
int postern_apparmor_compiled_query(const struct postern_apparmor_compiled_profile *profile, uint32_t mask, const void *query,
                                    size_t len, bool *allow, bool *audit);

#endif
