/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/containers1.h"

#include <errno.h>
#include <string.h>

#include "core/object.h"
#include "core/serverargs.h"
#include "wire/credentials.h"
#include "wire/name.h"

const char postern_containers1_introspection[] =
    "  <interface name=\"org.freedesktop.DBus.Containers1\">\n"
    "    <method name=\"AddServer\">\n"
    "      <arg direction=\"in\" type=\"s\" name=\"container_type\"/>\n"
    "      <arg direction=\"in\" type=\"s\" name=\"container_name\"/>\n"
    "      <arg direction=\"in\" type=\"a{sv}\" name=\"metadata\"/>\n"
    "      <arg direction=\"in\" type=\"a{sv}\" name=\"named_arguments\"/>\n"
    "      <arg direction=\"out\" type=\"o\" name=\"instance\"/>\n"
    "      <arg direction=\"out\" type=\"ay\" name=\"socket_path\"/>\n"
    "      <arg direction=\"out\" type=\"s\" name=\"address\"/>\n"
    "    </method>\n"
    "    <method name=\"StopInstance\">\n"
    "      <arg direction=\"in\" type=\"o\" name=\"instance\"/>\n"
    "    </method>\n"
    "    <method name=\"StopListening\">\n"
    "      <arg direction=\"in\" type=\"o\" name=\"instance\"/>\n"
    "    </method>\n"
    "    <method name=\"GetConnectionInstance\">\n"
    "      <arg direction=\"in\" type=\"s\" name=\"bus_name\"/>\n"
    "      <arg direction=\"out\" type=\"o\" name=\"instance\"/>\n"
    "      <arg direction=\"out\" type=\"a{sv}\" name=\"creator\"/>\n"
    "      <arg direction=\"out\" type=\"s\" name=\"container_type\"/>\n"
    "      <arg direction=\"out\" type=\"s\" name=\"container_name\"/>\n"
    "      <arg direction=\"out\" type=\"a{sv}\" name=\"metadata\"/>\n"
    "    </method>\n"
    "    <method name=\"GetInstanceInfo\">\n"
    "      <arg direction=\"in\" type=\"o\" name=\"instance\"/>\n"
    "      <arg direction=\"out\" type=\"a{sv}\" name=\"creator\"/>\n"
    "      <arg direction=\"out\" type=\"s\" name=\"container_type\"/>\n"
    "      <arg direction=\"out\" type=\"s\" name=\"container_name\"/>\n"
    "      <arg direction=\"out\" type=\"a{sv}\" name=\"metadata\"/>\n"
    "    </method>\n"
    "    <method name=\"RequestHeader\"/>\n"
    "    <signal name=\"InstanceRemoved\">\n"
    "      <arg type=\"o\" name=\"instance\"/>\n"
    "    </signal>\n"
    "    <property name=\"SupportedArguments\" type=\"as\" access=\"read\">\n"
    "      <annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\" value=\"const\"/>\n"
    "    </property>\n"
    "  </interface>\n";

/* ---- methods -------------------------------------------------------------------------------------------- */

/* The instance that the argument names. */
static int read_instance(struct postern_mediator *mediator, const struct postern_call *call, struct postern_instance **instance,
                         struct postern_error *error)
{
    const char *path;

    if (postern_object_read_text(call, &path) < 0)
        return postern_error_set(error, -EINVAL, "the argument cannot be read");
    return postern_object_find_instance(mediator, call->caller, path, instance, error);
}

/* An instance that the caller may end: only the creator's uid. */
static int read_instance_to_stop(struct postern_mediator *mediator, const struct postern_call *call,
                                 struct postern_instance **instance, struct postern_error *error)
{
    const char *path;

    if (postern_object_read_text(call, &path) < 0)
        return postern_error_set(error, -EINVAL, "the argument cannot be read");
    return postern_object_find_own_instance(mediator, call->caller, path, false, instance, error);
}

static int stop_listening(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    struct postern_instance *instance;
    int r = read_instance_to_stop(mediator, call, &instance, error);

    if (r == 0)
        postern_instance_stop_listening(instance, "it was asked to");
    return r;
}

static int stop_instance(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    struct postern_instance *instance;
    int r = read_instance_to_stop(mediator, call, &instance, error);

    if (r == 0)
        postern_instance_stop(instance);
    return r;
}

static void write_info(struct postern_writer *w, const struct postern_instance *instance)
{
    postern_object_write_entries(w, &instance->credentials);
    postern_writer_string(w, instance->type);
    postern_writer_string(w, instance->name);
    postern_object_write_entries(w, &instance->metadata);
}

static int get_instance_info(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    struct postern_instance *instance;
    int r = read_instance(mediator, call, &instance, error);

    if (r == 0)
        write_info(&mediator->reply, instance);
    return r;
}

static int get_connection_instance(struct postern_mediator *mediator, const struct postern_call *call,
                                   struct postern_error *error)
{
    const struct postern_party *party;
    const char *name;

    if (postern_object_read_text(call, &name) < 0)
        return postern_error_set(error, -EINVAL, "the argument cannot be read");
    if (strcmp(name, POSTERN_DRIVER_NAME) == 0)
        return postern_error_set(error, -ENXIO, "%s is in no container", name);
    party = postern_party_find(mediator, name, strlen(name));
    if (party == NULL || (call->caller->instance != NULL && party->instance != call->caller->instance))
        return postern_error_set(error, -ENOENT, "nobody owns the name \"%s\"", name);
    if (party->instance == NULL)
        return postern_error_set(error, -ENXIO, "%s is in no container", name);
    postern_writer_path(&mediator->reply, party->instance->path);
    write_info(&mediator->reply, party->instance);
    return 0;
}

static int request_header(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    call->caller->wants_header = true;
    return 0;
}

static const struct postern_object_method methods[] = {
    {"AddServer", "ssa{sv}a{sv}", postern_containers1_add_server},
    {"StopListening", "o", stop_listening},
    {"StopInstance", "o", stop_instance},
    {"GetInstanceInfo", "o", get_instance_info},
    {"GetConnectionInstance", "s", get_connection_instance},
    {"RequestHeader", "", request_header},
};

int postern_containers1_call(struct postern_mediator *mediator, const struct postern_call *call, struct postern_reply *reply)
{
    return postern_object_call(mediator, call, POSTERN_CONTAINERS1, methods, sizeof(methods) / sizeof(methods[0]), reply);
}

int postern_containers1_property(struct postern_mediator *mediator, const char *member, struct postern_reply *reply)
{
    struct postern_writer *w = &mediator->reply;

    if (member != NULL && strcmp(member, "SupportedArguments") != 0)
        return postern_object_no_property(mediator, POSTERN_CONTAINERS1, reply);
    postern_writer_reset(w);
    if (member == NULL) {
        postern_writer_open(w, 'a', "{sv}");
        postern_writer_entry_open(w, "SupportedArguments", "as");
    }
    postern_writer_open(w, 'a', "s");
    for (const char *const *name = postern_server_arg_names; *name != NULL; name++)
        postern_writer_string(w, *name);
    postern_writer_close(w);
    if (member == NULL) {
        postern_writer_entry_close(w);
        postern_writer_close(w);
    }
    return postern_object_answer(mediator, reply);
}

/* ---- identity for others ----------------------------------------------------------------------------------- */

int postern_containers1_write_creator(const char *source, const struct postern_party *creator, struct postern_buf *entries)
{
    struct postern_writer w;
    int r;

    postern_writer_init(&w);
    postern_writer_open(&w, 'a', "{sv}");
    if (creator != NULL)
        postern_credentials_write(&w, creator->uid, &creator->facts);
    postern_writer_entry_string(&w, "org.postern.IdentitySource", source);
    postern_writer_close(&w);
    r = postern_writer_finish(&w);
    if (r == 0)
        r = postern_buf_append(entries, w.buf.data + 8, w.buf.len - 8); /* behind length and padding */
    postern_writer_free(&w);
    return r;
}

static int tell(postern_credential_fn *fn, void *fn_data, const char *key, const char *signature, const char *value)
{
    struct postern_writer w;
    int r;

    postern_writer_init(&w);
    if (*signature == 'o')
        postern_writer_path(&w, value);
    else
        postern_writer_string(&w, value);
    r = postern_writer_finish(&w);
    if (r == 0)
        r = fn(fn_data, key, signature, w.buf.data, (uint32_t)w.buf.len);
    postern_writer_free(&w);
    return r;
}

int postern_containers1_credentials(const struct postern_party *party, postern_credential_fn *fn, void *fn_data)
{
    const struct postern_instance *instance = party->instance;
    int r;

    if (instance == NULL)
        return 0;
    r = tell(fn, fn_data, POSTERN_CONTAINERS1 ".Instance", "o", instance->path);
    if (r == 0)
        r = tell(fn, fn_data, POSTERN_CONTAINERS1 ".Type", "s", instance->type);
    if (r == 0)
        r = tell(fn, fn_data, POSTERN_CONTAINERS1 ".Name", "s", instance->name);
    if (r == 0)
        r = tell(fn, fn_data, "org.postern.IdentitySource", "s", instance->source);
    return r;
}

/* The bus's own messages carry none. */
void postern_containers1_stamp(const struct postern_party *from, const struct postern_party *to, struct postern_view *path)
{
    bool asked = to != NULL && to->wants_header, tells;

    *path = (struct postern_view){.data = NULL};
    if (from == NULL)
        return;
    if (from->instance == NULL) {
        if (asked)
            *path = (struct postern_view){.data = "/", .len = 1};
        return;
    }
    /* What a container asks for are facts of its own instance; those of others are omitted. */
    tells = !from->mediator->settings.header_on_request || (asked && (to->instance == NULL || to->instance == from->instance));
    if (tells)
        *path = (struct postern_view){.data = from->instance->path, .len = from->instance->path_len};
}
