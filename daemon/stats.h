/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What connections hold, counted for their accounts and, with its peaks, for org.freedesktop.DBus.Debug.Stats. */
#ifndef POSTERN_DAEMON_STATS_H
#define POSTERN_DAEMON_STATS_H

#include <stdint.h>

struct postern_conn;

/* The highest values ever of one connection. */
struct postern_conn_stats {
    uint32_t serial; /* how often it was asked for */
    uint64_t names;  /* the unique one and those owned or waited for */
    uint64_t matches;
    uint64_t in_bytes, in_fds; /* read, and not yet a whole message */
    uint64_t out_bytes, out_fds;
};

struct postern_bus_stats {
    uint32_t serial;
    uint64_t names, matches;           /* sums over all connections, as they are */
    uint64_t peak_names, peak_matches; /* of these sums */
    uint64_t peak_names_of_one, peak_matches_of_one;
};

static inline void postern_stats_peak(uint64_t *peak, uint64_t value)
{
    if (value > *peak)
        *peak = value;
}

/* The connection has got its unique name (change 1), or has lost it (-1). */
void postern_stats_unique_name(struct postern_conn *conn, int change);
/* It owns or waits for so many well-known names more, or has so many match rules more; negative: less. Charges its accounts. The change is
 * in conn->names and conn->matches already. */
void postern_stats_names(struct postern_conn *conn, int64_t change);
void postern_stats_matches(struct postern_conn *conn, int64_t change);

#endif
