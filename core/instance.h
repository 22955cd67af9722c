/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container instance: who its connections are, what they may do, and how long it lives. It lives while it listens, may still
 * listen, or has a connection (docs/containers.md, "Life and end"); its end is announced once.
 */
#ifndef POSTERN_CORE_INSTANCE_H
#define POSTERN_CORE_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/budget.h"
#include "core/figures.h"
#include "core/party.h"
#include "core/ruleset.h"
#include "util/buf.h"
#include "util/error.h"

#define POSTERN_INSTANCE_PREFIX "/org/freedesktop/DBus/Containers1/c"

/* A connection outside the instance that has sent it a unicast message: visible while it lives. */
struct postern_contact {
    struct postern_instance *instance;
    struct postern_party *party;
    struct postern_contact *next, *prev; /* in party->contacts */
    UT_hash_handle hh;                   /* in instance->contacts, by party */
};

/* The socket of an instance. Which members are set tells its state: fd: waiting until ready_fd says that it listens; listener:
 * the host accepts on it. */
struct postern_listening {
    int fd;       /* -1 unless waiting; else the host's */
    int ready_fd; /* -1 unless waiting */
    int close_fd; /* -1: the listener ends with its creator's connection */
    uint64_t listener;
    uint64_t ready_watch;
    uint64_t close_watch;
    char *unlink_path; /* a socket file that we made; NULL when it is the manager's */
    bool wanted;       /* it listens or may still do so */
};

struct postern_instance {
    struct postern_mediator *mediator;
    uint64_t number; /* never reused */
    char path[sizeof(POSTERN_INSTANCE_PREFIX) + 20];
    uint32_t path_len;
    char *type;
    char *name;
    uint64_t type_hash, name_hash;
    const char *source; /* the provider that found it */
    uint32_t mode;      /* enum postern_container_mode, never NONE */
    uint32_t creator_uid;
    struct postern_buf recognised; /* of an implicit instance: by what, as the key of postern_mediator.implicit; else empty */
    struct postern_party *creator;            /* NULL when gone, or when CloseFD rules the listener's life */
    struct postern_buf metadata;              /* entries of an a{sv}, in the machine's byte order, as behind the array's length */
    struct postern_buf credentials;           /* the creator's when it called, likewise */
    struct postern_ruleset *rules;            /* of its own; NULL: none */
    const struct postern_ruleset *site_rules; /* of mediator.conf, the settings' */
    struct postern_quota quota;
    struct postern_figures figures;
    struct postern_listening listening;
    struct postern_party *parties; /* through instance_next */
    uint64_t n_parties;
    bool announced; /* everybody has been told of it: its end is announced, too */
    struct postern_contact *contacts;
    struct postern_audience *audiences; /* of grants that are for it alone; core/grant.c */
    struct postern_audit_budget budget, records; /* of lines in the log, and of records of security modules */
    struct postern_audit_complaints *complaints; /* NULL until the first */
    UT_hash_handle hh;                           /* in mediator->instances, by path */
    UT_hash_handle hh_listener;                  /* in mediator->listeners, by listening.listener */
    UT_hash_handle hh_implicit;                  /* in mediator->implicit, by recognised */
};

/* What an instance begins with. Nothing is taken over unless postern_instance_new() succeeds. */
struct postern_instance_plan {
    const char *type;
    const char *name;
    const char *source;
    uint32_t mode;
    struct postern_party *creator; /* NULL: nobody announced it, it is creator_uid's */
    uint32_t creator_uid;
    bool tied_to_creator;
    struct postern_quota quota;
    struct postern_buf metadata;    /* taken over */
    struct postern_buf credentials; /* taken over */
    struct postern_ruleset *rules;  /* taken over */
};

/* 0 and a new instance without a socket, which nobody has been told of; or -ENOMEM. */
int postern_instance_new(struct postern_mediator *mediator, const struct postern_instance_plan *plan,
                         struct postern_instance **instance);
/* Tells everybody, the first time that it is called. */
void postern_instance_announce(struct postern_instance *instance);
/* Frees an instance that has no parties, and its socket; says nothing to anybody. NULL is allowed. */
void postern_instance_free(struct postern_instance *instance);

/* What recognised a connection as one of a container that nobody announced. */
struct postern_sign {
    const char *source; /* the provider; static */
    const char *type;
    const char *name;
    const char *instance; /* tells containers of one name apart; "" when nothing does */
    uid_t uid;            /* of the connection: containers of different users are never one */
    const char *evidence; /* the label or control group that was matched */
};

/* The implicit instance for this sign: the one that is alive, or a new one, which lives as long as it has connections. 0, or a negative
 * errno with *error: -EBADMSG when the name is none that an instance can have. */
int postern_instance_recognise(struct postern_mediator *mediator, const struct postern_sign *sign, struct postern_instance **instance,
                               struct postern_error *error);
/* Ends an implicit instance that got no connection after all; others live on. NULL is allowed. */
void postern_instance_give_up(struct postern_instance *instance);

/* The instance with this object path, or NULL. */
struct postern_instance *postern_instance_find(const struct postern_mediator *mediator, const char *path);
/* The instance whose socket the host knows by this id, or NULL. A listener that has ended is nobody's. */
struct postern_instance *postern_instance_of_listener(const struct postern_mediator *mediator, uint64_t listener);

/* Ends the socket; frees and announces the instance if it has no connection. A second call does nothing. */
void postern_instance_stop_listening(struct postern_instance *instance, const char *why);
/* Also closes its connections. The instance is gone when the host has freed the last one. */
void postern_instance_stop(struct postern_instance *instance);
/* Ends what ends with a connection: the sockets it is the creator of. */
void postern_instance_creator_left(struct postern_party *creator);

/* Puts these rules in the place of its own, and takes them over; names that it may not own any more are released. */
void postern_instance_set_rules(struct postern_instance *instance, struct postern_ruleset *rules);
/* Releases the names of its connections that no rule lets them own any more. */
void postern_instance_enforce_names(struct postern_instance *instance);

/* A connection has come: -EMFILE when it would be one too many. */
int postern_instance_join(struct postern_instance *instance, struct postern_party *party);
/* A connection has gone; the instance may be gone after that. */
void postern_instance_part(struct postern_party *party);

/* Remembers that an outside party has sent a unicast message into the instance. Out of memory it stays hidden: that denies. */
void postern_instance_contact(struct postern_instance *instance, struct postern_party *party);
bool postern_instance_was_contacted(const struct postern_instance *instance, const struct postern_party *party);
void postern_instance_forget(struct postern_party *party);

/* The container's rules are asked of its connections, and in mode complain what they deny is reported. */
static inline bool postern_instance_is_ruled(const struct postern_instance *instance)
{
    return instance != NULL && instance->mode != POSTERN_MODE_IDENTIFY;
}

/* A rule of the instance that covers this name, or NULL. */
const struct postern_rule *postern_instance_rule_for_name(const struct postern_instance *instance, const char *name, size_t len,
                                                          const struct postern_rule_query *query);
/* A rule that covers this connection: by a well-known name which it owns now, or, when it is in no other container, by its unique
 * name or by the empty name. */
const struct postern_rule *postern_instance_rule_for_party(const struct postern_instance *instance,
                                                           const struct postern_party *party,
                                                           const struct postern_rule_query *query);

#endif
