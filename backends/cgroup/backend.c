/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends/cgroup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "backends/cgroup/path.h"
#include "backends/cgroup/peer.h"
#include "backends/procguard.h"
#include "backends/signs.h"
#include "core/mediator.h"
#include "util/hash.h"

#define OUTSIDE 32u
#define OUTSIDE_TEXT_MAX 2048u /* bytes; longer ones are looked at each time */

struct postern_cgroup {
    struct postern_mediator *mediator;
    bool active; /* this kernel has control groups */
    bool hides_others; /* /proc hides the processes of other users */
    struct postern_buf own; /* those of the bus itself */
    struct postern_cgroup_view view;
    struct postern_buf outside[OUTSIDE]; /* texts that stand for no container by the settings in force */
};

/* ---- what is remembered ---------------------------------------------------------------------------------- */

/* Most connections come from a few groups that are no container's. What such a text means follows from it, from the settings and from the
 * groups of the bus alone. */
static struct postern_buf *outside_slot(struct postern_cgroup *cgroup, const struct postern_buf *text)
{
    return &cgroup->outside[postern_hash(text->data, text->len) % OUTSIDE];
}

static bool is_outside(struct postern_cgroup *cgroup, const struct postern_buf *text)
{
    const struct postern_buf *slot = outside_slot(cgroup, text);

    return text->len > 0 && slot->len == text->len && memcmp(slot->data, text->data, text->len) == 0;
}

static void remember_outside(struct postern_cgroup *cgroup, const struct postern_buf *text)
{
    struct postern_buf *slot = outside_slot(cgroup, text);

    slot->len = 0;
    if (text->len <= OUTSIDE_TEXT_MAX && postern_buf_append(slot, text->data, text->len) < 0)
        slot->len = 0;
}

static void refresh_cgroup(void *data)
{
    struct postern_cgroup *cgroup = data;

    for (size_t i = 0; i < OUTSIDE; i++)
        postern_buf_finish(&cgroup->outside[i]);
}

/* ---- the backend ------------------------------------------------------------------------------------------- */

static void close_cgroup(void *data)
{
    struct postern_cgroup *cgroup = data;

    refresh_cgroup(cgroup);
    postern_cgroup_view_close(&cgroup->view);
    postern_buf_finish(&cgroup->own);
    free(cgroup);
}

static int open_cgroup(struct postern_mediator *mediator, void **data, struct postern_error *error)
{
    struct postern_cgroup *made = calloc(1, sizeof(*made));
    struct postern_error why = {.text = ""};
    int r;

    if (made == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    made->mediator = mediator;
    postern_cgroup_view_open(&made->view);
    r = postern_cgroup_of_self(&made->own, &why);
    if (r < 0 && r != -ENOENT) {
        close_cgroup(made);
        return postern_error_set(error, r, "%s", why.text);
    }
    made->active = r == 0;
    made->hides_others = postern_procguard_hides_others();
    if (!made->active)
        postern_mediator_log(mediator, LOG_INFO, "this machine has no control groups: they identify no container");
    else if (made->hides_others)
        postern_mediator_log(mediator, LOG_WARNING, "/proc hides the processes of other users (hidepid=): control groups identify none of those");
    *data = made;
    return 0;
}

/* Whose container is it, by the patterns of the settings? */
static int find(const struct postern_cgroup *cgroup, const struct postern_buf *text, struct postern_cgroup_container *container,
                struct postern_error *error)
{
    const struct postern_settings *settings = &cgroup->mediator->settings;
    struct postern_cgroup_pattern *patterns = calloc(settings->n_patterns + 1, sizeof(*patterns));
    size_t n = 0;
    int r;

    if (patterns == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < settings->n_patterns; i++)
        if (strcmp(settings->patterns[i].provider, "cgroup") == 0)
            patterns[n++] = (struct postern_cgroup_pattern){.pattern = settings->patterns[i].pattern, .type = settings->patterns[i].type};
    r = postern_cgroup_find((const char *)text->data, text->len, (const char *)cgroup->own.data, cgroup->own.len, patterns, n, container,
                            error);
    free(patterns);
    return r;
}

static int recognise(struct postern_cgroup *cgroup, const struct postern_buf *text, uid_t uid, struct postern_instance **instance,
                     struct postern_error *error)
{
    struct postern_cgroup_container container;
    struct postern_sign sign = {.source = "cgroup", .uid = uid, .evidence = (const char *)text->data};
    int r;

    if (is_outside(cgroup, text))
        return 0;
    r = find(cgroup, text, &container, error);
    if (r == 0)
        remember_outside(cgroup, text);
    if (r <= 0)
        return r;
    sign.type = container.type;
    sign.name = container.name;
    sign.instance = container.instance;
    r = postern_instance_recognise(cgroup->mediator, &sign, instance, error);
    return r < 0 ? r : 1;
}

static int identify(void *data, const struct postern_peer *peer, const struct postern_peer_facts *facts, struct postern_instance **instance,
                    struct postern_error *error)
{
    struct postern_cgroup *cgroup = data;
    struct postern_buf text = {0};
    bool pinned;
    int r;

    if (!cgroup->active || facts->uid == POSTERN_PEER_UNKNOWN)
        return 0; /* nothing to find, or somebody on another machine */
    r = postern_cgroup_of_peer(&cgroup->view, peer->fd, facts->pid, cgroup->mediator->settings.unpinned_identifies, &text, &pinned, error);
    if (r == -ENOENT && cgroup->hides_others)
        r = postern_sign_of_hidden(&cgroup->mediator->settings, error);
    if (r == 1)
        r = postern_buf_append(&text, "", 1) < 0 ? postern_error_set(error, -ENOMEM, "out of memory") : 1;
    if (r == 1) {
        text.len--; /* the NUL is for the evidence */
        r = recognise(cgroup, &text, facts->uid, instance, error);
    }
    postern_buf_finish(&text);
    return r;
}

const struct postern_backend postern_cgroup_backend = {
    .name = "cgroup",
    .open = open_cgroup,
    .close = close_cgroup,
    .identify = identify,
    .refresh = refresh_cgroup,
};
