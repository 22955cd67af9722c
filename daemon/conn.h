/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection: socket, authentication, bytes in, queue out. What its messages mean is the router's. */
#ifndef POSTERN_DAEMON_CONN_H
#define POSTERN_DAEMON_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/account.h"
#include "daemon/fdset.h"
#include "daemon/loop.h"
#include "daemon/matchset.h"
#include "daemon/name.h"
#include "daemon/outq.h"
#include "daemon/sasl.h"
#include "daemon/stats.h"
#include "daemon/timeout.h"
#include "postern/module.h"
#include "util/hash.h"
#include "util/peer.h"
#include "wire/header.h"

struct postern_bus;
struct postern_monitor;
struct postern_listener;
struct postern_pending;
struct postern_waiting;

enum postern_conn_state {
    POSTERN_CONN_AUTH,   /* SASL */
    POSTERN_CONN_HELLO,  /* authenticated, has no name yet */
    POSTERN_CONN_ACTIVE,
    POSTERN_CONN_MONITOR, /* connected, but not on the bus any more: is shown what passes there, and may say nothing */
    POSTERN_CONN_DOOMED, /* to be closed at the end of the round */
};

/* Who bears a name, as it was looked up last: good until the next change of any name. */
struct postern_last_found {
    struct postern_conn *conn;
    const char *name; /* the owner's copy */
    uint32_t len;
    uint64_t changes;
};

struct postern_conn {
    struct postern_source source;
    struct postern_bus *bus;
    uint64_t id; /* the host_id of the module interface; never reused */
    enum postern_conn_state state;
    bool contained;
    bool can_fds;       /* negotiated */
    bool broken;        /* writing failed: nothing goes out any more, what came in still counts */
    bool paused;        /* its own queue is too long: its input waits until that has drained */
    bool flush_pending; /* in the bus's list of connections to be written */
    struct postern_sasl *sasl; /* until authentication is over */
    struct postern_peer_facts facts; /* the groups only when somebody has asked: it is the mediator that decides by them */
    uint32_t uid; /* authenticated; UINT32_MAX: anonymous */
    struct postern_party *party; /* NULL without a mediator */
    struct postern_identity identity;
    struct postern_account *user; /* of the socket; over the network: of all who have not authenticated, then of who did */
    struct postern_account *container; /* NULL: uncontained */
    bool announced;                    /* it came by the container's own socket: how many such containers a user has is limited */

    char unique[24]; /* empty before Hello */
    uint32_t unique_len;
    struct postern_name_owner names;
    struct postern_match_owner matches;
    struct postern_monitor *monitor; /* NULL: it is none */

    uint8_t *in; /* a message of which a part is still to come, or input that waits while paused */
    size_t in_len, in_cap;
    size_t in_at; /* where it begins in `in`: not 0 only while whole messages wait there for a turn, or for the end of a pause */
    size_t in_charged; /* bytes of in_cap that the container's account knows of */
    uint64_t in_pos; /* stream position of the next byte to be read from the socket */
    struct postern_fdset *in_fds; /* what each read brought, and no message has claimed yet */
    uint32_t in_fds_n;

    struct postern_outq out;
    struct postern_stamp *stamps[2][2]; /* [little, big endian][without, with instance]; made when first needed */

    struct postern_pending *calls;   /* of its own, waiting for a reply, from the oldest on */
    struct postern_pending *callees; /* calls that it is to answer, likewise */
    uint32_t n_calls;
    struct postern_last_found last; /* to whom it sent last */
    struct postern_waiting *waiting; /* its messages that wait for services to start */
    uint32_t n_waiting;
    uint64_t waiting_bytes, waiting_fds;
    struct postern_conn_stats stats;

    struct postern_timeout auth_timeout; /* in bus->auth_timeouts */
    struct postern_timeout fd_timeout;   /* in bus->fd_timeouts */
    struct postern_conn *prev, *next;    /* all connections, in the order of arrival */
    struct postern_conn *next_flush, *next_doomed;
    UT_hash_handle hh_id, hh_unique;
};

/* With whom it competes for what is scarce: its container when somebody announced that, else its user. Containers that are only recognised
 * are as many as a user likes. */
struct postern_account *postern_conn_crowd(const struct postern_conn *conn);

/* Takes over a socket that was just accepted on `listener`. Refuses, and closes it, when the mediator or a limit says no; that is logged,
 * not an error. */
void postern_conn_accept(const struct postern_listener *listener, int fd);

/* Authentication is over: it is who it said it is. Whoever came over the network is charged to that user from now on. 0 or -ENOMEM. */
int postern_conn_authenticated(struct postern_conn *conn);

/* May one more line about a connection that is refused or closed be written in this second? Ask once for each. */
bool postern_conn_may_log(struct postern_bus *bus);

/* Marks it for closing at the end of the round; why is for the log (NULL: the peer left). Safe at any time. */
void postern_conn_doom(struct postern_conn *conn, const char *why);

/* Frees one that was doomed: the router must already have taken it off the bus. */
void postern_conn_free(struct postern_conn *conn);

/* Queues one message at the expense of sender (NULL: the bus itself). 0; -ENOBUFS: over a limit of the receiver or sender, nothing was queued; -ENOMEM. A broken or doomed
 * connection swallows it. */
int postern_conn_queue(struct postern_conn *conn, const struct postern_outq_item *item, struct postern_account *sender);

/* Could n bytes and that many descriptors still be queued for it, by its own limits and those of its container? */
bool postern_conn_has_room(const struct postern_conn *conn, uint64_t n, uint64_t fds);

/* Writes what waits, as far as the socket takes it. */
void postern_conn_flush(struct postern_conn *conn);

/* The stamp for messages of this connection, in the byte order of the message, with field 10 or without. instance must be the
 * one string that this connection ever carries. NULL: out of memory. */
static inline const struct postern_stamp *postern_conn_stamp(struct postern_conn *conn, char order, const char *instance);
/* The same, for the first time. */
const struct postern_stamp *postern_conn_make_stamp(struct postern_conn *conn, char order, const char *instance);

/* Counts it as one that has said Hello. */
void postern_conn_complete(struct postern_conn *conn);

static inline const struct postern_stamp *postern_conn_stamp(struct postern_conn *conn, char order, const char *instance)
{
    const struct postern_stamp *stamp = conn->stamps[order == 'B'][instance != NULL];

    return stamp != NULL ? stamp : postern_conn_make_stamp(conn, order, instance);
}

static inline struct postern_conn *postern_conn_of_names(struct postern_name_owner *owner)
{
    return owner == NULL ? NULL : (struct postern_conn *)(void *)((char *)owner - offsetof(struct postern_conn, names));
}

static inline struct postern_conn *postern_conn_of_matches(struct postern_match_owner *owner)
{
    return (struct postern_conn *)(void *)((char *)owner - offsetof(struct postern_conn, matches));
}

#endif
