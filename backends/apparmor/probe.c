/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this machine has of AppArmor. Much that looks like mediation is none: the kernel says "allowed" to what it does not mediate. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/apparmor/state.h"
#include "backends/procguard.h"
#include "util/cleanup.h"
#include "util/peer.h"

/* Opens rather than looks: in a container whose own policy forbids it to ask, AppArmor is to count as absent. */
static bool can_open(const char *mount, const char *name)
{
    postern_autofree char *path = NULL;
    postern_autoclose int fd = -1;

    if (asprintf(&path, "%s/%s", mount, name) < 0) {
        path = NULL;
        return false;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

/* The label on a socket of our own, as others see it; NULL with errno: this kernel does not tell. */
static char *own_socket_label(void)
{
    struct postern_peer_facts facts;
    char *label = NULL;
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return NULL;
    r = postern_peer_facts_read(pair[0], &facts);
    close(pair[0]);
    close(pair[1]);
    if (r < 0)
        return NULL;
    label = facts.label;
    facts.label = NULL;
    postern_peer_facts_finish(&facts);
    return label;
}

/* The bus's own label as it is now: sockets have that which was in force when they were made. */
static char *own_label(void)
{
    char *label, *mode, *text = NULL;

    if (aa_getcon(&label, &mode) < 0)
        return NULL;
    if (asprintf(&text, mode != NULL ? "%s (%s)" : "%s", label, mode) < 0)
        text = NULL;
    free(label); /* and with it the mode */
    return text;
}

static void open_revision(struct postern_apparmor *apparmor, const char *mount)
{
    postern_autofree char *path = NULL;

    if (asprintf(&path, "%s/revision", mount) < 0) {
        path = NULL;
        return;
    }
    postern_apparmor_follow(apparmor, open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

int postern_apparmor_probe(struct postern_apparmor *apparmor, struct postern_error *error)
{
    postern_autofree char *mount = NULL, *label = NULL;

    if (!aa_is_enabled()) {
        apparmor->why_not = "the kernel does not run it";
        return 0;
    }
    apparmor->enabled = true;
    apparmor->hides_others = postern_procguard_hides_others();
    apparmor->own_text = own_label();
    if (apparmor->own_text != NULL)
        postern_apparmor_label_split(apparmor->own_text, strlen(apparmor->own_text), &apparmor->own);
    if (aa_find_mountpoint(&mount) < 0) {
        mount = NULL;
        apparmor->why_not = "its file system (securityfs) is not mounted";
        return 0;
    }
    label = own_socket_label();
    if (!can_open(mount, "features/dbus/mask"))
        apparmor->why_not = "this kernel does not mediate D-Bus, or the bus may not ask it (features/dbus)";
    else if (label == NULL)
        apparmor->why_not = "this kernel does not tell the labels of sockets";
    apparmor->active = apparmor->why_not == NULL;
    if (apparmor->active && apparmor->own_text == NULL)
        return postern_error_set(error, -EPERM, "the label of the bus itself cannot be read");
    if (apparmor->active)
        open_revision(apparmor, mount);
    return 0;
}

/* Looks for a profile that is enforced, and whether D-Bus is mediated for any of them. Who may not read the list learns nothing. */
static bool any_profile_is_mediated(struct postern_apparmor *apparmor, FILE *profiles, char example[256])
{
    char line[1024];
    bool any = false;

    *example = '\0';
    while (!any && fgets(line, sizeof(line), profiles) != NULL) {
        struct postern_apparmor_label label;

        postern_apparmor_label_split(line, strlen(line), &label);
        if (label.mode != POSTERN_LABEL_ENFORCED || label.len == 0)
            continue;
        any = postern_apparmor_mediates(apparmor, &label) == 1;
        snprintf(example, 256, "%.*s", (int)label.len, label.data);
    }
    return any;
}

int postern_apparmor_insist(struct postern_apparmor *apparmor, const char *where, struct postern_error *error)
{
    postern_autofree char *mount = NULL, *path = NULL;
    char example[256] = "";
    FILE *profiles;
    bool any;

    if (!apparmor->active)
        return postern_error_set(error, -EOPNOTSUPP, "%s: AppArmor mediation is required here, but %s", where, apparmor->why_not);
    if (aa_find_mountpoint(&mount) < 0 || asprintf(&path, "%s/profiles", mount) < 0) {
        path = NULL;
        return 0;
    }
    profiles = fopen(path, "re");
    if (profiles == NULL)
        return 0; /* only root may read it; each profile is looked at again when somebody comes with it */
    any = any_profile_is_mediated(apparmor, profiles, example);
    fclose(profiles);
    if (any || *example == '\0')
        return 0;
    return postern_error_set(error, -EOPNOTSUPP,
                             "%s: AppArmor mediation is required here, but the kernel mediates D-Bus for none of the loaded profiles, such as \"%s\": "
                             "they were compiled by an apparmor_parser that does not know how this kernel mediates it",
                             where, example);
}
