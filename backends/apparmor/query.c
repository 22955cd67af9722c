/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to the kernel's policy, and what of the answers is kept. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <unistd.h>

#include "backends/apparmor/state.h"
#include "util/hash.h"

/* ---- how a question is written ---------------------------------------------------------------------------- */

/* The compiler of the policy writes the same bytes into the automaton that the kernel walks: fields between NULs, and none at the end. */
static void put(struct postern_apparmor_query *query, const void *bytes, size_t len)
{
    if (query->len == 0)
        return;
    if (len > sizeof(query->bytes) - query->len) {
        query->len = 0;
        return;
    }
    if (len > 0)
        memcpy(query->bytes + query->len, bytes, len);
    query->len += len;
}

void postern_apparmor_query_begin(struct postern_apparmor_query *query, uint32_t mask, const struct postern_apparmor_label *label,
                                  const char *bus)
{
    query->mask = mask;
    query->len = AA_QUERY_CMD_LABEL_SIZE; /* the library's */
    memset(query->bytes, 0, query->len);
    put(query, label->data, label->len);
    put(query, (const char[]){'\0', AA_CLASS_DBUS}, 2);
    if (bus != NULL)
        put(query, bus, strlen(bus));
}

void postern_apparmor_query_add(struct postern_apparmor_query *query, const char *field, size_t len)
{
    put(query, "", 1);
    put(query, field, field != NULL ? len : 0);
}

/* ---- what is kept -------------------------------------------------------------------------------------------- */

/* Each question has one place, where the last one stays: whoever asks for many different things makes others ask again, and nothing
 * more. Long questions are not kept. */
#define PLACES 1024u
#define KEPT_BYTES 488u

struct postern_apparmor_cached {
    uint32_t mask;
    uint16_t len; /* 0: the place is empty */
    bool allow, audit;
    char bytes[KEPT_BYTES];
};

void postern_apparmor_forget(struct postern_apparmor *apparmor)
{
    for (size_t i = 0; apparmor->cache != NULL && i < PLACES; i++)
        apparmor->cache[i].len = 0;
    postern_cache_flush(&apparmor->mediator->cache);
}

/* The revision is that of one policy namespace. */
bool postern_apparmor_can_keep(const struct postern_apparmor *apparmor, const char *label, size_t len)
{
    return apparmor->revision_fd >= 0 && !(len > 0 && *label == ':') && memmem(label, len, "//&:", 4) == NULL;
}

static struct postern_apparmor_cached *place_of(struct postern_apparmor *apparmor, const struct postern_apparmor_query *query)
{
    const char *label = query->bytes + AA_QUERY_CMD_LABEL_SIZE;

    if (query->len > KEPT_BYTES || !postern_apparmor_can_keep(apparmor, label, strnlen(label, query->len - AA_QUERY_CMD_LABEL_SIZE)))
        return NULL;
    if (apparmor->cache == NULL)
        apparmor->cache = calloc(PLACES, sizeof(*apparmor->cache));
    if (apparmor->cache == NULL)
        return NULL;
    return &apparmor->cache[(postern_hash(query->bytes, query->len) ^ query->mask) % PLACES];
}

/* The library has written into the front by the time the answer is kept. */
static bool is_kept(const struct postern_apparmor_cached *place, const struct postern_apparmor_query *query)
{
    return place != NULL && place->len == query->len && place->mask == query->mask &&
           memcmp(place->bytes + AA_QUERY_CMD_LABEL_SIZE, query->bytes + AA_QUERY_CMD_LABEL_SIZE, query->len - AA_QUERY_CMD_LABEL_SIZE) == 0;
}

void postern_apparmor_unfollow(struct postern_apparmor *apparmor)
{
    if (apparmor->revision_fd >= 0)
        close(apparmor->revision_fd);
    if (apparmor->changes_fd >= 0)
        close(apparmor->changes_fd);
    apparmor->revision_fd = apparmor->changes_fd = -1;
}

void postern_apparmor_follow(struct postern_apparmor *apparmor, int revision_fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    postern_apparmor_unfollow(apparmor);
    if (revision_fd < 0)
        return;
    apparmor->revision_fd = revision_fd;
    apparmor->changes_fd = epoll_create1(EPOLL_CLOEXEC);
    if (apparmor->changes_fd < 0 || epoll_ctl(apparmor->changes_fd, EPOLL_CTL_ADD, revision_fd, &event) == 0)
        return;
    close(apparmor->changes_fd);
    apparmor->changes_fd = -1;
}

/* A file that becomes readable is put into the set by whoever wakes up its readers. When a policy is loaded, that comes before any profile is replaced,
 * and under the lock for which a read waits: aa_replace_profiles() and __aa_bump_ns_revision() of Linux. So what is in force is in the set. */
static bool may_be_readable(const struct postern_apparmor *apparmor)
{
    struct epoll_event event;

    return apparmor->changes_fd < 0 || epoll_wait(apparmor->changes_fd, &event, 1, 0) != 0;
}

/* A read tells the number of the policy's revision, once for each. When it tells nothing any more, nothing can be kept from then on. */
static bool policy_has_changed(struct postern_apparmor *apparmor)
{
    char text[32];

    if (apparmor->revision_fd < 0 || !may_be_readable(apparmor))
        return false;
    if (read(apparmor->revision_fd, text, sizeof(text)) >= 0)
        return true;
    if (errno == EAGAIN)
        return false;
    postern_mediator_log(apparmor->mediator, LOG_WARNING, "AppArmor's revision cannot be read any more: each question goes to the kernel now");
    postern_apparmor_unfollow(apparmor);
    return true;
}

bool postern_apparmor_current(void *data)
{
    struct postern_apparmor *apparmor = data;
    bool changed = policy_has_changed(apparmor);

    if (changed)
        postern_apparmor_forget(apparmor);
    return !changed && apparmor->revision_fd >= 0;
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

static int ask_kernel(struct postern_apparmor_query *query, bool *allow, bool *audit)
{
    int allowed = 0, audited = 0;

    if (aa_query_label(query->mask, query->bytes, query->len, &allowed, &audited) < 0)
        return errno > 0 ? -errno : -EIO;
    *allow = allowed == 1;
    *audit = audited != 0;
    return 0;
}

int postern_apparmor_ask(struct postern_apparmor *apparmor, struct postern_apparmor_query *query, bool *allow, bool *audit)
{
    struct postern_apparmor_cached *place;
    int r;

    if (query->len == 0)
        return -EFBIG;
    memset(query->bytes, 0, AA_QUERY_CMD_LABEL_SIZE);
    place = place_of(apparmor, query);
    /* A policy that is loaded anew again and again gets no answer out of us, and that denies. */
    for (int tries = 0; tries < 16; tries++) {
        if (policy_has_changed(apparmor))
            postern_apparmor_forget(apparmor);
        if (apparmor->revision_fd >= 0 && is_kept(place, query)) {
            *allow = place->allow;
            *audit = place->audit;
            return 0;
        }
        r = ask_kernel(query, allow, audit);
        if (policy_has_changed(apparmor)) {
            postern_apparmor_forget(apparmor);
            continue;
        }
        if (r < 0)
            return r;
        if (place != NULL && apparmor->revision_fd >= 0) {
            *place = (struct postern_apparmor_cached){
                .mask = query->mask, .len = (uint16_t)query->len, .allow = *allow, .audit = *audit};
            memcpy(place->bytes, query->bytes, query->len);
        }
        return 0;
    }
    return -EAGAIN;
}

/* A permission that no rule can give, on a bus that does not exist: only a profile without D-Bus mediation "allows" it. */
#define NO_PERMISSION 0x8u

int postern_apparmor_mediates(struct postern_apparmor *apparmor, const struct postern_apparmor_label *label)
{
    static const char nobody[] = "org.postern.Nobody";
    struct postern_apparmor_query query;
    bool allow, audit;
    int r;

    postern_apparmor_query_begin(&query, AA_DBUS_BIND | NO_PERMISSION, label, "postern-no-such-bus");
    postern_apparmor_query_add(&query, nobody, sizeof(nobody) - 1);
    r = postern_apparmor_ask(apparmor, &query, &allow, &audit);
    return r < 0 ? r : !allow;
}
