/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The socket of an instance: made by us or given by a manager, from bind to unlink. */
#ifndef POSTERN_CORE_LISTEN_H
#define POSTERN_CORE_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

#include "core/instance.h"
#include "core/settings.h"
#include "util/error.h"

/* Where a socket can be reached. */
struct postern_socket_place {
    char path[sizeof(struct sockaddr_un)]; /* "" for an abstract name */
    char address[3 * sizeof(struct sockaddr_un) + 32];
};

/* Makes a listening socket with a random name in the settings' directory. 0 with *fd and its *place, or a negative errno and the
 * reason in *error; then nothing is left behind. */
int postern_socket_make(const struct postern_settings *settings, int *fd, struct postern_socket_place *place,
                        struct postern_error *error);

/* Is fd an AF_UNIX stream socket that is bound and not connected, and if `must_listen` one that listens? 0 with its *place, or
 * -EINVAL with the reason. */
int postern_socket_check(int fd, bool must_listen, struct postern_socket_place *place, struct postern_error *error);

/* What an instance shall listen on. postern_listening_begin() takes all of it over, also when it fails. */
struct postern_listening_plan {
    int fd;
    int ready_fd;      /* -1: fd listens already */
    int close_fd;      /* -1: none */
    char *unlink_path; /* allocated; NULL: the socket file is somebody else's */
};

void postern_listening_init(struct postern_listening *listening);
/* 0, or with the reason in *error -EINVAL (ReadyFD or CloseFD cannot be watched), -EIO or -ENOMEM: then the instance does not
 * listen, and all that the plan held is closed. */
int postern_listening_begin(struct postern_instance *instance, const struct postern_listening_plan *plan,
                            struct postern_error *error);
/* Ends it, whatever state it is in; a second call does nothing. The instance stays. */
void postern_listening_end(struct postern_instance *instance);

#endif
