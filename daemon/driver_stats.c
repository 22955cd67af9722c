/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/driver.h"
static const struct postern_driver_method stats_methods[] = {
    {0},
};
static const struct postern_driver_method *const stats_tables[] = {stats_methods, NULL};

const struct postern_driver_interface postern_driver_stats_interface = {
    "org.freedesktop.DBus.Debug.Stats", true, false, stats_tables, postern_driver_no_signals, postern_driver_no_properties,
};
