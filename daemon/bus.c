/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <syslog.h>
#include <unistd.h>
#include <utlist.h>

#include "daemon/emit.h"
#include "daemon/host.h"
#include "daemon/mediation.h"
#include "daemon/router.h"
#include "wire/name.h"

#define ACCEPTS_PER_ROUND 64
#define ACCEPT_PATIENCE 10000 /* microseconds */

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76 /* Linux 6.5 */
#endif

/* ---- accepting ------------------------------------------------------------------------------------- */

/* No descriptor is left: the spare one is used to take the connection and close it, so that its owner learns of it and the loop
 * does not spin on a listener that stays ready. */
static void refuse_one(struct postern_bus *bus, int listener_fd)
{
    int fd;

    close(bus->spare_fd);
    fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    bus->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (postern_conn_may_log(bus))
        postern_log(&bus->log, LOG_ERR, "connection refused: the bus is out of file descriptors");
}

static void on_alarm(int number)
{
    (void)number; /* it only has to interrupt accept4() */
}

/* Whoever started us may have blocked the alarm, or ignored that children end, which would let nobody wait for them. */
static int set_signals(void)
{
    struct sigaction action = {.sa_handler = on_alarm}; /* without SA_RESTART */
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigset_t set;

    if (sigaction(SIGCHLD, &normal, NULL) < 0)
        return -errno;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    return sigaction(SIGALRM, &action, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 ? -errno : 0;
}

/*
 * A manager that hands over its own socket still shares it: it can make it block again and take the connection that made it
 * ready, at any moment, so that no check before accept4() helps and there is no flag for one call. An alarm ends the wait; it
 * repeats, since the first may come before the wait begins.
 */
static void bound_waiting(bool on)
{
    struct itimerval timer = {0};

    if (on)
        timer.it_value.tv_usec = timer.it_interval.tv_usec = ACCEPT_PATIENCE;
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* What is accepted has the options of the listener, hence of a manager: with these, each read would come with what nobody asked
 * for, descriptors among it. A kernel that does not know one cannot have it set. */
static const int unwanted[] = {SO_PASSCRED, SO_PASSSEC, SO_PASSPIDFD};

static void drop_options(int fd)
{
    int off = 0;

    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
        if (setsockopt(fd, SOL_SOCKET, unwanted[i], &off, sizeof(off)) < 0)
            continue;
}

/* Are they off, and for good? A manager can set them whenever it likes. The bus's own sockets are its alone, or also those of the service
 * manager that started it, which sets them before it listens. */
static bool has_no_options(int fd, uint64_t id)
{
    bool none = id == 0;

    for (size_t i = 0; none && i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
        int on = 0;
        socklen_t len = sizeof(on);

        none = getsockopt(fd, SOL_SOCKET, unwanted[i], &on, &len) < 0 ? errno == ENOPROTOOPT || errno == EOPNOTSUPP : on == 0;
    }
    return none;
}

/* Such a socket would be ready for ever and give nothing. */
static bool is_shut(int fd)
{
    struct pollfd poll_fd = {.fd = fd};

    return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLHUP | POLLERR)) != 0;
}

/* Nothing is accepted any more; the socket stays until whoever made the listener removes it. */
static void give_up(struct postern_listener *listener, const char *why)
{
    if (postern_conn_may_log(listener->bus))
        postern_log(&listener->bus->log, LOG_WARNING, "a container's socket is not listened to any more: %s", why);
    postern_loop_ignore(&listener->bus->loop, &listener->source);
}

/* Accepts one connection. Is it worth while to try another? */
static bool accept_one(struct postern_listener *listener)
{
    int fd = accept4(listener->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), error = errno;

    if (fd >= 0) {
        if (!listener->plain)
            drop_options(fd);
        postern_conn_accept(listener, fd);
        return true;
    }
    if (error == EMFILE || error == ENFILE)
        refuse_one(listener->bus, listener->source.fd);
    else if (error == EINTR && listener->id != 0)
        give_up(listener, "its manager makes it block");
    else if (listener->id != 0 && is_shut(listener->source.fd))
        give_up(listener, "its manager has shut it down");
    return error == ECONNABORTED || (error == EINTR && listener->id == 0);
}

/* How many may be waiting? To ask for one that is not there costs almost as much as to take one. So it begins with the one that made the
 * listener ready, and doubles as long as it is ready in each round. A manager's socket needs more calls around them than that. */
static int how_many(struct postern_listener *listener)
{
    uint64_t round = listener->bus->loop.round;

    if (listener->id != 0)
        return ACCEPTS_PER_ROUND;
    if (listener->accepts == 0 || listener->ready_in + 1 != round)
        listener->accepts = 1;
    else if (listener->accepts < ACCEPTS_PER_ROUND)
        listener->accepts *= 2;
    listener->ready_in = round;
    return listener->accepts;
}

static void listener_ready(void *data, uint32_t events)
{
    struct postern_listener *listener = data;
    int n = how_many(listener);

    (void)events;
    if (listener->id != 0)
        bound_waiting(true);
    for (int i = 0; i < n && listener->source.fd >= 0; i++)
        if (!accept_one(listener))
            break;
    if (listener->id != 0)
        bound_waiting(false);
}

int postern_bus_listen(struct postern_bus *bus, int fd, uint64_t id, const uint8_t *nonce)
{
    struct postern_listener *listener = calloc(1, sizeof(*listener));
    int r;

    if (listener == NULL)
        return -ENOMEM;
    listener->bus = bus;
    listener->id = id;
    listener->nonce = nonce;
    listener->plain = has_no_options(fd, id);
    listener->source = (struct postern_source){.fd = fd, .events = EPOLLIN, .listener = true, .ready = listener_ready, .data = listener};
    r = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : postern_loop_add(&bus->loop, &listener->source);
    if (r < 0) {
        free(listener);
        return r;
    }
    DL_APPEND(bus->listeners, listener);
    return 0;
}

/* ---- the end of a round -------------------------------------------------------------------------------- */

/* All that time-outs wait in. */
static const size_t timeouts_at[] = {
    offsetof(struct postern_bus, auth_timeouts),
    offsetof(struct postern_bus, fd_timeouts),
    offsetof(struct postern_bus, replies.timeouts),
    offsetof(struct postern_bus, activations.timeouts),
    offsetof(struct postern_bus, reload.resolver.timeouts),
    offsetof(struct postern_bus, reload.retries),
    offsetof(struct postern_bus, reload.watch.timeouts),
};
#define N_TIMEOUTS (sizeof(timeouts_at) / sizeof(timeouts_at[0]))

static inline struct postern_timeouts *timeouts_of(struct postern_bus *bus, size_t i)
{
    return (struct postern_timeouts *)(void *)((char *)bus + timeouts_at[i]);
}

/* UINT64_MAX: nothing waits. */
static inline uint64_t first_deadline(struct postern_bus *bus)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < N_TIMEOUTS; i++) {
        const struct postern_timeout *timeout = timeouts_of(bus, i)->first;

        if (timeout != NULL && timeout->deadline < first)
            first = timeout->deadline;
    }
    return first;
}

static int next_timeout(void *data)
{
    uint64_t first = first_deadline(data), now;

    if (first == UINT64_MAX)
        return -1;
    now = postern_timeout_now();
    if (first <= now)
        return 0;
    return first - now < INT32_MAX ? (int)(first - now) : INT32_MAX;
}

static void expire_timeouts(struct postern_bus *bus)
{
    uint64_t first = first_deadline(bus), now;

    if (first == UINT64_MAX)
        return;
    now = postern_timeout_now();
    for (size_t i = 0; first <= now && i < N_TIMEOUTS; i++)
        postern_timeouts_expire(timeouts_of(bus, i), now);
}

#define DRIVER_MESSAGE_KEPT (256u << 10) /* bytes of memory that the bus keeps for its next own message */

static void round_end(void *data)
{
    struct postern_bus *bus = data;
    struct postern_conn *dead = NULL, *conn;

    expire_timeouts(bus);
    while (bus->doomed != NULL || bus->to_flush != NULL) {
        while ((conn = bus->doomed) != NULL) {
            bus->doomed = conn->next_doomed;
            postern_router_leave(conn);
            conn->next_doomed = dead;
            dead = conn;
        }
        while ((conn = bus->to_flush) != NULL) {
            bus->to_flush = conn->next_flush;
            conn->flush_pending = false;
            postern_conn_flush(conn);
        }
    }
    while ((conn = dead) != NULL) {
        dead = conn->next_doomed;
        postern_conn_free(conn);
    }
    if (bus->dead_watches != NULL || bus->dead_listeners != NULL)
        postern_host_reap(bus);
    if (bus->dead_children != NULL)
        postern_children_reap(bus);
    if (bus->driver_message.cap > DRIVER_MESSAGE_KEPT)
        postern_buf_finish(&bus->driver_message);
    bus->received = true; /* what the next round begins with, be it that somebody has left, is not what arrived in this one */
}

static void auth_expired(struct postern_timeout *timeout)
{
    struct postern_conn *conn = (struct postern_conn *)(void *)((char *)timeout - offsetof(struct postern_conn, auth_timeout));

    postern_conn_doom(conn, "it did not authenticate and say Hello in time (auth_timeout)");
}

static void fd_expired(struct postern_timeout *timeout)
{
    struct postern_conn *conn = (struct postern_conn *)(void *)((char *)timeout - offsetof(struct postern_conn, fd_timeout));

    postern_conn_doom(conn, "it kept a message with file descriptors unfinished for too long (pending_fd_timeout)");
}

static void reply_expired(struct postern_timeout *timeout)
{
    struct postern_pending *pending = (struct postern_pending *)(void *)((char *)timeout - offsetof(struct postern_pending, timeout));
    struct postern_conn *caller = pending->caller;
    uint32_t serial = (uint32_t)pending->key.serial;

    postern_reply_drop(&caller->bus->replies, pending);
    postern_emit_error(caller, serial, POSTERN_ERROR_PREFIX "NoReply", "Message did not receive a reply (timeout by message bus)");
}

/* ---- configuration -------------------------------------------------------------------------------------- */

void postern_bus_use_limits(struct postern_bus *bus)
{
    bus->auth_timeouts.length = bus->config->limits.auth_timeout;
    bus->fd_timeouts.length = bus->config->limits.pending_fd_timeout;
    bus->replies.timeouts.length = bus->config->limits.reply_timeout;
    bus->activations.timeouts.length = bus->config->limits.service_start_timeout;
}

/* ---- names ------------------------------------------------------------------------------------------------- */

struct postern_conn *postern_bus_find(struct postern_bus *bus, const char *name, uint32_t len)
{
    struct postern_conn *conn = NULL;

    if (len > 0 && name[0] == ':')
        HASH_FIND(hh_unique, bus->by_unique, name, len, conn);
    else
        conn = postern_conn_of_names(postern_name_primary(postern_names_find(&bus->names, name, len)));
    return conn;
}

struct postern_conn *postern_bus_find_for(struct postern_conn *from, const char *name, uint32_t len)
{
    struct postern_last_found *last = &from->last;
    struct postern_bus *bus = from->bus;
    struct postern_conn *found;

    if (last->changes == bus->names.changes && last->len == len && memcmp(last->name, name, len) == 0)
        return last->conn;
    found = postern_bus_find(bus, name, len);
    if (found != NULL)
        *last = (struct postern_last_found){
            .conn = found,
            .name = name[0] == ':' ? found->unique : postern_names_find(&bus->names, name, len)->name,
            .len = len,
            .changes = bus->names.changes,
        };
    return found;
}

bool postern_bus_bears(const struct postern_conn *conn, const char *name, uint32_t len)
{
    if (conn == NULL)
        return len == sizeof(POSTERN_DRIVER_NAME) - 1 && memcmp(name, POSTERN_DRIVER_NAME, len) == 0;
    if (len > 0 && name[0] == ':')
        return len == conn->unique_len && memcmp(name, conn->unique, len) == 0;
    return postern_name_primary(postern_names_find(&conn->bus->names, name, len)) == &conn->names;
}

uint32_t postern_bus_serial(struct postern_bus *bus)
{
    if (++bus->serial == 0)
        bus->serial = 1;
    return bus->serial;
}

/* ---- start and end -------------------------------------------------------------------------------------------- */

int postern_bus_init(struct postern_bus *bus)
{
    int r;

    bus->loop.epoll_fd = bus->spare_fd = -1;
    r = postern_guid_make(bus->guid);
    if (r == 0)
        r = postern_guid_make(bus->id);
    if (r == 0)
        r = set_signals();
    if (r == 0)
        r = postern_loop_init(&bus->loop);
    if (r < 0)
        return r;
    bus->loop.timeout = next_timeout;
    bus->loop.round_end = round_end;
    bus->loop.data = bus;
    bus->auth_timeouts.expired = auth_expired;
    bus->fd_timeouts.expired = fd_expired;
    bus->replies.timeouts.expired = reply_expired;
    postern_activations_init(bus);
    postern_reload_init(bus);
    bus->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bus->scratch = malloc(POSTERN_READ_MAX);
    bus->matches = postern_matchset_new();
    bus->monitors.rules = postern_matchset_new();
    return bus->scratch == NULL || bus->matches == NULL || bus->monitors.rules == NULL || bus->spare_fd < 0 ? -ENOMEM : 0;
}

/* Without it the bus serves as well. */
static void make_runtime_dir(struct postern_bus *bus)
{
    const char *dir = bus->config->runtime_dir;
    int r = dir != NULL ? postern_services_make_runtime_dir(dir) : 0;

    if (r < 0)
        postern_log(&bus->log, LOG_WARNING, "%s/dbus-1/services, for services of this session only, cannot be made: %s", dir, strerror(-r));
}

int postern_bus_serve(struct postern_bus *bus)
{
    int r = postern_peer_facts_self(&bus->self); /* not before it became the user that it stays */

    make_runtime_dir(bus);
    if (r == 0)
        r = postern_reload_serve(bus);
    postern_bus_use_limits(bus);
    for (size_t i = 0; r == 0 && i < bus->listen.n; i++)
        r = postern_bus_listen(bus, bus->listen.sockets[i].fd, 0, bus->listen.sockets[i].has_nonce ? bus->listen.sockets[i].nonce : NULL);
    return r;
}

void postern_bus_finish(struct postern_bus *bus)
{
    struct postern_listener *listener, *next;

    DL_FOREACH_SAFE(bus->listeners, listener, next)
    {
        if (listener->id == 0) {
            postern_loop_remove(&bus->loop, &listener->source);
            DL_DELETE(bus->listeners, listener);
            free(listener);
        }
    }
    postern_listen_close(&bus->listen);
    for (struct postern_conn *conn = bus->conns; conn != NULL; conn = conn->next) {
        postern_matchset_remove_all(bus->matches, &conn->matches); /* nobody is told of the others' end */
        postern_conn_doom(conn, NULL);
    }
    if (bus->matches != NULL && bus->monitors.rules != NULL)
        round_end(bus);
    postern_reload_finish(bus);
    postern_activations_finish(bus);
    postern_children_finish(bus);
    postern_mediation_close(bus);
    postern_host_finish(bus);
    postern_replies_finish(&bus->replies);
    postern_names_finish(&bus->names);
    postern_matchset_free(bus->matches);
    postern_matchset_free(bus->monitors.rules);
    postern_buf_finish(&bus->monitors.refusal);
    postern_services_finish(&bus->services);
    postern_environment_finish(&bus->environment);
    postern_outq_pool_finish(&bus->pool);
    postern_fdset_pool_finish(&bus->fdsets);
    postern_buf_finish(&bus->rewritten);
    postern_buf_finish(&bus->driver_message);
    free(bus->scratch);
    if (bus->spare_fd >= 0)
        close(bus->spare_fd);
    postern_peer_facts_finish(&bus->self);
    postern_keyring_finish(&bus->keyring);
    postern_busconfig_free(bus->config);
    postern_loop_finish(&bus->loop);
}
