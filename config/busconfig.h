/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The busconfig language of dbus-daemon(1), read whole: every element, with all includes resolved, in the order in which it was
 * written. This is the one reader of these files: policy/ compiles the rules, the daemon takes the rest.
 */
#ifndef POSTERN_CONFIG_BUSCONFIG_H
#define POSTERN_CONFIG_BUSCONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/location.h"
#include "config/lookup.h"
#include "util/error.h"

/* The values of <limit>, with dbus-daemon's defaults. Bytes, counts and milliseconds. */
struct postern_limits {
    uint64_t max_incoming_bytes;
    uint64_t max_incoming_unix_fds;
    uint64_t max_outgoing_bytes;
    uint64_t max_outgoing_unix_fds;
    uint64_t max_message_size;
    uint64_t max_message_unix_fds;
    uint64_t service_start_timeout;
    uint64_t auth_timeout;
    uint64_t pending_fd_timeout;
    uint64_t max_completed_connections;
    uint64_t max_incomplete_connections;
    uint64_t max_connections_per_user;
    uint64_t max_pending_service_starts;
    uint64_t max_names_per_connection;
    uint64_t max_match_rules_per_connection;
    uint64_t max_replies_per_connection;
    uint64_t reply_timeout; /* 0: never */
    uint64_t max_containers;              /* defaults of these four by <type>: system 512, 16, 8, 4096; */
    uint64_t max_containers_per_user;     /* session, or no type: 10000, 10000, 128, 1048576 */
    uint64_t max_connections_per_container;
    uint64_t max_container_metadata_bytes;
};

/* A yes/no attribute that may be absent. */
enum postern_tristate { POSTERN_UNSET = 0, POSTERN_FALSE = 1, POSTERN_TRUE = 2 };

/* The <policy> that a rule stands in, in order of evaluation. */
enum postern_policy_context {
    POSTERN_CONTEXT_DEFAULT,
    POSTERN_CONTEXT_GROUP,
    POSTERN_CONTEXT_USER,
    POSTERN_CONTEXT_CONSOLE_FALSE, /* at_console="false" */
    POSTERN_CONTEXT_CONSOLE_TRUE,
    POSTERN_CONTEXT_MANDATORY,
};

/* One <allow> or <deny>, syntactically and semantically checked (no mixing of send and receive and so on), not yet compiled.
 * Strings are NULL when the attribute is absent; "*" is kept as written. */
struct postern_busconfig_rule {
    enum postern_policy_context context;
    bool context_known;   /* USER, GROUP: the name exists on this machine; else the rules apply to nobody */
    bool context_failed;  /* USER, GROUP: not known, because the look-up failed: an allow applies to nobody, a deny to all but root */
    uint32_t context_id;  /* USER, GROUP: uid or gid */
    bool allow;
    struct postern_location where;
    char *send_interface, *send_member, *send_error, *send_destination, *send_destination_prefix, *send_path;
    char *receive_interface, *receive_member, *receive_error, *receive_sender, *receive_path;
    uint8_t send_type, receive_type; /* message types; 0: absent or "*" */
    bool has_send_type, has_receive_type;
    enum postern_tristate send_broadcast, send_requested_reply, receive_requested_reply, eavesdrop, log;
    char *own, *own_prefix;
    char *user, *group;   /* who may connect */
    bool user_known, group_known;
    bool account_failed;  /* the user or group is not known, because the look-up failed; meaning as for context_failed */
    uint32_t user_id, group_id;
    uint32_t min_fds, max_fds; /* 0 and UINT32_MAX when absent */
};

struct postern_busconfig_associate {
    char *name;
    char *context;
    struct postern_location where;
};

enum postern_apparmor_mode { POSTERN_APPARMOR_ENABLED = 0, POSTERN_APPARMOR_DISABLED, POSTERN_APPARMOR_REQUIRED };

struct postern_busconfig {
    char *type;            /* NULL when absent */
    char *user;            /* NULL */
    struct postern_location user_where;
    bool fork, keep_umask, syslog, allow_anonymous;
    char *pidfile, *servicehelper;
    char **listen;         /* addresses as written; NULL-terminated arrays, NULL when empty */
    struct postern_location *listen_where; /* one for each of listen */
    char **auth;
    struct postern_location auth_where;    /* of the last one */
    char **servicedirs;    /* absolute paths, first has the highest priority, standard ones expanded in their place */
    char *runtime_dir;     /* <standard_session_servicedirs/>: $XDG_RUNTIME_DIR, below which dbus-1/services is to be made; NULL */
    struct postern_limits limits;
    bool apparmor_given;
    enum postern_apparmor_mode apparmor;
    struct postern_location apparmor_where;
    struct postern_busconfig_associate *associates;
    size_t n_associates;
    struct postern_busconfig_rule *rules; /* in the order written */
    size_t n_rules;
    bool at_console;       /* some <policy> depends on it */
    char **includedirs;    /* absolute paths, whether or not they are there; NULL-terminated, NULL when empty */
    char **files;          /* every file that counts, NULL-terminated; owns the strings of the locations */
    char **warnings;       /* what the administrator should hear, as file:line:column; NULL-terminated, NULL when there is nothing */
    unsigned n_passed_over; /* files of an <includedir> that do not count because of a fault in them */
    unsigned n_failed;      /* look-ups that failed */
};

/* What reading depends on beside the files. Zeroed: NSS is asked, and nothing is in force. */
struct postern_busconfig_source {
    postern_lookup_fn *lookup; /* NULL: postern_lookup_nss() */
    void *lookup_data;
    const struct postern_busconfig *in_force; /* what would be replaced; NULL */
};

/*
 * Reads the file and all it includes. 0 and a new *config, or a negative errno with *error saying file:line:column, what is
 * wrong and what would be right. source NULL: a zeroed one.
 *
 * Users and groups are looked up while reading. An unknown one makes its rules apply to nobody. Where the look-up fails, nobody gets
 * what the rule allows and everybody but root is denied what it denies: no deny vanishes with a directory service, and the bus still
 * starts, so that the directory service can.
 *
 * A file of an <includedir> that is faulty, or includes one that is, is passed over as a whole, with a warning, as by dbus-daemon(1) - unless
 * its rules are in force: what it denies must not come free because of a mistake made later. The file itself and what it includes by
 * <include> must be without fault. <includedir> reads its files in name order.
 */
int postern_busconfig_read(const char *path, const struct postern_busconfig_source *source, struct postern_busconfig **config,
                           struct postern_error *error);
void postern_busconfig_free(struct postern_busconfig *config); /* NULL is allowed */

#endif
