/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interfaces of the driver: org.freedesktop.DBus itself and the three that every object has. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/bus.h"
#include "daemon/driver.h"
#include "daemon/introspect.h"
#include "daemon/mediation.h"
#include "daemon/systemd.h"
#include "util/cleanup.h"
#include "wire/name.h"

/* ---- org.freedesktop.DBus ---------------------------------------------------------------------------- */

static int hello_again(struct postern_driver_call *call)
{
    return postern_driver_fail(call, "Failed", "This connection has said Hello already: it is %s", call->conn->unique);
}

static int get_id(struct postern_driver_call *call)
{
    postern_writer_string(&call->out, call->bus->id);
    return 0;
}

static int reload_config(struct postern_driver_call *call)
{
    const struct postern_header *header = &call->message->header;
    int r = postern_reload_call(call->conn, header->serial, (header->flags & POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED) == 0);

    if (r == -ENOBUFS)
        return postern_driver_fail(call, "LimitsExceeded", "Too many wait for the configuration to be read again");
    if (r < 0)
        return postern_driver_no_memory(call);
    call->answered = true; /* when it has been read */
    return 0;
}

/* Privileged, and for the session's own start-up: what becomes other users through a helper is nobody's to configure. */
static int update_activation_environment(struct postern_driver_call *call)
{
    const char *name, *value;
    int r = 0;

    if (strcmp(call->message->header.path.s, POSTERN_DRIVER_PATH) != 0)
        return postern_driver_fail(call, "AccessDenied", "UpdateActivationEnvironment is only at %s", POSTERN_DRIVER_PATH);
    if (call->bus->config->servicehelper != NULL)
        return postern_driver_fail(call, "AccessDenied", "The activation environment of a bus with a <servicehelper> cannot be changed");
    postern_reader_enter(&call->in, 'a');
    while (r == 0 && postern_reader_more(&call->in)) {
        postern_reader_enter(&call->in, 'e');
        if (postern_reader_string(&call->in, &name, NULL) < 0 || postern_reader_string(&call->in, &value, NULL) < 0)
            return postern_driver_no_memory(call);
        postern_reader_leave(&call->in);
        r = postern_environment_set(&call->bus->environment, name, value);
    }
    if (call->bus->systemd_activation)
        postern_systemd_pass_environment(call->bus);
    if (r == -EINVAL)
        return postern_driver_fail(call, "InvalidArgs", "\"%s\" is not the name of a variable", name);
    if (r == -ENOBUFS)
        return postern_driver_fail(call, "LimitsExceeded", "The activation environment would be larger than a program can be given");
    return r < 0 ? postern_driver_no_memory(call) : 0;
}

static void write_features(struct postern_bus *bus, struct postern_writer *w)
{
    static const char header_filtering[] = "HeaderFiltering"; /* done by this daemon, with or without a mediator */
    const char *const *more = bus->module != NULL ? bus->module->features() : NULL;

    postern_writer_open(w, 'a', "s");
    postern_writer_string(w, "ActivatableServicesChanged");
    postern_writer_string(w, header_filtering);
    if (bus->systemd_activation)
        postern_writer_string(w, "SystemdActivation");
    if (postern_mediation_has_facts(bus)) /* the mediator knows them, and this daemon writes the field */
        postern_writer_string(w, "org.postern.SenderFacts");
    for (; more != NULL && *more != NULL; more++)
        if (strcmp(*more, header_filtering) != 0)
            postern_writer_string(w, *more);
    postern_writer_close(w);
}

static void write_interfaces(struct postern_bus *bus, struct postern_writer *w)
{
    const struct postern_interface *list = NULL;
    uint32_t n = bus->module != NULL ? bus->module->interfaces(&list) : 0;

    postern_writer_open(w, 'a', "s");
    for (const struct postern_driver_interface *const *at = postern_driver_interfaces; *at != NULL; at++)
        if ((*at)->optional)
            postern_writer_string(w, (*at)->name);
    for (uint32_t i = 0; i < n; i++)
        postern_writer_string(w, list[i].name);
    postern_writer_close(w);
}

static const struct postern_driver_method general_methods[] = {
    {"Hello", "", "s", false, hello_again},
    {"GetId", "", "s", false, get_id},
    {"ReloadConfig", "", "", true, reload_config},
    {"UpdateActivationEnvironment", "a{ss}", "", true, update_activation_environment},
    {0},
};

static const struct postern_driver_method *const bus_methods[] = {
    general_methods, postern_driver_name_methods, postern_driver_peer_methods, postern_driver_match_methods, NULL,
};

static const struct postern_driver_signal bus_signals[] = {
    {"NameOwnerChanged", "sss"},
    {"NameLost", "s"},
    {"NameAcquired", "s"},
    {"ActivatableServicesChanged", ""},
    {0},
};

static const struct postern_driver_property bus_properties[] = {
    {"Features", "as", write_features},
    {"Interfaces", "as", write_interfaces},
    {0},
};

const struct postern_driver_signal postern_driver_no_signals[] = {{0}};
const struct postern_driver_property postern_driver_no_properties[] = {{0}};

const struct postern_driver_interface postern_driver_bus_interface = {
    POSTERN_DRIVER_NAME, false, true, bus_methods, bus_signals, bus_properties,
};

/* ---- org.freedesktop.DBus.Peer --------------------------------------------------------------------------- */

static int ping(struct postern_driver_call *call)
{
    (void)call;
    return 0;
}

/* machine-id(5), from where systemd or D-Bus keep it. */
static int read_machine_id(const char *path, char id[33])
{
    postern_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || read(fd, id, 32) != 32)
        return -ENOENT;
    id[32] = '\0';
    return strspn(id, "0123456789abcdef") == 32 ? 0 : -EINVAL;
}

static int get_machine_id(struct postern_driver_call *call)
{
    char id[33];

    if (read_machine_id("/etc/machine-id", id) < 0 && read_machine_id("/var/lib/dbus/machine-id", id) < 0)
        return postern_driver_fail(call, "FileNotFound", "This machine has no valid /etc/machine-id");
    postern_writer_string(&call->out, id);
    return 0;
}

static const struct postern_driver_method peer_methods[] = {
    {"Ping", "", "", false, ping},
    {"GetMachineId", "", "s", false, get_machine_id},
    {0},
};
static const struct postern_driver_method *const peer_tables[] = {peer_methods, NULL};

const struct postern_driver_interface postern_driver_peer_interface = {
    "org.freedesktop.DBus.Peer", false, true, peer_tables, postern_driver_no_signals, postern_driver_no_properties,
};

/* ---- org.freedesktop.DBus.Introspectable ------------------------------------------------------------------- */

static int introspect(struct postern_driver_call *call)
{
    struct postern_buf xml = {0};
    int r = postern_introspect(call->bus, call->message->header.path.s, &xml);

    if (r == 0)
        postern_writer_string(&call->out, (const char *)xml.data);
    postern_buf_finish(&xml);
    return r < 0 ? postern_driver_no_memory(call) : 0;
}

static const struct postern_driver_method introspectable_methods[] = {
    {"Introspect", "", "s", false, introspect},
    {0},
};
static const struct postern_driver_method *const introspectable_tables[] = {introspectable_methods, NULL};

const struct postern_driver_interface postern_driver_introspectable_interface = {
    "org.freedesktop.DBus.Introspectable", false, true, introspectable_tables, postern_driver_no_signals, postern_driver_no_properties,
};

/* ---- org.freedesktop.DBus.Properties ------------------------------------------------------------------------ */

static const struct postern_driver_interface *find_interface(const char *name)
{
    for (const struct postern_driver_interface *const *at = postern_driver_interfaces; *at != NULL; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

static const struct postern_driver_property *find_property(const struct postern_driver_interface *interface, const char *name)
{
    const struct postern_driver_property *property = interface->properties;

    while (property->name != NULL && strcmp(property->name, name) != 0)
        property++;
    return property->name != NULL ? property : NULL;
}

static int unknown_property(struct postern_driver_call *call, const char *interface, const char *name)
{
    return postern_driver_fail(call, "UnknownProperty", "%s has no property %s", interface, name);
}

static int unknown_interface(struct postern_driver_call *call, const char *interface)
{
    return postern_driver_fail(call, "UnknownInterface", "org.freedesktop.DBus has no interface %s", interface);
}

/* The value of one property of the mediator, or with name NULL of all. */
static int module_property(struct postern_driver_call *call, const char *interface, const char *name, struct postern_reply *reply)
{
    int r = call->bus->module->get_property(call->bus->mediator, interface, name, reply);

    if (r < 0)
        return postern_driver_fail(call, "Failed", "The mediator could not answer: %s", strerror(-r));
    if (reply->error_name != NULL)
        return postern_driver_fail(call, reply->error_name, "%s", reply->error_text != NULL ? reply->error_text : "");
    return 0;
}

static int get(struct postern_driver_call *call)
{
    struct postern_reply reply = {.size = sizeof(reply)};
    const struct postern_driver_interface *interface;
    const struct postern_driver_property *property;
    const char *interface_name, *name;

    if (postern_reader_string(&call->in, &interface_name, NULL) < 0 || postern_reader_string(&call->in, &name, NULL) < 0)
        return postern_driver_no_memory(call);
    interface = find_interface(interface_name);
    if (interface != NULL) {
        property = find_property(interface, name);
        if (property == NULL)
            return unknown_property(call, interface_name, name);
        postern_writer_open(&call->out, 'v', property->signature);
        property->write(call->bus, &call->out);
        postern_writer_close(&call->out);
        return 0;
    }
    if (!postern_driver_module_has(call->bus, interface_name))
        return unknown_interface(call, interface_name);
    if (module_property(call, interface_name, name, &reply) < 0)
        return -EINVAL;
    postern_writer_open(&call->out, 'v', reply.signature);
    postern_writer_value(&call->out, reply.signature, reply.body, reply.body_len);
    postern_writer_close(&call->out);
    return 0;
}

static int get_all(struct postern_driver_call *call)
{
    struct postern_reply reply = {.size = sizeof(reply)};
    const struct postern_driver_interface *interface;
    const char *name;

    if (postern_reader_string(&call->in, &name, NULL) < 0)
        return postern_driver_no_memory(call);
    interface = find_interface(name);
    if (interface == NULL) {
        if (!postern_driver_module_has(call->bus, name))
            return unknown_interface(call, name);
        if (module_property(call, name, NULL, &reply) < 0)
            return -EINVAL;
        postern_writer_value(&call->out, reply.signature, reply.body, reply.body_len);
        return 0;
    }
    postern_writer_open(&call->out, 'a', "{sv}");
    for (const struct postern_driver_property *property = interface->properties; property->name != NULL; property++) {
        postern_writer_entry_open(&call->out, property->name, property->signature);
        property->write(call->bus, &call->out);
        postern_writer_entry_close(&call->out);
    }
    postern_writer_close(&call->out);
    return 0;
}

static int set(struct postern_driver_call *call)
{
    struct postern_reply reply = {.size = sizeof(reply)};
    const struct postern_driver_interface *interface;
    const char *interface_name, *name;

    if (postern_reader_string(&call->in, &interface_name, NULL) < 0 || postern_reader_string(&call->in, &name, NULL) < 0)
        return postern_driver_no_memory(call);
    interface = find_interface(interface_name);
    if (interface == NULL) {
        if (!postern_driver_module_has(call->bus, interface_name))
            return unknown_interface(call, interface_name);
        if (module_property(call, interface_name, name, &reply) < 0)
            return -EINVAL;
    } else if (find_property(interface, name) == NULL) {
        return unknown_property(call, interface_name, name);
    }
    return postern_driver_fail(call, "PropertyReadOnly", "%s.%s cannot be written", interface_name, name);
}

static const struct postern_driver_method properties_methods[] = {
    {"Get", "ss", "v", false, get},
    {"GetAll", "s", "a{sv}", false, get_all},
    {"Set", "ssv", "", false, set},
    {0},
};
static const struct postern_driver_method *const properties_tables[] = {properties_methods, NULL};

static const struct postern_driver_signal properties_signals[] = {
    {"PropertiesChanged", "sa{sv}as"},
    {0},
};

const struct postern_driver_interface postern_driver_properties_interface = {
    "org.freedesktop.DBus.Properties", false, false, properties_tables, properties_signals, postern_driver_no_properties,
};

const struct postern_driver_interface *const postern_driver_interfaces[] = {
    &postern_driver_bus_interface,
    &postern_driver_introspectable_interface,
    &postern_driver_properties_interface,
    &postern_driver_monitoring_interface,
    &postern_driver_stats_interface,
#ifdef POSTERN_VERBOSE_MODE
    &postern_driver_verbose_interface,
#endif
    &postern_driver_peer_interface,
    NULL,
};
