/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/stats.h"

#include "daemon/bus.h"

static void charge(struct postern_conn *conn, enum postern_charge what, int64_t change)
{
    struct postern_account *accounts[] = {conn->user, conn->container};

    for (int i = 0; i < 2; i++) {
        if (change > 0)
            postern_account_charge(accounts[i], what, (uint64_t)change);
        else
            postern_account_discharge(accounts[i], what, (uint64_t)-change);
    }
}

static void count_names(struct postern_conn *conn, int64_t change)
{
    struct postern_bus_stats *stats = &conn->bus->stats;

    stats->names += (uint64_t)change;
    postern_stats_peak(&stats->peak_names, stats->names);
    postern_stats_peak(&conn->stats.names, (uint64_t)conn->names.n_names + 1);
    postern_stats_peak(&stats->peak_names_of_one, conn->stats.names);
}

void postern_stats_unique_name(struct postern_conn *conn, int change)
{
    count_names(conn, change);
}

void postern_stats_names(struct postern_conn *conn, int64_t change)
{
    charge(conn, POSTERN_CHARGE_NAMES, change);
    count_names(conn, change);
}

void postern_stats_matches(struct postern_conn *conn, int64_t change)
{
    struct postern_bus_stats *stats = &conn->bus->stats;

    charge(conn, POSTERN_CHARGE_MATCHES, change);
    stats->matches += (uint64_t)change;
    postern_stats_peak(&stats->peak_matches, stats->matches);
    postern_stats_peak(&conn->stats.matches, conn->matches.n_rules);
    postern_stats_peak(&stats->peak_matches_of_one, conn->stats.matches);
}
