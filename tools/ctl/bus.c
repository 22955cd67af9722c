/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/ctl/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/read.h"
#include "util/cleanup.h"
#include "wire/address.h"
#include "wire/name.h"

static int open_bus(struct postern_ctl *ctl)
{
    int r;

    if (ctl->address == NULL)
        return ctl->system ? sd_bus_open_system_with_description(&ctl->bus, "posternctl") :
                             sd_bus_open_user_with_description(&ctl->bus, "posternctl");
    r = sd_bus_new(&ctl->bus);
    if (r >= 0)
        r = sd_bus_set_description(ctl->bus, "posternctl");
    if (r >= 0)
        r = sd_bus_set_address(ctl->bus, ctl->address);
    if (r >= 0)
        r = sd_bus_set_bus_client(ctl->bus, 1);
    if (r >= 0)
        r = sd_bus_start(ctl->bus);
    return r;
}

/* sd-bus says of many wrong addresses that the connection was refused. */
static int check_address(const char *address, struct postern_error *error)
{
    struct postern_error why = {.text = ""};
    struct postern_address *list;
    size_t n;
    int r = postern_address_parse(address, &list, &n, &why);

    if (r < 0)
        return postern_error_set(error, r, "%s is no address of a bus, such as unix:path=/run/user/1000/bus: %s", address, why.text);
    postern_address_free(list, n);
    return 0;
}

int postern_ctl_connect(struct postern_ctl *ctl, struct postern_error *error)
{
    const char *which = ctl->address != NULL ? ctl->address : ctl->system ? "the system bus" : "the session bus";
    int r = ctl->address != NULL ? check_address(ctl->address, error) : 0;

    if (r < 0)
        return r;
    r = open_bus(ctl);
    if (r >= 0)
        r = sd_bus_get_unique_name(ctl->bus, &(const char *){NULL}); /* waits until the bus has answered Hello */
    if (r == -ENOMEDIUM)
        return postern_error_set(error, r, "there is no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set; "
                                           "give --system or --address=ADDRESS");
    return r >= 0 ? 0 : postern_error_set(error, r, "cannot connect to %s: %s", which, strerror(-r));
}

/* For whom the methods are that are not for everybody. */
static const struct restricted {
    const char *member, *who;
    bool root; /* is for root, too */
} restricted[] = {
    {"Explain", "root and the user that the bus runs as", true},
    {"Watch", "root and the user that the bus runs as", true},
    {"ReloadConfig", "root and the user that the bus runs as", true},
    {"GetRules", "root, the user that the bus runs as and the user who made the instance", true},
    {"SetRules", "the user who made the instance, whom \"posternctl show\" names", false},
    {"StopInstance", "the user who made the instance, whom \"posternctl show\" names", false},
    {"StopListening", "the user who made the instance, whom \"posternctl show\" names", false},
};

/* The caller is the wrong user, or is in a container, or the bus's own policy stands in the way: the bus does not say which. */
static int explain_access(const struct postern_ctl *ctl, const char *interface, const char *member, const char *text, struct postern_error *error)
{
    const struct restricted *row = NULL;
    char who[200] = "", try[200] = "";

    for (size_t i = 0; i < sizeof restricted / sizeof *restricted; i++) {
        if (strcmp(restricted[i].member, member) == 0)
            row = &restricted[i];
    }
    if (row != NULL)
        snprintf(who, sizeof who, "%s is for %s; ", ctl->verb, row->who);
    if (row != NULL && row->root && geteuid() != 0)
        snprintf(try, sizeof try, "try \"sudo posternctl %s %s ...\"; ", ctl->system ? "--system" : "--address=ADDRESS", ctl->verb);
    return postern_error_set(error, -EACCES, "the bus refuses %s: %s. %s%sinside a container it always refuses; and its configuration must have, as "
                                             "system.d may: <allow send_destination=\"org.freedesktop.DBus\" send_interface=\"%s\"/>",
                             member, text, who, try, interface);
}

static int explain_unknown(struct postern_ctl *ctl, const char *interface, const char *member, const char *text, struct postern_error *error)
{
    if (strcmp(interface, CTL_CONTAINERS1) == 0 || strcmp(interface, CTL_MEDIATOR1) == 0) {
        int r = postern_ctl_find_mediator(ctl, error);

        if (r < 0)
            return r;
    }
    return postern_error_set(error, -EOPNOTSUPP, "this bus has no %s.%s (%s): its Postern is older than this posternctl", interface, member, text);
}

static int explain(struct postern_ctl *ctl, int r, const sd_bus_error *e, const char *interface, const char *member, struct postern_error *error)
{
    static const char *const unknown[] = {
        SD_BUS_ERROR_UNKNOWN_METHOD, SD_BUS_ERROR_UNKNOWN_INTERFACE, SD_BUS_ERROR_UNKNOWN_OBJECT, SD_BUS_ERROR_NOT_SUPPORTED,
    };
    const char *text = e->message != NULL ? e->message : strerror(-r);

    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        if (sd_bus_error_has_name(e, unknown[i]))
            return explain_unknown(ctl, interface, member, text, error);
    }
    if (sd_bus_error_has_name(e, SD_BUS_ERROR_ACCESS_DENIED))
        return explain_access(ctl, interface, member, text, error);
    if (sd_bus_error_has_name(e, CTL_DRIVER1 ".Error.NotContainer"))
        return postern_error_set(error, -ENOENT, "there is no such instance, or it has ended (%s); \"posternctl list\" shows those there are", text);
    if (sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY) || r == -ETIMEDOUT)
        return postern_error_set(error, r, "the bus did not answer %s in time", member);
    if (r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE)
        return postern_error_set(error, r, "the bus closed the connection during %s", member);
    return postern_error_set(error, r, "%s: %s", member, text);
}

int postern_ctl_new_call(struct postern_ctl *ctl, const char *interface, const char *member, sd_bus_message **call)
{
    return sd_bus_message_new_method_call(ctl->bus, call, POSTERN_DRIVER_NAME, POSTERN_DRIVER_PATH, interface, member);
}

int postern_ctl_send_call(struct postern_ctl *ctl, sd_bus_message *call, sd_bus_message **answer, struct postern_error *error)
{
    __attribute__((cleanup(sd_bus_error_free))) sd_bus_error e = SD_BUS_ERROR_NULL;
    int r = sd_bus_call(ctl->bus, call, 0, &e, answer);

    return r >= 0 ? 0 : explain(ctl, r, &e, sd_bus_message_get_interface(call), sd_bus_message_get_member(call), error);
}

int postern_ctl_call(struct postern_ctl *ctl, const char *interface, const char *member, sd_bus_message **answer, struct postern_error *error,
             const char *types, ...)
{
    postern_ctl_automessage sd_bus_message *call = NULL;
    va_list args;
    int r = postern_ctl_new_call(ctl, interface, member, &call);

    va_start(args, types);
    if (r >= 0 && *types != '\0')
        r = sd_bus_message_appendv(call, types, args);
    va_end(args);
    if (r < 0)
        return postern_error_set(error, r, "cannot put the arguments of %s into a message: %s", member, strerror(-r));
    return postern_ctl_send_call(ctl, call, answer, error);
}

struct postern_value *postern_ctl_get(struct postern_ctl *ctl, const char *interface, const char *property, struct postern_error *error)
{
    postern_ctl_automessage sd_bus_message *answer = NULL;
    struct postern_value *value;

    if (postern_ctl_call(ctl, CTL_PROPERTIES1, "Get", &answer, error, "ss", interface, property) < 0)
        return NULL;
    if (!sd_bus_message_has_signature(answer, "v") || postern_ctl_read(answer, &value) < 0) {
        postern_error_set(error, -EBADMSG, "the bus's answer for the property %s makes no sense", property);
        return NULL;
    }
    return value;
}

int postern_ctl_find_mediator(struct postern_ctl *ctl, struct postern_error *error)
{
    __attribute__((cleanup(sd_bus_error_free))) sd_bus_error e = SD_BUS_ERROR_NULL;
    postern_ctl_automessage sd_bus_message *answer = NULL;
    int r = sd_bus_call_method(ctl->bus, POSTERN_DRIVER_NAME, POSTERN_DRIVER_PATH, CTL_PROPERTIES1, "Get", &e, &answer, "ss", CTL_MEDIATOR1,
                               "Version");

    if (r >= 0)
        return 0;
    if (sd_bus_error_has_name(&e, SD_BUS_ERROR_ACCESS_DENIED))
        return postern_error_set(error, -EACCES, "whether this bus is run by Postern cannot be told: it refuses to say (%s)", e.message);
    if (r == -ENOTCONN || r == -ECONNRESET || r == -ETIMEDOUT)
        return explain(ctl, r, &e, CTL_PROPERTIES1, "Get", error);
    return postern_error_set(error, -EOPNOTSUPP, "this bus is not run by Postern (no interface %s); its daemon must be posternd, "
                                                 "or load Postern's module", CTL_MEDIATOR1);
}
