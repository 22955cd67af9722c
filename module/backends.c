/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "module/backends.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "backends/registry.h"

static int open_backend(struct postern_mediator *mediator, const struct postern_backend *backend, struct postern_error *error)
{
    struct postern_backend_slot *slot = &mediator->backends[mediator->n_backends];
    struct postern_error why = {.text = ""};
    int r = backend->open(mediator, &slot->data, &why);

    if (r < 0)
        return postern_error_set(error, r, "%s: %s", backend->name, why.text);
    slot->backend = backend;
    mediator->n_backends++;
    if (r == 1)
        mediator->doors[backend->place] = (struct postern_door_slot){
            .fn = backend->check, .door = slot->data, .report = backend->report, .fix = backend->fix, .current = backend->current};
    return 0;
}

int postern_backends_open(struct postern_mediator *mediator, struct postern_error *error)
{
    size_t n;
    const struct postern_backend *const *list = postern_registry_list(&n);
    int r = 0;

    for (size_t i = 0; r == 0 && i < n && i < POSTERN_BACKENDS_MAX; i++)
        r = open_backend(mediator, list[i], error);
    return r;
}

void postern_backends_close(struct postern_mediator *mediator)
{
    for (size_t i = 0; i < mediator->n_backends; i++)
        mediator->backends[i].backend->close(mediator->backends[i].data);
    mediator->n_backends = 0;
    mediator->n_providers = 0;
}

static const struct postern_backend_slot *find(const struct postern_mediator *mediator, const char *name)
{
    for (size_t i = 0; i < mediator->n_backends; i++)
        if (strcmp(mediator->backends[i].backend->name, name) == 0)
            return &mediator->backends[i];
    return NULL;
}

int postern_backends_admit(const struct postern_mediator *mediator, const struct postern_settings *settings, struct postern_error *error)
{
    int r = 0;

    if (settings->apparmor == POSTERN_SETTINGS_APPARMOR_REQUIRED && find(mediator, "apparmor") == NULL)
        return postern_error_set(error, -EOPNOTSUPP, "%s: AppArmor mediation is required here, but this build of the mediator has no AppArmor door",
                                 settings->apparmor_where);
    for (size_t i = 0; r == 0 && i < mediator->n_backends; i++)
        if (mediator->backends[i].backend->admit != NULL)
            r = mediator->backends[i].backend->admit(mediator->backends[i].data, settings, error);
    return r;
}

void postern_backends_arrange(struct postern_mediator *mediator, const struct postern_mediatorconf *conf)
{
    static const char *const names[POSTERN_PROVIDERS] = {
        [POSTERN_PROVIDER_SOCKET] = "socket",
        [POSTERN_PROVIDER_SELINUX] = "selinux",
        [POSTERN_PROVIDER_APPARMOR] = "apparmor",
        [POSTERN_PROVIDER_CGROUP] = "cgroup",
    };
    char missing[64] = "";

    mediator->n_providers = 0;
    for (size_t i = 0; i < conf->n_order; i++) {
        const char *name = names[conf->order[i]];
        const struct postern_backend_slot *slot = find(mediator, name);
        size_t len = strlen(missing);

        if (slot == NULL)
            snprintf(missing + len, sizeof(missing) - len, " %s", name);
        else if (slot->backend->identify != NULL && mediator->n_providers < POSTERN_BACKENDS_MAX)
            mediator->providers[mediator->n_providers++] = slot;
    }
    if (*missing != '\0')
        postern_mediator_log(mediator, LOG_INFO, "this build cannot identify containers by:%s", missing);
}

void postern_backends_refresh(struct postern_mediator *mediator)
{
    for (size_t i = 0; i < mediator->n_backends; i++)
        if (mediator->backends[i].backend->refresh != NULL)
            mediator->backends[i].backend->refresh(mediator->backends[i].data);
}
