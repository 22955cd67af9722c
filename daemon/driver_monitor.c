/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.freedesktop.DBus.Monitoring. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/bus.h"
#include "daemon/driver.h"
#include "daemon/emit.h"
#include "daemon/mediation.h"

/* The rules of one BecomeMonitor call. */
struct rules {
    struct postern_match **list;
    uint32_t n;
};

static void rules_free(struct rules *rules)
{
    for (uint32_t i = 0; i < rules->n; i++)
        postern_match_free(rules->list[i]);
    free(rules->list);
}

/* As many as the array at the reader has, and one for the rule that matches everything. */
static uint32_t count_rules(struct postern_reader reader)
{
    uint32_t n = 0;

    postern_reader_enter(&reader, 'a');
    for (; postern_reader_more(&reader); n++)
        postern_reader_skip(&reader);
    return n > 0 ? n : 1;
}

static int add_rule(struct postern_driver_call *call, struct rules *rules, const char *text, size_t len)
{
    struct postern_error error;
    int r = postern_match_parse(text, len, &rules->list[rules->n], &error);

    if (r == -EINVAL)
        return postern_driver_fail(call, "MatchRuleInvalid", "%s", error.text);
    if (r < 0)
        return postern_driver_no_memory(call);
    rules->n++;
    return 0;
}

static int read_rules(struct postern_driver_call *call, struct rules *rules)
{
    uint32_t n = count_rules(call->in);
    const char *text;
    size_t len;
    int r = 0;

    if (n > call->bus->config->limits.max_match_rules_per_connection)
        return postern_driver_fail(call, "LimitsExceeded", "A monitor may have as many match rules as another connection (max_match_rules_per_connection)");
    rules->list = calloc(n, sizeof(*rules->list));
    if (rules->list == NULL)
        return postern_driver_no_memory(call);
    postern_reader_enter(&call->in, 'a');
    while (r == 0 && postern_reader_more(&call->in)) {
        if (postern_reader_string(&call->in, &text, &len) < 0)
            return postern_driver_no_memory(call);
        r = add_rule(call, rules, text, len);
    }
    if (r == 0 && rules->n == 0)
        r = add_rule(call, rules, "", 0);
    return r;
}

/* The flags come after the rules, but with them wrong, the rules do not matter. */
static int check_flags(struct postern_driver_call *call)
{
    struct postern_reader reader = call->in;
    uint32_t flags;

    if (postern_reader_skip(&reader) < 0 || postern_reader_u32(&reader, &flags) < 0)
        return postern_driver_no_memory(call);
    return flags == 0 ? 0 : postern_driver_fail(call, "InvalidArgs", "BecomeMonitor knows no flags, and must be given 0");
}

static int may_monitor(struct postern_driver_call *call)
{
    struct postern_mediation question = {.action = POSTERN_ACTION_MONITOR, .from = call->conn};
    struct postern_verdict verdict;

    if (postern_mediation_may(call->bus, &question, &verdict))
        return 0;
    postern_emit_denied(call->conn, call->message->header.serial, &verdict);
    call->answered = true;
    return -EACCES;
}

static int become_monitor(struct postern_driver_call *call)
{
    struct postern_conn *conn = call->conn;
    struct postern_monitor *monitor = NULL;
    struct rules rules = {0};
    int r = may_monitor(call);

    if (r == 0)
        r = check_flags(call);
    if (r == 0)
        r = read_rules(call, &rules);
    if (r == 0) {
        monitor = postern_monitor_new(conn, rules.list, rules.n);
        rules.n = 0;
        if (monitor == NULL)
            r = postern_driver_no_memory(call);
    }
    rules_free(&rules);
    if (r < 0)
        return r;
    if ((call->message->header.flags & POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED) == 0)
        postern_emit_reply(conn, call->message->header.serial, NULL, NULL);
    call->answered = true;
    postern_router_retire(conn);
    postern_monitor_begin(monitor);
    return 0;
}

static const struct postern_driver_method monitoring_methods[] = {
    {"BecomeMonitor", "asu", "", true, become_monitor},
    {0},
};
static const struct postern_driver_method *const monitoring_tables[] = {monitoring_methods, NULL};

const struct postern_driver_interface postern_driver_monitoring_interface = {
    "org.freedesktop.DBus.Monitoring", true, false, monitoring_tables, postern_driver_no_signals, postern_driver_no_properties,
};
