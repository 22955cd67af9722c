/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.freedesktop.DBus: names, their owners, and starting services. A name that the caller may not see behaves as if it did not exist. */
#include <errno.h>
#include <string.h>

#include "daemon/activation.h"
#include "daemon/bus.h"
#include "daemon/driver.h"
#include "daemon/emit.h"
#include "daemon/mediation.h"
#include "daemon/naming.h"
#include "wire/name.h"

static bool is_driver(const char *name)
{
    return strcmp(name, POSTERN_DRIVER_NAME) == 0;
}

/* Who bears the name, as far as the caller may know. */
static struct postern_conn *visible_owner(struct postern_driver_call *call, const char *name)
{
    struct postern_conn *owner = postern_bus_find(call->bus, name, (uint32_t)strlen(name));

    if (owner == NULL || postern_mediation_see(call->conn, owner, name) == POSTERN_SEE_HIDDEN)
        return NULL;
    return owner;
}

static int no_owner(struct postern_driver_call *call, const char *name)
{
    return postern_driver_fail(call, "NameHasNoOwner", "Could not get owner of name '%s': no such name", name);
}

/* Reads the name that a connection wants to own or give up, and asks whether it may. */
static int read_own_name(struct postern_driver_call *call, const char **name, uint32_t flags)
{
    struct postern_mediation question = {.action = POSTERN_ACTION_OWN, .flags = flags, .from = call->conn};
    struct postern_verdict verdict;
    size_t len;

    if (postern_reader_string(&call->in, name, &len) < 0)
        return postern_driver_no_memory(call);
    if (!postern_name_is_bus(*name, len))
        return postern_driver_fail(call, "InvalidArgs", "\"%s\" is not a valid bus name", *name);
    if ((*name)[0] == ':')
        return postern_driver_fail(call, "InvalidArgs", "Unique names such as \"%s\" are the bus's to give", *name);
    if (is_driver(*name))
        return postern_driver_fail(call, "InvalidArgs", "The name %s is the bus's own", *name);
    question.name = *name;
    if (postern_mediation_may(call->bus, &question, &verdict))
        return 0;
    postern_emit_denied(call->conn, call->message->header.serial, &verdict);
    call->answered = true;
    return -EACCES;
}

static int request_name(struct postern_driver_call *call)
{
    const char *name;
    uint32_t flags, result;
    int r = read_own_name(call, &name, 0);

    if (r < 0)
        return r;
    if (postern_reader_u32(&call->in, &flags) < 0)
        return postern_driver_no_memory(call);
    r = postern_naming_request(call->conn, name, flags, &result);
    if (r == -ENOBUFS)
        return postern_driver_fail(call, "LimitsExceeded", "This connection, or its container, owns as many names as it may");
    if (r < 0)
        return postern_driver_no_memory(call);
    postern_writer_u32(&call->out, result);
    return 0;
}

static int release_name(struct postern_driver_call *call)
{
    const char *name;
    int r = read_own_name(call, &name, POSTERN_REQUEST_RELEASE);

    if (r < 0)
        return r;
    postern_writer_u32(&call->out, postern_naming_release(call->conn, name));
    return 0;
}

static int list_names(struct postern_driver_call *call)
{
    struct postern_bus *bus = call->bus;

    postern_writer_open(&call->out, 'a', "s");
    postern_writer_string(&call->out, POSTERN_DRIVER_NAME);
    for (struct postern_conn *conn = bus->conns; conn != NULL; conn = conn->next)
        if (conn->state == POSTERN_CONN_ACTIVE && postern_mediation_see(call->conn, conn, conn->unique) != POSTERN_SEE_HIDDEN)
            postern_writer_string(&call->out, conn->unique);
    for (struct postern_name *name = bus->names.table; name != NULL; name = name->hh.next)
        if (postern_mediation_see(call->conn, postern_conn_of_names(postern_name_primary(name)), name->name) != POSTERN_SEE_HIDDEN)
            postern_writer_string(&call->out, name->name);
    postern_writer_close(&call->out);
    return 0;
}

static int list_activatable_names(struct postern_driver_call *call)
{
    postern_writer_open(&call->out, 'a', "s");
    postern_writer_string(&call->out, POSTERN_DRIVER_NAME);
    for (struct postern_service *service = call->bus->services.table; service != NULL; service = service->hh.next)
        if (postern_mediation_see(call->conn, NULL, service->name) != POSTERN_SEE_HIDDEN)
            postern_writer_string(&call->out, service->name);
    postern_writer_close(&call->out);
    return 0;
}

static int name_has_owner(struct postern_driver_call *call)
{
    const char *name;

    if (postern_reader_string(&call->in, &name, NULL) < 0)
        return postern_driver_no_memory(call);
    postern_writer_bool(&call->out, is_driver(name) || visible_owner(call, name) != NULL);
    return 0;
}

static int get_name_owner(struct postern_driver_call *call)
{
    const struct postern_conn *owner;
    const char *name;

    if (postern_reader_string(&call->in, &name, NULL) < 0)
        return postern_driver_no_memory(call);
    if (is_driver(name)) {
        postern_writer_string(&call->out, POSTERN_DRIVER_NAME);
        return 0;
    }
    owner = visible_owner(call, name);
    if (owner == NULL)
        return no_owner(call, name);
    postern_writer_string(&call->out, owner->unique);
    return 0;
}

/* The queue, less whom the caller may not see. */
static void write_queue(struct postern_driver_call *call, const struct postern_name *entry)
{
    for (const struct postern_ownership *place = entry->queue; place != NULL; place = place->queue_next) {
        const struct postern_conn *conn = postern_conn_of_names(place->owner);

        if (postern_mediation_see(call->conn, conn, conn->unique) != POSTERN_SEE_HIDDEN)
            postern_writer_string(&call->out, conn->unique);
    }
}

static int list_queued_owners(struct postern_driver_call *call)
{
    const struct postern_name *entry;
    const struct postern_conn *owner;
    const char *name;
    size_t len;

    if (postern_reader_string(&call->in, &name, &len) < 0)
        return postern_driver_no_memory(call);
    owner = is_driver(name) ? NULL : visible_owner(call, name);
    if (owner == NULL && !is_driver(name))
        return no_owner(call, name);
    entry = postern_names_find(&call->bus->names, name, len);
    postern_writer_open(&call->out, 'a', "s");
    if (entry != NULL)
        write_queue(call, entry);
    else
        postern_writer_string(&call->out, owner != NULL ? owner->unique : POSTERN_DRIVER_NAME);
    postern_writer_close(&call->out);
    return 0;
}

/* What may not be started is refused in the same words whether it runs, could be started or does not exist. */
static int start_service(struct postern_driver_call *call)
{
    struct postern_mediation question = {.action = POSTERN_ACTION_ACTIVATE, .from = call->conn};
    const struct postern_header *header = &call->message->header;
    const struct postern_service *service;
    struct postern_verdict verdict;
    const char *name;
    uint32_t flags;
    size_t len;

    if (postern_reader_string(&call->in, &name, &len) < 0 || postern_reader_u32(&call->in, &flags) < 0)
        return postern_driver_no_memory(call);
    service = postern_services_find(&call->bus->services, name);
    question.name = name;
    question.assumed_label = service != NULL ? service->apparmor_label : NULL;
    /* What there is is no secret outside of containers, and a name that is none is no question to the mediator. */
    if ((service != NULL || call->conn->contained) && !postern_mediation_may(call->bus, &question, &verdict)) {
        postern_emit_denied(call->conn, header->serial, &verdict);
        call->answered = true;
        return -EACCES;
    }
    if (service == NULL)
        return postern_driver_fail(call, "ServiceUnknown", "The name %s was not provided by any .service files", name);
    if (postern_bus_find(call->bus, name, (uint32_t)len) != NULL) {
        postern_writer_u32(&call->out, POSTERN_START_REPLY_ALREADY_RUNNING);
        return 0;
    }
    call->answered = true; /* when it runs, or fails */
    postern_activation_call(call->conn, header->serial, (header->flags & POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED) == 0, service);
    return 0;
}

const struct postern_driver_method postern_driver_name_methods[] = {
    {"RequestName", "su", "u", false, request_name},
    {"ReleaseName", "s", "u", false, release_name},
    {"StartServiceByName", "su", "u", false, start_service},
    {"NameHasOwner", "s", "b", false, name_has_owner},
    {"ListNames", "", "as", false, list_names},
    {"ListActivatableNames", "", "as", false, list_activatable_names},
    {"GetNameOwner", "s", "s", false, get_name_owner},
    {"ListQueuedOwners", "s", "as", false, list_queued_owners},
    {0},
};
