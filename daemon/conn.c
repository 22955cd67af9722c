/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/bus.h"
#include "daemon/input.h"
#include "daemon/mediation.h"
#include "util/zalloc.h"

_Static_assert(POSTERN_NONCE_BYTES == POSTERN_SASL_NONCE_BYTES, "both follow the specification");

#define WORK_BYTES 2048u /* of a message: as much work as one more receiver */
#define WRITE_THROUGH_FROM 16384u /* bodies of this size are not copied when the socket takes them at once */

/* ---- making and ending ------------------------------------------------------------------------- */

struct postern_account *postern_conn_crowd(const struct postern_conn *conn)
{
    return conn->announced ? conn->container : conn->user;
}

static void link_conn(struct postern_bus *bus, struct postern_conn *conn)
{
    conn->prev = bus->conns_last;
    if (bus->conns_last != NULL)
        bus->conns_last->next = conn;
    else
        bus->conns = conn;
    bus->conns_last = conn;
    bus->n_incomplete++;
    postern_conn_crowd(conn)->incomplete++;
}

static void uncount(struct postern_conn *conn)
{
    if (conn->state == POSTERN_CONN_ACTIVE || conn->state == POSTERN_CONN_MONITOR) {
        conn->bus->n_completed--;
        conn->user->complete--;
    } else {
        conn->bus->n_incomplete--;
        postern_conn_crowd(conn)->incomplete--;
    }
}

void postern_conn_complete(struct postern_conn *conn)
{
    uncount(conn);
    conn->state = POSTERN_CONN_ACTIVE;
    conn->bus->n_completed++;
    conn->user->complete++;
    postern_timeout_clear(&conn->bus->auth_timeouts, &conn->auth_timeout);
}

int postern_conn_authenticated(struct postern_conn *conn)
{
    struct postern_account *user;

    if (conn->facts.uid != POSTERN_PEER_UNKNOWN || conn->uid == UINT32_MAX)
        return 0;
    user = postern_account_get(&conn->bus->users, conn->uid);
    if (user == NULL)
        return -ENOMEM;
    uncount(conn);
    postern_account_discharge(conn->user, POSTERN_CHARGE_CONNECTIONS, 1);
    postern_account_discharge(conn->user, POSTERN_CHARGE_BYTES, conn->out.bytes);
    postern_account_charge(user, POSTERN_CHARGE_CONNECTIONS, 1);
    postern_account_charge(user, POSTERN_CHARGE_BYTES, conn->out.bytes);
    postern_account_unref(conn->user);
    conn->user = user;
    conn->bus->n_incomplete++;
    postern_conn_crowd(conn)->incomplete++;
    return 0;
}

static void unlink_conn(struct postern_conn *conn)
{
    struct postern_bus *bus = conn->bus;

    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        bus->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    else
        bus->conns_last = conn->prev;
}

/* Everything that may fail before the mediator is asked. */
static int conn_prepare(struct postern_conn *conn, const struct postern_listener *listener)
{
    struct postern_bus *bus = conn->bus;
    bool local;
    int r = postern_peer_facts_begin(conn->source.fd, &conn->facts);

    if (r < 0)
        return r;
    conn->user = postern_account_get(&bus->users, conn->facts.uid);
    conn->sasl = malloc(sizeof(*conn->sasl));
    if (conn->user == NULL || conn->sasl == NULL)
        return -ENOMEM;
    local = conn->facts.uid != POSTERN_PEER_UNKNOWN;
    postern_sasl_init(conn->sasl, bus->guid, bus->sasl_mechanisms, conn->facts.uid, local);
    if (listener->nonce != NULL)
        postern_sasl_ask_nonce(conn->sasl, listener->nonce);
    /* A container's socket is for its creator alone, whom the kernel names. */
    if (listener->id != 0)
        conn->sasl->mechanisms &= POSTERN_SASL_EXTERNAL;
    else
        conn->sasl->keyring = &bus->sasl_keyring;
    HASH_ADD(hh_id, bus->by_id, id, sizeof(conn->id), conn);
    return conn->hh_id.tbl == NULL ? -ENOMEM : 0;
}

/* One user or container that opens connections and never authenticates may not shut the others out: the oldest unfinished connection of
 * whoever has the most of them makes room. */
static void make_room(struct postern_bus *bus)
{
    struct postern_conn *victim = NULL;

    if (bus->n_incomplete <= bus->config->limits.max_incomplete_connections)
        return;
    for (struct postern_conn *conn = bus->conns; conn != NULL; conn = conn->next)
        if ((conn->state == POSTERN_CONN_AUTH || conn->state == POSTERN_CONN_HELLO) &&
            (victim == NULL || postern_conn_crowd(conn)->incomplete > postern_conn_crowd(victim)->incomplete))
            victim = conn;
    if (victim != NULL)
        postern_conn_doom(victim, "too many connections that have not authenticated (max_incomplete_connections)");
}

static void conn_destroy(struct postern_conn *conn)
{
    struct postern_bus *bus = conn->bus;

    if (conn->hh_id.tbl != NULL)
        HASH_DELETE(hh_id, bus->by_id, conn);
    if (conn->source.fd >= 0)
        close(conn->source.fd);
    postern_account_unref(conn->user);
    postern_account_unref(conn->container);
    postern_peer_facts_finish(&conn->facts);
    postern_sasl_free(conn->sasl);
    free(conn);
}

/* For the log: whom the kernel says it is. */
static const char *describe(const struct postern_conn *conn, char text[64])
{
    if (conn->facts.uid == POSTERN_PEER_UNKNOWN)
        snprintf(text, 64, "somebody over the network");
    else
        snprintf(text, 64, "pid %d, uid %u", (int)conn->facts.pid, (unsigned)conn->facts.uid);
    return text;
}

void postern_conn_accept(const struct postern_listener *listener, int fd)
{
    struct postern_bus *bus = listener->bus;
    struct postern_conn *conn = postern_zalloc(sizeof(*conn));
    char who[64];
    int r;

    if (conn == NULL) {
        close(fd);
        return;
    }
    conn->bus = bus;
    conn->id = ++bus->next_conn;
    conn->state = POSTERN_CONN_AUTH;
    conn->uid = UINT32_MAX;
    conn->source = (struct postern_source){.fd = fd, .events = EPOLLIN, .ready = postern_input_ready, .data = conn};
    r = conn_prepare(conn, listener);
    if (r == 0)
        r = postern_mediation_enter(conn, listener->id);
    if (r == 0)
        r = postern_loop_add(&bus->loop, &conn->source);
    if (r < 0) {
        if (postern_conn_may_log(bus))
            postern_log(&bus->log, LOG_NOTICE, "connection of %s refused: %s", describe(conn, who), strerror(-r));
        postern_mediation_leave(conn);
        conn_destroy(conn);
        return;
    }
    link_conn(bus, conn);
    postern_account_charge(conn->user, POSTERN_CHARGE_CONNECTIONS, 1);
    postern_account_charge(conn->container, POSTERN_CHARGE_CONNECTIONS, 1);
    postern_timeout_set(&bus->auth_timeouts, &conn->auth_timeout);
    make_room(bus);
}

bool postern_conn_may_log(struct postern_bus *bus)
{
    return postern_lograte_allows(&bus->closings, &bus->log, "connections closed or refused");
}

static void log_closing(const struct postern_conn *conn, const char *why)
{
    char who[64];

    if (postern_conn_may_log(conn->bus))
        postern_log(&conn->bus->log, LOG_NOTICE, "closing connection %s of %s: %s", conn->unique_len > 0 ? conn->unique : "without a name",
                    describe(conn, who), why);
}

void postern_conn_doom(struct postern_conn *conn, const char *why)
{
    struct postern_bus *bus = conn->bus;

    if (conn->state == POSTERN_CONN_DOOMED)
        return;
    if (why != NULL)
        log_closing(conn, why);
    uncount(conn);
    postern_timeout_clear(&bus->auth_timeouts, &conn->auth_timeout);
    postern_timeout_clear(&bus->fd_timeouts, &conn->fd_timeout);
    conn->state = POSTERN_CONN_DOOMED;
    conn->next_doomed = bus->doomed;
    bus->doomed = conn;
}

void postern_conn_free(struct postern_conn *conn)
{
    struct postern_bus *bus = conn->bus;
    int fd = conn->source.fd;

    postern_conn_flush(conn); /* the last words: an error, REJECTED */
    conn->broken = true;
    postern_conn_flush(conn);
    postern_loop_remove(&bus->loop, &conn->source);
    conn->source.fd = fd;
    unlink_conn(conn);
    postern_account_discharge(conn->user, POSTERN_CHARGE_CONNECTIONS, 1);
    postern_account_discharge(conn->container, POSTERN_CHARGE_CONNECTIONS, 1);
    postern_input_finish(conn);
    for (int i = 0; i < 4; i++) {
        struct postern_stamp *stamp = conn->stamps[i / 2][i % 2];

        if (stamp != NULL)
            postern_stamp_finish(stamp);
        free(stamp);
    }
    conn_destroy(conn);
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void want_flush(struct postern_conn *conn)
{
    if (conn->flush_pending || (conn->source.events & EPOLLOUT) != 0)
        return; /* the socket is full: it will tell when not */
    conn->flush_pending = true;
    conn->next_flush = conn->bus->to_flush;
    conn->bus->to_flush = conn;
}

/* Asked for each message, hence of one piece with who asks. */
static inline bool has_room(const struct postern_conn *conn, uint64_t n, uint64_t fds)
{
    const struct postern_limits *limits = &conn->bus->config->limits;

    /* One message always fits an empty queue, however large: else it could never be sent. */
    if (conn->out.bytes > 0 && (n > limits->max_outgoing_bytes || conn->out.bytes > limits->max_outgoing_bytes - n))
        return false;
    if (fds > 0 && (conn->out.fds + fds > limits->max_outgoing_unix_fds || !postern_account_fits(conn->container, POSTERN_CHARGE_FDS, fds)))
        return false;
    return postern_account_fits(conn->container, POSTERN_CHARGE_BYTES, n);
}

bool postern_conn_has_room(const struct postern_conn *conn, uint64_t n, uint64_t fds)
{
    return has_room(conn, n, fds);
}

/* The driver's own messages have no sender to be charged: its answers are bounded by pausing who asks, its signals by emit.c. */
static bool fits(const struct postern_conn *conn, const struct postern_account *sender, uint64_t n, uint64_t fds)
{
    if (sender == NULL)
        return true;
    if (sender != conn->container &&
        (!postern_account_fits(sender, POSTERN_CHARGE_BYTES, n) || (fds > 0 && !postern_account_fits(sender, POSTERN_CHARGE_FDS, fds))))
        return false;
    return has_room(conn, n, fds);
}

/* Charges user and container with what the queue has grown by since it had so many bytes and descriptors; less than nothing, when some of it was
 * written together with a large message. */
static void charge_growth(struct postern_conn *conn, uint64_t bytes, uint64_t fds)
{
    postern_account_charge(conn->user, POSTERN_CHARGE_BYTES, conn->out.bytes - bytes);
    postern_account_charge(conn->container, POSTERN_CHARGE_BYTES, conn->out.bytes - bytes);
    postern_stats_peak(&conn->stats.out_bytes, conn->out.bytes);
    if (conn->out.fds == fds)
        return;
    postern_account_charge(conn->user, POSTERN_CHARGE_FDS, conn->out.fds - fds);
    postern_account_charge(conn->container, POSTERN_CHARGE_FDS, conn->out.fds - fds);
    postern_stats_peak(&conn->stats.out_fds, conn->out.fds);
}

/* Writes a large message at once, as far as the socket takes it, and queues the rest. */
static int write_large(struct postern_conn *conn, const struct postern_outq_item *item, struct postern_account *sender)
{
    int error = 0, r = postern_outq_write_through(&conn->out, &conn->bus->pool, item, sender, conn->source.fd, &error);

    if (error < 0)
        conn->broken = true;
    return r;
}

int postern_conn_queue(struct postern_conn *conn, const struct postern_outq_item *item, struct postern_account *sender)
{
    uint64_t bytes = conn->out.bytes, fds = conn->out.fds, n = item->header_len + item->body_len;
    int r = 0;

    if (conn->broken || conn->state == POSTERN_CONN_DOOMED)
        return 0;
    if (!fits(conn, sender, n, item->fds != NULL ? item->fds->n : 0))
        return -ENOBUFS;
    /* What stays within one account is charged to it once, at the receiver. */
    if (sender == conn->container || sender == conn->user)
        sender = NULL;
    if (item->body_len >= WRITE_THROUGH_FROM && item->fds == NULL)
        r = write_large(conn, item, sender);
    else if (!postern_outq_append(&conn->out, item, sender))
        r = postern_outq_push(&conn->out, &conn->bus->pool, item, sender);
    charge_growth(conn, bytes, fds);
    conn->bus->work += 1 + n / WORK_BYTES;
    if (conn->out.buf != NULL)
        want_flush(conn);
    return r;
}

void postern_conn_flush(struct postern_conn *conn)
{
    uint64_t bytes = conn->out.bytes, fds = conn->out.fds;
    int r = 1;

    if (!conn->broken)
        r = postern_outq_flush(&conn->out, &conn->bus->pool, conn->source.fd);
    if (r == -ETOOMANYREFS)
        postern_conn_doom(conn, "it monitors the bus, and a message with file descriptors cannot be shown to it");
    else if (r < 0)
        conn->broken = true;
    if (conn->broken) {
        /* The other end reads no more. What it still sent is read until the end. */
        postern_outq_clear(&conn->out, &conn->bus->pool);
        r = 1;
    }
    postern_account_discharge(conn->user, POSTERN_CHARGE_BYTES, bytes - conn->out.bytes);
    postern_account_discharge(conn->container, POSTERN_CHARGE_BYTES, bytes - conn->out.bytes);
    postern_account_discharge(conn->user, POSTERN_CHARGE_FDS, fds - conn->out.fds);
    postern_account_discharge(conn->container, POSTERN_CHARGE_FDS, fds - conn->out.fds);
    /* Before more is queued: that is written at the end of the round only if nobody waits for the socket. */
    postern_loop_set(&conn->bus->loop, &conn->source, (conn->paused ? 0 : EPOLLIN) | (r == 0 ? EPOLLOUT : 0));
    if (postern_input_may_resume(conn)) {
        postern_input_resume(conn);
        postern_loop_set(&conn->bus->loop, &conn->source, (conn->source.events & EPOLLOUT) | (conn->paused ? 0 : EPOLLIN));
    }
}

const struct postern_stamp *postern_conn_make_stamp(struct postern_conn *conn, char order, const char *instance)
{
    struct postern_stamp **stamp = &conn->stamps[order == 'B'][instance != NULL];

    *stamp = calloc(1, sizeof(**stamp));
    if (*stamp == NULL)
        return NULL;
    if (postern_stamp_init(*stamp, order, conn->unique, instance) < 0) {
        free(*stamp);
        *stamp = NULL;
    }
    return *stamp;
}
