/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/naming.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/activation.h"
#include "daemon/bus.h"
#include "daemon/emit.h"
#include "daemon/mediation.h"
#include "wire/name.h"

/* Charges or discharges what changed in the number of a connection's names since it was `before`. */
static void settle(struct postern_conn *conn, uint32_t before)
{
    postern_stats_names(conn, (int64_t)conn->names.n_names - before);
}

/* What the connection is to the name now: POSTERN_NAME_... */
static uint32_t state_of(const struct postern_conn *conn, const struct postern_name *name)
{
    const struct postern_ownership *place = postern_name_place(name, &conn->names);

    if (place == NULL)
        return POSTERN_NAME_GONE;
    return place == name->queue ? POSTERN_NAME_PRIMARY : POSTERN_NAME_QUEUED;
}

static uint32_t state_after(uint32_t result, uint32_t before)
{
    switch (result) {
    case POSTERN_REQUEST_NAME_PRIMARY_OWNER:
    case POSTERN_REQUEST_NAME_ALREADY_OWNER:
        return POSTERN_NAME_PRIMARY;
    case POSTERN_REQUEST_NAME_IN_QUEUE:
        return POSTERN_NAME_QUEUED;
    default:
        return before == POSTERN_NAME_QUEUED ? POSTERN_NAME_GONE : before;
    }
}

/* Tells all whom it concerns, after bookkeeping and mediator know: the loser, everybody, the winner. Then the winner gets what waited for
 * the name. */
static void tell(struct postern_bus *bus, const char *name, struct postern_conn *loser, struct postern_conn *winner)
{
    if (loser != NULL)
        postern_emit_name_signal(loser, "NameLost", name);
    postern_emit_name_owner_changed(bus, name, loser, winner);
    if (winner == NULL)
        return;
    postern_emit_name_signal(winner, "NameAcquired", name);
    postern_activation_done(bus, name, winner);
}

int postern_naming_request(struct postern_conn *conn, const char *name, uint32_t flags, uint32_t *result)
{
    struct postern_bus *bus = conn->bus;
    size_t len = strlen(name);
    const struct postern_name *entry = postern_names_find(&bus->names, name, len);
    struct postern_conn *owner = postern_conn_of_names(postern_name_primary(entry));
    uint32_t expected = postern_names_would_request(&bus->names, &conn->names, name, len, flags);
    uint32_t before = state_of(conn, entry), after = state_after(expected, before);
    uint32_t n_names = conn->names.n_names, owner_n = owner != NULL ? owner->names.n_names : 0;
    struct postern_name_change change = {0};
    bool replaces = after == POSTERN_NAME_PRIMARY && owner != NULL && owner != conn;
    int r = 0;

    /* The unique name counts for the connection's own limit. */
    if (before == POSTERN_NAME_GONE && after != POSTERN_NAME_GONE &&
        (n_names + 1 >= bus->config->limits.max_names_per_connection || !postern_account_fits(conn->container, POSTERN_CHARGE_NAMES, 1)))
        return -ENOBUFS;
    if (replaces)
        r = postern_mediation_name(owner, name, POSTERN_NAME_QUEUED);
    if (r == 0 && after != before && after != POSTERN_NAME_GONE)
        r = postern_mediation_name(conn, name, after);
    if (r == 0)
        r = postern_names_request(&bus->names, &conn->names, name, len, flags, result, &change);
    /* For want of memory all is as before, but for what the owner has granted about the name: that ended. */
    if (r < 0) {
        if (replaces)
            postern_mediation_name(owner, name, POSTERN_NAME_PRIMARY);
        if (after != before)
            postern_mediation_name(conn, name, before);
        return r;
    }
    if (after == POSTERN_NAME_GONE && before != POSTERN_NAME_GONE)
        postern_mediation_name(conn, name, POSTERN_NAME_GONE);
    if (replaces && !change.previous_still_queued)
        postern_mediation_name(owner, name, POSTERN_NAME_GONE);
    settle(conn, n_names);
    if (owner != NULL && owner != conn)
        settle(owner, owner_n);
    if (change.previous != change.next)
        tell(bus, name, postern_conn_of_names(change.previous), postern_conn_of_names(change.next));
    return 0;
}

uint32_t postern_naming_release(struct postern_conn *conn, const char *name)
{
    struct postern_bus *bus = conn->bus;
    struct postern_name_change change = {0};
    uint32_t before = conn->names.n_names;
    uint32_t result = postern_names_release(&bus->names, &conn->names, name, strlen(name), &change);

    if (result != POSTERN_RELEASE_NAME_RELEASED)
        return result;
    settle(conn, before);
    postern_mediation_name(conn, name, POSTERN_NAME_GONE);
    if (change.previous == change.next)
        return result; /* it only left the queue */
    if (change.next != NULL)
        postern_mediation_name(postern_conn_of_names(change.next), name, POSTERN_NAME_PRIMARY);
    tell(bus, name, postern_conn_of_names(change.previous), postern_conn_of_names(change.next));
    return result;
}

void postern_naming_release_all(struct postern_conn *conn)
{
    char name[POSTERN_NAME_MAX + 1];

    /* The latest first, so that what a service claimed last, its readiness, goes first. */
    while (conn->names.names != NULL) {
        snprintf(name, sizeof(name), "%s", conn->names.names->name->name);
        postern_naming_release(conn, name);
    }
}
