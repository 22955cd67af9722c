/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The composition root: files, doors and providers become one mediator, behind the table of include/postern/module.h. */
#include "postern/module.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "core/containers1.h"
#include "core/facts.h"
#include "core/decide.h"
#include "core/mediator.h"
#include "core/mediator1.h"
#include "core/see.h"
#include "core/services.h"
#include "module/backends.h"
#include "module/config.h"

/* What the ABI calls a postern_mediator is the first member of this. */
struct composition {
    struct postern_mediator mediator;
    struct postern_config config; /* in force; its settings are the mediator's */
    char *bus_config;
    char *mediator_config; /* NULL: the default places */
    uint64_t generation;
};

static struct composition *composition_of(struct postern_mediator *mediator)
{
    return (struct composition *)mediator;
}

static int32_t tell(struct postern_fault *fault, int r, const struct postern_error *error)
{
    size_t len = strnlen(error->text, sizeof(fault->text) - 1);

    if (fault != NULL && postern_abi_check(fault, fault->size, sizeof(*fault)) != -EINVAL) {
        memcpy(fault->text, error->text, len);
        fault->text[len] = '\0';
    }
    return r;
}

/* ---- opening --------------------------------------------------------------------------------------------- */

static void open_doors(struct composition *made)
{
    made->mediator.doors[POSTERN_PLACE_XML] =
        (struct postern_door_slot){.fn = postern_xml_door, .door = made->config.xml, .fix = postern_xml_fix, .group = postern_xml_group};
}

static void destroy(struct composition *made)
{
    postern_backends_close(&made->mediator);
    postern_mediator_finish(&made->mediator);
    postern_config_finish(&made->config);
    free(made->bus_config);
    free(made->mediator_config);
    free(made);
}

/* What came after version 1.0 may be missing; what a later version has must not matter. */
static int check_host(const struct postern_host *host)
{
    if (host->abi.size < offsetof(struct postern_host, release_name) + sizeof(host->release_name))
        return -EINVAL;
    return host->abi.size > sizeof(*host) ? postern_abi_check(host, host->abi.size, sizeof(*host)) : 0;
}

static int check_options(const struct postern_options *options, struct postern_error *error)
{
    int r = options != NULL ? postern_abi_check(options, options->size, sizeof(*options)) : -EINVAL;

    if (r == 0 && (options->host == NULL || options->bus_config == NULL || (options->flags & ~(POSTERN_OPTION_LOG_ALL | POSTERN_OPTION_NO_CACHE)) != 0))
        r = -EINVAL;
    if (r == 0)
        r = check_host(options->host);
    if (r == 0 && options->host->abi.major != POSTERN_ABI_MAJOR)
        r = -EINVAL;
    return r < 0 ? postern_error_set(error, r, "the host speaks another version of the module interface") : 0;
}

static int compose(struct composition *made, const struct postern_options *options, struct postern_error *error)
{
    int r;

    made->bus_config = strdup(options->bus_config);
    made->mediator_config = options->mediator_config != NULL ? strdup(options->mediator_config) : NULL;
    if (made->bus_config == NULL || (options->mediator_config != NULL && made->mediator_config == NULL))
        return postern_error_set(error, -ENOMEM, "out of memory");
    r = postern_config_read(&(struct postern_config_order){.host = options->host,
                                                           .bus_config = made->bus_config,
                                                           .mediator_config = made->mediator_config,
                                                           .generation = ++made->generation},
                            &made->config, error);
    if (r < 0)
        return r;
    postern_mediator_init(&made->mediator, options->host, options->flags, &made->config.settings);
    open_doors(made);
    r = postern_backends_open(&made->mediator, error);
    if (r == 0)
        r = postern_backends_admit(&made->mediator, &made->mediator.settings, error);
    if (r == 0)
        postern_backends_arrange(&made->mediator, made->config.conf);
    return r;
}

static int32_t module_open(const struct postern_options *options, struct postern_mediator **mediator, struct postern_fault *fault)
{
    struct postern_error error = {.text = ""};
    struct composition *made;
    int r = check_options(options, &error);

    if (r < 0)
        return tell(fault, r, &error);
    made = calloc(1, sizeof(*made));
    if (made == NULL)
        return tell(fault, postern_error_set(&error, -ENOMEM, "out of memory"), &error);
    r = compose(made, options, &error);
    if (r < 0) {
        destroy(made);
        return tell(fault, r, &error);
    }
    *mediator = &made->mediator;
    return 0;
}

static void module_close(struct postern_mediator *mediator)
{
    if (mediator != NULL)
        destroy(composition_of(mediator));
}

/* Everything is read before anything changes. */
static int32_t module_reload(struct postern_mediator *mediator, struct postern_fault *fault)
{
    struct composition *composition = composition_of(mediator);
    struct postern_config config, old = composition->config;
    struct postern_config_order order = {.host = mediator->host,
                                         .bus_config = composition->bus_config,
                                         .mediator_config = composition->mediator_config,
                                         .in_force = old.xml,
                                         .generation = composition->generation + 1};
    struct postern_error error = {.text = ""};
    int r = postern_config_read(&order, &config, &error);

    if (r == 0) {
        r = postern_backends_admit(mediator, &config.settings, &error);
        /* What the services say stays, until the host tells of them anew. */
        if (r == 0 && mediator->services != NULL && postern_xml_take_services(config.xml, order.generation, mediator->services) < 0)
            r = postern_error_set(&error, -ENOMEM, "out of memory");
        if (r < 0)
            postern_config_finish(&config);
    }
    if (r < 0)
        return tell(fault, r, &error);
    composition->generation++;
    composition->config = config;
    open_doors(composition);
    postern_mediator_reconfigure(mediator, &composition->config.settings);
    postern_config_finish(&old);
    postern_backends_arrange(mediator, composition->config.conf);
    postern_backends_refresh(mediator);
    return 0;
}

/* Everything that can fail comes before the first change. */
static int32_t module_services(struct postern_mediator *mediator, const struct postern_activatable *const *list, uint32_t n)
{
    struct composition *composition = composition_of(mediator);
    struct postern_service_table *table;
    int r = postern_services_read(mediator, list, n, postern_config_user, (void *)(uintptr_t)mediator->host, &table);
    bool missed;

    if (r < 0)
        return r;
    r = postern_xml_take_services(composition->config.xml, composition->generation + 1, table);
    if (r < 0) {
        postern_services_free(table);
        return r;
    }
    composition->generation++;
    missed = table->missed;
    postern_services_put(mediator, table);
    return missed ? -EAGAIN : 0;
}

/* ---- who is who -------------------------------------------------------------------------------------------- */

static int32_t module_party_new(struct postern_mediator *mediator, const struct postern_peer *peer, struct postern_party **party)
{
    int r = postern_abi_check(peer, peer->size, sizeof(*peer));

    return r < 0 ? r : postern_party_new(mediator, peer, party);
}

static struct postern_view view(const char *text)
{
    return (struct postern_view){.data = text, .len = (uint32_t)strlen(text)};
}

static int32_t module_party_identity(const struct postern_party *party, struct postern_identity *identity)
{
    const struct postern_instance *instance = party->instance;
    struct postern_identity made = {.size = identity->size};

    if (postern_abi_check(identity, identity->size, sizeof(*identity)) == -EINVAL)
        return -EINVAL;
    if (instance != NULL) {
        made.mode = instance->mode;
        made.account = instance->number;
        made.quota = instance->quota;
        made.instance = view(instance->path);
        made.type = view(instance->type);
        made.name = view(instance->name);
        made.source = view(instance->source);
    }
    *identity = made;
    return 0;
}

static void module_delivered(const struct postern_party *from, struct postern_party *to)
{
    struct postern_party *sender;

    if (!postern_instance_is_ruled(to->instance) || from->instance == to->instance)
        return;
    /* The table hands it over as const: nothing about the sender changes, only that the container knows it. */
    HASH_FIND(hh, from->mediator->parties, &from->host_id, sizeof(from->host_id), sender);
    if (sender != NULL)
        postern_instance_contact(to->instance, sender);
}

/* ---- the driver's interfaces ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*call)(struct postern_mediator *mediator, const struct postern_call *call, struct postern_reply *reply);
    int (*property)(struct postern_mediator *mediator, const char *member, struct postern_reply *reply);
} interfaces[] = {
    {POSTERN_CONTAINERS1, postern_containers1_call, postern_containers1_property},
    {POSTERN_MEDIATOR1, postern_mediator1_call, postern_mediator1_property},
};
#define N_INTERFACES (sizeof(interfaces) / sizeof(interfaces[0]))

static uint32_t module_interfaces(const struct postern_interface **list)
{
    static const struct postern_interface known[N_INTERFACES] = {
        {.size = sizeof(known[0]), .name = POSTERN_CONTAINERS1, .introspection = postern_containers1_introspection},
        {.size = sizeof(known[0]), .name = POSTERN_MEDIATOR1, .introspection = postern_mediator1_introspection},
    };

    *list = known;
    return N_INTERFACES;
}

/* The place of an interface in the table; N_INTERFACES: there is none of this name. */
static size_t find_interface(const char *name)
{
    size_t i = 0;

    while (name != NULL && i < N_INTERFACES && strcmp(interfaces[i].name, name) != 0)
        i++;
    return name != NULL ? i : N_INTERFACES;
}

/* Strings of a message may be read as such: D-Bus ends them with a NUL, and the interface promises it. */
static int32_t module_driver_call(struct postern_mediator *mediator, const struct postern_call *call, struct postern_reply *reply)
{
    struct postern_reply made = {.size = reply->size};
    int r = postern_abi_check(call, call->size, sizeof(*call));
    size_t interface;

    if (r == 0)
        r = postern_abi_check(call->message, call->message->size, sizeof(*call->message));
    if (r == 0 && postern_abi_check(reply, reply->size, sizeof(*reply)) == -EINVAL)
        r = -EINVAL;
    if (r < 0)
        return r;
    interface = find_interface(call->message->interface.data);
    if (interface == N_INTERFACES)
        return -EINVAL;
    r = interfaces[interface].call(mediator, call, &made);
    if (r == 0)
        *reply = made;
    return r;
}

static int32_t module_get_property(struct postern_mediator *mediator, const char *interface, const char *member,
                                   struct postern_reply *reply)
{
    struct postern_reply made = {.size = reply->size};
    size_t found = find_interface(interface);
    int r;

    if (postern_abi_check(reply, reply->size, sizeof(*reply)) == -EINVAL || found == N_INTERFACES)
        return -EINVAL;
    r = interfaces[found].property(mediator, member, &made);
    if (r == 0)
        *reply = made;
    return r;
}

static const char *const *module_features(void)
{
    static const char *const features[] = {"HeaderFiltering", NULL};

    return features;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static const struct postern_module table = {
    .abi = {.size = sizeof(table), .major = POSTERN_ABI_MAJOR, .minor = POSTERN_ABI_MINOR},
    .name = "postern",
    .version = PACKAGE_VERSION,
    .open = module_open,
    .close = module_close,
    .reload = module_reload,
    .party_new = module_party_new,
    .party_identity = module_party_identity,
    .party_authenticated = postern_party_authenticated,
    .party_hello = postern_party_hello,
    .party_name = postern_party_name,
    .party_leave = postern_party_leave,
    .party_free = postern_party_free,
    .mediate = postern_mediator_mediate,
    .see = postern_see,
    .delivered = module_delivered,
    .stamp = postern_containers1_stamp,
    .interfaces = module_interfaces,
    .driver_call = module_driver_call,
    .get_property = module_get_property,
    .credentials = postern_containers1_credentials,
    .features = module_features,
    .services = module_services,
    .sender_facts = postern_facts_of_sender,
};

postern_module_fn postern_module_v1;

const struct postern_module *postern_module_v1(uint16_t host_major, uint16_t host_minor)
{
    (void)host_minor; /* a host that knows less of the table does not read its end */
    return host_major == POSTERN_ABI_MAJOR ? &table : NULL;
}
