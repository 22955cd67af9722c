/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One <allow> or <deny> of the busconfig language, ready to be asked: dbus-daemon(1), "<policy>". This file and access.c say what a
 * rule means; index.c only finds sooner which rules are worth asking.
 */
#ifndef POSTERN_POLICY_ACCESS_H
#define POSTERN_POLICY_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/busconfig.h"
#include "core/party.h"
#include "core/services.h"
#include "postern/module.h"

enum postern_access_kind {
    POSTERN_ACCESS_OWN,
    POSTERN_ACCESS_SEND,
    POSTERN_ACCESS_RECEIVE,
    POSTERN_ACCESS_CONNECT,
    POSTERN_ACCESS_KINDS,
};

/* The texts that a rule compares with. */
enum postern_access_field {
    POSTERN_ACCESS_NAME, /* own, send_destination, receive_sender; with `prefix` the whole subtree of names */
    POSTERN_ACCESS_INTERFACE,
    POSTERN_ACCESS_MEMBER,
    POSTERN_ACCESS_PATH,
    POSTERN_ACCESS_ERROR,
    POSTERN_ACCESS_FIELDS,
};

struct postern_access_text {
    const char *s; /* NULL in a rule: any; in a question: the message has no such field */
    uint32_t len;
    uint64_t hash; /* in a question only where `hashed` says so */
};

struct postern_access {
    enum postern_access_kind kind;
    enum postern_policy_context context;
    bool context_known, context_failed;
    uint32_t context_id;
    bool one_user; /* DEFAULT: only for the user context_id, at the precedence of the default context (OwnerUser= of a service file) */
    bool allow, log;
    bool prefix;
    bool requested_reply, eavesdrop; /* with the defaults of allow and deny filled in */
    enum postern_tristate broadcast;
    uint8_t type; /* 0: any */
    uint32_t min_fds, max_fds;
    struct postern_access_text text[POSTERN_ACCESS_FIELDS];
    bool any_account, is_group, account_known, account_failed; /* CONNECT */
    uint32_t account;
    const char *file;
    uint32_t line;
};

/* For whom the rules are asked: which <policy> elements count. */
struct postern_subject {
    bool has_uid; /* not when it authenticated as ANONYMOUS: then only the default and mandatory contexts count */
    bool at_console;
    uint32_t uid;
    const gid_t *groups;
    size_t n_groups;
};

struct postern_question {
    enum postern_access_kind kind;
    struct postern_subject subject;
    uint8_t type;
    bool is_reply, requested, eavesdropping, is_broadcast;
    uint32_t fds;
    /* The other end: rules that name somebody match by any name which this party owns or is queued for. NULL: the driver, or a
     * service that does not run yet; then text[POSTERN_ACCESS_NAME] is its only name. */
    const struct postern_party *peer;
    struct postern_access_text text[POSTERN_ACCESS_FIELDS];
    uint32_t hashed; /* bit per field */
    uint8_t looked;  /* POSTERN_LOOKS_...: what the search for the rule depended on */
};

/* What a rule is about. */
enum postern_access_kind postern_access_kind_of(const struct postern_busconfig_rule *rule);
/* Compiles a rule; its strings stay those of `rule`. */
void postern_access_init(struct postern_access *access, const struct postern_busconfig_rule *rule);
/* The rule that OwnerUser= of a service file stands for, and the one of AccessControl=self: <allow own="NAME"/> for one user and
 * <allow send_destination="NAME"/>, both in the default context. Their strings stay those of `service`. */
void postern_access_init_owner(struct postern_access *access, const struct postern_service_entry *service);
void postern_access_init_open(struct postern_access *access, const struct postern_service_entry *service);

/* Who a party is for its rules. Points into the party. */
struct postern_subject postern_subject_of(const struct postern_party *party);
/* Do rules of this <policy> apply to the subject? */
bool postern_access_applies(const struct postern_access *access, const struct postern_subject *subject);

/* A question about a message. peer, or when it is NULL name, is the other end. */
void postern_question_message(struct postern_question *question, enum postern_access_kind kind, struct postern_subject subject,
                              const struct postern_message *message, const struct postern_party *peer, struct postern_view name);
/* May the subject own this name? */
void postern_question_own(struct postern_question *question, struct postern_subject subject, struct postern_view name);

/* Does the rule match, its names left aside? */
bool postern_access_matches_message(const struct postern_access *access, const struct postern_question *question);
/* Is the rule about this name? */
bool postern_access_matches_name(const struct postern_access *access, const char *name, size_t len);
/* Does the rule match? It must be of the question's kind, and apply to the subject. */
bool postern_access_matches(const struct postern_access *access, const struct postern_question *question);
/* May the subject connect, as far as this rule says? True when the rule is about the subject. */
bool postern_access_matches_account(const struct postern_access *access, const struct postern_subject *subject);

#endif
