/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a compiled SELinux policy says, without a kernel that has loaded it: libsepol's evaluation of the file. Tests take it as
 * their oracle, and a checker can ask about a policy that is not loaded. It is no part of the mediator, which asks the kernel.
 *
 * libsepol keeps the policy it evaluates, and whether it prints messages, in variables of the process: there can be one handle at
 * a time, only one thread may use it, and nothing else in the process may call libsepol's evaluation. The memory of a policy is
 * given back by libsepol neither when it is closed nor when another one is opened.
 *
 * What it cannot know: booleans that were set at run time (those of the file count) and whether the kernel enforces.
 */
#ifndef POSTERN_BACKENDS_SELINUX_OFFLINE_H
#define POSTERN_BACKENDS_SELINUX_OFFLINE_H

#include <stdbool.h>

#include "util/error.h"

/* What a policy wants done about classes and permissions that it does not know. */
enum postern_selinux_unknown {
    POSTERN_SELINUX_UNKNOWN_DENY = 0,
    POSTERN_SELINUX_UNKNOWN_REJECT, /* the policy is not for a kernel that knows more than it; otherwise as deny */
    POSTERN_SELINUX_UNKNOWN_ALLOW,
};

/* Why a denial. They are looked at in this order, and what one has taken away the next are not asked about. */
#define POSTERN_SELINUX_REASON_TE 1u         /* there is no rule for the types */
#define POSTERN_SELINUX_REASON_CONSTRAINT 2u /* a constraint, that of MLS and MCS among them */
#define POSTERN_SELINUX_REASON_RBAC 4u       /* there is no rule for the roles */
#define POSTERN_SELINUX_REASON_BOUNDS 8u     /* the type that bounds the source or the target may do less */

struct postern_selinux_verdict {
    bool allowed;         /* what the policy says; of a class or permission that it does not know: what `unknown` says */
    unsigned int reasons; /* of a denial: POSTERN_SELINUX_REASON_*; 0 when allowed, and for what is not known */
    bool unknown_class;
    bool unknown_permission;              /* of a class that is known */
    enum postern_selinux_unknown unknown; /* of the policy, whether it mattered or not */
    bool permissive;                      /* the source's domain is permissive: a denial is logged, but lets it pass */
};

struct postern_selinux_offline;

/*
 * Opens a compiled kernel policy (the contents of /etc/selinux/TYPE/policy/policy.NN or /sys/fs/selinux/policy) and silences
 * libsepol's messages. 0 with *handle, which the caller closes; or a negative errno with *error: -EBUSY when there is a handle
 * already, -EBADMSG for a file that libsepol does not take, -ENOTSUP for a libsepol that lays out its policies in another way
 * than the one this was built with, or what a file system can answer. The policy is the word of whoever wrote the file; libsepol
 * checks only that it is sound.
 */
int postern_selinux_offline_open(const char *path, struct postern_selinux_offline **handle, struct postern_error *error);

/* Takes NULL, too. */
void postern_selinux_offline_close(struct postern_selinux_offline *handle);

/*
 * Whether a source context has a permission in a class on a target context. 0 with *verdict; -EINVAL when a context is not valid
 * in this policy, -EIO when libsepol fails; *verdict is then untouched and callers must treat it as a denial.
 */
int postern_selinux_offline_check(struct postern_selinux_offline *handle, const char *scontext, const char *tcontext,
                                  const char *class, const char *permission, struct postern_selinux_verdict *verdict);

#endif
