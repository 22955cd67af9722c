/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/pattern.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { NAME, INSTANCE, APP, ANY, PLACEHOLDERS };

static const char *const placeholders[PLACEHOLDERS] = {[NAME] = "{name}", [INSTANCE] = "{instance}", [APP] = "{app}", [ANY] = "{*}"};

/* Which placeholder begins here? PLACEHOLDERS: none. */
static unsigned placeholder_at(const char *p)
{
    unsigned i = 0;

    while (i < PLACEHOLDERS && strncmp(p, placeholders[i], strlen(placeholders[i])) != 0)
        i++;
    return i;
}

/* How much text stands here before the next placeholder or the end? */
static size_t literal_length(const char *p)
{
    size_t len = strcspn(p, "{");

    while (p[len] == '{' && placeholder_at(p + len) == PLACEHOLDERS)
        len += 1 + strcspn(p + len + 1, "{");
    return len;
}

int postern_pattern_check(const char *pattern, struct postern_error *error)
{
    unsigned n[PLACEHOLDERS] = {0};
    bool after_placeholder = false;

    if (*pattern == '\0')
        return postern_error_set(error, -EINVAL, "it is empty");
    for (const char *p = pattern; *p != '\0';) {
        unsigned which = placeholder_at(p);

        if (which == PLACEHOLDERS && (*p == '{' || *p == '}'))
            return postern_error_set(error, -EINVAL, "expected {name}, {instance}, {app} or {*} at \"%s\"", p);
        if (which < PLACEHOLDERS && after_placeholder)
            return postern_error_set(error, -EINVAL, "two placeholders need something between them");
        if (which < APP && ++n[which] > 1)
            return postern_error_set(error, -EINVAL, "%s stands there twice", placeholders[which]);
        after_placeholder = which < PLACEHOLDERS;
        p += after_placeholder ? strlen(placeholders[which]) : 1;
    }
    return 0;
}

/* Where does a placeholder end that begins at start, before this literal? NULL: nowhere. */
static const char *placeholder_end(const char *start, const char *end, const char *literal, size_t literal_len, char separator)
{
    bool is_last = literal[literal_len] == '\0';
    const char *stop;

    if (is_last && (size_t)(end - start) < literal_len)
        return NULL;
    if (is_last)
        stop = memcmp(end - literal_len, literal, literal_len) == 0 ? end - literal_len : NULL;
    else
        stop = memmem(start, (size_t)(end - start), literal, literal_len);
    if (stop == NULL || stop == start)
        return NULL;
    if (!is_last && separator != '\0' && memchr(start, separator, (size_t)(stop - start)) != NULL)
        return NULL;
    return stop;
}

int postern_pattern_match(const char *pattern, const char *text, size_t len, char separator, struct postern_pattern_captures *captures)
{
    struct postern_pattern_captures found = {0};
    const char *end = text + len, *p = pattern;
    size_t literal_len = literal_length(p);

    if (len < literal_len || memcmp(text, p, literal_len) != 0)
        return 0;
    text += literal_len;
    p += literal_len;
    while (*p != '\0') {
        unsigned which = placeholder_at(p);
        const char *literal = p + strlen(placeholders[which]), *stop;

        literal_len = literal_length(literal);
        stop = placeholder_end(text, end, literal, literal_len, separator);
        if (stop == NULL)
            return 0;
        if (which == NAME)
            found.name = (struct postern_pattern_capture){text, (size_t)(stop - text)};
        else if (which == INSTANCE)
            found.instance = (struct postern_pattern_capture){text, (size_t)(stop - text)};
        text = stop + literal_len;
        p = literal + literal_len;
    }
    if (text != end)
        return 0;
    *captures = found;
    return 1;
}
