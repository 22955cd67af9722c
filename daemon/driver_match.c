/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.freedesktop.DBus: match rules. */
#include <errno.h>
#include <string.h>

#include "daemon/bus.h"
#include "daemon/driver.h"
#include "daemon/emit.h"
#include "daemon/mediation.h"

static int read_match(struct postern_driver_call *call, struct postern_match **match)
{
    struct postern_error error;
    const char *text;
    size_t len;
    int r;

    if (postern_reader_string(&call->in, &text, &len) < 0)
        return postern_driver_no_memory(call);
    if (len > POSTERN_MATCH_TEXT_MAX)
        return postern_driver_fail(call, "LimitsExceeded", "A match rule may be %d bytes long, and this one has %zu", POSTERN_MATCH_TEXT_MAX, len);
    r = postern_match_parse(text, len, match, &error);
    if (r == -EINVAL)
        return postern_driver_fail(call, "MatchRuleInvalid", "%s", error.text);
    return r < 0 ? postern_driver_no_memory(call) : 0;
}

/* Hearing what is meant for others is a privilege of its own, as of a monitor. Of each message the policy is asked besides. */
static int may_eavesdrop(struct postern_driver_call *call)
{
    struct postern_mediation question = {.action = POSTERN_ACTION_MONITOR, .flags = POSTERN_REQUEST_EAVESDROP, .from = call->conn};
    struct postern_verdict verdict;

    if (!postern_mediation_may(call->bus, &question, &verdict)) {
        postern_emit_denied(call->conn, call->message->header.serial, &verdict);
        call->answered = true;
        return -EACCES;
    }
    if (!postern_driver_is_privileged(call->conn))
        return postern_driver_fail(call, "AccessDenied", "Only root and the user of this bus may add match rules with eavesdrop='true'");
    return 0;
}

static int add_match(struct postern_driver_call *call)
{
    struct postern_conn *conn = call->conn;
    struct postern_match *match;
    int r = read_match(call, &match);

    if (r < 0)
        return r;
    if (match->eavesdrop)
        r = may_eavesdrop(call);
    if (r == 0 && (conn->matches.n_rules >= call->bus->config->limits.max_match_rules_per_connection ||
                   !postern_account_fits(conn->container, POSTERN_CHARGE_MATCHES, 1)))
        r = postern_driver_fail(call, "LimitsExceeded", "This connection, or its container, has as many match rules as it may");
    if (r == 0 && postern_matchset_add(call->bus->matches, &conn->matches, match) < 0)
        r = postern_driver_no_memory(call);
    if (r < 0) {
        postern_match_free(match);
        return r;
    }
    postern_stats_matches(conn, 1);
    return 0;
}

static int remove_match(struct postern_driver_call *call)
{
    struct postern_conn *conn = call->conn;
    struct postern_match *match;
    int r = read_match(call, &match);

    if (r < 0)
        return r;
    r = postern_matchset_remove(call->bus->matches, &conn->matches, match);
    postern_match_free(match);
    if (r < 0)
        return postern_driver_fail(call, "MatchRuleNotFound", "This connection has no such match rule");
    postern_stats_matches(conn, -1);
    return 0;
}

const struct postern_driver_method postern_driver_match_methods[] = {
    {"AddMatch", "s", "", false, add_match},
    {"RemoveMatch", "s", "", false, remove_match},
    {0},
};
