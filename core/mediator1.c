/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/mediator1.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "core/explain.h"
#include "core/facts.h"
#include "core/grant.h"
#include "core/object.h"
#include "core/rulelist.h"
#include "core/ruletext.h"
#include "core/words.h"
#include "wire/name.h"
#include "wire/reader.h"

/* Of what others have granted, so many rules are listed: anybody may grant, and nobody's list is to fail for it. */
#define GRANTED_MAX 1000u

/* ---- what there is ------------------------------------------------------------------------------------------ */

static int no_container(const struct postern_call *call, struct postern_error *error)
{
    if (call->caller->instance == NULL)
        return 0;
    return postern_error_set(error, -EACCES, "containers may not look into containers, change or stop them");
}

static int list_instances(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    struct postern_writer *w = &mediator->reply;
    int r = no_container(call, error);

    if (r < 0)
        return r;
    postern_writer_open(w, 'a', "(osssu)");
    for (const struct postern_instance *instance = mediator->instances; instance != NULL; instance = instance->hh.next) {
        postern_writer_open(w, 'r', NULL);
        postern_writer_path(w, instance->path);
        postern_writer_string(w, instance->type);
        postern_writer_string(w, instance->name);
        postern_writer_string(w, instance->source);
        postern_writer_u32(w, (uint32_t)instance->n_parties);
        postern_writer_close(w);
    }
    postern_writer_close(w);
    return 0;
}

static void write_count(struct postern_writer *w, const char *key, uint64_t count)
{
    postern_writer_entry_open(w, key, "t");
    postern_writer_u64(w, count);
    postern_writer_entry_close(w);
}

static void write_stats(struct postern_writer *w, const struct postern_instance *instance)
{
    const struct postern_figures *figures = &instance->figures;

    postern_writer_open(w, 'a', "{sv}");
    postern_writer_entry_string(w, "Mode", postern_words_mode(instance->mode));
    postern_writer_entry_u32(w, "Connections", (uint32_t)instance->n_parties);
    postern_writer_entry_u32(w, "Rules", (uint32_t)postern_ruleset_count(instance->rules));
    postern_writer_entry_u32(w, "SiteRules", (uint32_t)postern_ruleset_count(instance->site_rules));
    postern_writer_entry_u32(w, "Grants", postern_grants_to(instance));
    write_count(w, "MessagesSent", figures->sent);
    write_count(w, "MessagesReceived", figures->received);
    write_count(w, "DeniedByXml", figures->denied[POSTERN_DOOR_XML]);
    write_count(w, "DeniedByContainer", figures->denied[POSTERN_DOOR_CONTAINER]);
    write_count(w, "DeniedByLsm", figures->denied[POSTERN_DOOR_LSM]);
    write_count(w, "Complaints", figures->complaints);
    write_count(w, "BytesSent", figures->bytes_sent);
    write_count(w, "BytesReceived", figures->bytes_received);
    write_count(w, "FdsSent", figures->fds_sent);
    write_count(w, "FdsReceived", figures->fds_received);
    postern_writer_close(w);
}

static int get_instance_stats(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    struct postern_instance *instance;
    const char *path;
    int r = no_container(call, error);

    if (r < 0)
        return r;
    if (postern_object_read_text(call, &path) < 0)
        return postern_error_set(error, -EINVAL, "the argument cannot be read");
    r = postern_object_find_instance(mediator, call->caller, path, &instance, error);
    if (r == 0)
        write_stats(&mediator->reply, instance);
    return r;
}

/* ---- rules of an instance ------------------------------------------------------------------------------------- */

/* One rule for people: what it is, where it is from, and its text form, as far as it has one. */
static void write_rule(struct postern_writer *w, const struct postern_rule *rule, const char *source)
{
    struct postern_buf text = {.len = 0};
    int r = postern_ruletext_print(rule, &text);

    if (r == 0 || r == -EOPNOTSUPP)
        r = postern_buf_append(&text, "", 1);
    postern_writer_open(w, 'r', NULL);
    postern_rulelist_write(w, rule);
    postern_writer_string(w, source);
    postern_writer_string(w, r == 0 ? (const char *)text.data : "");
    postern_writer_close(w);
    postern_buf_finish(&text);
}

static void write_own_rule(void *data, const struct postern_rule *rule)
{
    char text[POSTERN_WORDS_RULE_MAX];

    write_rule(data, rule, postern_words_rule(&rule->ref, text));
}

struct granted_listing {
    struct postern_writer *w;
    unsigned n;
};

static void write_granted_rule(void *data, const struct postern_rule *rule, const struct postern_party *granter)
{
    struct granted_listing *listing = data;
    char text[64];

    if (listing->n++ >= GRANTED_MAX)
        return;

    snprintf(text, sizeof(text), "grant:%" PRIu32 " of %s", rule->ref.index, granter->unique_name != NULL ? granter->unique_name : "nobody");
    write_rule(listing->w, rule, text);
}

static int get_rules(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    struct postern_writer *w = &mediator->reply;
    struct granted_listing granted = {.w = w};
    struct postern_instance *instance;
    const char *path;
    int r;

    if (postern_object_read_text(call, &path) < 0)
        return postern_error_set(error, -EINVAL, "the argument cannot be read");
    r = postern_object_find_own_instance(mediator, call->caller, path, true, &instance, error);
    if (r < 0)
        return r;
    postern_writer_open(w, 'a', "(usosss)");
    if (postern_instance_is_ruled(instance)) {
        postern_ruleset_each(instance->rules, write_own_rule, w);
        postern_ruleset_each(instance->site_rules, write_own_rule, w);
        postern_ruleset_each(mediator->service_rules, write_own_rule, w);
        postern_grants_each(mediator, instance, write_granted_rule, &granted);
    }
    postern_writer_close(w);
    return 0;
}

static int set_rules(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    const struct postern_message *m = call->message;
    struct postern_rulelist list = {.rules = NULL};
    struct postern_ruleset *rules = NULL;
    struct postern_instance *instance;
    struct postern_reader reader;
    const char *path;
    int r;

    postern_reader_init(&reader, (char)m->order, m->signature.data, m->body, m->body_len);
    if (postern_reader_string(&reader, &path, NULL) < 0)
        return postern_error_set(error, -EINVAL, "the arguments cannot be read");
    r = postern_object_find_own_instance(mediator, call->caller, path, false, &instance, error);
    if (r == 0 && !postern_instance_is_ruled(instance))
        r = postern_error_set(error, -EINVAL, "%s is in mode identify, where no rule has an effect", instance->path);
    if (r == 0)
        r = postern_rulelist_read(&reader, "the list", mediator->settings.max_rules, &list, error);
    if (r == 0 && list.n > 0)
        r = postern_ruleset_new(list.rules, list.n, &rules); /* takes them over in either case */
    if (r < 0)
        return r;
    postern_mediator_log(mediator, LOG_DEBUG, "%s: %s has set %zu rules", instance->path, call->caller->unique_name, list.n);
    postern_instance_set_rules(instance, rules);
    return 0;
}

/* ---- services that open themselves ------------------------------------------------------------------------------- */

struct who_reading {
    struct postern_mediator *mediator;
    const struct postern_party *caller;
    struct postern_grant_who who;
};

/* The instance that something is granted to. A container can know only those that have called it, and itself. */
static int find_grantee(struct who_reading *reading, const char *path, struct postern_error *error)
{
    const struct postern_instance *own = reading->caller->instance;
    struct postern_instance *found = postern_instance_find(reading->mediator, path);
    bool known = found != NULL && (!postern_instance_is_ruled(own) || found == own);

    for (const struct postern_party *party = found != NULL ? found->parties : NULL; !known && party != NULL; party = party->instance_next)
        known = postern_instance_was_contacted(own, party);
    if (!known)
        return postern_error_set(error, -ENXIO, "there is no container instance %s", path);
    reading->who.instance = found;
    return 0;
}

static int read_who(void *data, struct postern_reader *r, const char *key, struct postern_error *error)
{
    struct who_reading *reading = data;
    const bool is_instance = strcmp(key, "instance") == 0;
    const char *text;

    if (!is_instance && strcmp(key, "type") != 0 && strcmp(key, "name") != 0)
        return postern_error_set(error, -EINVAL, "there is no \"%s\" to tell containers by; type, name and instance are", key);
    if (!postern_reader_is(r, is_instance ? "o" : "s") || postern_reader_string(r, &text, NULL) < 0)
        return postern_error_set(error, -EINVAL, "%s must be %s", key, is_instance ? "an object path" : "a string");
    if (is_instance && reading->who.instance == NULL)
        return find_grantee(reading, text, error);
    if (strcmp(key, "type") == 0 && !postern_name_is_interface(text, strlen(text)))
        return postern_error_set(error, -EINVAL, "\"%s\" is no type that a container could have", text);
    if (strcmp(key, "type") == 0 && reading->who.type == NULL)
        reading->who.type = text;
    else if (strcmp(key, "name") == 0 && reading->who.name == NULL)
        reading->who.name = text;
    else
        return postern_error_set(error, -EINVAL, "%s is there twice", key);
    return 0;
}

static int grant(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    const struct postern_message *m = call->message;
    struct who_reading reading = {.mediator = mediator, .caller = call->caller};
    struct postern_rulelist rules;
    struct postern_reader r;
    uint32_t id;
    int result;

    postern_reader_init(&r, (char)m->order, m->signature.data, m->body, m->body_len);
    result = postern_object_read_entries(&r, read_who, &reading, error);
    if (result == 0)
        result = postern_rulelist_read(&r, "the list", mediator->settings.max_grants, &rules, error);
    if (result == 0)
        result = postern_grant_make(call->caller, &reading.who, &rules, &id, error);
    if (result == 0)
        postern_writer_u32(&mediator->reply, id);
    return result;
}

static int revoke(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    const struct postern_message *m = call->message;
    struct postern_reader r;
    uint32_t id;

    (void)mediator;
    postern_reader_init(&r, (char)m->order, m->signature.data, m->body, m->body_len);
    if (postern_reader_u32(&r, &id) < 0)
        return postern_error_set(error, -EINVAL, "the argument cannot be read");
    if (postern_grant_revoke(call->caller, id) < 0)
        return postern_error_set(error, -EINVAL, "there is no grant %" PRIu32 " of this connection, or it has ended", id);
    return 0;
}

/* ---- watching ------------------------------------------------------------------------------------------------------- */

static int read_watch_option(void *all, struct postern_reader *r, const char *key, struct postern_error *error)
{
    if (strcmp(key, "all") == 0 && postern_reader_bool(r, all) == 0)
        return 0;
    return postern_error_set(error, -EINVAL, "the only option is \"all\", a boolean");
}

static int watch(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    const struct postern_message *m = call->message;
    struct postern_reader reader;
    bool all = false;
    int r;

    (void)mediator;
    if (!postern_object_is_privileged(call->caller))
        return postern_error_set(error, -EACCES, "only root and the user of this bus may watch what it decides");
    postern_reader_init(&reader, (char)m->order, m->signature.data, m->body, m->body_len);
    r = postern_object_read_entries(&reader, read_watch_option, &all, error);
    return r == 0 ? postern_watch_begin(call->caller, all, error) : r;
}

static int unwatch(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    (void)mediator;
    (void)error;
    postern_watch_end(call->caller);
    return 0;
}

static const struct postern_object_method methods[] = {
    {"SetRules", "oa(usos)", set_rules},
    {"GetRules", "o", get_rules},
    {"Grant", "a{sv}a(usos)", grant},
    {"Revoke", "u", revoke},
    {"ListInstances", "", list_instances},
    {"GetInstanceStats", "o", get_instance_stats},
    {"Explain", "a{sv}", postern_explain},
    {"Watch", "a{sv}", watch},
    {"Unwatch", "", unwatch},
    {"RequestFacts", "as", postern_facts_request},
};

int postern_mediator1_call(struct postern_mediator *mediator, const struct postern_call *call, struct postern_reply *reply)
{
    return postern_object_call(mediator, call, POSTERN_MEDIATOR1, methods, sizeof(methods) / sizeof(methods[0]), reply);
}

/* ---- properties ---------------------------------------------------------------------------------------------- */

static void write_version(struct postern_mediator *mediator)
{
    postern_writer_string(&mediator->reply, PACKAGE_VERSION);
}

static void write_doors(struct postern_mediator *mediator)
{
    const struct postern_settings *settings = &mediator->settings;
    struct postern_writer *w = &mediator->reply;
    char text[POSTERN_BACKEND_STATUS_MAX];

    postern_writer_open(w, 'a', "{sv}");
    postern_writer_entry_string(w, "xml", "on");
    snprintf(text, sizeof(text), "on; mode of containers that give neither rules nor a mode: %s, of those that nobody announced: %s",
             postern_words_mode(settings->default_mode), postern_words_mode(settings->implicit_mode));
    postern_writer_entry_string(w, "container", text);
    for (size_t i = 0; i < mediator->n_backends; i++) {
        const struct postern_backend *backend = mediator->backends[i].backend;

        if (backend->status != NULL)
            postern_writer_entry_string(w, backend->name, backend->status(mediator->backends[i].data, text));
    }
    postern_writer_close(w);
}

static const struct property {
    const char *name;
    const char *type;
    void (*write)(struct postern_mediator *mediator);
} properties[] = {
    {"Version", "s", write_version},
    {"Doors", "a{sv}", write_doors},
};

int postern_mediator1_property(struct postern_mediator *mediator, const char *member, struct postern_reply *reply)
{
    struct postern_writer *w = &mediator->reply;
    bool found = member == NULL;

    postern_writer_reset(w);
    if (member == NULL)
        postern_writer_open(w, 'a', "{sv}");
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        if (member != NULL && strcmp(member, properties[i].name) != 0)
            continue;
        found = true;
        if (member == NULL)
            postern_writer_entry_open(w, properties[i].name, properties[i].type);
        properties[i].write(mediator);
        if (member == NULL)
            postern_writer_entry_close(w);
    }
    if (!found)
        return postern_object_no_property(mediator, POSTERN_MEDIATOR1, reply);
    if (member == NULL)
        postern_writer_close(w);
    return postern_object_answer(mediator, reply);
}
