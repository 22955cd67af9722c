/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status, reload: the bus itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/bus.h"
#include "tools/ctl/instances.h"
#include "tools/ctl/read.h"

#define autovalue __attribute__((cleanup(postern_value_freep)))

/* What a method answers, one value; what cannot be had is no value: a status is worth most when something is wrong. */
static struct postern_value *ask(struct postern_ctl *ctl, const char *member, const char *argument)
{
    postern_ctl_automessage sd_bus_message *answer = NULL;
    struct postern_error error;
    struct postern_value *value = NULL;

    if (postern_ctl_call(ctl, CTL_DRIVER1, member, &answer, &error, argument != NULL ? "s" : "", argument) < 0 ||
        postern_ctl_read(answer, &value) < 0)
        return postern_value_new(POSTERN_VALUE_NULL);
    return value;
}

static struct postern_value *get(struct postern_ctl *ctl, const char *interface, const char *property)
{
    struct postern_error error;
    struct postern_value *value = postern_ctl_get(ctl, interface, property, &error);

    return value != NULL ? value : postern_value_new(POSTERN_VALUE_NULL);
}

/* Unique names are connections, but for that of ours. */
static struct postern_value *count_connections(struct postern_ctl *ctl)
{
    autovalue struct postern_value *names = ask(ctl, "ListNames", NULL);
    uint64_t n = 0;

    if (names == NULL || names->kind != POSTERN_VALUE_ARRAY)
        return postern_value_new(POSTERN_VALUE_NULL);
    for (size_t i = 0; i < names->n; i++)
        n += names->items[i]->kind == POSTERN_VALUE_STRING && *names->items[i]->text == ':';
    return postern_value_unsigned(n > 0 ? n - 1 : 0);
}

static struct postern_value *count_instances(struct postern_ctl *ctl)
{
    struct postern_error error;
    autovalue struct postern_value *rows = postern_ctl_instances(ctl, &error);

    return rows != NULL ? postern_value_unsigned(rows->n) : postern_value_new(POSTERN_VALUE_NULL);
}

static struct postern_value *read_status(struct postern_ctl *ctl, bool postern)
{
    struct postern_value *status = postern_value_new(POSTERN_VALUE_OBJECT);
    const char *address = NULL;

    (void)sd_bus_get_address(ctl->bus, &address);
    postern_value_set(status, "postern", postern_value_bool(postern));
    postern_value_set(status, "version", postern ? get(ctl, CTL_MEDIATOR1, "Version") : postern_value_new(POSTERN_VALUE_NULL));
    postern_value_set(status, "address", postern_value_string(address));
    postern_value_set(status, "id", ask(ctl, "GetId", NULL));
    postern_value_set(status, "user", ask(ctl, "GetConnectionUnixUser", CTL_DRIVER1));
    postern_value_set(status, "features", get(ctl, CTL_DRIVER1, "Features"));
    postern_value_set(status, "connections", count_connections(ctl));
    postern_value_set(status, "instances", postern ? count_instances(ctl) : postern_value_new(POSTERN_VALUE_NULL));
    postern_value_set(status, "doors", postern ? get(ctl, CTL_MEDIATOR1, "Doors") : postern_value_new(POSTERN_VALUE_NULL));
    return status;
}

static void print_status(struct postern_output *out, const struct postern_value *status)
{
    static const struct {
        const char *label, *key;
    } fields[] = {
        {"Address", "address"}, {"Id", "id"}, {"User", "user"}, {"Features", "features"}, {"Connections", "connections"},
        {"Instances", "instances"},
    };
    const struct postern_value *doors = postern_value_get(status, "doors");

    out->failed |= status == NULL || status->failed;
    if (out->failed)
        return;
    postern_output_printf(out, "%-14s", "Postern:");
    if (postern_value_is_true(status, "postern"))
        postern_output_cell(out, postern_value_get(status, "version"));
    else
        postern_output_printf(out, "not here");
    postern_output_printf(out, "\n");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        postern_output_field(out, fields[i].label, postern_value_get(status, fields[i].key));
    for (size_t i = 0; doors != NULL && doors->kind == POSTERN_VALUE_OBJECT && i < doors->n; i++) {
        postern_output_printf(out, "%-14s", i == 0 ? "Doors:" : "");
        postern_output_text(out, doors->keys[i]);
        postern_output_printf(out, ": ");
        postern_output_cell(out, doors->items[i]);
        postern_output_printf(out, "\n");
    }
}

int postern_ctl_status(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n)
{
    autovalue struct postern_value *status = NULL;
    struct postern_error error;
    int r;

    if (n > 0)
        return postern_ctl_usage(ctl, "status takes no arguments; \"%s\" is too much", args[0].value);
    if (postern_ctl_connect(ctl, &error) < 0)
        return postern_ctl_complain(CTL_FAILED, "%s", error.text);
    r = postern_ctl_find_mediator(ctl, &error);
    status = read_status(ctl, r == 0);
    if (ctl->json != POSTERN_JSON_OFF)
        postern_output_json(&ctl->out, status, ctl->json);
    else
        print_status(&ctl->out, status);
    return r < 0 ? postern_ctl_complain(CTL_FAILED, "%s", error.text) : CTL_OK;
}

int postern_ctl_reload(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n)
{
    struct postern_error error;

    if (n > 0)
        return postern_ctl_usage(ctl, "reload takes no arguments; \"%s\" is too much", args[0].value);
    /* The bus answers when the new configuration is in force, or says what is wrong with it. */
    if (postern_ctl_connect(ctl, &error) < 0 || postern_ctl_call(ctl, CTL_DRIVER1, "ReloadConfig", NULL, &error, "") < 0)
        return postern_ctl_complain(CTL_FAILED, "%s", error.text);
    return CTL_OK;
}
