/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/reload_services.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "daemon/bus.h"
#include "daemon/emit.h"
#include "daemon/mediation.h"
#include "daemon/reload.h"

static void warn_service(void *data, const char *text)
{
    struct postern_bus *bus = data;

    postern_log(&bus->log, LOG_WARNING, "%s", text);
}

/* Who only looks for names says nothing: the files will be read once more. */
static void no_warning(void *data, const char *text)
{
    (void)data;
    (void)text;
}

int postern_reload_services(struct postern_bus *bus, const struct postern_busconfig *config, struct postern_services *services)
{
    *services = (struct postern_services){0};
    return postern_services_load(services, config->servicedirs, config->servicehelper != NULL, warn_service, bus);
}

/* ---- the users that they name -------------------------------------------------------------------------------- */

/* The mediator asks for nobody elsewhere: OwnerUser= has no effect there. */
static bool names_users(const struct postern_busconfig *config)
{
    return config->type != NULL && strcmp(config->type, "system") == 0;
}

/* The name to be looked up, or NULL. */
static const char *name_of(const struct postern_service *service)
{
    const char *name = service->owner_user.text;
    uint32_t id;
    bool exists;

    return name != NULL && !postern_lookup_number(name, &id, &exists) ? name : NULL;
}

int postern_reload_services_collect(const struct postern_busconfig *config, struct postern_lookups *lookups)
{
    struct postern_services services = {0};
    uint32_t id;
    int r;

    if (!names_users(config))
        return 0;
    r = postern_services_load(&services, config->servicedirs, config->servicehelper != NULL, no_warning, NULL);
    for (struct postern_service *service = services.table; r == 0 && service != NULL; service = service->hh.next)
        if (name_of(service) != NULL)
            r = postern_lookups_collect(lookups, POSTERN_LOOKUP_USER, name_of(service), &id);
    postern_services_finish(&services);
    return r;
}

/* Is there a user whom nobody has looked up? */
static bool lacks_user(const struct postern_bus *bus)
{
    uint32_t id;

    if (!names_users(bus->config))
        return false;
    for (struct postern_service *service = bus->services.table; service != NULL; service = service->hh.next)
        if (name_of(service) != NULL &&
            postern_lookups_answer((void *)&bus->reload.in_force, POSTERN_LOOKUP_USER, name_of(service), &id) == -ESTALE)
            return true;
    return false;
}

/* ---- in force -------------------------------------------------------------------------------------------------- */

void postern_reload_services_tell(struct postern_bus *bus)
{
    int r = postern_mediation_services(bus);

    /* Only when that can help: nothing must make us read the same files over and over. */
    if (r == -EAGAIN && lacks_user(bus))
        postern_reload_request(bus);
    else if (r < 0)
        postern_log(&bus->log, LOG_ERR, "the mediator could not be told what the service files say: %s", strerror(-r));
}

/* The one place where the table of services is replaced while the bus serves. Nobody may keep a pointer into the old one. */
void postern_reload_services_replace(struct postern_bus *bus, const struct postern_services *services)
{
    struct postern_message_parts parts = {
        .type = POSTERN_MESSAGE_SIGNAL,
        .path = "/org/freedesktop/DBus",
        .interface = "org.freedesktop.DBus",
        .member = "ActivatableServicesChanged",
    };

    postern_services_finish(&bus->services);
    bus->services = *services;
    postern_reload_services_tell(bus);
    /* It says that they may have changed: D-Bus Specification, "org.freedesktop.DBus.ActivatableServicesChanged". */
    postern_emit_broadcast(bus, &parts);
}

void postern_reload_services_changed(struct postern_bus *bus)
{
    struct postern_services services;

    if (postern_reload_services(bus, bus->config, &services) < 0)
        postern_log(&bus->log, LOG_ERR, "the service files have changed, but there is no memory to read them");
    else
        postern_reload_services_replace(bus, &services);
}
