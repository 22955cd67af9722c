/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/access.h"

#include <string.h>

#include "util/hash.h"
#include "wire/name.h"

enum postern_access_kind postern_access_kind_of(const struct postern_busconfig_rule *rule)
{
    if (rule->own != NULL || rule->own_prefix != NULL)
        return POSTERN_ACCESS_OWN;
    if (rule->user != NULL || rule->group != NULL)
        return POSTERN_ACCESS_CONNECT;
    if (rule->send_interface != NULL || rule->send_member != NULL || rule->send_error != NULL || rule->send_destination != NULL ||
        rule->send_destination_prefix != NULL || rule->send_path != NULL || rule->has_send_type || rule->send_broadcast != POSTERN_UNSET ||
        rule->send_requested_reply != POSTERN_UNSET)
        return POSTERN_ACCESS_SEND;
    /* Also <allow eavesdrop="true"/>, which stands for receive_sender="*" with it. */
    return POSTERN_ACCESS_RECEIVE;
}

/* "*" means any, except in a prefix, where it is a name like another that nobody can have. */
static struct postern_access_text text_of(const char *s, bool prefix)
{
    if (s == NULL || (!prefix && strcmp(s, "*") == 0))
        return (struct postern_access_text){0};
    return (struct postern_access_text){.s = s, .len = (uint32_t)strlen(s), .hash = postern_hash(s, strlen(s))};
}

static bool choose(enum postern_tristate given, bool otherwise)
{
    return given == POSTERN_UNSET ? otherwise : given == POSTERN_TRUE;
}

static void init_message(struct postern_access *access, const struct postern_busconfig_rule *rule)
{
    bool send = access->kind == POSTERN_ACCESS_SEND;
    const char *name = send ? rule->send_destination : rule->receive_sender;

    if (rule->send_destination_prefix != NULL) {
        access->prefix = true;
        name = rule->send_destination_prefix;
    }
    access->text[POSTERN_ACCESS_NAME] = text_of(name, access->prefix);
    access->text[POSTERN_ACCESS_INTERFACE] = text_of(send ? rule->send_interface : rule->receive_interface, false);
    access->text[POSTERN_ACCESS_MEMBER] = text_of(send ? rule->send_member : rule->receive_member, false);
    access->text[POSTERN_ACCESS_PATH] = text_of(send ? rule->send_path : rule->receive_path, false);
    access->text[POSTERN_ACCESS_ERROR] = text_of(send ? rule->send_error : rule->receive_error, false);
    access->type = send ? rule->send_type : rule->receive_type;
    access->broadcast = rule->send_broadcast;
    /* An <allow> is for the replies that are awaited, a <deny> for those that are not, unless the rule says otherwise. */
    access->requested_reply = choose(send ? rule->send_requested_reply : rule->receive_requested_reply, rule->allow);
    access->eavesdrop = choose(rule->eavesdrop, false);
    access->min_fds = rule->min_fds;
    access->max_fds = rule->max_fds;
}

void postern_access_init(struct postern_access *access, const struct postern_busconfig_rule *rule)
{
    *access = (struct postern_access){
        .kind = postern_access_kind_of(rule),
        .context = rule->context,
        .context_known = rule->context_known,
        .context_failed = rule->context_failed,
        .context_id = rule->context_id,
        .allow = rule->allow,
        .log = rule->log == POSTERN_TRUE,
        .file = rule->where.file,
        .line = rule->where.line,
    };
    if (access->kind == POSTERN_ACCESS_OWN) {
        access->prefix = rule->own_prefix != NULL;
        access->text[POSTERN_ACCESS_NAME] = text_of(access->prefix ? rule->own_prefix : rule->own, access->prefix);
    } else if (access->kind == POSTERN_ACCESS_CONNECT) {
        access->is_group = rule->group != NULL;
        access->any_account = strcmp(access->is_group ? rule->group : rule->user, "*") == 0;
        access->account_failed = rule->account_failed;
        access->account_known = access->is_group ? rule->group_known : rule->user_known;
        access->account = access->is_group ? rule->group_id : rule->user_id;
    } else {
        init_message(access, rule);
    }
}

void postern_access_init_owner(struct postern_access *access, const struct postern_service_entry *service)
{
    postern_access_init(access, &(struct postern_busconfig_rule){.context = POSTERN_CONTEXT_DEFAULT,
                                                                 .allow = true,
                                                                 .own = service->name,
                                                                 .where = {.file = service->file, .line = service->owner_line},
                                                                 .max_fds = UINT32_MAX});
    access->one_user = true;
    access->context_id = service->owner;
}

void postern_access_init_open(struct postern_access *access, const struct postern_service_entry *service)
{
    postern_access_init(access, &(struct postern_busconfig_rule){.context = POSTERN_CONTEXT_DEFAULT,
                                                                 .allow = true,
                                                                 .send_destination = service->name,
                                                                 .where = {.file = service->file, .line = service->open_line},
                                                                 .max_fds = UINT32_MAX});
}

struct postern_subject postern_subject_of(const struct postern_party *party)
{
    if (party->anonymous || party->uid == UINT32_MAX)
        return (struct postern_subject){0};
    return (struct postern_subject){
        .has_uid = true,
        .at_console = party->at_console,
        .uid = party->uid,
        .groups = party->facts.groups,
        .n_groups = party->facts.n_groups,
    };
}

static bool has_group(const struct postern_subject *subject, uint32_t gid)
{
    for (size_t i = 0; i < subject->n_groups; i++)
        if (subject->groups[i] == gid)
            return true;
    return false;
}

/*
 * Whose rule this is could not be found out. Whatever the answer would have been, nobody may get more than it would give: so an <allow> is
 * nobody's, and a <deny> is everybody's. Root is spared, since root can change the rules anyway, and whoever brings the directory
 * service back, which may need this very bus, is root.
 */
static bool applies_unresolved(const struct postern_access *access, const struct postern_subject *subject)
{
    return !access->allow && subject->has_uid && subject->uid != 0;
}

bool postern_access_applies(const struct postern_access *access, const struct postern_subject *subject)
{
    switch (access->context) {
    case POSTERN_CONTEXT_DEFAULT:
        return !access->one_user || (subject->has_uid && access->context_id == subject->uid);
    case POSTERN_CONTEXT_MANDATORY:
        return true;
    case POSTERN_CONTEXT_GROUP:
        if (access->context_failed)
            return applies_unresolved(access, subject);
        return subject->has_uid && access->context_known && has_group(subject, access->context_id);
    case POSTERN_CONTEXT_USER:
        if (access->context_failed)
            return applies_unresolved(access, subject);
        return subject->has_uid && access->context_known && access->context_id == subject->uid;
    case POSTERN_CONTEXT_CONSOLE_FALSE:
        return subject->has_uid && !subject->at_console;
    case POSTERN_CONTEXT_CONSOLE_TRUE:
        return subject->has_uid && subject->at_console;
    }
    return false;
}

static struct postern_access_text text_from_view(struct postern_view view)
{
    return (struct postern_access_text){.s = view.data, .len = view.len};
}

void postern_question_message(struct postern_question *question, enum postern_access_kind kind, struct postern_subject subject,
                              const struct postern_message *message, const struct postern_party *peer, struct postern_view name)
{
    bool is_call = message->type == POSTERN_MESSAGE_METHOD_CALL, is_signal = message->type == POSTERN_MESSAGE_SIGNAL;
    bool is_error = message->type == POSTERN_MESSAGE_ERROR;

    *question = (struct postern_question){
        .kind = kind,
        .subject = subject,
        .type = message->type,
        /* A call or signal that carries a reply serial is still a call or signal. */
        .is_reply = message->type == POSTERN_MESSAGE_METHOD_RETURN || is_error,
        .is_broadcast = is_signal && message->destination.data == NULL,
        .fds = message->fds,
        .peer = peer,
    };
    if (peer == NULL)
        question->text[POSTERN_ACCESS_NAME] = text_from_view(name);
    /* Fields that the specification gives to other message types count as absent: a sender could leave them out anyway. */
    if (is_call || is_signal) {
        question->text[POSTERN_ACCESS_INTERFACE] = text_from_view(message->interface);
        question->text[POSTERN_ACCESS_MEMBER] = text_from_view(message->member);
        question->text[POSTERN_ACCESS_PATH] = text_from_view(message->path);
    } else if (is_error) {
        question->text[POSTERN_ACCESS_ERROR] = text_from_view(message->error);
    }
}

void postern_question_own(struct postern_question *question, struct postern_subject subject, struct postern_view name)
{
    *question = (struct postern_question){.kind = POSTERN_ACCESS_OWN, .subject = subject};
    question->text[POSTERN_ACCESS_NAME] = text_from_view(name);
}

static bool matches_text(const struct postern_access *access, const struct postern_question *question, enum postern_access_field field)
{
    const struct postern_access_text *wanted = &access->text[field], *given = &question->text[field];

    if (wanted->s == NULL)
        return true;
    /*
     * The message has no such field. A <deny> must not be evaded by leaving the field out (CVE-2008-0595), and an <allow> must not
     * be had that way: a message without interface passes only rules that name none, and an <allow send_error=...> is not for
     * messages that are no errors. Path and member are absent in replies alone, which follow their call: there they do not count.
     */
    if (given->s == NULL)
        return !access->allow || field == POSTERN_ACCESS_PATH || field == POSTERN_ACCESS_MEMBER;
    return wanted->len == given->len && memcmp(wanted->s, given->s, given->len) == 0;
}

bool postern_access_matches_message(const struct postern_access *access, const struct postern_question *question)
{
    if (question->kind == POSTERN_ACCESS_OWN)
        return true;
    if (access->type != 0 && access->type != question->type)
        return false;
    /* Only receive rules know eavesdropping: allow needs eavesdrop="true" for it, deny with eavesdrop="true" is for nothing else. */
    if (question->kind == POSTERN_ACCESS_RECEIVE && access->allow && question->eavesdropping && !access->eavesdrop)
        return false;
    if (question->kind == POSTERN_ACCESS_RECEIVE && !access->allow && !question->eavesdropping && access->eavesdrop)
        return false;
    if (question->is_reply && !question->requested && access->allow && access->requested_reply && !access->eavesdrop)
        return false;
    if (question->is_reply && question->requested && !access->allow && !access->requested_reply)
        return false;
    if (access->broadcast != POSTERN_UNSET && (access->broadcast == POSTERN_TRUE) != question->is_broadcast)
        return false;
    if (question->fds < access->min_fds || question->fds > access->max_fds)
        return false;
    for (enum postern_access_field field = POSTERN_ACCESS_INTERFACE; field < POSTERN_ACCESS_FIELDS; field++)
        if (!matches_text(access, question, field))
            return false;
    return true;
}

bool postern_access_matches_name(const struct postern_access *access, const char *name, size_t len)
{
    const struct postern_access_text *wanted = &access->text[POSTERN_ACCESS_NAME];

    if (wanted->s == NULL)
        return true;
    if (name == NULL)
        return false;
    if (access->prefix)
        return postern_name_in_subtree(name, len, wanted->s, wanted->len);
    return wanted->len == len && memcmp(wanted->s, name, len) == 0;
}

/* A connection is all names that it owns or queues for, its unique name among them, whichever the message was addressed to. */
static bool matches_peer(const struct postern_access *access, const struct postern_party *peer)
{
    if (peer->unique_name != NULL && postern_access_matches_name(access, peer->unique_name, strlen(peer->unique_name)))
        return true;
    for (size_t i = 0; i < peer->n_names; i++)
        if (postern_access_matches_name(access, peer->names[i].name->name, peer->names[i].name->len))
            return true;
    return false;
}

bool postern_access_matches(const struct postern_access *access, const struct postern_question *question)
{
    const struct postern_access_text *name = &question->text[POSTERN_ACCESS_NAME];

    if (!postern_access_matches_message(access, question))
        return false;
    if (access->text[POSTERN_ACCESS_NAME].s == NULL)
        return true;
    return question->peer != NULL ? matches_peer(access, question->peer) : postern_access_matches_name(access, name->s, name->len);
}

bool postern_access_matches_account(const struct postern_access *access, const struct postern_subject *subject)
{
    if (access->any_account)
        return true;
    if (access->account_failed)
        return applies_unresolved(access, subject);
    if (!access->account_known || !subject->has_uid)
        return false;
    return access->is_group ? has_group(subject, access->account) : access->account == subject->uid;
}
