/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which container a label of AppArmor stands for. */
#include <errno.h>
#include <string.h>

#include "backends/apparmor/state.h"
#include "backends/procguard.h"
#include "backends/signs.h"

/* A stack of profiles holds its process to all of them, so any of them may tell the container; but not two of them two. Profiles of
 * other policy namespaces have ":namespace:" in front, or follow one that has: what root of a container loads there may have any name, so
 * only a pattern with a namespace of its own can mean them. */
static int sign_of(const struct postern_apparmor *apparmor, const struct postern_apparmor_label *label, struct postern_label_sign *sign,
                   struct postern_error *error)
{
    struct postern_apparmor_label part;
    struct postern_label_sign other;
    size_t at = 0;
    bool foreign = false;
    int found = 0, r;

    bool none = false;

    while (postern_apparmor_label_next(label, &at, &part)) {
        /* The kernel writes the namespace only where it changes, and this one's own profiles first. */
        if (foreign && *part.data != ':')
            continue;
        foreign |= *part.data == ':';
        r = postern_sign_of_label(&apparmor->mediator->settings, "apparmor", part.data, part.len, '\0', found ? &other : sign, error);
        if (r < 0)
            return r;
        /* A profile that is no container's says nothing against another that is. */
        if (r == 1 && postern_sign_is_none(found ? &other : sign)) {
            none = true;
            continue;
        }
        if (r == 1 && found && !postern_sign_equal(&other, sign))
            return postern_error_set(error, -EPERM, "its label \"%.*s\" stands for two containers", (int)label->len, label->data);
        found |= r;
    }
    if (none && !found)
        sign->type = POSTERN_SETTINGS_NO_CONTAINER;
    return found || none;
}

static int recognise(struct postern_apparmor *apparmor, const char *text, size_t len, uid_t uid, struct postern_instance **instance,
                     struct postern_error *error)
{
    struct postern_label_sign sign, own;
    struct postern_apparmor_label label;
    struct postern_sign found;
    int r;

    postern_apparmor_label_split(text, len, &label);
    if (label.len == 0)
        return postern_error_set(error, -EPERM, "its label is empty");
    r = sign_of(apparmor, &label, &sign, error);
    if (r <= 0 || postern_sign_is_none(&sign))
        return r;
    /* A container that the bus itself lives in is none to the bus. */
    if (sign_of(apparmor, &apparmor->own, &own, NULL) == 1 && postern_sign_equal(&own, &sign))
        return 0;
    found = (struct postern_sign){
        .source = "apparmor", .type = sign.type, .name = sign.name, .instance = sign.instance, .uid = uid, .evidence = text};
    r = postern_instance_recognise(apparmor->mediator, &found, instance, error);
    return r < 0 ? r : 1;
}

int postern_apparmor_identify(void *data, const struct postern_peer *peer, const struct postern_peer_facts *facts,
                              struct postern_instance **instance, struct postern_error *error)
{
    struct postern_apparmor *apparmor = data;
    struct postern_buf text = {0};
    bool pinned;
    int r;

    if (!apparmor->enabled || facts->uid == POSTERN_PEER_UNKNOWN)
        return 0; /* no labels, or somebody on another machine */
    if (facts->label != NULL)
        return recognise(apparmor, facts->label, facts->label_len, facts->uid, instance, error);
    /* A kernel that does not label sockets knows the process's label all the same. */
    r = postern_proc_attr_of_peer(peer->fd, facts->pid, apparmor->mediator->settings.unpinned_identifies, "apparmor/current", &text, &pinned,
                                  error);
    if (r == -ENOENT && apparmor->hides_others)
        r = postern_sign_of_hidden(&apparmor->mediator->settings, error);
    while (r == 1 && text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    if (r == 1 && postern_buf_append(&text, "", 1) < 0)
        r = postern_error_set(error, -ENOMEM, "out of memory");
    if (r == 1)
        r = recognise(apparmor, (const char *)text.data, text.len - 1, facts->uid, instance, error);
    postern_buf_finish(&text);
    return r;
}
