/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/starter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/bus.h"
#include "daemon/command.h"
#include "daemon/emit.h"
#include "daemon/systemd.h"
#include "util/cleanup.h"

#define SPAWN_ERROR POSTERN_ERROR_PREFIX "Spawn."

/* ---- how it ended ---------------------------------------------------------------------------------------- */

/* The exit codes of dbus-daemon-launch-helper(8), as of dbus 1.12 and later. NULL: none of them; 1 is any other failure. */
static const char *helper_error(int status)
{
    static const char *const names[] = {
        [2] = POSTERN_ERROR_PREFIX "NoMemory",
        [3] = SPAWN_ERROR "ConfigInvalid",
        [4] = SPAWN_ERROR "FailedToSetup",
        [5] = SPAWN_ERROR "ServiceNotValid",
        [6] = SPAWN_ERROR "ServiceNotFound",
        [7] = SPAWN_ERROR "PermissionsInvalid",
        [8] = SPAWN_ERROR "FileInvalid",
        [9] = SPAWN_ERROR "ExecFailed",
        [10] = POSTERN_ERROR_PREFIX "InvalidArgs",
        [11] = SPAWN_ERROR "ChildSignaled",
    };

    return status > 1 && (size_t)status < sizeof(names) / sizeof(names[0]) ? names[status] : NULL;
}

/* The first process has ended and the name has no owner yet. One that ends well may have left a daemon behind, which is waited for. */
static void ended(void *data, const struct postern_ending *ending)
{
    struct postern_activation *activation = data;
    const char *name = activation->name, *program = activation->program;

    activation->child = NULL;
    if (ending->exec_errno != 0)
        postern_activation_fail(activation, SPAWN_ERROR "ExecFailed", "the program %s of the service %s cannot be run: %s", program, name,
                                strerror(ending->exec_errno));
    else if (ending->killed)
        postern_activation_fail(activation, SPAWN_ERROR "ChildSignaled", "the program %s of the service %s was ended by signal %d", program, name,
                                ending->status);
    else if (activation->helped && helper_error(ending->status) != NULL)
        postern_activation_fail(activation, helper_error(ending->status), "the helper %s could not start the service %s (exit status %d)", program,
                                name, ending->status);
    else if (ending->status != 0)
        postern_activation_fail(activation, SPAWN_ERROR "ChildExited", "the program %s of the service %s exited with status %d", program, name,
                                ending->status);
}

/* ---- a program of the bus's own --------------------------------------------------------------------------- */

/* The variable by which clients find the bus of this type; NULL: it is neither of the well-known ones. */
static char *well_known_variable(const char *type)
{
    static char session[] = "DBUS_SESSION_BUS_ADDRESS", system[] = "DBUS_SYSTEM_BUS_ADDRESS";

    if (type != NULL && strcmp(type, "session") == 0)
        return session;
    return type != NULL && strcmp(type, "system") == 0 ? system : NULL;
}

/* What tells a service where its bus is: D-Bus Specification, "Message Bus Starting Services". */
static char **make_environment(struct postern_bus *bus)
{
    postern_autofree char *address = postern_listen_addresses(&bus->listen);
    char starter_address[] = "DBUS_STARTER_ADDRESS", starter_type[] = "DBUS_STARTER_BUS_TYPE";
    const struct postern_variable own[] = {
        {.name = starter_address, .value = address},
        {.name = starter_type, .value = bus->config->type},
        {.name = well_known_variable(bus->config->type), .value = address},
        {0},
    };

    return address != NULL ? postern_environment_build(&bus->environment, environ, own) : NULL;
}

static int launch(struct postern_activation *activation, char **words)
{
    struct postern_bus *bus = activation->bus;
    char **environment = make_environment(bus);
    struct postern_error error;
    int r;

    activation->program = strdup(words[0]);
    if (environment == NULL || activation->program == NULL)
        r = postern_error_set(&error, -ENOMEM, "out of memory");
    else
        r = postern_launch(bus, activation->name, words, environment, ended, activation, &activation->child, &error);
    postern_environment_free(environment);
    if (r < 0)
        postern_activation_fail(activation, r == -ENOMEM ? POSTERN_ERROR_PREFIX "NoMemory" : SPAWN_ERROR "ForkFailed", "%s", error.text);
    return r;
}

/* On a system bus the helper looks the service up by itself, checks its file, and becomes the user that it names. */
static int run_helper(struct postern_activation *activation, const struct postern_service *service)
{
    char *words[] = {activation->bus->config->servicehelper, activation->name, NULL};

    if (service->user == NULL) {
        postern_activation_fail(activation, SPAWN_ERROR "FileInvalid", "%s: a service of a system bus needs User=", service->file);
        return -EINVAL;
    }
    activation->helped = true;
    return launch(activation, words);
}

static int run_program(struct postern_activation *activation, const struct postern_service *service)
{
    struct postern_error error;
    char **words;
    int r;

    if (service->exec == NULL) {
        postern_activation_fail(activation, SPAWN_ERROR "FileInvalid", "%s: there is no Exec=, and this bus does not start services through systemd",
                                service->file);
        return -EINVAL;
    }
    r = postern_command_split(service->exec, &words, &error);
    if (r < 0) {
        postern_activation_fail(activation, r == -ENOMEM ? POSTERN_ERROR_PREFIX "NoMemory" : POSTERN_ERROR_PREFIX "InvalidArgs", "%s: Exec=: %s",
                                service->file, error.text);
        return r;
    }
    r = launch(activation, words);
    postern_command_free(words);
    return r;
}

/* ---- systemd ---------------------------------------------------------------------------------------------- */

static void log_start(const struct postern_activation *activation, const char *how, const char *what, const struct postern_conn *requester)
{
    struct postern_bus *bus = activation->bus;

    if (postern_lograte_allows(&bus->activations.lines, &bus->log, "starts of services"))
        postern_log(&bus->log, LOG_INFO, "starting the service %s %s%s, asked by %s (uid %u, pid %d)", activation->name, how, what,
                    requester->unique, (unsigned)requester->uid, (int)requester->facts.pid);
}

static void run_unit(struct postern_activation *activation, char *unit, const struct postern_conn *requester)
{
    activation->unit = unit;
    if (unit == NULL) {
        postern_activation_fail(activation, POSTERN_ERROR_PREFIX "NoMemory", "Out of memory");
        return;
    }
    log_start(activation, "through systemd, unit ", unit, requester);
    postern_systemd_start(activation->bus, activation);
}

/* An instance of the launch unit for one start of a service. A service that has given up its name may still run when it is wanted again,
 * and systemd would not start the same instance twice: so none is used twice, by this bus or one before it. NULL: out of memory. */
static char *launch_instance(struct postern_bus *bus, const char *name)
{
    const char *at = strchr(bus->launch_unit, '@');
    char *unit;

    if (asprintf(&unit, "%.*s%s:%d.%llu%s", (int)(at + 1 - bus->launch_unit), bus->launch_unit, name, (int)getpid(),
                 (unsigned long long)++bus->launches, at + 1) < 0)
        return NULL;
    return unit;
}

/* ---- the choice ------------------------------------------------------------------------------------------- */

/* The helper can only become a user that the file names. */
static bool uses_launch_unit(const struct postern_bus *bus, const struct postern_service *service)
{
    return bus->launch_unit != NULL && bus->config->servicehelper != NULL && service->user != NULL;
}

bool postern_starter_uses_systemd(const struct postern_bus *bus, const struct postern_service *service)
{
    return bus->systemd_activation && strcmp(service->name, POSTERN_SYSTEMD_NAME) != 0 &&
           (service->systemd_unit != NULL || uses_launch_unit(bus, service));
}

void postern_starter_run(struct postern_activation *activation, const struct postern_service *service, const struct postern_conn *requester)
{
    struct postern_bus *bus = activation->bus;

    if (bus->systemd_activation && strcmp(activation->name, POSTERN_SYSTEMD_NAME) == 0) {
        log_start(activation, "is systemd's own affair", "", requester); /* it comes by itself, or not at all */
    } else if (postern_starter_uses_systemd(bus, service)) {
        run_unit(activation, service->systemd_unit != NULL ? strdup(service->systemd_unit) : launch_instance(bus, activation->name), requester);
    } else if (bus->config->servicehelper != NULL) {
        log_start(activation, "through ", bus->config->servicehelper, requester);
        run_helper(activation, service);
    } else {
        log_start(activation, "by ", service->exec != NULL ? service->exec : service->file, requester);
        run_program(activation, service);
    }
}
