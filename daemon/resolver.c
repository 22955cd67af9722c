/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/resolver.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/bus.h"

/* ---- in the process that asks ---------------------------------------------------------------------------- */

static void ask(void *data, int fd)
{
    const struct postern_resolver *resolver = data;

    for (size_t i = 0; i < resolver->n_wanted; i++) {
        const struct postern_lookups_entry *entry = resolver->wanted[i];
        uint32_t id = UINT32_MAX, record[2];

        record[0] = (uint32_t)postern_lookup_nss(NULL, (enum postern_lookup_kind)entry->kind, entry->name, &id);
        record[1] = id;
        if (write(fd, record, sizeof(record)) != sizeof(record)) /* far less than PIPE_BUF, hence all or nothing */
            return;
    }
}

/* ---- in the bus -------------------------------------------------------------------------------------------- */

static void take_record(struct postern_resolver *resolver)
{
    struct postern_lookups_entry *entry = resolver->wanted[resolver->n_answered++];

    /* Two numbers mean what that process cannot mean. */
    entry->result = (int32_t)resolver->record[0];
    if (entry->result == POSTERN_LOOKUP_WANTED || entry->result == -ENOMEM)
        entry->result = -EIO;
    entry->id = resolver->record[1];
    entry->slow = false;
    resolver->n_record = 0;
}

/* Takes what is there. 1: all is answered; 0: more is to come; or a negative errno. */
static int take(struct postern_resolver *resolver, int fd)
{
    while (resolver->n_answered < resolver->n_wanted) {
        ssize_t n = read(fd, (char *)resolver->record + resolver->n_record, sizeof(resolver->record) - resolver->n_record);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        if (n == 0)
            return -EPIPE;
        resolver->n_record += (size_t)n;
        if (resolver->n_record == sizeof(resolver->record))
            take_record(resolver);
    }
    return 1;
}

static int want(struct postern_resolver *resolver, const struct postern_lookups *lookups)
{
    resolver->n_answered = resolver->n_record = 0;
    resolver->wanted = postern_lookups_wanted(lookups, &resolver->n_wanted);
    return resolver->wanted != NULL ? 0 : -ENOMEM;
}

static void forget(struct postern_resolver *resolver)
{
    free(resolver->wanted);
    resolver->wanted = NULL;
    resolver->n_wanted = 0;
}

void postern_resolver_stop(struct postern_resolver *resolver)
{
    int fd = resolver->source.fd;

    if (fd < 0)
        return;
    postern_loop_remove(&resolver->bus->loop, &resolver->source);
    close(fd);
    postern_timeout_clear(&resolver->timeouts, &resolver->timeout);
    postern_child_kill(resolver->child);
    forget(resolver);
}

static void finish(struct postern_resolver *resolver, int r, const struct postern_error *error)
{
    postern_resolver_stop(resolver);
    resolver->done(resolver->bus, r, error);
}

static const char *kind_name(const struct postern_lookups_entry *entry)
{
    return entry->kind == POSTERN_LOOKUP_GROUP ? "group" : "user";
}

/* r: of take(). gone: there will not be more. */
static void conclude(struct postern_resolver *resolver, int r, bool gone)
{
    struct postern_error error = {.text = ""};
    const struct postern_lookups_entry *entry;

    if (r == 0 && !gone)
        return;
    if (r <= 0) {
        entry = resolver->wanted[resolver->n_answered];
        r = postern_error_set(&error, r < 0 ? r : -EPIPE, "the process that looks up users and groups ended early, at the %s \"%s\"",
                              kind_name(entry), entry->name);
    }
    finish(resolver, r < 0 ? r : 0, &error);
}

static void answered(void *data, uint32_t events)
{
    struct postern_resolver *resolver = data;

    (void)events;
    conclude(resolver, take(resolver, resolver->source.fd), false);
}

/* What it has written is read even when the end of the pipe is not told, because something that it started holds the other end. */
static void ended(void *data, const struct postern_ending *ending)
{
    struct postern_resolver *resolver = data;

    (void)ending;
    resolver->child = NULL;
    conclude(resolver, take(resolver, resolver->source.fd), true);
}

static void expired(struct postern_timeout *timeout)
{
    struct postern_resolver *resolver = (struct postern_resolver *)(void *)((char *)timeout - offsetof(struct postern_resolver, timeout));
    struct postern_lookups_entry *entry = resolver->wanted[resolver->n_answered];
    struct postern_error error;

    entry->slow = true;
    postern_error_set(&error, -ETIMEDOUT,
                      "users and groups could not be looked up within %d seconds; it was the %s \"%s\" that had no answer: see whether the directory "
                      "service works, and try again",
                      POSTERN_RESOLVER_PATIENCE / 1000, kind_name(entry), entry->name);
    finish(resolver, -ETIMEDOUT, &error);
}

void postern_resolver_init(struct postern_resolver *resolver, struct postern_bus *bus)
{
    resolver->bus = bus;
    resolver->source.fd = -1;
    resolver->timeouts.length = POSTERN_RESOLVER_PATIENCE;
    resolver->timeouts.expired = expired;
}

bool postern_resolver_is_busy(const struct postern_resolver *resolver)
{
    return resolver->source.fd >= 0;
}

static int start_process(struct postern_resolver *resolver)
{
    int fd = -1, r;
    pid_t pid = postern_work_begin(ask, resolver, &fd);

    if (pid < 0)
        return pid;
    r = postern_work_watch(resolver->bus, pid, ended, resolver, &resolver->child);
    if (r < 0) {
        close(fd);
        return r;
    }
    resolver->source = (struct postern_source){.fd = fd, .events = EPOLLIN, .ready = answered, .data = resolver};
    r = postern_loop_add(&resolver->bus->loop, &resolver->source);
    if (r < 0) {
        resolver->source.fd = -1;
        postern_child_kill(resolver->child);
        close(fd);
        return r;
    }
    postern_timeout_set(&resolver->timeouts, &resolver->timeout);
    return 1;
}

int postern_resolver_start(struct postern_resolver *resolver, const struct postern_lookups *lookups, postern_resolved_fn *done,
                           struct postern_error *error)
{
    int r = want(resolver, lookups);

    resolver->done = done;
    if (r == 0 && resolver->n_wanted > 0)
        r = start_process(resolver);
    if (r <= 0)
        forget(resolver);
    return r < 0 ? postern_error_set(error, r, "cannot make a process that looks up users and groups: %s", strerror(-r)) : r;
}

int postern_resolver_wait(struct postern_lookups *lookups)
{
    struct postern_resolver resolver = {.source = {.fd = -1}};
    uint64_t end = postern_timeout_now() + POSTERN_RESOLVER_PATIENCE, now;
    int fd = -1, r = want(&resolver, lookups);
    pid_t pid = 0;

    if (r == 0 && resolver.n_wanted > 0) {
        pid = postern_work_begin(ask, &resolver, &fd);
        r = pid < 0 ? pid : 0;
    }
    while (pid > 0 && take(&resolver, fd) == 0 && (now = postern_timeout_now()) < end) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

        poll(&poll_fd, 1, (int)(end - now));
    }
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(fd);
        if (resolver.n_answered < resolver.n_wanted)
            resolver.wanted[resolver.n_answered]->slow = true;
        postern_lookups_give_up(lookups);
    }
    forget(&resolver);
    return r;
}
