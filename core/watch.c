/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#include "core/mediator1.h"
#include "core/words.h"
#include "wire/name.h"

struct postern_watcher {
    struct postern_party *party;
    bool all;
    uint64_t lost; /* events that it was not sent, because it had much to read */
    struct postern_watcher *prev, *next;
};

struct postern_watch_event {
    enum postern_watch_class class;
    uint64_t lost; /* events of its class before it that did not fit */
    struct postern_writer body;
    struct postern_watch_event *prev, *next;
};

/* ---- an event as a{sv} -------------------------------------------------------------------------------------- */

/* A value that may be long, or no text at all, as a label may be. */
static void add_bytes(struct postern_writer *w, const char *key, const char *data, size_t len)
{
    char text[POSTERN_WATCH_VALUE_MAX + 1];

    if (data == NULL)
        return;
    len = len < POSTERN_WATCH_VALUE_MAX ? len : POSTERN_WATCH_VALUE_MAX;
    memcpy(text, data, len);
    for (size_t cut = 0; cut < 4 && cut < len; cut++)
        if (postern_utf8_is_valid(text, len - cut)) {
            len -= cut; /* a character may have been cut in two */
            break;
        }
    if (!postern_utf8_is_valid(text, len))
        for (size_t i = 0; i < len; i++)
            text[i] = (unsigned char)text[i] < 0x80 && text[i] != '\0' ? text[i] : '?';
    text[len] = '\0';
    postern_writer_entry_string(w, key, text);
}

static void add(struct postern_writer *w, const char *key, const char *value)
{
    if (value != NULL)
        add_bytes(w, key, value, strlen(value));
}

static void add_view(struct postern_writer *w, const char *key, const struct postern_view *view)
{
    add_bytes(w, key, view->data, view->len);
}

static void add_number(struct postern_writer *w, const char *key, uint32_t value)
{
    if (value != 0)
        postern_writer_entry_u32(w, key, value);
}

static void add_instance(struct postern_writer *w, const struct postern_instance *instance, const char *path, const char *type, const char *name)
{
    if (instance == NULL)
        return;
    postern_writer_entry_path(w, path, instance->path);
    add(w, type, instance->type);
    add(w, name, instance->name);
}

/* A connection that was not let in is no party yet. */
static void add_refused(struct postern_writer *w, const struct postern_audit_event *event)
{
    add_instance(w, event->to_instance, "to_instance", "to_type", "to_name");
    if (event->facts == NULL || event->facts->uid == POSTERN_PEER_UNKNOWN)
        return;
    postern_writer_entry_u32(w, "from_uid", event->facts->uid);
    add_number(w, "from_pid", (uint32_t)event->facts->pid);
    add(w, "from_label", event->facts->label);
}

static void add_message(struct postern_writer *w, const struct postern_message *m)
{
    add(w, "type", postern_fields_type(m));
    add_view(w, "destination", &m->destination);
    add_view(w, "path", &m->path);
    add_view(w, "interface", &m->interface);
    add_view(w, "member", &m->member);
    add_view(w, "error", &m->error);
    add_number(w, "reply_serial", m->reply_serial);
    add_number(w, "fds", m->fds);
}

static void add_ends(struct postern_writer *w, const struct postern_party *from, const struct postern_party *to, uint32_t flags)
{
    if (from != NULL && from->unique_name != NULL)
        add(w, "from", from->unique_name);
    else if ((flags & POSTERN_REQUEST_FROM_DRIVER) != 0)
        add(w, "from", POSTERN_DRIVER_NAME);
    if (to != NULL && to->unique_name != NULL)
        add(w, "to", to->unique_name);
    else if ((flags & POSTERN_REQUEST_TO_DRIVER) != 0)
        add(w, "to", POSTERN_DRIVER_NAME);
    add_instance(w, from != NULL ? from->instance : NULL, "from_instance", "from_type", "from_name");
    add_instance(w, to != NULL ? to->instance : NULL, "to_instance", "to_type", "to_name");
    if (from != NULL && from->uid != UINT32_MAX)
        postern_writer_entry_u32(w, "from_uid", from->uid);
    if (from != NULL && from->facts.pid > 0)
        postern_writer_entry_u32(w, "from_pid", (uint32_t)from->facts.pid);
    add(w, "from_label", from != NULL ? from->facts.label : NULL);
    add(w, "to_label", to != NULL ? to->facts.label : NULL);
}

static void write_event(struct postern_writer *w, const struct postern_audit_event *event)
{
    const struct postern_request *request = event->request;

    postern_writer_open(w, 'a', "{sv}");
    add(w, "verdict", event->verdict);
    add(w, "door", event->door);
    add(w, "rule", event->rule);
    add(w, "why", event->why);
    add(w, "needs", event->needs);
    add(w, "action", event->action);
    add(w, "name", event->name);
    if (request != NULL) {
        add(w, "end", postern_words_end(event->end));
        add_ends(w, request->from, request->to, request->flags);
        add_view(w, "name", &request->name);
        if (request->message != NULL)
            add_message(w, request->message);
    } else {
        add_ends(w, event->from, NULL, 0);
        add_refused(w, event);
    }
    postern_writer_close(w);
}

/* The same event, and that so many before it were lost. */
static void write_lost(struct postern_writer *w, const struct postern_writer *event, uint64_t lost)
{
    postern_writer_open(w, 'a', "{sv}");
    /* Its entries stand behind length and padding, at a multiple of 8 as here. */
    if (w->error == 0 && postern_buf_append(&w->buf, event->buf.data + 8, event->buf.len - 8) < 0)
        w->error = -ENOMEM;
    postern_writer_entry_open(w, "lost", "t");
    postern_writer_u64(w, lost);
    postern_writer_entry_close(w);
    postern_writer_close(w);
}

/* ---- the queue ----------------------------------------------------------------------------------------------- */

static void free_event(struct postern_watching *watching, struct postern_watch_event *event)
{
    DL_DELETE(watching->queue, event);
    watching->n_queue[event->class]--;
    postern_writer_free(&event->body);
    free(event);
}

/* An event with its text, which is not queued yet; NULL: there is no room, or no memory. */
static struct postern_watch_event *new_event(struct postern_watching *watching, const struct postern_audit_event *event, enum postern_watch_class class)
{
    struct postern_watch_event *made = watching->n_queue[class] < POSTERN_WATCH_QUEUE_MAX ? calloc(1, sizeof(*made)) : NULL;

    if (made == NULL)
        return NULL;
    made->class = class;
    postern_writer_init(&made->body);
    made->lost = watching->lost[class];
    write_event(&made->body, event);
    if (postern_writer_finish(&made->body) == 0)
        return made;
    postern_writer_free(&made->body);
    free(made);
    return NULL;
}

void postern_watch_tell(struct postern_mediator *mediator, const struct postern_audit_event *event, bool news)
{
    enum postern_watch_class class = news ? POSTERN_WATCH_NEWS : POSTERN_WATCH_REST;
    struct postern_watching *watching = &mediator->watching;
    struct postern_watch_event *made;
    static const uint64_t one = 1;
    bool first = watching->queue == NULL;

    if (!postern_watch_wants(watching, news))
        return;
    made = new_event(watching, event, class);
    if (made == NULL) {
        watching->lost[class]++;
        return;
    }
    watching->lost[class] = 0;
    DL_APPEND(watching->queue, made);
    watching->n_queue[class]++;
    if (first && write(watching->fd, &one, sizeof(one)) < 0)
        free_event(watching, made); /* nobody would send it; an eventfd with one count in it takes another, so this does not happen */
}

static int32_t emit(struct postern_watcher *watcher, const struct postern_writer *body)
{
    const struct postern_host *host = watcher->party->mediator->host;
    const struct postern_signal signal = {
        .size = sizeof(signal),
        .to = watcher->party->host_id,
        .interface = POSTERN_MEDIATOR1,
        .member = "Verdict",
        .signature = "a{sv}",
        .body = body->buf.data,
        .body_len = (uint32_t)body->buf.len,
    };

    return host->emit(host->data, &signal);
}

/* To one watcher. One that does not read would make the bus keep all this for it, and be thrown out at last: it misses events instead. */
static void send_to(struct postern_watcher *watcher, const struct postern_watch_event *event)
{
    uint64_t lost = watcher->lost + event->lost;
    struct postern_writer told;
    int32_t r;

    if (lost == 0) {
        watcher->lost += emit(watcher, &event->body) == -ENOBUFS;
        return;
    }
    postern_writer_init(&told);
    write_lost(&told, &event->body, lost);
    r = postern_writer_finish(&told);
    if (r == 0)
        r = emit(watcher, &told);
    watcher->lost = r < 0 ? lost + 1 : 0;
    postern_writer_free(&told);
}

static void send_event(const struct postern_mediator *mediator, const struct postern_watch_event *event)
{
    for (struct postern_watcher *watcher = mediator->watching.watchers; watcher != NULL; watcher = watcher->next)
        if (event->class == POSTERN_WATCH_NEWS || watcher->all)
            send_to(watcher, event);
}

static void send_queue(void *data, int32_t fd, uint32_t events)
{
    struct postern_mediator *mediator = data;
    struct postern_watching *watching = &mediator->watching;
    uint64_t count;

    (void)events;
    if (read(fd, &count, sizeof(count)) < 0)
        return;
    watching->sending = true;
    while (watching->queue != NULL) {
        send_event(mediator, watching->queue);
        free_event(watching, watching->queue);
    }
    watching->sending = false;
}

/* ---- who watches ---------------------------------------------------------------------------------------------- */

static int open_queue(struct postern_mediator *mediator)
{
    struct postern_watching *watching = &mediator->watching;
    const struct postern_host *host = mediator->host;
    int r;

    watching->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watching->fd < 0)
        return -errno;
    r = host->watch_add(host->data, watching->fd, POLLIN, send_queue, mediator, &watching->watch);
    if (r < 0)
        close(watching->fd);
    return r;
}

static void close_queue(struct postern_mediator *mediator)
{
    struct postern_watching *watching = &mediator->watching;
    const struct postern_host *host = mediator->host;

    host->watch_remove(host->data, watching->watch);
    close(watching->fd);
    while (watching->queue != NULL)
        free_event(watching, watching->queue);
    memset(watching->lost, 0, sizeof(watching->lost));
}

int postern_watch_begin(struct postern_party *party, bool all, struct postern_error *error)
{
    struct postern_mediator *mediator = party->mediator;
    struct postern_watching *watching = &mediator->watching;
    struct postern_watcher *made;
    int r = 0;

    postern_watch_end(party);
    if (watching->n >= POSTERN_WATCHERS_MAX)
        return postern_error_set(error, -EDQUOT, "%u connections watch already, the most that may", POSTERN_WATCHERS_MAX);
    made = calloc(1, sizeof(*made));
    if (made == NULL)
        return -ENOMEM;
    if (watching->n == 0)
        r = open_queue(mediator);
    if (r < 0) {
        free(made);
        return postern_error_set(error, r, "the bus cannot make a queue: %s", strerror(-r));
    }
    made->party = party;
    made->all = all;
    party->watcher = made;
    DL_APPEND(watching->watchers, made);
    watching->n++;
    watching->n_all += all;
    return 0;
}

void postern_watch_end(struct postern_party *party)
{
    struct postern_watching *watching = &party->mediator->watching;
    struct postern_watcher *watcher = party->watcher;

    if (watcher == NULL)
        return;
    party->watcher = NULL;
    DL_DELETE(watching->watchers, watcher);
    watching->n--;
    watching->n_all -= watcher->all;
    free(watcher);
    if (watching->n == 0)
        close_queue(party->mediator);
}
