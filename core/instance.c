/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/instance.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <utlist.h>

#include "core/grant.h"
#include "core/listen.h"
#include "core/mediator.h"

int postern_instance_new(struct postern_mediator *mediator, const struct postern_instance_plan *plan,
                         struct postern_instance **instance)
{
    struct postern_instance *made = calloc(1, sizeof(*made));

    if (made == NULL)
        return -ENOMEM;
    made->mediator = mediator;
    made->type = strdup(plan->type);
    made->name = strdup(plan->name);
    made->number = mediator->last_instance + 1;
    made->path_len = (uint32_t)snprintf(made->path, sizeof(made->path), POSTERN_INSTANCE_PREFIX "%" PRIu64, made->number);
    if (made->type != NULL && made->name != NULL)
        HASH_ADD_STR(mediator->instances, path, made);
    if (made->hh.tbl == NULL) {
        free(made->type);
        free(made->name);
        free(made);
        return -ENOMEM;
    }
    mediator->last_instance = made->number;
    made->type_hash = postern_hash(made->type, strlen(made->type));
    made->name_hash = postern_hash(made->name, strlen(made->name));
    made->source = plan->source;
    made->mode = plan->mode;
    made->creator_uid = plan->creator != NULL ? plan->creator->uid : plan->creator_uid;
    if (plan->tied_to_creator) {
        made->creator = plan->creator;
        made->creator->n_created++;
    }
    made->quota = plan->quota;
    made->metadata = plan->metadata;
    made->credentials = plan->credentials;
    made->rules = plan->rules;
    made->site_rules = postern_settings_rules(&mediator->settings, made->type, made->name);
    postern_listening_init(&made->listening);
    *instance = made;
    return 0;
}

static void forget_creator(struct postern_instance *instance)
{
    if (instance->creator != NULL)
        instance->creator->n_created--;
    instance->creator = NULL;
}

static void drop_contact(struct postern_contact *contact)
{
    HASH_DEL(contact->instance->contacts, contact);
    DL_DELETE(contact->party->contacts, contact);
    free(contact);
}

/* Nothing finds the instance any more. */
static void unlist(struct postern_instance *instance)
{
    HASH_DEL(instance->mediator->instances, instance);
    if (instance->recognised.len > 0)
        HASH_DELETE(hh_implicit, instance->mediator->implicit, instance);
    forget_creator(instance);
    postern_grants_instance_gone(instance);
}

static void destroy(struct postern_instance *instance)
{
    struct postern_contact *contact, *next;

    HASH_ITER(hh, instance->contacts, contact, next)
    drop_contact(contact);
    postern_buf_finish(&instance->recognised);
    postern_buf_finish(&instance->metadata);
    postern_buf_finish(&instance->credentials);
    postern_ruleset_free(instance->rules);
    free(instance->complaints);
    free(instance->type);
    free(instance->name);
    free(instance);
}

void postern_instance_free(struct postern_instance *instance)
{
    if (instance == NULL)
        return;
    postern_listening_end(instance);
    unlist(instance);
    destroy(instance);
}

static void announce(const struct postern_instance *instance, const char *interface, const char *member)
{
    const struct postern_host *host = instance->mediator->host;
    struct postern_writer w;
    struct postern_signal signal = {.size = sizeof(signal), .interface = interface, .member = member};

    postern_writer_init(&w);
    postern_writer_path(&w, instance->path);
    if (postern_writer_finish(&w) == 0) {
        signal.signature = w.signature;
        signal.body = w.buf.data;
        signal.body_len = (uint32_t)w.buf.len;
        host->emit(host->data, &signal);
    } else {
        postern_mediator_log(instance->mediator, LOG_ERR, "out of memory: nobody is told %s of %s", member, instance->path);
    }
    postern_writer_free(&w);
}

void postern_instance_announce(struct postern_instance *instance)
{
    if (instance->announced)
        return;
    instance->announced = true;
    announce(instance, "org.postern.Mediator1", "InstanceAdded");
}

/* Ends the instance if nothing keeps it. When the signal arrives it is gone for everybody who asks. */
static void settle(struct postern_instance *instance)
{
    if (instance->listening.wanted || instance->n_parties > 0)
        return;
    unlist(instance);
    if (instance->announced)
        announce(instance, "org.freedesktop.DBus.Containers1", "InstanceRemoved");
    destroy(instance);
}

void postern_instance_give_up(struct postern_instance *instance)
{
    if (instance != NULL && !instance->listening.wanted && instance->n_parties == 0)
        postern_instance_free(instance); /* nobody has been told of it */
}

struct postern_instance *postern_instance_find(const struct postern_mediator *mediator, const char *path)
{
    struct postern_instance *instance;

    HASH_FIND_STR(mediator->instances, path, instance);
    return instance;
}

void postern_instance_stop_listening(struct postern_instance *instance, const char *why)
{
    if (!instance->listening.wanted)
        return;
    postern_mediator_log(instance->mediator, LOG_DEBUG, "%s stops listening: %s", instance->path, why);
    postern_listening_end(instance);
    forget_creator(instance);
    settle(instance);
}

void postern_instance_stop(struct postern_instance *instance)
{
    const struct postern_host *host = instance->mediator->host;

    for (struct postern_party *party = instance->parties; party != NULL; party = party->instance_next)
        host->disconnect(host->data, party->host_id, "its container was stopped");
    postern_instance_stop_listening(instance, "it was stopped");
}

void postern_instance_creator_left(struct postern_party *creator)
{
    struct postern_instance *instance, *next;

    if (creator->n_created == 0)
        return;
    HASH_ITER(hh, creator->mediator->instances, instance, next)
    if (instance->creator == creator)
        postern_instance_stop_listening(instance, "the connection that made it is gone");
}

int postern_instance_join(struct postern_instance *instance, struct postern_party *party)
{
    if (instance->n_parties >= instance->quota.connections)
        return -EMFILE;
    DL_APPEND2(instance->parties, party, instance_prev, instance_next);
    instance->n_parties++;
    party->instance = instance;
    return 0;
}

void postern_instance_part(struct postern_party *party)
{
    struct postern_instance *instance = party->instance;

    if (instance == NULL)
        return;
    DL_DELETE2(instance->parties, party, instance_prev, instance_next);
    instance->n_parties--;
    party->instance = NULL;
    settle(instance);
}

bool postern_instance_was_contacted(const struct postern_instance *instance, const struct postern_party *party)
{
    struct postern_contact *contact = party->contacts;

    if (contact != NULL && contact->instance == instance)
        return true; /* as the last time that somebody asked about it */
    HASH_FIND_PTR(instance->contacts, &party, contact);
    if (contact == NULL)
        return false;
    DL_DELETE(contact->party->contacts, contact);
    DL_PREPEND(contact->party->contacts, contact);
    return true;
}

void postern_instance_contact(struct postern_instance *instance, struct postern_party *party)
{
    struct postern_contact *contact;

    if (postern_instance_was_contacted(instance, party))
        return;
    contact = calloc(1, sizeof(*contact));
    if (contact == NULL)
        return;
    contact->instance = instance;
    contact->party = party;
    HASH_ADD_PTR(instance->contacts, party, contact);
    if (contact->hh.tbl == NULL) {
        free(contact);
        return;
    }
    DL_APPEND(party->contacts, contact);
}

void postern_instance_forget(struct postern_party *party)
{
    while (party->contacts != NULL)
        drop_contact(party->contacts);
}

/* ---- rules -------------------------------------------------------------------------------------------- */

const struct postern_rule *postern_instance_rule_for_name(const struct postern_instance *instance, const char *name, size_t len,
                                                          const struct postern_rule_query *query)
{
    const struct postern_rule *rule = postern_ruleset_find_name(instance->rules, name, len, query);

    if (rule == NULL)
        rule = postern_ruleset_find_name(instance->site_rules, name, len, query);
    return rule != NULL ? rule : postern_ruleset_find_name(instance->mediator->service_rules, name, len, query);
}

/* Is any of its rules about one connection, by its unique name? */
static bool has_unique(const struct postern_instance *instance)
{
    return postern_ruleset_has_unique(instance->rules) || postern_ruleset_has_unique(instance->site_rules) ||
           postern_ruleset_has_unique(instance->mediator->service_rules);
}

const struct postern_rule *postern_instance_rule_for_party(const struct postern_instance *instance,
                                                           const struct postern_party *party,
                                                           const struct postern_rule_query *query)
{
    const struct postern_rule *rule = NULL;
    bool asks_names = instance->rules != NULL || instance->site_rules != NULL || instance->mediator->service_rules != NULL;

    for (size_t i = 0; asks_names && rule == NULL && i < party->n_names; i++)
        if (party->names[i].primary)
            rule = postern_instance_rule_for_name(instance, party->names[i].name->name, party->names[i].name->len, query);
    if (query->looked != NULL && party->grants != NULL)
        *query->looked |= POSTERN_LOOKS_PATH | POSTERN_LOOKS_INTERFACE | POSTERN_LOOKS_MEMBER;
    if (rule == NULL)
        rule = postern_grant_find(party, instance, query);
    /* A connection of another container is covered only by a well-known name that it owns, as its own grants are. */
    if (rule != NULL || !asks_names || (party->instance != NULL && party->instance != instance))
        return rule;
    if (party->unique_name != NULL && has_unique(instance)) {
        if (query->looked != NULL)
            *query->looked |= POSTERN_LOOKS_OTHER;
        rule = postern_instance_rule_for_name(instance, party->unique_name, strlen(party->unique_name), query);
    }
    if (rule == NULL)
        rule = postern_ruleset_find_any(instance->rules, query);
    return rule != NULL ? rule : postern_ruleset_find_any(instance->site_rules, query);
}

/* Takes away the first name of the party that its container may not own any more. Releasing tells everybody, which changes the
 * list: hence one at a time. */
static bool release_one(const struct postern_party *party)
{
    static const struct postern_rule_query own = {.need = POSTERN_ALLOW_OWN};
    const struct postern_host *host = party->mediator->host;
    size_t before = party->n_names;

    for (size_t i = 0; i < party->n_names; i++) {
        const struct postern_bus_name *name = party->names[i].name;
        char copy[256];

        if (postern_instance_rule_for_name(party->instance, name->name, name->len, &own) != NULL)
            continue;
        snprintf(copy, sizeof(copy), "%s", name->name);
        host->release_name(host->data, party->host_id, copy);
        if (party->n_names < before)
            return true;
    }
    return false;
}

void postern_instance_enforce_names(struct postern_instance *instance)
{
    if (instance->mode != POSTERN_MODE_RESTRICT)
        return;
    for (struct postern_party *party = instance->parties; party != NULL; party = party->instance_next)
        while (release_one(party))
            ;
}

void postern_instance_set_rules(struct postern_instance *instance, struct postern_ruleset *rules)
{
    postern_ruleset_free(instance->rules);
    instance->rules = rules;
    postern_cache_flush(&instance->mediator->cache);
    postern_instance_enforce_names(instance);
}
