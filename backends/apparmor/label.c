/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backends/apparmor/state.h"

static const char stack[] = "//&";

static bool is(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* ":namespace:unconfined" */
static bool is_unconfined_elsewhere(const char *text, size_t len)
{
    const char *end = len > 1 && text[0] == ':' ? memrchr(text + 1, ':', len - 1) : NULL;

    return end != NULL && is(end + 1, len - (size_t)(end + 1 - text), "unconfined") && memmem(text, len, stack, sizeof(stack) - 1) == NULL;
}

void postern_apparmor_label_split(const char *text, size_t len, struct postern_apparmor_label *label)
{
    size_t open = len;

    while (len > 0 && text[len - 1] == '\n')
        len--; /* /proc/PID/attr ends with one */
    *label = (struct postern_apparmor_label){.data = text, .len = len, .mode = POSTERN_LABEL_ENFORCED};
    /* Of no profile the kernel tells no mode, also in another policy namespace. */
    if (is(text, len, "unconfined") || is_unconfined_elsewhere(text, len))
        label->mode = POSTERN_LABEL_UNCONFINED;
    if (len < 4 || text[len - 1] != ')')
        return;
    for (open = len - 1; open > 1 && text[open] != '('; open--)
        ;
    if (open <= 1 || text[open - 1] != ' ')
        return;
    label->len = open - 1;
    if (is(text + open, len - open, "(complain)"))
        label->mode = POSTERN_LABEL_COMPLAINING;
    else if (is(text + open, len - open, "(unconfined)"))
        label->mode = POSTERN_LABEL_UNCONFINED;
}

bool postern_apparmor_label_next(const struct postern_apparmor_label *label, size_t *at, struct postern_apparmor_label *part)
{
    const char *start, *end;

    if (label->data == NULL || *at >= label->len)
        return false;
    start = label->data + *at;
    end = memmem(start, label->len - *at, stack, sizeof(stack) - 1);
    *part = *label;
    part->data = start;
    part->len = end != NULL ? (size_t)(end - start) : label->len - *at;
    *at += part->len + (end != NULL ? sizeof(stack) - 1 : 0);
    return true;
}

struct postern_apparmor_label postern_apparmor_label_of(const struct postern_apparmor *apparmor, const struct postern_party *party)
{
    struct postern_apparmor_label label = {.data = NULL};

    if (party == NULL)
        return apparmor->own;
    if (party->facts.label != NULL)
        postern_apparmor_label_split(party->facts.label, party->facts.label_len, &label);
    return label;
}
