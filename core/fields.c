/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/instance.h"

#define VALUE_MAX_BYTES 512u

/* Of what kind a line is: sd-id128(3), made once. */
static const struct {
    const char *verdict, *id;
} kinds[] = {
    {"denied", "debdbc820f7346b28259219f4d46e847"},
    {"complained", "f6a0a97c35e84ba6a3f0e1b20545ecc2"},
    {"refused", "f90c7b1ce82644f3aca7882d7ad12298"},
};

static void add_bytes(struct postern_fields *fields, const char *key, const char *value, size_t len)
{
    len = len < VALUE_MAX_BYTES ? len : VALUE_MAX_BYTES;
    if (fields->n == POSTERN_FIELDS_MAX || sizeof(fields->text) - fields->used <= len)
        return;
    fields->keys[fields->n] = key;
    fields->values[fields->n++] = fields->text + fields->used;
    memcpy(fields->text + fields->used, value, len);
    fields->text[fields->used + len] = '\0';
    fields->used += len + 1;
}

static void add(struct postern_fields *fields, const char *key, const char *value)
{
    if (value != NULL)
        add_bytes(fields, key, value, strlen(value));
}

static void add_view(struct postern_fields *fields, const char *key, const struct postern_view *view)
{
    if (view->data != NULL)
        add_bytes(fields, key, view->data, view->len);
}

static void add_number(struct postern_fields *fields, const char *key, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    add(fields, key, text);
}

/* ---- ends -------------------------------------------------------------------------------------------- */

/* The same of a sender and of a receiver. */
struct end_keys {
    const char *unique, *names[POSTERN_FIELD_NAMES], *label, *uid, *pid, *instance, *type, *name;
};

#define END_KEYS(END)                                                                                                            \
    {                                                                                                                            \
        .unique = "POSTERN_" END "_UNIQUE_NAME",                                                                                 \
        .names = {"POSTERN_" END "_WELL_KNOWN_NAME_0", "POSTERN_" END "_WELL_KNOWN_NAME_1", "POSTERN_" END "_WELL_KNOWN_NAME_2", \
                  "POSTERN_" END "_WELL_KNOWN_NAME_3"},                                                                          \
        .label = "POSTERN_" END "_SECURITY_LABEL", .uid = "POSTERN_" END "_UID", .pid = "POSTERN_" END "_PID",                   \
        .instance = "POSTERN_" END "_CONTAINER_INSTANCE", .type = "POSTERN_" END "_CONTAINER_TYPE",                              \
        .name = "POSTERN_" END "_CONTAINER_NAME",                                                                                \
    }

static const struct end_keys sender_keys = END_KEYS("SENDER"), receiver_keys = END_KEYS("RECEIVER");

static void add_end(struct postern_fields *fields, const struct end_keys *keys, const struct postern_party *party)
{
    int names = 0;

    if (party == NULL)
        return;
    add(fields, keys->unique, party->unique_name);
    for (size_t i = 0; i < party->n_names && names < POSTERN_FIELD_NAMES; i++)
        if (party->names[i].primary)
            add(fields, keys->names[names++], party->names[i].name->name);
    add(fields, keys->label, party->facts.label);
    if (party->uid != UINT32_MAX)
        add_number(fields, keys->uid, party->uid);
    if (party->facts.pid > 0)
        add_number(fields, keys->pid, (uint64_t)party->facts.pid);
    if (party->instance == NULL)
        return;
    add(fields, keys->instance, party->instance->path);
    add(fields, keys->type, party->instance->type);
    add(fields, keys->name, party->instance->name);
}

/* ---- all ------------------------------------------------------------------------------------------------ */

const char *postern_fields_type(const struct postern_message *message)
{
    static const char *const names[] = {"unknown", "method_call", "method_return", "error", "signal"};

    return names[message->type <= POSTERN_MESSAGE_SIGNAL ? message->type : 0];
}

static void add_message(struct postern_fields *fields, const struct postern_message *message)
{
    add(fields, "POSTERN_MESSAGE_TYPE", postern_fields_type(message));
    add_number(fields, "POSTERN_MESSAGE_SERIAL", message->serial);
    add_view(fields, "POSTERN_MESSAGE_DESTINATION", &message->destination);
    add_view(fields, "POSTERN_MESSAGE_PATH", &message->path);
    add_view(fields, "POSTERN_MESSAGE_INTERFACE", &message->interface);
    add_view(fields, "POSTERN_MESSAGE_MEMBER", &message->member);
    add_view(fields, "POSTERN_MESSAGE_ERROR_NAME", &message->error);
    add_view(fields, "POSTERN_MESSAGE_SIGNATURE", &message->signature);
    if (message->reply_serial != 0)
        add_number(fields, "POSTERN_MESSAGE_REPLY_SERIAL", message->reply_serial);
    add_number(fields, "POSTERN_MESSAGE_UNIX_FDS", message->fds);
}

static void add_request(struct postern_fields *fields, const struct postern_request *request, uint8_t end)
{
    if (request->message != NULL)
        add(fields, "POSTERN_TRANSMIT_ACTION", end == POSTERN_END_SENDER ? "send" : "receive");
    add_view(fields, "POSTERN_NAME", &request->name);
    add_end(fields, &receiver_keys, request->to);
    if (request->message != NULL)
        add_message(fields, request->message);
}

void postern_fields_collect(struct postern_fields *fields, const struct postern_audit_event *event)
{
    const struct postern_party *from = event->request != NULL ? event->request->from : event->from;

    fields->n = 0;
    fields->used = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].verdict, event->verdict) == 0)
            add(fields, "MESSAGE_ID", kinds[i].id);
    add(fields, "POSTERN_VERDICT", event->verdict);
    add(fields, "POSTERN_ACTION", event->action);
    add(fields, "POSTERN_POLICY_TYPE", event->door);
    add(fields, "POSTERN_POLICY_RULE", event->rule);
    add(fields, "POSTERN_POLICY_REASON", event->why);
    add(fields, "POSTERN_POLICY_NEEDS", event->needs);
    add(fields, "POSTERN_NAME", event->name);
    if (event->suppressed > 0)
        add_number(fields, "POSTERN_SUPPRESSED", event->suppressed);
    add_end(fields, &sender_keys, from);
    if (from != NULL && from->facts.pid > 0)
        add_number(fields, "OBJECT_PID", (uint64_t)from->facts.pid);
    if (event->request != NULL)
        add_request(fields, event->request, event->end);
}
