/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What several sections begin with: a service, and where its callers come in. */
#ifndef POSTERN_BENCH_SCENE_H
#define POSTERN_BENCH_SCENE_H

#include "bench/link.h"
#include "bench/options.h"

struct bench_scene {
    char door[108]; /* path of the socket for callers: the container's, when there is one */
    struct bench_link *manager; /* who made the container, which lives as long as it; or NULL */
    struct bench_link *service; /* owns BENCH_SERVICE */
};

/* A connection for the service and, when the options want one, a container. Not for relays. */
void bench_scene_open(struct bench_scene *scene, const struct bench_options *options);
/* A caller, by that door; when there is a container, the bus must say that it is in one. */
struct bench_link *bench_scene_enter(struct bench_scene *scene);
void bench_scene_close(struct bench_scene *scene);

/* What the bus says the sender of this message is. */
void bench_sender_of(const uint8_t *message, char name[64]);

#endif
