/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/party.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/audit.h"
#include "core/console.h"
#include "core/grant.h"
#include "core/mediator.h"
#include "core/watch.h"
#include "util/zalloc.h"

/* ---- names ------------------------------------------------------------------------------------------- */

static struct postern_bus_name *find_name(const struct postern_mediator *mediator, const char *name, size_t len)
{
    struct postern_bus_name *found;

    HASH_FIND(hh, mediator->names, name, len, found);
    return found;
}

/* The object of a name, made when nobody holds it yet, with one holder more. */
static struct postern_bus_name *hold_name(struct postern_mediator *mediator, const char *name)
{
    size_t len = strlen(name);
    struct postern_bus_name *made = find_name(mediator, name, len);

    if (made == NULL) {
        made = calloc(1, sizeof(*made));
        if (made == NULL)
            return NULL;
        made->name = strdup(name);
        made->len = (uint32_t)len;
        if (made->name != NULL)
            HASH_ADD_KEYPTR(hh, mediator->names, made->name, made->len, made);
        if (made->hh.tbl == NULL) {
            free(made->name);
            free(made);
            return NULL;
        }
    }
    made->holders++;
    return made;
}

static void release_name(struct postern_mediator *mediator, struct postern_bus_name *name)
{
    if (--name->holders > 0)
        return;
    HASH_DEL(mediator->names, name);
    free(name->name);
    free(name);
}

static struct postern_party_name *find_place(const struct postern_party *party, const struct postern_bus_name *name)
{
    for (size_t i = 0; name != NULL && i < party->n_names; i++)
        if (party->names[i].name == name)
            return &party->names[i];
    return NULL;
}

static struct postern_party_name *add_place(struct postern_party *party, const char *name)
{
    struct postern_party_name *places = party->names;
    struct postern_bus_name *held;

    /* Room for a power of two. */
    if ((party->n_names & (party->n_names - 1)) == 0) {
        places = reallocarray(party->names, party->n_names == 0 ? 1 : 2 * party->n_names, sizeof(*places));
        if (places == NULL)
            return NULL;
        party->names = places;
    }
    held = hold_name(party->mediator, name);
    if (held == NULL)
        return NULL;
    places[party->n_names] = (struct postern_party_name){.name = held};
    return &places[party->n_names++];
}

static void drop_place(struct postern_party *party, struct postern_party_name *place)
{
    struct postern_bus_name *name = place->name;

    if (place->primary)
        postern_grants_name_lost(party, name->name);
    if (name->primary == party)
        name->primary = NULL;
    *place = party->names[--party->n_names];
    postern_cache_forget(party);
    release_name(party->mediator, name);
}

static void make_primary(struct postern_party *party, struct postern_party_name *place, bool primary)
{
    struct postern_party *previous = place->name->primary;
    struct postern_party_name *other =
        primary && previous != NULL && previous != party ? find_place(previous, place->name) : NULL;

    if (other != NULL) {
        other->primary = false; /* the host should have told so before; there are never two */
        postern_cache_forget(previous);
        postern_grants_name_lost(previous, place->name->name);
    }
    if (place->primary && !primary)
        postern_grants_name_lost(party, place->name->name);
    place->primary = primary;
    postern_cache_forget(party);
    if (primary)
        place->name->primary = party;
    else if (previous == party)
        place->name->primary = NULL;
}

int postern_party_name(struct postern_party *party, const char *name, uint32_t state)
{
    struct postern_party_name *place = find_place(party, find_name(party->mediator, name, strlen(name)));

    if (state == POSTERN_NAME_GONE) {
        if (place != NULL)
            drop_place(party, place);
        return 0;
    }
    if (state > POSTERN_NAME_PRIMARY)
        return -EINVAL;
    if (place == NULL)
        place = add_place(party, name);
    if (place == NULL)
        return -ENOMEM;
    make_primary(party, place, state == POSTERN_NAME_PRIMARY);
    return 0;
}

struct postern_party *postern_party_find(const struct postern_mediator *mediator, const char *name, size_t len)
{
    struct postern_party *party = NULL;
    struct postern_bus_name *found;

    if (len > 0 && name[0] == ':') {
        HASH_FIND(hh_unique, mediator->by_unique, name, len, party);
        return party;
    }
    found = find_name(mediator, name, len);
    return found != NULL ? found->primary : NULL;
}

/* ---- the life of a connection ---------------------------------------------------------------------------- */

/* Asks the providers in order; the first that knows the connection wins. */
static int identify(struct postern_mediator *mediator, const struct postern_peer *peer, const struct postern_peer_facts *facts,
                    struct postern_instance **instance, struct postern_error *error)
{
    struct postern_instance *found = NULL;
    int r = 0;

    for (size_t i = 0; r == 0 && i < mediator->n_providers; i++) {
        const struct postern_backend_slot *provider = mediator->providers[i];
        struct postern_error why = {.text = ""};

        r = provider->backend->identify(provider->data, peer, facts, &found, &why);
        if (r < 0)
            return postern_error_set(error, r, "provider %s: %s", provider->backend->name, why.text);
    }
    /* Whatever the order of providers: who came by a container's socket belongs to that container or nowhere. */
    if (peer->listener != 0 && (found == NULL || found->listening.listener != peer->listener)) {
        postern_instance_give_up(found);
        return postern_error_set(error, -EPERM, "it came by the socket of a container that is gone");
    }
    /* Asked again of who has authenticated. Here it keeps strangers from taking the container's places. */
    if (peer->listener != 0 && facts->uid != found->creator_uid)
        return postern_error_set(error, -EPERM, "the container %s is another user's", found->path);
    *instance = found;
    return 0;
}

static int set_up(struct postern_party *party, const struct postern_peer *peer)
{
    struct postern_mediator *mediator = party->mediator;
    struct postern_instance *instance = NULL;
    struct postern_error error = {.text = ""};
    int r = postern_peer_facts_read(peer->fd, &party->facts);

    if (r < 0)
        postern_error_set(&error, r, "the kernel does not tell who it is: %s", strerror(-r));
    else
        r = identify(mediator, peer, &party->facts, &instance, &error);
    if (r < 0) {
        postern_audit_refused(mediator, NULL, &party->facts, error.text);
        return r == -ENOMEM ? r : -EPERM;
    }
    HASH_ADD(hh, mediator->parties, host_id, sizeof(party->host_id), party);
    if (party->hh.tbl == NULL) {
        postern_instance_give_up(instance);
        return -ENOMEM;
    }
    r = instance != NULL ? postern_instance_join(instance, party) : 0;
    if (r < 0) {
        postern_audit_refused(mediator, instance, &party->facts, "the container has as many connections as it may have");
        HASH_DELETE(hh, mediator->parties, party);
        postern_instance_give_up(instance);
    }
    return r;
}

int postern_party_new(struct postern_mediator *mediator, const struct postern_peer *peer, struct postern_party **party)
{
    struct postern_party *made = postern_zalloc(sizeof(*made));
    int r;

    if (made == NULL)
        return -ENOMEM;
    made->mediator = mediator;
    made->host_id = peer->host_id;
    made->uid = UINT32_MAX;
    r = set_up(made, peer);
    if (r < 0) {
        postern_peer_facts_finish(&made->facts);
        free(made);
        return r;
    }
    *party = made;
    return 0;
}

/* Of whom the kernel tells nothing, only the bus's own user can prove who he is, with a file of his: his groups are the bus's. Without
 * them, a policy that denies something to a group would pass him by. */
static int find_groups(struct postern_party *party, uint32_t uid)
{
    struct postern_peer_facts self;
    int r;

    if (party->facts.uid != POSTERN_PEER_UNKNOWN || uid == UINT32_MAX)
        return 0;
    if (uid != geteuid())
        return -EPERM;
    r = postern_peer_facts_self(&self);
    if (r < 0)
        return r;
    party->facts.groups = self.groups;
    party->facts.n_groups = self.n_groups;
    self.groups = NULL;
    postern_peer_facts_finish(&self);
    return 0;
}

int postern_party_authenticated(struct postern_party *party, uint32_t uid)
{
    int r;

    if (party->authenticated)
        return -EALREADY;
    r = find_groups(party, uid);
    if (r < 0)
        return r;
    party->authenticated = true;
    if (party->instance != NULL)
        postern_instance_announce(party->instance); /* whoever only connects and goes is nobody's news */
    party->anonymous = uid == UINT32_MAX;
    party->uid = uid;
    party->at_console = postern_console_has(party->mediator, uid);
    return 0;
}

int postern_party_hello(struct postern_party *party, const char *unique_name)
{
    if (party->unique_name != NULL || !party->authenticated)
        return -EINVAL;
    party->unique_name = strdup(unique_name);
    if (party->unique_name == NULL)
        return -ENOMEM;
    HASH_ADD_KEYPTR(hh_unique, party->mediator->by_unique, party->unique_name, strlen(party->unique_name), party);
    if (party->hh_unique.tbl != NULL)
        return 0;
    free(party->unique_name);
    party->unique_name = NULL;
    return -ENOMEM;
}

/* Remembers what it owned, so that whoever could see it can still hear that it goes. Without memory they do not: that hides. */
static void remember_names(struct postern_party *party)
{
    if (party->n_names == 0)
        return;
    party->departed = calloc(party->n_names, sizeof(*party->departed));
    for (size_t i = 0; party->departed != NULL && i < party->n_names; i++) {
        if (!party->names[i].primary)
            continue;
        party->departed[party->n_departed++] = party->names[i].name;
        party->names[i].name->holders++;
    }
}

void postern_party_leave(struct postern_party *party)
{
    if (party->leaving)
        return;
    party->leaving = true;
    remember_names(party);
    postern_watch_end(party);
    postern_instance_creator_left(party);
}

void postern_party_free(struct postern_party *party)
{
    if (party == NULL)
        return;
    postern_instance_creator_left(party);
    postern_instance_forget(party);
    postern_grants_party_gone(party);
    postern_watch_end(party);
    while (party->n_names > 0)
        drop_place(party, &party->names[party->n_names - 1]);
    for (size_t i = 0; i < party->n_departed; i++)
        release_name(party->mediator, party->departed[i]);
    if (party->unique_name != NULL)
        HASH_DELETE(hh_unique, party->mediator->by_unique, party);
    HASH_DELETE(hh, party->mediator->parties, party);
    postern_instance_part(party);
    postern_peer_facts_finish(&party->facts);
    free(party->names);
    free(party->departed);
    free(party->unique_name);
    free(party);
}
