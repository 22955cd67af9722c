/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/apparmor.h"

#include <errno.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "backends/apparmor/state.h"

static void close_apparmor(void *data)
{
    struct postern_apparmor *apparmor = data;

    postern_apparmor_unfollow(apparmor);
    postern_trail_close(&apparmor->trail);
    free(apparmor->cache);
    free(apparmor->own_text);
    free(apparmor);
}

static int open_apparmor(struct postern_mediator *mediator, void **data, struct postern_error *error)
{
    struct postern_apparmor *made = calloc(1, sizeof(*made));
    int r;

    if (made == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    made->mediator = mediator;
    made->revision_fd = made->changes_fd = -1;
    made->trail.fd = -1;
    r = postern_apparmor_probe(made, error);
    if (r < 0) {
        close_apparmor(made);
        return r;
    }
    if (made->active)
        postern_trail_open(&made->trail);
    else if (made->enabled)
        postern_mediator_log(mediator, LOG_INFO, "AppArmor confines processes here, but its D-Bus rules are not enforced: %s", made->why_not);
    if (made->enabled && !made->active && made->hides_others)
        postern_mediator_log(mediator, LOG_WARNING, "/proc hides the processes of other users (hidepid=): AppArmor's labels identify none of those");
    *data = made;
    return made->active;
}

static int admit(void *data, const struct postern_settings *settings, struct postern_error *error)
{
    if (settings->apparmor != POSTERN_SETTINGS_APPARMOR_REQUIRED)
        return 0;
    return postern_apparmor_insist(data, settings->apparmor_where, error);
}

/* Another type of bus would be another question; nothing that was kept is wrong, but what nobody asks any more may go. */
static void refresh(void *data)
{
    postern_apparmor_forget(data);
}

const struct postern_backend postern_apparmor_backend = {
    .name = "apparmor",
    .open = open_apparmor,
    .close = close_apparmor,
    .admit = admit,
    .identify = postern_apparmor_identify,
    .check = postern_apparmor_check,
    .report = postern_apparmor_report,
    .fix = postern_apparmor_fix,
    .current = postern_apparmor_current,
    .place = POSTERN_PLACE_APPARMOR,
    .refresh = refresh,
    .status = postern_apparmor_status,
};
