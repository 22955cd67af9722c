/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.freedesktop.DBus.Verbose, for builds configured with --enable-verbose-mode alone: clients take its presence as the sign of a build
 * for debugging, and in such a build every verdict is put into words, whether the log takes it or not.
 */
#include <syslog.h>

#include "daemon/bus.h"
#include "daemon/driver.h"

static int set_verbose(struct postern_driver_call *call, bool verbose)
{
    struct postern_log *log = &call->bus->log;

    log->verbose = verbose;
    postern_log(log, LOG_INFO, "%s has made the log %s", call->conn->unique, verbose ? "verbose" : "terse");
    return 0;
}

static int enable(struct postern_driver_call *call)
{
    return set_verbose(call, true);
}

static int disable(struct postern_driver_call *call)
{
    return set_verbose(call, false);
}

static const struct postern_driver_method verbose_methods[] = {
    {"EnableVerbose", "", "", true, enable},
    {"DisableVerbose", "", "", true, disable},
    {0},
};
static const struct postern_driver_method *const verbose_tables[] = {verbose_methods, NULL};

const struct postern_driver_interface postern_driver_verbose_interface = {
    "org.freedesktop.DBus.Verbose", true, false, verbose_tables, postern_driver_no_signals, postern_driver_no_properties,
};
