/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "core/mediator.h"

void postern_listening_init(struct postern_listening *listening)
{
    *listening = (struct postern_listening){.fd = -1, .ready_fd = -1, .close_fd = -1};
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void end_watch(const struct postern_host *host, uint64_t *watch)
{
    if (*watch != 0)
        host->watch_remove(host->data, *watch);
    *watch = 0;
}

static bool listens(int fd)
{
    socklen_t len = sizeof(int);
    int value = 0;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value == 1;
}

/* Hands the socket to the host. */
static int accept_now(struct postern_instance *instance)
{
    struct postern_mediator *mediator = instance->mediator;
    const struct postern_host *host = mediator->host;
    struct postern_listening *listening = &instance->listening;
    int flags = fcntl(listening->fd, F_GETFL);
    int r;

    /* A manager's socket may block; the host's loop must not. */
    if (flags < 0 || fcntl(listening->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    r = host->listener_add(host->data, listening->fd, &listening->listener);
    if (r < 0)
        return r;
    listening->fd = -1;
    HASH_ADD(hh_listener, mediator->listeners, listening.listener, sizeof(listening->listener), instance);
    if (instance->hh_listener.tbl != NULL)
        return 0;
    host->listener_remove(host->data, listening->listener);
    listening->listener = 0;
    return -ENOMEM;
}

struct postern_instance *postern_instance_of_listener(const struct postern_mediator *mediator, uint64_t listener)
{
    struct postern_instance *instance;

    HASH_FIND(hh_listener, mediator->listeners, &listener, sizeof(listener), instance);
    return instance;
}

/* ReadyFD: "bind and listen are done". */
static void became_ready(void *data, int32_t fd, uint32_t events)
{
    struct postern_instance *instance = data;
    struct postern_listening *listening = &instance->listening;
    int r;

    end_watch(instance->mediator->host, &listening->ready_watch);
    close_fd(&listening->ready_fd);
    if (!listens(listening->fd)) {
        postern_mediator_log(instance->mediator, LOG_WARNING,
                             "%s: ReadyFD is ready, but the socket does not listen: the instance is removed", instance->path);
        postern_instance_stop_listening(instance, "its socket does not listen");
        return;
    }
    r = accept_now(instance);
    if (r < 0) {
        postern_mediator_log(instance->mediator, LOG_ERR, "%s: cannot accept connections: %s", instance->path, strerror(-r));
        postern_instance_stop_listening(instance, "its socket cannot be used");
    }
}

static void hung_up(void *data, int32_t fd, uint32_t events)
{
    if ((events & (POLLHUP | POLLERR)) != 0)
        postern_instance_stop_listening(data, "CloseFD was hung up");
}

static int watch(struct postern_instance *instance, struct postern_error *error)
{
    const struct postern_host *host = instance->mediator->host;
    struct postern_listening *listening = &instance->listening;
    int r = 0;

    if (listening->close_fd >= 0)
        r = host->watch_add(host->data, listening->close_fd, 0, hung_up, instance, &listening->close_watch);
    if (r < 0)
        return postern_error_set(error, r == -ENOMEM ? r : -EINVAL, "CloseFD cannot be watched: %s", strerror(-r));
    if (listening->ready_fd >= 0)
        r = host->watch_add(host->data, listening->ready_fd, POLLIN, became_ready, instance, &listening->ready_watch);
    if (r < 0)
        return postern_error_set(error, r == -ENOMEM ? r : -EINVAL, "ReadyFD cannot be watched: %s", strerror(-r));
    return 0;
}

int postern_listening_begin(struct postern_instance *instance, const struct postern_listening_plan *plan,
                            struct postern_error *error)
{
    struct postern_listening *listening = &instance->listening;
    int r = 0;

    listening->fd = plan->fd;
    listening->ready_fd = plan->ready_fd;
    listening->close_fd = plan->close_fd;
    listening->unlink_path = plan->unlink_path;
    r = watch(instance, error);
    if (r == 0 && listening->ready_fd < 0) {
        r = accept_now(instance);
        if (r < 0)
            r = postern_error_set(error, r == -ENOMEM ? r : -EIO, "the socket cannot be used: %s", strerror(-r));
    }
    if (r < 0)
        postern_listening_end(instance);
    else
        listening->wanted = true;
    return r;
}

void postern_listening_end(struct postern_instance *instance)
{
    struct postern_mediator *mediator = instance->mediator;
    struct postern_listening *listening = &instance->listening;

    /* First the file: who finds it afterwards must not wait at a socket that nobody accepts on. */
    if (listening->unlink_path != NULL)
        unlink(listening->unlink_path);
    free(listening->unlink_path);
    end_watch(mediator->host, &listening->ready_watch);
    end_watch(mediator->host, &listening->close_watch);
    if (listening->listener != 0) {
        HASH_DELETE(hh_listener, mediator->listeners, instance);
        mediator->host->listener_remove(mediator->host->data, listening->listener);
    }
    close_fd(&listening->fd);
    close_fd(&listening->ready_fd);
    close_fd(&listening->close_fd);
    postern_listening_init(listening);
}
