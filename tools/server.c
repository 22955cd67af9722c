/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/name.h"

#define CONTAINERS1 "org.freedesktop.DBus.Containers1"

static int connect_bus(sd_bus **bus, const char *address, struct postern_error *error)
{
    int r = sd_bus_new(bus);

    if (r >= 0)
        r = sd_bus_set_description(*bus, "postern-run");
    if (r >= 0)
        r = sd_bus_set_address(*bus, address);
    if (r >= 0)
        r = sd_bus_set_bus_client(*bus, 1);
    if (r >= 0)
        r = sd_bus_start(*bus);
    if (r >= 0)
        r = sd_bus_get_unique_name(*bus, &(const char *){NULL}); /* waits until the bus has answered Hello */
    return r >= 0 ? 0 : postern_error_set(error, r, "cannot connect to the bus at %s: %s", address, strerror(-r));
}

/* One rule as Allow carries it: (flags, bus name, path, interface with the member behind it). */
static int append_rule(sd_bus_message *call, const struct postern_rule *rule)
{
    char *interface = NULL;
    int r;

    if (rule->member[0] == '\0')
        return sd_bus_message_append(call, "(usos)", rule->flags, rule->name, rule->path, rule->interface);
    if (asprintf(&interface, "%s%s%s", rule->interface, rule->interface[0] != '\0' ? "." : "", rule->member) < 0)
        return -ENOMEM;
    r = sd_bus_message_append(call, "(usos)", rule->flags, rule->name, rule->path, interface);
    free(interface);
    return r;
}

/* Allow is given even when it is empty: with it, a container without a Mode is a restricted one, whatever the bus's default is. */
static int append_allow(sd_bus_message *call, const struct postern_runopts *options)
{
    int r = sd_bus_message_open_container(call, 'e', "sv");

    if (r >= 0)
        r = sd_bus_message_append(call, "s", "Allow");
    if (r >= 0)
        r = sd_bus_message_open_container(call, 'v', "a(usos)");
    if (r >= 0)
        r = sd_bus_message_open_container(call, 'a', "(usos)");
    for (size_t i = 0; r >= 0 && i < options->n_rules; i++)
        r = append_rule(call, &options->rules[i].rule);
    for (int i = 0; r >= 0 && i < 3; i++) /* the array, the variant, the entry */
        r = sd_bus_message_close_container(call);
    return r;
}

static int build_call(sd_bus *bus, const struct postern_runopts *options, sd_bus_message **call)
{
    int r = sd_bus_message_new_method_call(bus, call, POSTERN_DRIVER_NAME, POSTERN_DRIVER_PATH, CONTAINERS1, "AddServer");

    if (r >= 0)
        r = sd_bus_message_append(*call, "ssa{sv}", options->type, options->name, 0);
    if (r >= 0)
        r = sd_bus_message_open_container(*call, 'a', "{sv}");
    if (r >= 0)
        r = append_allow(*call, options);
    if (r >= 0 && options->mode != NULL)
        r = sd_bus_message_append(*call, "{sv}", "Mode", "s", options->mode);
    if (r >= 0)
        r = sd_bus_message_close_container(*call);
    return r;
}

/* What the bus's refusal means to the person who typed the command. */
static int explain_refusal(const char *address, int r, const sd_bus_error *e, struct postern_error *error)
{
    static const char *const unknown[] = {
        SD_BUS_ERROR_UNKNOWN_METHOD, SD_BUS_ERROR_UNKNOWN_INTERFACE, SD_BUS_ERROR_UNKNOWN_OBJECT, SD_BUS_ERROR_NOT_SUPPORTED,
    };
    const char *text = e->message != NULL ? e->message : strerror(-r);

    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        if (sd_bus_error_has_name(e, unknown[i]))
            return postern_error_set(error, r, "the bus at %s has no Containers1 (%s): is it posternd with its mediator?", address, text);
    }
    if (sd_bus_error_has_name(e, SD_BUS_ERROR_ACCESS_DENIED))
        return postern_error_set(error, r, "the bus at %s refuses a container server to this program (is it in a container itself?): %s", address, text);
    return postern_error_set(error, r, "the bus at %s refuses the container server: %s", address, text);
}

static int read_answer(struct postern_server *server, sd_bus_message *answer, struct postern_error *error)
{
    const char *instance, *address;
    const void *path;
    size_t len;
    int r = sd_bus_message_read(answer, "o", &instance);

    if (r >= 0)
        r = sd_bus_message_read_array(answer, 'y', &path, &len);
    if (r >= 0)
        r = sd_bus_message_read(answer, "s", &address);
    if (r < 0 || len < 2 || memchr(path, '\0', len) != (const char *)path + len - 1 || ((const char *)path)[0] != '/')
        return postern_error_set(error, -EBADMSG, "the bus's answer to AddServer holds no socket file");
    server->instance = strdup(instance);
    server->path = strdup(path);
    return server->instance != NULL && server->path != NULL ? 0 : postern_error_set(error, -ENOMEM, "out of memory");
}

static int add_server(struct postern_server *server, const char *address, const struct postern_runopts *options, struct postern_error *error)
{
    __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *call = NULL, *answer = NULL;
    __attribute__((cleanup(sd_bus_error_free))) sd_bus_error e = SD_BUS_ERROR_NULL;
    int r = build_call(server->bus, options, &call);

    if (r < 0)
        return postern_error_set(error, r, "cannot put the container server's arguments into a message: %s", strerror(-r));
    r = sd_bus_call(server->bus, call, 0, &e, &answer);
    if (r < 0)
        return explain_refusal(address, r, &e, error);
    return read_answer(server, answer, error);
}

int postern_server_start(struct postern_server *server, const char *address, const struct postern_runopts *options, struct postern_error *error)
{
    int r;

    *server = (struct postern_server){0};
    r = connect_bus(&server->bus, address, error);
    if (r == 0)
        r = add_server(server, address, options, error);
    if (r < 0)
        postern_server_stop(server);
    return r;
}

void postern_server_stop(struct postern_server *server)
{
    /* Without an answer the instance ends all the same: this connection closes, and with the sandbox the app's are gone. */
    if (server->instance != NULL)
        sd_bus_call_method(server->bus, POSTERN_DRIVER_NAME, POSTERN_DRIVER_PATH, CONTAINERS1, "StopInstance", NULL, NULL, "o", server->instance);
    sd_bus_close_unref(server->bus);
    free(server->instance);
    free(server->path);
    *server = (struct postern_server){0};
}
