/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Service files (*.service of the servicedirs): D-Bus Specification, "Message Bus Starting Services". */
#ifndef POSTERN_DAEMON_SERVICE_H
#define POSTERN_DAEMON_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/hash.h"

#define POSTERN_SERVICE_SUFFIX ".service"

/* A key of the group [X-Postern], which is for the mediator: daemon/mediation.c hands it on unread. */
struct postern_service_key {
    char *text; /* NULL: there is none */
    unsigned line;
};

struct postern_service {
    char *name;           /* well-known bus name */
    char *file;           /* where it was read */
    char *exec;           /* command line, still quoted; NULL when only systemd can start it */
    char *user;           /* NULL */
    char *systemd_unit;   /* SystemdService; NULL */
    char *apparmor_label; /* AssumedAppArmorLabel; NULL */
    struct postern_service_key allow, owner_user, access_control;
    char *refused;        /* the group [X-Postern] does not count, none of its keys: why, as file:line and what is wrong; NULL */
    UT_hash_handle hh;
};

struct postern_services {
    struct postern_service *table;
};

/* Reads the text of one service file, text[0..len) with a NUL behind. file is its name, for errors; by_helper: a <servicehelper>
 * will look for it by that name, which must be NAME.service. 0 with a new *service, -EINVAL with *error saying file:line and what is wrong, or
 * -ENOMEM. */
int postern_service_parse(const char *file, const char *text, size_t len, bool by_helper, struct postern_service **service,
                          struct postern_error *error);
void postern_service_free(struct postern_service *service); /* NULL is allowed */

/* Called for each file that was passed over, and for each group [X-Postern] that does not count, with the reason: file:line and what is wrong. */
typedef void postern_service_warn_fn(void *data, const char *text);

/* Reads all *.service files of the directories (NULL-terminated array, or NULL); the first directory that has a name wins, and within
 * a directory the first file in the order of bytes. by_helper as above. Missing directories are normal; bad files are passed over
 * with a warning; a file of more than 64 KiB is bad. 0, or -ENOMEM with *services empty. */
int postern_services_load(struct postern_services *services, char *const *dirs, bool by_helper, postern_service_warn_fn *warn,
                          void *data);
/* Makes runtime_dir/dbus-1/services, each with mode 0700, unless they are there: dbus-daemon(1), <standard_session_servicedirs/>. 0 or
 * negative errno. */
int postern_services_make_runtime_dir(const char *runtime_dir);
const struct postern_service *postern_services_find(const struct postern_services *services, const char *name);
void postern_services_finish(struct postern_services *services);

#endif
