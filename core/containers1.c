/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/containers1.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/serverargs.h"
#include "wire/credentials.h"
#include "wire/message.h"
#include "wire/name.h"
#include "wire/reader.h"

#define ERROR "org.freedesktop.DBus.Error."

const struct postern_interface postern_containers1_interface = {
    .size = sizeof(postern_containers1_interface),
    .name = POSTERN_CONTAINERS1,
    .introspection = "  <interface name=\"org.freedesktop.DBus.Containers1\">\n"
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
                     "  </interface>\n",
};

/* ---- answers -------------------------------------------------------------------------------------------- */

static int fail(struct postern_mediator *mediator, struct postern_reply *reply, const char *name, const char *text)
{
    snprintf(mediator->reply_error, sizeof(mediator->reply_error), "%s", text);
    /* Cutting may have split a character. */
    for (size_t len = strlen(mediator->reply_error); len > 0 && !postern_utf8_is_valid(mediator->reply_error, len); len--)
        mediator->reply_error[len - 1] = '\0';
    reply->error_name = name;
    reply->error_text = mediator->reply_error;
    return 0;
}

static const char *error_name(int r)
{
    switch (r) {
    case -EINVAL:
        return ERROR "InvalidArgs";
    case -EDQUOT:
        return ERROR "LimitsExceeded";
    case -EACCES:
        return ERROR "AccessDenied";
    case -ENOMEM:
        return ERROR "NoMemory";
    case -ENXIO:
        return ERROR "NotContainer";
    case -ENOENT:
        return ERROR "NameHasNoOwner";
    default:
        return ERROR "Failed";
    }
}

static int answer(struct postern_mediator *mediator, struct postern_reply *reply)
{
    int r = postern_writer_finish(&mediator->reply);

    if (r < 0)
        return r;
    reply->signature = mediator->reply.signature;
    reply->body = mediator->reply.buf.data;
    reply->body_len = (uint32_t)mediator->reply.buf.len;
    return 0;
}

/* ---- methods -------------------------------------------------------------------------------------------- */

/* A method: 0 with the answer in mediator->reply, or an errno value for error_name() with *error. */
typedef int method_fn(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error);

/* The one argument, a string or path. */
static int read_text(const struct postern_call *call, const char **text)
{
    const struct postern_message *m = call->message;
    struct postern_reader r;

    postern_reader_init(&r, (char)m->order, m->signature.data, m->body, m->body_len);
    postern_reader_string(&r, text, NULL);
    return postern_reader_finish(&r) < 0 ? -EINVAL : 0;
}

/* The instance that the argument names. To a container every instance but its own does not exist. */
static int read_instance(struct postern_mediator *mediator, const struct postern_call *call, struct postern_instance **instance,
                         struct postern_error *error)
{
    struct postern_instance *found;
    const char *path;

    if (read_text(call, &path) < 0)
        return postern_error_set(error, -EINVAL, "the argument cannot be read");
    found = postern_instance_find(mediator, path);
    if (found == NULL || (call->caller->instance != NULL && call->caller->instance != found))
        return postern_error_set(error, -ENXIO, "there is no container instance %s", path);
    *instance = found;
    return 0;
}

/* An instance that the caller may end: only the creator's uid. */
static int read_instance_to_stop(struct postern_mediator *mediator, const struct postern_call *call,
                                 struct postern_instance **instance, struct postern_error *error)
{
    struct postern_instance *found;
    int r;

    if (call->caller->instance != NULL)
        return postern_error_set(error, -EACCES, "containers may not stop containers");
    r = read_instance(mediator, call, &found, error);
    if (r < 0)
        return r;
    if (call->caller->anonymous || call->caller->uid != found->creator_uid)
        return postern_error_set(error, -EACCES, "the container instance %s was made by another user", found->path);
    *instance = found;
    return 0;
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

/* Entries that were stored as they stand behind an array's length: the writer is at a multiple of 8 there, too. */
static void write_entries(struct postern_writer *w, const struct postern_buf *entries)
{
    postern_writer_open(w, 'a', "{sv}");
    if (w->error == 0 && postern_buf_append(&w->buf, entries->data, entries->len) < 0)
        w->error = -ENOMEM;
    postern_writer_close(w);
}

static void write_info(struct postern_writer *w, const struct postern_instance *instance)
{
    write_entries(w, &instance->credentials);
    postern_writer_string(w, instance->type);
    postern_writer_string(w, instance->name);
    write_entries(w, &instance->metadata);
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

    if (read_text(call, &name) < 0)
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

static const struct method {
    const char *name;
    const char *signature;
    method_fn *fn;
} methods[] = {
    {"AddServer", "ssa{sv}a{sv}", postern_containers1_add_server},
    {"StopListening", "o", stop_listening},
    {"StopInstance", "o", stop_instance},
    {"GetInstanceInfo", "o", get_instance_info},
    {"GetConnectionInstance", "s", get_connection_instance},
    {"RequestHeader", "", request_header},
};

int postern_containers1_call(struct postern_mediator *mediator, const struct postern_call *call, struct postern_reply *reply)
{
    const struct postern_message *m = call->message;
    const char *signature = m->signature.data != NULL ? m->signature.data : "";
    struct postern_error error = {.text = ""};
    const struct method *method = NULL;
    int r;

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (m->member.data != NULL && strcmp(methods[i].name, m->member.data) == 0)
            method = &methods[i];
    if (method == NULL)
        return fail(mediator, reply, ERROR "UnknownMethod", "org.freedesktop.DBus.Containers1 has no such method");
    if (strcmp(signature, method->signature) != 0) {
        postern_error_set(&error, -EINVAL, "%s takes (%s), not (%s)", method->name, method->signature, signature);
        return fail(mediator, reply, ERROR "InvalidArgs", error.text);
    }
    postern_writer_reset(&mediator->reply);
    r = method->fn(mediator, call, &error);
    return r < 0 ? fail(mediator, reply, error_name(r), error.text) : answer(mediator, reply);
}

int postern_containers1_property(struct postern_mediator *mediator, const char *member, struct postern_reply *reply)
{
    struct postern_writer *w = &mediator->reply;

    if (member != NULL && strcmp(member, "SupportedArguments") != 0)
        return fail(mediator, reply, ERROR "UnknownProperty", "org.freedesktop.DBus.Containers1 has no such property");
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
    return answer(mediator, reply);
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
    bool asked = to != NULL && to->wants_header;
    const char *text = NULL;

    if (from != NULL && from->instance == NULL)
        text = asked ? "/" : NULL;
    else if (from != NULL && !from->mediator->settings.header_on_request)
        text = from->instance->path;
    /* What a container asks for are facts of its own instance; those of others are omitted (10.1). */
    else if (from != NULL && asked && (to->instance == NULL || to->instance == from->instance))
        text = from->instance->path;
    *path = (struct postern_view){.data = text, .len = text != NULL ? (uint32_t)strlen(text) : 0};
}
