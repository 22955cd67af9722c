/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AppArmor as this mediator uses it: what the machine has, and how its policy is asked. */
#ifndef POSTERN_BACKENDS_APPARMOR_STATE_H
#define POSTERN_BACKENDS_APPARMOR_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/apparmor.h>

#include "backends/trail.h"
#include "core/mediator.h"

/* ---- labels ------------------------------------------------------------------------------------------- */

enum postern_apparmor_mode {
    POSTERN_LABEL_ENFORCED, /* also kill, prompt, and a stack of profiles of different modes */
    POSTERN_LABEL_COMPLAINING,
    POSTERN_LABEL_UNCONFINED,
};

/* A label as SO_PEERSEC or /proc gives it, taken apart; points into that text. data NULL: there is none. */
struct postern_apparmor_label {
    const char *data;
    size_t len;
    enum postern_apparmor_mode mode;
};

/* "snap.a.b (complain)" is the label and its mode; "unconfined" alone is no profile at all. */
void postern_apparmor_label_split(const char *text, size_t len, struct postern_apparmor_label *label);
/* The next part of a stack "A//&B" from *at on; false: there is none. The caller begins with *at = 0. */
bool postern_apparmor_label_next(const struct postern_apparmor_label *label, size_t *at, struct postern_apparmor_label *part);

/* ---- questions ------------------------------------------------------------------------------------------ */

/* What the kernel takes in one question, with what the library puts before it. */
#define POSTERN_APPARMOR_QUERY_MAX 4096u

/* One question: bytes as the kernel wants them, with room for the library in front. */
struct postern_apparmor_query {
    uint32_t mask; /* AA_DBUS_... */
    size_t len;    /* 0 from the first field that did not fit on: then it cannot be asked */
    char bytes[POSTERN_APPARMOR_QUERY_MAX];
};

/* Begins a question of this label about this bus. Further fields follow in the order of the permission: name for bind; name, label of the
 * other end, path, interface and member for send and receive, where an absent one is an empty one. */
void postern_apparmor_query_begin(struct postern_apparmor_query *query, uint32_t mask, const struct postern_apparmor_label *label,
                                  const char *bus);
void postern_apparmor_query_add(struct postern_apparmor_query *query, const char *field, size_t len);

struct postern_apparmor_cached;

struct postern_apparmor {
    struct postern_mediator *mediator;
    bool enabled;        /* the kernel enforces profiles at all */
    bool active;         /* and it mediates D-Bus and tells the labels of peers: the door is there */
    const char *why_not; /* not active: why */
    bool hides_others;   /* /proc hides the processes of other users: what sockets do not tell cannot be looked up */
    char *own_text;      /* label and mode of the bus itself */
    struct postern_apparmor_label own;
    int revision_fd; /* readable when the policy has changed; -1: nothing is kept */
    int changes_fd;  /* an epoll set with that in it: that nothing is readable it tells for two thirds of what a read costs; -1: there is none */
    struct postern_apparmor_cached *cache;
    struct postern_trail trail;
    /* Profiles that the log has been told of, by the hash of their names. */
    uint64_t told[64];
    size_t n_told;
};

/* Asks the kernel, or remembers. 0 with what the policy allows and whether it wants a record, or a negative errno: -ENOENT when nobody
 * has this label any more, -EFBIG when the question is too long. An error is a deny. An answer that a change of policy overtook is
 * asked for again. */
int postern_apparmor_ask(struct postern_apparmor *apparmor, struct postern_apparmor_query *query, bool *allow, bool *audit);
/* From now on answers are kept, until revision_fd, which this takes over, is readable. -1: none are. */
void postern_apparmor_follow(struct postern_apparmor *apparmor, int revision_fd);
void postern_apparmor_unfollow(struct postern_apparmor *apparmor);
/* Drops all answers that are kept, here and by the mediator. */
void postern_apparmor_forget(struct postern_apparmor *apparmor);
/* Can an answer about this label be kept? Of profiles in another policy namespace nobody tells when they change. */
bool postern_apparmor_can_keep(const struct postern_apparmor *apparmor, const char *label, size_t len);

/* Are D-Bus rules enforced for this profile? Kernel and compiler of the policy must agree on them, and when they do not, the kernel
 * allows everything without a word. 1, 0, or a negative errno. */
int postern_apparmor_mediates(struct postern_apparmor *apparmor, const struct postern_apparmor_label *label);

/* The label of a party; of the bus itself, for NULL. Of a peer on another machine the kernel says nothing: data is NULL. */
struct postern_apparmor_label postern_apparmor_label_of(const struct postern_apparmor *apparmor, const struct postern_party *party);

/* ---- the backend's parts ------------------------------------------------------------------------------------ */

/* Finds out what the machine has: fills enabled, active, why_not and own. 0 or a negative errno with *error. */
int postern_apparmor_probe(struct postern_apparmor *apparmor, struct postern_error *error);
/* In mode required: 0 when D-Bus is mediated here, or a negative errno with *error. */
int postern_apparmor_insist(struct postern_apparmor *apparmor, const char *where, struct postern_error *error);

/* What core/backend.h says of the members of the same names. */
int postern_apparmor_identify(void *apparmor, const struct postern_peer *peer, const struct postern_peer_facts *facts,
                              struct postern_instance **instance, struct postern_error *error);
bool postern_apparmor_current(void *apparmor);
void postern_apparmor_check(void *apparmor, const struct postern_request *request, struct postern_opinion *opinion);
void postern_apparmor_report(void *apparmor, const struct postern_request *request, const struct postern_finding *finding);
int postern_apparmor_fix(void *apparmor, const struct postern_request *request, const struct postern_opinion *opinion, struct postern_buf *text);
const char *postern_apparmor_status(void *apparmor, char text[POSTERN_BACKEND_STATUS_MAX]);

#endif
