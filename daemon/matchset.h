/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All match rules of a bus, indexed so that rules which cannot match cost nothing: by which of path, interface, member and arg0
 * a rule fixes, by their values, and by the sender.
 */
#ifndef POSTERN_DAEMON_MATCHSET_H
#define POSTERN_DAEMON_MATCHSET_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/name.h"
#include "wire/match.h"

struct postern_match_entry;

/* Embedded in a connection. Zeroed at first. */
struct postern_match_owner {
    struct postern_match_entry *rules; /* newest first; equal rules stand once per AddMatch */
    uint32_t n_rules;
    uint64_t stamp; /* of the last message it was found for: each receives a message once */
};

struct postern_matchset; /* opaque */

struct postern_matchset *postern_matchset_new(void); /* NULL: out of memory */
void postern_matchset_free(struct postern_matchset *set); /* all rules with it; NULL is allowed */

/* Takes the rule over on success. 0 or -ENOMEM. */
int postern_matchset_add(struct postern_matchset *set, struct postern_match_owner *owner, struct postern_match *match);
/* Removes one rule equal to match. 0 or -ENOENT. */
int postern_matchset_remove(struct postern_matchset *set, struct postern_match_owner *owner, const struct postern_match *match);
void postern_matchset_remove_all(struct postern_matchset *set, struct postern_match_owner *owner);
/* Calls fn for each rule of the owner, oldest first. fn must not change the set. */
void postern_matchset_each(const struct postern_match_owner *owner, void (*fn)(void *data, const struct postern_match *match), void *data);
/* Are there rules with eavesdrop='true' at all? */
bool postern_matchset_has_eavesdrop(const struct postern_matchset *set);

/* How the set asks the router about names: is `name`, a unique or well-known name, the party in question? */
struct postern_match_route {
    /* Does the sender bear this name (its unique name, or a well-known name it owns; "org.freedesktop.DBus" for the driver)? */
    bool (*is_sender)(void *data, const char *name, uint32_t len);
    /* Is the addressee (if there is one) the bearer of this name? */
    bool (*is_destination)(void *data, const char *name, uint32_t len);
    /* May the owner of a rule that names the sender so know that the sender bears this name? NULL: all may. */
    bool (*knows)(void *data, struct postern_match_owner *owner, const char *name);
    /* Called for each owner with a matching rule, once. Must neither change the set nor search it. */
    void (*found)(void *data, struct postern_match_owner *owner);
    void *data;
    /* The same as is_sender() says, as a list: rules of other senders are then not even visited. */
    struct postern_field_view sender;               /* the unique name, or the driver's name */
    const struct postern_name_owner *sender_names; /* well-known names owned or waited for; NULL: none */
};

/* Finds who wants a message. eavesdrop false: a broadcast; rules with a destination never match it, all others do regardless of their
 * eavesdrop key. eavesdrop true: a message with a destination; only rules with eavesdrop='true' count. */
void postern_matchset_find(struct postern_matchset *set, const struct postern_header *header, struct postern_match_args *args, bool eavesdrop,
                           const struct postern_match_route *route);

/* Could postern_matchset_find() find somebody who wants a broadcast with this path, interface and member, and this string as its first argument? Rules
 * of other senders, or with more conditions, are not told apart: true may be wrong, false never is. */
bool postern_matchset_may_find(const struct postern_matchset *set, const struct postern_header *header, const char *arg0);

#endif
