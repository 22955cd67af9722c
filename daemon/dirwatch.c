/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/dirwatch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/log.h"
#include "util/cleanup.h"

#define DIRS_MAX 256u
#define PLACES_MAX 2048u
#define READS_MAX 32 /* in a row; what is left is told later */

#define ABOVE (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD)
/* IN_CREATE is for links alone: a file that was just made is empty, and counts when it has been written. */
#define INSIDE (ABOVE | IN_CLOSE_WRITE | IN_ATTRIB)

struct postern_dirwatch_dir {
    char *path;
    unsigned sort;
};

/* One watched folder, for the sake of one that was asked for: that itself, or one above it. */
struct postern_dirwatch_place {
    int wd;
    const struct postern_dirwatch_dir *dir;
    const char *step; /* above: what is the next one called; inside the path of dir */
    size_t step_len;  /* 0: this is the folder itself */
};

/* ---- what to watch ------------------------------------------------------------------------------------- */

static void complain(struct postern_dirwatch *watch, const char *path, const char *why)
{
    if (!watch->warned)
        postern_log(watch->log, LOG_WARNING, "%s is not watched, so that changes there count from the next reload on: %s", path, why);
    watch->warned = true;
}

static int add_place(struct postern_dirwatch *watch, const struct postern_dirwatch_place *place)
{
    struct postern_dirwatch_place *grown;

    if (watch->n_places == PLACES_MAX)
        return -ENOSPC;
    /* Room for a power of two. */
    if ((watch->n_places & (watch->n_places - 1)) == 0) {
        grown = reallocarray(watch->places, watch->n_places == 0 ? 1 : 2 * watch->n_places, sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        watch->places = grown;
    }
    watch->places[watch->n_places++] = *place;
    return 0;
}

/* Watches one folder on the way. 1: what is below cannot be there; 0, or a negative errno. */
static int watch_step(struct postern_dirwatch *watch, const struct postern_dirwatch_dir *dir, size_t len, const char *step, size_t step_len)
{
    postern_autofree char *path = strndup(dir->path, len > 0 ? len : 1);
    struct postern_dirwatch_place place = {.dir = dir, .step = step, .step_len = step_len};

    if (path == NULL)
        return -ENOMEM;
    place.wd = inotify_add_watch(watch->source.fd, path, step_len > 0 ? ABOVE : INSIDE);
    if (place.wd >= 0)
        return add_place(watch, &place);
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
        return 1;
    /* Who may pass through a folder above but not list it has no way to watch it. */
    return errno == EACCES && step_len > 0 ? 0 : -errno;
}

/* From the root down: should a folder come while this goes on, the one above tells of it. */
static void watch_dir(struct postern_dirwatch *watch, const struct postern_dirwatch_dir *dir)
{
    size_t len = 0;
    int r = 0;

    while (r == 0) {
        const char *step = dir->path + len + strspn(dir->path + len, "/");
        size_t step_len = strcspn(step, "/");

        r = watch_step(watch, dir, len, step, step_len);
        if (step_len == 0)
            break;
        len = (size_t)(step + step_len - dir->path);
    }
    if (r < 0)
        complain(watch, dir->path, r == -ENOSPC ? "there are too many watches (fs.inotify.max_user_watches)" : strerror(-r));
}

static bool is_watched(const struct postern_dirwatch *watch, int wd)
{
    for (size_t i = 0; i < watch->n_places; i++)
        if (watch->places[i].wd == wd)
            return true;
    return false;
}

/* Watches what is there now. A folder that goes on to be watched keeps its number, and misses nothing. */
static void rebuild(struct postern_dirwatch *watch)
{
    struct postern_dirwatch_place *old = watch->places;
    size_t n_old = watch->n_places;

    watch->places = NULL;
    watch->n_places = 0;
    for (size_t i = 0; i < watch->n_dirs; i++)
        watch_dir(watch, &watch->dirs[i]);
    for (size_t i = 0; i < n_old; i++)
        if (!is_watched(watch, old[i].wd))
            inotify_rm_watch(watch->source.fd, old[i].wd); /* fails for a folder that is gone, which is as well */
    free(old);
}

/* ---- what happens ---------------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);

    return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

static bool is_link(const char *dir, const char *name)
{
    postern_autofree char *path = NULL;
    struct stat st;

    if (asprintf(&path, "%s/%s", dir, name) < 0) {
        path = NULL;
        return true; /* better once too often */
    }
    return lstat(path, &st) < 0 || S_ISLNK(st.st_mode) || st.st_nlink > 1;
}

static bool counts_inside(const struct postern_dirwatch_dir *dir, const struct inotify_event *event)
{
    if (event->len == 0)
        return true; /* the folder itself */
    if (dir->sort == POSTERN_DIRWATCH_SERVICES && !ends_with(event->name, ".service"))
        return false;
    if (dir->sort == POSTERN_DIRWATCH_CONFIG && !ends_with(event->name, ".conf"))
        return false;
    return dir->sort == POSTERN_DIRWATCH_CONSOLE || (event->mask & IN_CREATE) == 0 || is_link(dir->path, event->name);
}

static bool counts(const struct postern_dirwatch_place *place, const struct inotify_event *event)
{
    if (place->wd != event->wd)
        return false;
    if (place->step_len == 0)
        return counts_inside(place->dir, event);
    if (event->len == 0)
        return true;
    /* What is written in a folder above does not count, even when that is watched for another's sake. */
    return (event->mask & (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)) != 0 && strlen(event->name) == place->step_len &&
           memcmp(event->name, place->step, place->step_len) == 0;
}

static unsigned sorts_of(const struct postern_dirwatch *watch, const struct inotify_event *event)
{
    unsigned sorts = 0;

    /* So much has happened that nobody knows what. */
    for (size_t i = 0; event->mask & IN_Q_OVERFLOW && i < watch->n_dirs; i++)
        sorts |= watch->dirs[i].sort;
    for (size_t i = 0; i < watch->n_places; i++)
        if (counts(&watch->places[i], event))
            sorts |= watch->places[i].dir->sort;
    return sorts;
}

/* Reads all events. What sorts of folders do they concern? */
static unsigned drain(const struct postern_dirwatch *watch)
{
    char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    unsigned sorts = 0;

    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = read(watch->source.fd, buffer, sizeof(buffer));

        if (n <= 0)
            break;
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)(buffer + at);

            sorts |= sorts_of(watch, event);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    }
    return sorts;
}

static void ready(void *data, uint32_t events)
{
    struct postern_dirwatch *watch = data;

    (void)events;
    postern_loop_set(watch->loop, &watch->source, 0);
    postern_timeout_set(&watch->timeouts, &watch->timeout);
}

static void expired(struct postern_timeout *timeout)
{
    struct postern_dirwatch *watch = (struct postern_dirwatch *)(void *)((char *)timeout - offsetof(struct postern_dirwatch, timeout));
    unsigned sorts = drain(watch);

    postern_loop_set(watch->loop, &watch->source, EPOLLIN);
    if (sorts == 0)
        return;
    rebuild(watch);
    watch->fn(watch->data, sorts);
}

/* ---- begin and end ----------------------------------------------------------------------------------------- */

void postern_dirwatch_init(struct postern_dirwatch *watch, struct postern_loop *loop, const struct postern_log *log, postern_dirwatch_fn *fn,
                           void *data)
{
    watch->loop = loop;
    watch->log = log;
    watch->fn = fn;
    watch->data = data;
    watch->source.fd = -1;
    watch->timeouts.length = POSTERN_DIRWATCH_DELAY;
    watch->timeouts.expired = expired;
}

void postern_dirwatch_clear(struct postern_dirwatch *watch)
{
    for (size_t i = 0; i < watch->n_places; i++)
        watch->places[i].dir = NULL; /* whose numbers alone count from now on */
    for (size_t i = 0; i < watch->n_dirs; i++)
        free(watch->dirs[i].path);
    free(watch->dirs);
    watch->dirs = NULL;
    watch->n_dirs = 0;
}

void postern_dirwatch_add(struct postern_dirwatch *watch, unsigned sort, char *const *dirs)
{
    for (; dirs != NULL && *dirs != NULL; dirs++) {
        struct postern_dirwatch_dir *grown;
        char *path;

        if (**dirs != '/' || watch->n_dirs == DIRS_MAX)
            continue;
        grown = reallocarray(watch->dirs, watch->n_dirs + 1, sizeof(*grown));
        path = grown != NULL ? strdup(*dirs) : NULL;
        if (grown != NULL)
            watch->dirs = grown;
        if (path == NULL) {
            complain(watch, *dirs, "out of memory");
            return;
        }
        grown[watch->n_dirs++] = (struct postern_dirwatch_dir){.path = path, .sort = sort};
    }
}

static int open_inotify(struct postern_dirwatch *watch)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), r;

    if (fd < 0)
        return -errno;
    watch->source = (struct postern_source){.fd = fd, .events = EPOLLIN, .ready = ready, .data = watch};
    r = postern_loop_add(watch->loop, &watch->source);
    if (r < 0) {
        close(fd);
        watch->source.fd = -1;
    }
    return r;
}

void postern_dirwatch_begin(struct postern_dirwatch *watch)
{
    int r = watch->source.fd < 0 && watch->n_dirs > 0 ? open_inotify(watch) : 0;

    if (r < 0)
        complain(watch, watch->dirs[0].path, r == -EMFILE ? "there is no room for another watch (fs.inotify.max_user_instances)" : strerror(-r));
    else if (watch->source.fd >= 0)
        rebuild(watch);
}

void postern_dirwatch_finish(struct postern_dirwatch *watch)
{
    int fd = watch->source.fd;

    postern_dirwatch_clear(watch);
    free(watch->places);
    watch->places = NULL;
    watch->n_places = 0;
    if (fd < 0 || watch->loop == NULL)
        return;
    postern_loop_remove(watch->loop, &watch->source);
    postern_timeout_clear(&watch->timeouts, &watch->timeout);
    close(fd);
}
