/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/buses.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/address.h"

/* Other variables that hold the address of a bus: the one a service was started by, accessibility, input methods. */
static const char *const address_variables[] = {
    "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "DBUS_STARTER_ADDRESS", "AT_SPI_BUS_ADDRESS", "IBUS_ADDRESS",
};

bool postern_buses_is_variable(const char *entry)
{
    static const char *const prefixes[] = {"DBUS_", "AT_SPI_BUS_ADDRESS=", "IBUS_ADDRESS=", "LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES="};

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

/* Notes where one address leads. Keys of unix addresses: D-Bus Specification, "Unix Domain Sockets". */
static void note_address(struct postern_buses *buses, const struct postern_address *address, const char *text)
{
    const char *path = postern_address_get(address, "path");
    const char *runtime = postern_address_get(address, "runtime");

    if (strcmp(address->transport, "unix") == 0 && path != NULL) {
        postern_list_add(&buses->sockets, path, NULL);
    } else if (strcmp(address->transport, "unix") == 0 && runtime != NULL) {
        if (buses->runtime_dir != NULL)
            postern_list_addf(&buses->sockets, "%s/bus", buses->runtime_dir);
    } else if (buses->beyond_files == NULL) {
        buses->beyond_files = strdup(text);
        buses->sockets.failed |= buses->beyond_files == NULL;
    }
}

static int note_addresses(struct postern_buses *buses, const char *origin, const char *text, struct postern_error *error)
{
    struct postern_error why = {.text = ""};
    struct postern_address *list;
    size_t n;
    int r = postern_address_parse(text, &list, &n, &why);

    if (r < 0)
        return postern_error_set(error, r, "%s holds no bus address that could be kept out of reach: %s", origin, why.text);
    for (size_t i = 0; i < n; i++)
        note_address(buses, &list[i], text);
    postern_address_free(list, n);
    return 0;
}

/* The address of the session bus, as the D-Bus clients of the machine would find it. */
static int find_session(struct postern_buses *buses, const char *given, struct postern_error *error)
{
    const char *env = getenv("DBUS_SESSION_BUS_ADDRESS");

    if (given != NULL)
        buses->address = strdup(given);
    else if (env != NULL && *env != '\0')
        buses->address = strdup(env);
    else if (buses->runtime_dir != NULL) {
        struct postern_buf text = {0};

        if (postern_buf_append(&text, "unix:path=", 10) == 0 &&
            postern_address_escape(&text, buses->runtime_dir, strlen(buses->runtime_dir)) == 0 && postern_buf_append(&text, "/bus", 5) == 0)
            buses->address = (char *)text.data;
        else
            postern_buf_finish(&text);
    } else {
        return postern_error_set(error, -ENOENT,
                                 "no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set; give --address=ADDRESS");
    }
    return buses->address != NULL ? 0 : postern_error_set(error, -ENOMEM, "out of memory");
}

static int find_all(struct postern_buses *buses, const char *given, struct postern_error *error)
{
    const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
    int r;

    if (runtime_dir != NULL && runtime_dir[0] == '/') {
        buses->runtime_dir = strdup(runtime_dir);
        if (buses->runtime_dir == NULL)
            return postern_error_set(error, -ENOMEM, "out of memory");
        postern_list_addf(&buses->sockets, "%s/bus", runtime_dir);
    }
    r = find_session(buses, given, error);
    if (r == 0)
        r = note_addresses(buses, given != NULL ? "--address" : "the session bus's address", buses->address, error);
    for (size_t i = 0; r == 0 && i < sizeof address_variables / sizeof *address_variables; i++) {
        const char *value = getenv(address_variables[i]);

        if (value != NULL && *value != '\0')
            r = note_addresses(buses, address_variables[i], value, error);
    }
    /* Where every client looks for the system bus when nobody tells it otherwise. */
    postern_list_add(&buses->sockets, "/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket", NULL);
    if (r == 0 && buses->sockets.failed)
        r = postern_error_set(error, -ENOMEM, "out of memory");
    return r;
}

int postern_buses_find(struct postern_buses *buses, const char *given, struct postern_error *error)
{
    int r;

    *buses = (struct postern_buses){0};
    r = find_all(buses, given, error);
    if (r < 0)
        postern_buses_finish(buses);
    return r;
}

void postern_buses_finish(struct postern_buses *buses)
{
    free(buses->address);
    free(buses->runtime_dir);
    free(buses->beyond_files);
    postern_list_finish(&buses->sockets);
    *buses = (struct postern_buses){0};
}
