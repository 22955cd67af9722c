/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.freedesktop.DBus.Debug.Stats. The keys without a prefix are those of dbus-daemon that mean something here; what is added has the
 * prefix org.postern. Who may ask is the policy's to say: the system bus as it is shipped allows root alone, a session bus its user.
 * Containers may not, in any mode: the mediator sees to that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus.h"
#include "daemon/driver.h"
#include "wire/name.h"

static void entry(struct postern_writer *w, const char *key, uint64_t value)
{
    postern_writer_entry_u32(w, key, value < UINT32_MAX ? (uint32_t)value : UINT32_MAX);
}

/* ---- the bus ------------------------------------------------------------------------------------------------ */

/* What a container uses and what it may use, by the names that AddServer gives the limits. */
static const struct {
    const char *name;
    enum postern_charge what;
} charges[] = {
    {"connections", POSTERN_CHARGE_CONNECTIONS},
    {"names", POSTERN_CHARGE_NAMES},
    {"matches", POSTERN_CHARGE_MATCHES},
    {"bytes", POSTERN_CHARGE_BYTES},
    {"fds", POSTERN_CHARGE_FDS},
    {"pending-replies", POSTERN_CHARGE_REPLIES},
};

static void write_account(struct postern_writer *w, const struct postern_account *account)
{
    postern_writer_open(w, 'a', "{s(tt)}");
    for (size_t i = 0; i < sizeof(charges) / sizeof(charges[0]); i++) {
        postern_writer_open(w, 'e', NULL);
        postern_writer_string(w, charges[i].name);
        postern_writer_open(w, 'r', NULL);
        postern_writer_u64(w, postern_account_used(account, charges[i].what));
        postern_writer_u64(w, postern_account_limit(account, charges[i].what));
        postern_writer_close(w);
        postern_writer_close(w);
    }
    postern_writer_close(w);
}

/* a{oa{s(tt)}}: each instance that has connections. */
static void write_containers(struct postern_bus *bus, struct postern_writer *w)
{
    postern_writer_entry_open(w, "org.postern.Containers", "a{oa{s(tt)}}");
    postern_writer_open(w, 'a', "{oa{s(tt)}}");
    for (const struct postern_conn *conn = bus->conns; conn != NULL; conn = conn->next) {
        if (conn->container == NULL || conn->container->listed == bus->stats.serial)
            continue;
        conn->container->listed = bus->stats.serial;
        postern_writer_open(w, 'e', NULL);
        postern_writer_path(w, conn->identity.instance.data);
        write_account(w, conn->container);
        postern_writer_close(w);
    }
    postern_writer_close(w);
    postern_writer_entry_close(w);
}

static int get_stats(struct postern_driver_call *call)
{
    struct postern_bus *bus = call->bus;
    struct postern_writer *w = &call->out;

    postern_writer_open(w, 'a', "{sv}");
    entry(w, "Serial", bus->stats.serial++);
    entry(w, "ActiveConnections", bus->n_completed);
    entry(w, "IncompleteConnections", bus->n_incomplete);
    entry(w, "MatchRules", bus->stats.matches);
    entry(w, "PeakMatchRules", bus->stats.peak_matches);
    entry(w, "PeakMatchRulesPerConnection", bus->stats.peak_matches_of_one);
    entry(w, "BusNames", bus->stats.names);
    entry(w, "PeakBusNames", bus->stats.peak_names);
    entry(w, "PeakBusNamesPerConnection", bus->stats.peak_names_of_one);
    entry(w, "org.postern.Monitors", bus->monitors.n);
    write_containers(bus, w);
    postern_writer_close(w);
    return 0;
}

/* ---- one connection -------------------------------------------------------------------------------------------- */

static void write_conn(struct postern_conn *conn, struct postern_writer *w)
{
    postern_writer_open(w, 'a', "{sv}");
    entry(w, "Serial", conn->stats.serial++);
    postern_writer_entry_string(w, "UniqueName", conn->unique);
    entry(w, "MatchRules", conn->matches.n_rules);
    entry(w, "PeakMatchRules", conn->stats.matches);
    entry(w, "BusNames", conn->names.n_names + 1u);
    entry(w, "PeakBusNames", conn->stats.names);
    entry(w, "IncomingBytes", conn->in_len);
    entry(w, "PeakIncomingBytes", conn->stats.in_bytes);
    entry(w, "IncomingFDs", conn->in_fds_n);
    entry(w, "PeakIncomingFDs", conn->stats.in_fds);
    entry(w, "OutgoingBytes", conn->out.bytes);
    entry(w, "PeakOutgoingBytes", conn->stats.out_bytes);
    entry(w, "OutgoingFDs", conn->out.fds);
    entry(w, "PeakOutgoingFDs", conn->stats.out_fds);
    entry(w, "org.postern.PendingReplies", conn->n_calls);
    if (conn->contained)
        postern_writer_entry_path(w, "org.freedesktop.DBus.Containers1.Instance", conn->identity.instance.data);
    postern_writer_close(w);
}

static int get_connection_stats(struct postern_driver_call *call)
{
    struct postern_conn *conn;
    const char *name;
    size_t len;

    if (postern_reader_string(&call->in, &name, &len) < 0)
        return postern_driver_no_memory(call);
    if (strcmp(name, POSTERN_DRIVER_NAME) == 0)
        return postern_driver_fail(call, "InvalidArgs", "The bus itself is no connection: GetStats is about the bus");
    conn = postern_bus_find(call->bus, name, (uint32_t)len);
    if (conn == NULL)
        return postern_driver_fail(call, "NameHasNoOwner", "Could not get statistics of name '%s': no such name", name);
    write_conn(conn, &call->out);
    return 0;
}

/* ---- match rules ------------------------------------------------------------------------------------------------ */

static void write_rule(void *data, const struct postern_match *match)
{
    struct postern_writer *w = data;
    char *text = postern_match_text(match);

    if (text != NULL)
        postern_writer_string(w, text);
    else
        w->error = -ENOMEM;
    free(text);
}

static int get_all_match_rules(struct postern_driver_call *call)
{
    struct postern_writer *w = &call->out;

    postern_writer_open(w, 'a', "{sas}");
    for (struct postern_conn *conn = call->bus->conns; conn != NULL; conn = conn->next) {
        if (conn->state != POSTERN_CONN_ACTIVE)
            continue;
        postern_writer_open(w, 'e', NULL);
        postern_writer_string(w, conn->unique);
        postern_writer_open(w, 'a', "s");
        postern_matchset_each(&conn->matches, write_rule, w);
        postern_writer_close(w);
        postern_writer_close(w);
    }
    postern_writer_close(w);
    return 0;
}

static const struct postern_driver_method stats_methods[] = {
    {"GetStats", "", "a{sv}", false, get_stats},
    {"GetConnectionStats", "s", "a{sv}", false, get_connection_stats},
    {"GetAllMatchRules", "", "a{sas}", false, get_all_match_rules},
    {0},
};
static const struct postern_driver_method *const stats_tables[] = {stats_methods, NULL};

const struct postern_driver_interface postern_driver_stats_interface = {
    "org.freedesktop.DBus.Debug.Stats", true, false, stats_tables, postern_driver_no_signals, postern_driver_no_properties,
};
