/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show: everything about an instance. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/bus.h"
#include "tools/ctl/instances.h"
#include "tools/ctl/read.h"
#include "tools/ctl/words.h"
#include "util/cleanup.h"

#define autovalue __attribute__((cleanup(postern_value_freep)))

/* What one call about one string or path answers, of that signature, as an array of values; NULL with *error. */
static struct postern_value *ask(struct postern_ctl *ctl, const char *interface, const char *member, const char *type, const char *about,
                                 const char *signature, struct postern_error *error)
{
    postern_ctl_automessage sd_bus_message *answer = NULL;
    struct postern_value *all;

    if (postern_ctl_call(ctl, interface, member, &answer, error, type, about) < 0)
        return NULL;
    all = postern_value_new(POSTERN_VALUE_ARRAY);
    while (all != NULL && !all->failed && sd_bus_message_at_end(answer, true) == 0) {
        struct postern_value *value = NULL;

        (void)postern_ctl_read(answer, &value);
        postern_value_add(all, value);
    }
    if (!sd_bus_message_has_signature(answer, signature) || all == NULL || all->failed) {
        postern_error_set(error, -EBADMSG, "the bus's answer to %s makes no sense", member);
        postern_value_free(all);
        return NULL;
    }
    return all;
}

/* Takes one item out of what ask() returned. */
static struct postern_value *take(struct postern_value *all, size_t i)
{
    struct postern_value *item = all->items[i];

    all->items[i] = NULL;
    return item;
}

/* A connection of the instance: an object with its unique name and what its credentials say; NULL when it is none, or gone. */
static struct postern_value *read_member(struct postern_ctl *ctl, const char *path, const char *name)
{
    static const struct {
        const char *key, *credential;
    } facts[] = {{"uid", "UnixUserID"}, {"pid", "ProcessID"}};
    struct postern_error error;
    autovalue struct postern_value *all = ask(ctl, CTL_DRIVER1, "GetConnectionCredentials", "s", name, "a{sv}", &error);
    const char *instance = all != NULL ? postern_value_text(all->items[0], CTL_CONTAINERS1 ".Instance") : NULL;
    struct postern_value *member;

    if (instance == NULL || strcmp(instance, path) != 0)
        return NULL;
    member = postern_value_new(POSTERN_VALUE_OBJECT);
    postern_value_set(member, "name", postern_value_string(name));
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        const struct postern_value *fact = postern_value_get(all->items[0], facts[i].credential);

        if (fact != NULL && fact->kind == POSTERN_VALUE_UNSIGNED)
            postern_value_set(member, facts[i].key, postern_value_unsigned(fact->number));
    }
    return member;
}

/* Who owns what: an object of the owners of the well-known names among these. */
static struct postern_value *read_owners(struct postern_ctl *ctl, const struct postern_value *names)
{
    struct postern_value *owners = postern_value_new(POSTERN_VALUE_OBJECT);

    for (size_t i = 0; i < names->n; i++) {
        const char *name = names->items[i]->text;
        struct postern_error error;
        autovalue struct postern_value *owner = *name != ':' ? ask(ctl, CTL_DRIVER1, "GetNameOwner", "s", name, "s", &error) : NULL;

        if (owner != NULL)
            postern_value_set(owners, name, take(owner, 0));
    }
    return owners;
}

/* To each connection, the names that it owns. */
static void add_owned(struct postern_value *members, const struct postern_value *owners)
{
    for (size_t i = 0; i < members->n; i++) {
        struct postern_value *owns = postern_value_new(POSTERN_VALUE_ARRAY);

        for (size_t k = 0; k < owners->n; k++) {
            if (strcmp(postern_value_text(members->items[i], "name"), owners->items[k]->text) == 0)
                postern_value_add(owns, postern_value_string(owners->keys[k]));
        }
        postern_value_set(members->items[i], "owns", owns);
        members->failed |= members->items[i]->failed;
    }
}

/* The n connections of the instance: the bus has no list of them, but one of all names, and says of each where it belongs. What comes or
 * goes meanwhile may be missing. */
static struct postern_value *read_members(struct postern_ctl *ctl, const char *path, uint64_t n)
{
    struct postern_value *members = postern_value_new(POSTERN_VALUE_ARRAY);
    struct postern_error error;
    postern_ctl_automessage sd_bus_message *answer = NULL;
    autovalue struct postern_value *names = NULL;

    if (members == NULL || n == 0 || postern_ctl_call(ctl, CTL_DRIVER1, "ListNames", &answer, &error, "") < 0 ||
        !sd_bus_message_has_signature(answer, "as") || postern_ctl_read(answer, &names) < 0)
        return members;
    for (size_t i = 0; i < names->n && members->n < n; i++) {
        struct postern_value *member = *names->items[i]->text == ':' ? read_member(ctl, path, names->items[i]->text) : NULL;

        if (member != NULL)
            postern_value_add(members, member);
    }
    if (members->n > 0) {
        autovalue struct postern_value *owners = read_owners(ctl, names);

        if (owners == NULL || owners->failed || members->failed)
            members->failed = true;
        else
            add_owned(members, owners);
    }
    return members;
}

/* Its row of the list, which says where it came from and how many connections it has. */
static const struct postern_value *find_row(const struct postern_value *rows, const char *path)
{
    for (size_t i = 0; i < rows->n; i++) {
        const char *has = postern_value_text(rows->items[i], "path");

        if (has != NULL && strcmp(has, path) == 0)
            return rows->items[i];
    }
    return NULL;
}

static struct postern_value *read_instance(struct postern_ctl *ctl, const char *path, struct postern_error *error)
{
    autovalue struct postern_value *info = ask(ctl, CTL_CONTAINERS1, "GetInstanceInfo", "o", path, "a{sv}ssa{sv}", error);
    autovalue struct postern_value *rows = info != NULL ? postern_ctl_instances(ctl, error) : NULL;
    autovalue struct postern_value *figures = rows != NULL ? ask(ctl, CTL_MEDIATOR1, "GetInstanceStats", "o", path, "a{sv}", error) : NULL;
    const struct postern_value *row = figures != NULL ? find_row(rows, path) : NULL;
    struct postern_value *instance;

    if (figures == NULL)
        return NULL;
    if (row == NULL) {
        postern_error_set(error, -ENOENT, "the instance has just ended");
        return NULL;
    }
    instance = postern_value_new(POSTERN_VALUE_OBJECT);
    postern_value_set(instance, "instance", postern_value_string(postern_ctl_instance_short(path)));
    postern_value_set(instance, "path", postern_value_string(path));
    postern_value_set(instance, "type", take(info, 1));
    postern_value_set(instance, "name", take(info, 2));
    postern_value_set(instance, "source", postern_value_string(postern_value_text(row, "source")));
    postern_value_set(instance, "mode", postern_value_string(postern_value_text(figures->items[0], "Mode")));
    postern_value_set(instance, "creator", take(info, 0));
    postern_value_set(instance, "metadata", take(info, 3));
    postern_value_unset(figures->items[0], "Mode");
    postern_value_set(instance, "figures", take(figures, 0));
    postern_value_set(instance, "connections", read_members(ctl, path, postern_value_number(row, "connections")));
    return instance;
}

/* An object below a heading, one line for each of its members. */
static void print_object(struct postern_output *out, const char *title, const struct postern_value *object)
{
    if (object == NULL || object->kind != POSTERN_VALUE_OBJECT || object->n == 0)
        return;
    postern_output_printf(out, "%s:\n", title);
    for (size_t i = 0; i < object->n; i++) {
        postern_output_printf(out, "  ");
        postern_output_text(out, object->keys[i]);
        postern_output_printf(out, ": ");
        postern_output_cell(out, object->items[i]);
        postern_output_printf(out, "\n");
    }
}

static void print_members(struct postern_output *out, const struct postern_value *members)
{
    if (members == NULL || members->n == 0)
        return;
    postern_output_printf(out, "Connections:\n");
    for (size_t i = 0; i < members->n; i++) {
        const struct postern_value *owns = postern_value_get(members->items[i], "owns");

        postern_output_printf(out, "  ");
        postern_output_text(out, postern_value_text(members->items[i], "name"));
        postern_output_printf(out, "  pid ");
        postern_output_cell(out, postern_value_get(members->items[i], "pid"));
        postern_output_printf(out, "  uid ");
        postern_output_cell(out, postern_value_get(members->items[i], "uid"));
        if (owns != NULL && owns->n > 0) {
            postern_output_printf(out, "  owns ");
            postern_output_cell(out, owns);
        }
        postern_output_printf(out, "\n");
    }
}

static void print_instance(struct postern_output *out, const struct postern_value *instance)
{
    static const struct {
        const char *label, *key;
    } fields[] = {{"Instance", "instance"}, {"Path", "path"}, {"Type", "type"}, {"Name", "name"}, {"Source", "source"}, {"Mode", "mode"}};

    out->failed |= instance->failed;
    if (out->failed)
        return;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        postern_output_field(out, fields[i].label, postern_value_get(instance, fields[i].key));
    print_object(out, "Creator", postern_value_get(instance, "creator"));
    print_object(out, "Metadata", postern_value_get(instance, "metadata"));
    print_object(out, "Figures", postern_value_get(instance, "figures"));
    print_members(out, postern_value_get(instance, "connections"));
}

int postern_ctl_show(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n)
{
    autovalue struct postern_value *instance = NULL;
    postern_autofree char *path = NULL;
    struct postern_error error;

    if (n != 1)
        return postern_ctl_usage(ctl, "show takes one instance");
    path = postern_ctl_instance_path(args[0].value, &error);
    if (path == NULL)
        return postern_ctl_usage(ctl, "%s", error.text);
    if (postern_ctl_connect(ctl, &error) < 0 || (instance = read_instance(ctl, path, &error)) == NULL)
        return postern_ctl_complain(CTL_FAILED, "%s", error.text);
    if (ctl->json != POSTERN_JSON_OFF)
        postern_output_json(&ctl->out, instance, ctl->json);
    else
        print_instance(&ctl->out, instance);
    return CTL_OK;
}
