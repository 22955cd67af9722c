/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of posternd. */
#ifndef POSTERN_DAEMON_OPTIONS_H
#define POSTERN_DAEMON_OPTIONS_H

#include <stdbool.h>

#include "util/error.h"

enum postern_log_choice { POSTERN_LOG_CONFIGURED, POSTERN_LOG_STDERR, POSTERN_LOG_BOTH, POSTERN_LOG_SYSLOG };
enum postern_fork_choice { POSTERN_FORK_AS_CONFIGURED, POSTERN_FORK_YES, POSTERN_FORK_NO };

struct postern_daemon_options {
    const char *config_file;     /* of --session, --system or --config-file */
    const char *mediator_config; /* NULL: default places */
    const char *module;          /* NULL: default; "none": no mediator */
    const char *address;         /* NULL: those of the configuration */
    int print_address;           /* fd, -1: do not */
    int print_pid;
    enum postern_fork_choice fork;
    bool no_pidfile;
    bool systemd_activation;
    const char *launch_unit;     /* NAME@.service; NULL */
    bool verbose;                /* log every verdict */
    enum postern_log_choice log; /* --nosyslog, --syslog, --syslog-only */
    bool check;                  /* judge the configuration, start nothing; the log is standard error */
    bool help, version, introspect; /* print and exit 0 */
};

/* Reads argv. 0, or -EINVAL with *error saying which argument is wrong and what is expected. Strings point into argv. */
int postern_options_parse(int argc, char **argv, struct postern_daemon_options *options, struct postern_error *error);
/* The text of --help, naming every option. */
const char *postern_options_help(void);
/* The text of --version: the version, and what was built in. */
const char *postern_options_version(void);

#endif
