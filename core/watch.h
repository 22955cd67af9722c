/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections that watch what is decided, as Mediator1.Verdict signals. What happens is queued, and sent when the mediator is not busy with a
 * question: sending asks questions of its own. While nobody watches, all this costs one comparison.
 */
#ifndef POSTERN_CORE_WATCH_H
#define POSTERN_CORE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/fields.h"
#include "core/party.h"
#include "util/error.h"

#define POSTERN_WATCHERS_MAX 64u
#define POSTERN_WATCH_QUEUE_MAX 1024u  /* events of each class that wait to be sent; others are lost, and counted */
#define POSTERN_WATCH_VALUE_MAX 1024u  /* bytes of one value in an event */

struct postern_watcher;
struct postern_watch_event;

/* Of events: what people should know of, which all watchers get; and the rest, which must not push that out. */
enum postern_watch_class { POSTERN_WATCH_REST, POSTERN_WATCH_NEWS, POSTERN_WATCH_CLASSES };

struct postern_watching {
    struct postern_watcher *watchers; /* NULL: nobody */
    uint32_t n, n_all;                /* all; those of them that want every verdict */
    struct postern_watch_event *queue;
    uint32_t n_queue[POSTERN_WATCH_CLASSES];
    uint64_t lost[POSTERN_WATCH_CLASSES]; /* since the last event of that class that was queued */
    int fd; /* an eventfd that says that the queue is not empty; open while somebody watches */
    uint64_t watch;
    bool sending; /* what sending asks is no event */
};

/* The party watches from now on; all: every verdict, not only what people should know of. 0; -EDQUOT, -ENOMEM or another errno with *error. */
int postern_watch_begin(struct postern_party *party, bool all, struct postern_error *error);
/* It does not any more. Nothing when it did not. */
void postern_watch_end(struct postern_party *party);

/* Does anybody want an event like this? news: one that people should know of. */
static inline bool postern_watch_wants(const struct postern_watching *watching, bool news)
{
    return !watching->sending && (news ? watching->n : watching->n_all) > 0;
}
/* Queues an event for those who want it. */
void postern_watch_tell(struct postern_mediator *mediator, const struct postern_audit_event *event, bool news);

#endif
