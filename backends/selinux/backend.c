/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/selinux.h"

#include <errno.h>
#include <selinux/selinux.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <syslog.h>

#include "backends/selinux/state.h"
#include "backends/signs.h"
#include "util/cleanup.h"

/* ---- is it there? --------------------------------------------------------------------------------------- */

/* The first line of a file, without its end; false: it cannot be read. */
static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    bool read = file != NULL && fgets(line, (int)size, file) != NULL;

    if (file != NULL)
        fclose(file);
    if (read)
        line[strcspn(line, "\n")] = '\0';
    return read;
}

/* Does the kernel label processes by SELinux? The file system is known to a kernel that was started with it alone, and until a policy is
 * loaded every process is "kernel". */
static bool kernel_has_policy(void)
{
    char line[512];
    bool known = false;
    FILE *file = fopen("/proc/filesystems", "re");

    while (file != NULL && !known && fgets(line, sizeof(line), file) != NULL)
        known = strstr(line, "\tselinuxfs\n") != NULL;
    if (file != NULL)
        fclose(file);
    return known && read_line("/proc/self/attr/current", line, sizeof(line)) && strchr(line, ':') != NULL;
}

static bool is_read_only(const char *mount)
{
    struct statvfs found;

    return statvfs(mount, &found) == 0 && (found.f_flag & ST_RDONLY) != 0;
}

/* The library says "off" where /etc/selinux/config is missing or selinuxfs was not mounted when the program started, whatever the kernel
 * does; and with "off" everything would be allowed. In a container it is off on purpose: there selinuxfs is not to be seen, or only to be read. */
static int check_off(const struct postern_mediator *mediator, struct postern_error *error)
{
    char enforcing[8];

    if (!kernel_has_policy())
        return 0;
    if (!read_line("/sys/fs/selinux/enforce", enforcing, sizeof(enforcing)) || is_read_only("/sys/fs/selinux")) {
        postern_mediator_log(mediator, LOG_WARNING,
                             "the kernel has an SELinux policy, and the bus cannot ask it: selinuxfs is not mounted here, or read-only, as in "
                             "a container. SELinux takes no part in what is decided");
        return 0;
    }
    if (strcmp(enforcing, "1") == 0)
        return postern_error_set(error, -EPERM,
                                 "the kernel enforces an SELinux policy, but libselinux takes SELinux to be off: is /etc/selinux/config missing, or "
                                 "selinuxfs mounted too late?");
    postern_mediator_log(mediator, LOG_WARNING,
                         "the kernel has an SELinux policy in permissive mode, and libselinux takes SELinux to be off: it takes no part");
    return 0;
}

/* ---- the backend ------------------------------------------------------------------------------------------- */

static void close_selinux(void *data)
{
    struct postern_selinux *selinux = data;

    postern_selinux_server_close(&selinux->server);
    postern_trail_close(&selinux->trail);
    free(selinux->own);
    free(selinux);
}

static int start(struct postern_selinux *selinux, struct postern_error *error)
{
    char *own;
    int r;

    if (is_selinux_enabled() != 1)
        return check_off(selinux->mediator, error);
    if (getcon_raw(&own) < 0)
        return postern_error_set(error, -EPERM, "the context of the bus itself cannot be read: %s", strerror(errno));
    selinux->own = strdup(own);
    freecon(own);
    if (selinux->own == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    r = postern_selinux_server_open(&selinux->server, error);
    if (r < 0)
        return r;
    postern_trail_open(&selinux->trail);
    selinux->active = true;
    return 0;
}

static int open_selinux(struct postern_mediator *mediator, void **data, struct postern_error *error)
{
    struct postern_selinux *made = calloc(1, sizeof(*made));
    int r;

    if (made == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    made->mediator = mediator;
    made->trail.fd = -1;
    made->current = 1;
    r = start(made, error);
    if (r < 0) {
        close_selinux(made);
        return r;
    }
    *data = made;
    return made->active;
}

/* A context that the policy does not know would deny its name to everybody, without a word. */
static int admit(void *data, const struct postern_settings *settings, struct postern_error *error)
{
    const struct postern_selinux *selinux = data;

    for (size_t i = 0; selinux->active && i < settings->n_contexts; i++) {
        const struct postern_settings_context *context = &settings->contexts[i];
        int r = postern_selinux_context_check(&selinux->server, context->context);

        if (r == -EINVAL)
            return postern_error_set(error, r, "%s:%u:%u: the SELinux policy knows no context \"%s\"", context->file, context->line,
                                     context->column, context->context);
    }
    return 0;
}

/* ---- identity ---------------------------------------------------------------------------------------------------- */

static int sign_of(const struct postern_selinux *selinux, const char *context, struct postern_label_sign *sign, struct postern_error *error)
{
    return postern_sign_of_label(&selinux->mediator->settings, "selinux", context, strlen(context), ':', sign, error);
}

int postern_selinux_identify(void *data, const struct postern_peer *peer, const struct postern_peer_facts *facts,
                             struct postern_instance **instance, struct postern_error *error)
{
    struct postern_selinux *selinux = data;
    struct postern_label_sign sign, own;
    struct postern_sign found;
    int r;

    if (!selinux->active || facts->uid == POSTERN_PEER_UNKNOWN)
        return 0; /* no labels, or somebody on another machine */
    if (facts->label == NULL)
        return postern_error_set(error, -EPERM, "the kernel does not tell its context");
    r = sign_of(selinux, facts->label, &sign, error);
    if (r <= 0 || postern_sign_is_none(&sign))
        return r;
    /* A container that the bus itself lives in is none to the bus. */
    if (sign_of(selinux, selinux->own, &own, NULL) == 1 && postern_sign_equal(&own, &sign))
        return 0;
    found = (struct postern_sign){
        .source = "selinux", .type = sign.type, .name = sign.name, .instance = sign.instance, .uid = facts->uid, .evidence = facts->label};
    r = postern_instance_recognise(selinux->mediator, &found, instance, error);
    return r < 0 ? r : 1;
}

const struct postern_backend postern_selinux_backend = {
    .name = "selinux",
    .open = open_selinux,
    .close = close_selinux,
    .admit = admit,
    .identify = postern_selinux_identify,
    .check = postern_selinux_check,
    .report = postern_selinux_report,
    .fix = postern_selinux_fix,
    .current = postern_selinux_current,
    .status = postern_selinux_status,
    .place = POSTERN_PLACE_SELINUX,
};
