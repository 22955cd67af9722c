/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ruletext.h"

#include <errno.h>
#include <string.h>

#include "wire/name.h"

#define TEXT_MAX 4096 /* far beyond any name and path in use; bounds what a hostile file makes us copy */

/* The words, the widest first: printing takes the first that fits exactly. */
static const struct word {
    const char *word;
    uint32_t flags;
    bool narrows; /* takes =WHAT */
} words[] = {
    {"talk", POSTERN_ALLOW_TALK, false},
    {"send-fds", POSTERN_ALLOW_CALL | POSTERN_ALLOW_SEND_FDS, true},
    {"receive-fds", POSTERN_ALLOW_CALL | POSTERN_ALLOW_RECEIVE_FDS, true},
    {"call", POSTERN_ALLOW_CALL, true},
    {"broadcast", POSTERN_ALLOW_HEAR, true},
    {"own", POSTERN_ALLOW_OWN, false},
    {"see", POSTERN_ALLOW_SEE, false},
};
#define N_WORDS (sizeof(words) / sizeof(words[0]))

static const struct word *find_word(const char *word)
{
    for (size_t i = 0; i < N_WORDS; i++)
        if (strcmp(words[i].word, word) == 0)
            return &words[i];
    return NULL;
}

/* Cuts the slash and star off a path that means a subtree; of the whole tree "/" is left. */
static void parse_path(char *path, uint32_t *flags)
{
    size_t len = strlen(path);

    if (len >= 2 && strcmp(path + len - 2, "/*") == 0) {
        *flags |= POSTERN_ALLOW_PATH_SUBTREE;
        path[len == 2 ? 1 : len - 2] = '\0';
    }
}

/* Cuts ".*" off "INTERFACE.*"; what has no "*" names a member. */
static void parse_interface(char *interface, uint32_t *flags)
{
    size_t len = strlen(interface);

    if (strcmp(interface, "*") == 0)
        *interface = '\0';
    else if (len >= 2 && strcmp(interface + len - 2, ".*") == 0)
        interface[len - 2] = '\0';
    else if (len > 0)
        *flags |= POSTERN_ALLOW_MEMBER;
}

int postern_ruletext_parse(const char *word, const char *text, struct postern_rule *rule, struct postern_error *error)
{
    const struct word *kind = find_word(word);
    char copy[TEXT_MAX], none[1] = "", root[2] = "/";
    char *interface = none, *path = root, *at;
    size_t len = strlen(text);
    uint32_t flags;

    if (kind == NULL)
        return postern_error_set(
            error, -EINVAL, "\"%s\" is no kind of rule; see, talk, own, call, broadcast, send-fds and receive-fds are", word);
    if (len >= sizeof(copy))
        return postern_error_set(error, -EINVAL, "the rule is longer than %zu bytes", sizeof(copy) - 1);
    memcpy(copy, text, len + 1);
    flags = kind->flags | POSTERN_ALLOW_PATH_SUBTREE;
    at = strchr(copy, '=');
    if (at != NULL) {
        if (!kind->narrows)
            return postern_error_set(error, -EINVAL, "%s takes a bus name and nothing else; \"=%s\" is too much", word, at + 1);
        *at = '\0';
        interface = at + 1;
        at = strchr(interface, '@');
        if (at != NULL) {
            flags &= ~POSTERN_ALLOW_PATH_SUBTREE;
            *at = '\0';
            path = at + 1;
            parse_path(path, &flags);
        }
        parse_interface(interface, &flags);
    }
    len = strlen(copy);
    if (len >= 2 && strcmp(copy + len - 2, ".*") == 0) {
        flags |= POSTERN_ALLOW_NAME_SUBTREE;
        copy[len - 2] = '\0';
    }
    /* A forgotten name must not become a rule about everybody. */
    if (*copy == '\0')
        return postern_error_set(error, -EINVAL, "a bus name is missing");
    return postern_rule_init(rule, flags, copy, path, interface, error);
}

static bool is_whole(const struct postern_rule *rule)
{
    return *rule->interface == '\0' && *rule->member == '\0' && strcmp(rule->path, "/") == 0 &&
           (rule->flags & POSTERN_ALLOW_PATH_SUBTREE) != 0;
}

static int print_what(const struct postern_rule *rule, struct postern_buf *buf)
{
    bool subtree = (rule->flags & POSTERN_ALLOW_PATH_SUBTREE) != 0;
    bool any_path = subtree && strcmp(rule->path, "/") == 0;
    int r = postern_buf_printf(buf, "=%s%s%s", rule->interface, *rule->interface != '\0' ? "." : "",
                               *rule->member != '\0' ? rule->member : "*");

    if (r == 0 && !any_path)
        r = postern_buf_printf(buf, "@%s%s", rule->path, subtree ? "/*" : "");
    return r;
}

int postern_ruletext_print(const struct postern_rule *rule, struct postern_buf *buf)
{
    uint32_t what = rule->flags & (POSTERN_ALLOW_ACTIONS | POSTERN_ALLOW_SEND_FDS | POSTERN_ALLOW_RECEIVE_FDS);
    size_t before = buf->len;
    int r = -EOPNOTSUPP;

    if (*rule->name == '\0')
        return -EOPNOTSUPP;
    for (size_t i = 0; i < N_WORDS; i++) {
        if (words[i].flags != what || (!words[i].narrows && !is_whole(rule)))
            continue;
        r = postern_buf_printf(buf, "%s=%s%s", words[i].word, rule->name,
                               (rule->flags & POSTERN_ALLOW_NAME_SUBTREE) != 0 ? ".*" : "");
        if (r == 0 && words[i].narrows && !is_whole(rule))
            r = print_what(rule, buf);
        break;
    }
    if (r < 0)
        buf->len = before;
    return r;
}
