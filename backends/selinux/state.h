/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SELinux as this mediator uses it: the security server in the kernel, asked without anything that libselinux keeps for a whole process,
 * since the process is another's: no callbacks, no class mapping, no cache of the library. */
#ifndef POSTERN_BACKENDS_SELINUX_STATE_H
#define POSTERN_BACKENDS_SELINUX_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/trail.h"
#include "core/mediator.h"

/* The permissions of class dbus. */
enum postern_selinux_permission {
    POSTERN_SELINUX_SEND_MSG = 1,
    POSTERN_SELINUX_ACQUIRE_SVC,
    POSTERN_SELINUX_PERMISSIONS,
};

/* What the kernel shows to everybody in one page (linux/security/selinux: selinux_kernel_status). */
struct postern_selinux_page {
    uint32_t version;
    uint32_t sequence;   /* odd while the rest changes; another with each change */
    uint32_t enforcing;  /* 0: permissive */
    uint32_t policyload; /* loads and changes of booleans so far */
    uint32_t deny_unknown;
};

struct postern_selinux_cached;

struct postern_selinux_server {
    const char *mount;                       /* where selinuxfs is */
    const struct postern_selinux_page *page; /* NULL: SELinux is off */
    uint32_t sequence;                       /* what is kept belongs to it */
    uint32_t class_number;                   /* of dbus in the policy; 0: it has none */
    uint32_t bits[POSTERN_SELINUX_PERMISSIONS]; /* of its permissions; 0: it has no such */
    struct postern_selinux_cached *cache;
};

/* What the policy says of one question. */
struct postern_selinux_answer {
    bool allowed;
    bool lenient; /* denied by the policy, and allowed because it, or the domain, is permissive */
    bool audit;   /* it wants a record */
    bool unknown; /* the policy knows no such class or permission, and says by itself what then holds */
};

/* Opens the status page and reads the policy's numbers. 0 or a negative errno with *error. */
int postern_selinux_server_open(struct postern_selinux_server *server, struct postern_error *error);
/* Also one that was not opened, if it is zeroed. */
void postern_selinux_server_close(struct postern_selinux_server *server);

/* May source do this to target? Both are raw contexts. 0 with *answer, or a negative errno: -EINVAL for a context that the policy does not
 * know, -EACCES when the bus may not ask. An error is a deny unless the answer says lenient, as in permissive mode. An answer that a
 * change of policy overtook is asked for again. */
int postern_selinux_ask(struct postern_selinux_server *server, const char *source, const char *target,
                        enum postern_selinux_permission permission, struct postern_selinux_answer *answer);
/* Does the policy know the context? 0 or a negative errno. */
int postern_selinux_context_check(const struct postern_selinux_server *server, const char *context);

/* The sequence of the status page: even at rest, and another one after each change of policy or mode. */
uint32_t postern_selinux_sequence(const struct postern_selinux_server *server);

const char *postern_selinux_permission_name(enum postern_selinux_permission permission);

struct postern_selinux {
    struct postern_mediator *mediator;
    bool active;
    char *own; /* the context of the bus itself */
    struct postern_selinux_server server;
    uint32_t current; /* sequence of the status page when what the mediator keeps was last good; odd: never */
    struct postern_trail trail;
};

/* The context that stands for owning a name: <associate>, or the bus's own. */
const char *postern_selinux_context_of_name(const struct postern_selinux *selinux, const struct postern_view *name);

/* What core/backend.h says of the members of the same names. */
int postern_selinux_identify(void *selinux, const struct postern_peer *peer, const struct postern_peer_facts *facts,
                             struct postern_instance **instance, struct postern_error *error);
bool postern_selinux_current(void *selinux);
void postern_selinux_check(void *selinux, const struct postern_request *request, struct postern_opinion *opinion);
void postern_selinux_report(void *selinux, const struct postern_request *request, const struct postern_finding *finding);
int postern_selinux_fix(void *selinux, const struct postern_request *request, const struct postern_opinion *opinion, struct postern_buf *text);
const char *postern_selinux_status(void *selinux, char text[POSTERN_BACKEND_STATUS_MAX]);

#endif
