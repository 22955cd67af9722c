/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/instance.h"
#include "wire/name.h"

const char *postern_words_door(uint8_t door)
{
    static const char *const names[] = {"none", "xml", "container", "lsm"};

    return names[door];
}

const char *postern_words_mode(uint32_t mode)
{
    static const char *const names[] = {"none", "restrict", "complain", "identify"};

    return names[mode];
}

const char *postern_words_end(uint8_t end)
{
    return end == POSTERN_END_SENDER ? "sender" : "receiver";
}

const char *postern_words_action(const struct postern_request *request)
{
    static const char *const names[] = {"none", "connect", "own", "send", "receive", "see", "activate", "monitor"};

    return (request->flags & POSTERN_REQUEST_RELEASE) != 0 ? "release" : names[request->action];
}

const char *postern_words_rule(const struct postern_rule_ref *rule, char text[POSTERN_WORDS_RULE_MAX])
{
    static const char *const kinds[] = {
        [POSTERN_RULE_INDEX] = "index", [POSTERN_RULE_GRANT] = "grant", [POSTERN_RULE_BASELINE] = "baseline"};

    switch (rule->kind) {
    case POSTERN_RULE_FILE:
        snprintf(text, POSTERN_WORDS_RULE_MAX, "%s:%" PRIu32, rule->file, rule->line);
        break;
    case POSTERN_RULE_INDEX:
    case POSTERN_RULE_GRANT:
    case POSTERN_RULE_BASELINE:
        snprintf(text, POSTERN_WORDS_RULE_MAX, "%s:%" PRIu32, kinds[rule->kind], rule->index);
        break;
    case POSTERN_RULE_LABELS:
        snprintf(text, POSTERN_WORDS_RULE_MAX, "%s", rule->file);
        break;
    default:
        snprintf(text, POSTERN_WORDS_RULE_MAX, "none");
    }
    return text;
}

/* ---- the rule that would be needed ------------------------------------------------------------------------- */

static struct postern_view view_of(const char *text)
{
    return (struct postern_view){.data = text, .len = (uint32_t)strlen(text)};
}

/* The name by which a rule of the instance at this end would best speak of the other one; absent when it could not. */
static struct postern_view name_peer(const struct postern_request *request, uint8_t end)
{
    const struct postern_instance *own = end == POSTERN_END_SENDER ? request->from->instance : request->to->instance;
    const struct postern_party *peer = end == POSTERN_END_SENDER ? request->to : request->from;
    const struct postern_message *m = request->message;

    if (request->name.len > 0 && request->name.data[0] != ':')
        return request->name;
    if (end == POSTERN_END_SENDER && m != NULL && m->destination.data != NULL && m->destination.data[0] != ':')
        return m->destination;
    for (size_t i = 0; peer != NULL && i < peer->n_names; i++)
        if (peer->names[i].primary)
            return view_of(peer->names[i].name->name);
    /* A connection of another container is covered by no unique name. */
    if (peer == NULL || peer->unique_name == NULL || (peer->instance != NULL && peer->instance != own))
        return (struct postern_view){.data = NULL};
    return view_of(peer->unique_name);
}

static bool hears(const struct postern_request *request)
{
    const struct postern_rule_query query = {.need = POSTERN_ALLOW_HEAR, .message = request->message};

    return postern_instance_rule_for_party(request->to->instance, request->from, &query) != NULL;
}

/* The word of the rule for a message; NULL: no rule would help. */
static const char *word_for_message(const struct postern_request *request, uint8_t end)
{
    const struct postern_message *m = request->message;
    bool reply = m->type == POSTERN_MESSAGE_METHOD_RETURN || m->type == POSTERN_MESSAGE_ERROR;

    if (request->from == NULL || (request->flags & POSTERN_REQUEST_TO_DRIVER) != 0)
        return NULL; /* no rule is about the bus itself */
    if (end == POSTERN_END_RECEIVER && (request->flags & POSTERN_REQUEST_BROADCAST) != 0 && !hears(request))
        return "broadcast";
    if (end == POSTERN_END_RECEIVER)
        return m->fds > 0 ? "receive-fds" : NULL;
    if ((request->flags & POSTERN_REQUEST_BROADCAST) != 0)
        return NULL;
    return m->fds > 0 ? "send-fds" : reply ? NULL : "call";
}

static const char *needed_word(const struct postern_request *request, uint8_t end)
{
    switch (request->action) {
    case POSTERN_ACTION_OWN:
        return "own";
    case POSTERN_ACTION_ACTIVATE:
        return "call";
    case POSTERN_ACTION_SEE:
        return "see";
    case POSTERN_ACTION_SEND:
        return word_for_message(request, end);
    default:
        return NULL;
    }
}

int postern_words_needed_rule(const struct postern_request *request, uint8_t end, struct postern_buf *text)
{
    const struct postern_message *m = request->message;
    const char *word = needed_word(request, end);
    struct postern_view name;
    int r;

    if (word == NULL)
        return 0;
    name = name_peer(request, end);
    if (name.data == NULL || (name.len == strlen(POSTERN_DRIVER_NAME) && memcmp(name.data, POSTERN_DRIVER_NAME, name.len) == 0))
        return 0;
    r = postern_buf_printf(text, "%s=%.*s", word, (int)name.len, name.data);
    if (r < 0 || m == NULL || strcmp(word, "see") == 0)
        return r;
    /* Paths do not matter to replies, only that the rule is there: one that opens as little else as can be. */
    if (m->path.data == NULL)
        return postern_buf_printf(text, "=*@/");
    /* A message without an interface is matched only by a rule without one. */
    if (m->interface.data != NULL)
        return postern_buf_printf(text, "=%.*s.%.*s@%.*s", (int)m->interface.len, m->interface.data, (int)m->member.len, m->member.data,
                                  (int)m->path.len, m->path.data);
    return postern_buf_printf(text, "=*@%.*s", (int)m->path.len, m->path.data);
}
