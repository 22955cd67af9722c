/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch: what the doors decide, as it happens. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl/bus.h"
#include "tools/ctl/filter.h"
#include "tools/ctl/read.h"
#include "tools/ctl/words.h"
#include "wire/name.h"

#define autovalue __attribute__((cleanup(postern_value_freep)))
#define SECOND 1000000u /* in microseconds */
#define TIMEOUT_MAX 1000000000u /* seconds: 31 years */

enum { OPT_ALL = CTL_FILTER_END, OPT_COUNT, OPT_TIMEOUT };

const struct option postern_ctl_watch_options[] = {
    {"instance", required_argument, NULL, CTL_FILTER_INSTANCE},
    {"type", required_argument, NULL, CTL_FILTER_TYPE},
    {"name", required_argument, NULL, CTL_FILTER_NAME},
    {"door", required_argument, NULL, CTL_FILTER_DOOR},
    {"verdict", required_argument, NULL, CTL_FILTER_VERDICT},
    {"action", required_argument, NULL, CTL_FILTER_ACTION},
    {"sender", required_argument, NULL, CTL_FILTER_SENDER},
    {"destination", required_argument, NULL, CTL_FILTER_DESTINATION},
    {"interface", required_argument, NULL, CTL_FILTER_INTERFACE},
    {"member", required_argument, NULL, CTL_FILTER_MEMBER},
    {"all", no_argument, NULL, OPT_ALL},
    {"count", required_argument, NULL, OPT_COUNT},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {NULL, 0, NULL, 0},
};

struct watch {
    struct postern_ctl *ctl;
    const struct postern_ctl_arg *args;
    size_t n;
    bool all;
    uint64_t left;       /* how many to show; UINT64_MAX: without end */
    uint64_t timeout;    /* in seconds; 0: none */
    uint64_t lost;       /* since the last line that was shown */
    uint64_t lost_in_all;
    int failed;          /* a negative errno: it cannot go on */
};

static volatile sig_atomic_t ended;

static void end(int number)
{
    ended = 1;
}

static uint64_t now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

/* When we heard of it: the signal does not say when it was. */
static struct postern_value *clock_text(bool json)
{
    uint64_t at = now(CLOCK_REALTIME);
    time_t seconds = (time_t)(at / SECOND);
    char text[40];
    struct tm tm;
    size_t len;

    if (json) {
        len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
        snprintf(text + len, sizeof text - len, ".%06uZ", (unsigned int)(at % SECOND));
    } else {
        len = strftime(text, sizeof text, "%H:%M:%S", localtime_r(&seconds, &tm));
        snprintf(text + len, sizeof text - len, ".%03u", (unsigned int)(at % SECOND / 1000));
    }
    return postern_value_string(text);
}

/* Writes at once what is to be seen at once. */
static int flush(struct postern_output *out)
{
    int r = 0;

    if (out->failed)
        r = -ENOMEM;
    else if (fwrite(out->buf.data, 1, out->buf.len, stdout) < out->buf.len || fflush(stdout) != 0)
        r = -errno;
    postern_output_finish(out);
    return r;
}

/* What was lost before a verdict that is not shown was lost before the next one that is. */
static int show(struct watch *watch, struct postern_value *verdict)
{
    struct postern_output *out = &watch->ctl->out;
    bool json = watch->ctl->json != POSTERN_JSON_OFF;

    watch->lost += postern_value_number(verdict, "lost");
    watch->lost_in_all += postern_value_number(verdict, "lost");
    postern_value_unset(verdict, "lost");
    if (!postern_ctl_filter_matches(watch->args, watch->n, verdict))
        return 0;
    if (json) {
        postern_value_set(verdict, "time", clock_text(true));
        if (watch->lost > 0)
            postern_value_set(verdict, "lost", postern_value_unsigned(watch->lost));
        postern_output_json(out, verdict, POSTERN_JSON_SHORT);
    } else {
        postern_value_set(verdict, "clock", clock_text(false));
        if (watch->lost > 0)
            postern_output_printf(out, "-- %llu verdicts were lost here: they came faster than they were read\n", (unsigned long long)watch->lost);
        postern_ctl_filter_print(out, verdict);
        out->failed |= verdict->failed;
    }
    watch->lost = 0;
    watch->left -= watch->left != UINT64_MAX;
    return flush(out);
}

/* Anybody may send a signal of this name: only the bus's own counts. */
static int on_message(sd_bus_message *message, void *data, sd_bus_error *e)
{
    struct watch *watch = data;
    const char *sender = sd_bus_message_get_sender(message);
    autovalue struct postern_value *verdict = NULL;

    if (!sd_bus_message_is_signal(message, CTL_MEDIATOR1, "Verdict") || sender == NULL || strcmp(sender, POSTERN_DRIVER_NAME) != 0)
        return 0;
    if (watch->left == 0 || ended || watch->failed < 0)
        return 1;
    if (!sd_bus_message_has_signature(message, "a{sv}") || postern_ctl_read(message, &verdict) < 0)
        watch->failed = -EBADMSG;
    else
        watch->failed = show(watch, verdict);
    return 1;
}

static int read_options(struct watch *watch)
{
    for (size_t i = 0; i < watch->n; i++) {
        const char *value = watch->args[i].value;

        switch (watch->args[i].option) {
        case CTL_ARGUMENT:
            return postern_ctl_usage(watch->ctl, "watch takes no arguments; \"%s\" is too much", value);
        case OPT_ALL:
            watch->all = true;
            break;
        case OPT_COUNT:
            if (!postern_ctl_number(value, UINT64_MAX - 1, &watch->left) || watch->left == 0)
                return postern_ctl_usage(watch->ctl, "--count=%s: must be a number, 1 or more", value);
            break;
        case OPT_TIMEOUT:
            if (!postern_ctl_number(value, TIMEOUT_MAX, &watch->timeout) || watch->timeout == 0)
                return postern_ctl_usage(watch->ctl, "--timeout=%s: must be a number of seconds, 1 or more", value);
            break;
        default:
            break;
        }
    }
    return CTL_OK;
}

static const int end_signals[] = {SIGINT, SIGTERM, SIGHUP};

/* Signals arrive in wait_for() alone. What whoever started us ignores (nohup) stays ignored. */
static void catch_signals(sigset_t *mask)
{
    sigset_t block;

    sigemptyset(&block);
    for (size_t i = 0; i < sizeof end_signals / sizeof *end_signals; i++) {
        struct sigaction old, action = {.sa_handler = end};

        if (sigaction(end_signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue;
        sigaddset(&block, end_signals[i]);
        sigaction(end_signals[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &block, mask);
}

/* Saying goodbye to a bus that does not answer can be cut short by another signal. */
static void release_signals(const sigset_t *mask)
{
    for (size_t i = 0; i < sizeof end_signals / sizeof *end_signals; i++) {
        struct sigaction old;

        if (sigaction(end_signals[i], NULL, &old) == 0 && old.sa_handler == end)
            signal(end_signals[i], SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, mask, NULL);
}

/* Until something is to be read or written, a signal comes, or `until` (on the monotonic clock; UINT64_MAX: never). 0, or a negative errno. */
static int wait_for(sd_bus *bus, uint64_t until, const sigset_t *mask)
{
    struct pollfd fd = {.fd = sd_bus_get_fd(bus), .events = (short)sd_bus_get_events(bus)};
    uint64_t at = now(CLOCK_MONOTONIC), bus_until = UINT64_MAX;
    struct timespec left;
    int r = sd_bus_get_timeout(bus, &bus_until);

    if (r < 0 || fd.fd < 0)
        return r < 0 ? r : fd.fd;
    if (bus_until < until)
        until = bus_until;
    left = until > at ? (struct timespec){(time_t)((until - at) / SECOND), (long)((until - at) % SECOND) * 1000} : (struct timespec){0};
    r = ppoll(&fd, 1, until != UINT64_MAX ? &left : NULL, mask);
    return r < 0 && errno != EINTR ? -errno : 0;
}

/* A flood of verdicts must not keep a signal out: each is followed by a look. */
static int follow(struct watch *watch, const sigset_t *mask)
{
    uint64_t until = watch->timeout != 0 ? now(CLOCK_MONOTONIC) + watch->timeout * SECOND : UINT64_MAX;
    sd_bus *bus = watch->ctl->bus;

    while (watch->left > 0 && watch->failed == 0 && !ended && now(CLOCK_MONOTONIC) < until) {
        int r = sd_bus_process(bus, NULL);

        if (r >= 0)
            r = wait_for(bus, r > 0 ? 0 : until, mask);
        if (r < 0)
            return r;
    }
    return watch->failed;
}

static int start(struct watch *watch, struct postern_error *error)
{
    int r = sd_bus_add_filter(watch->ctl->bus, NULL, on_message, watch);

    if (r < 0)
        return postern_error_set(error, r, "cannot watch: %s", strerror(-r));
    if (watch->all)
        return postern_ctl_call(watch->ctl, CTL_MEDIATOR1, "Watch", NULL, error, "a{sv}", 1, "all", "b", 1);
    return postern_ctl_call(watch->ctl, CTL_MEDIATOR1, "Watch", NULL, error, "a{sv}", 0);
}

/* The exit status. */
static int finish(struct watch *watch, int r)
{
    struct postern_error error;

    if (watch->lost_in_all > 0)
        fprintf(stderr, "posternctl: %llu verdicts were lost: they came faster than they were read\n", (unsigned long long)watch->lost_in_all);
    if (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE)
        return postern_ctl_complain(CTL_FAILED, "the bus closed the connection");
    if (r == -EBADMSG)
        return postern_ctl_complain(CTL_FAILED, "a verdict of the bus makes no sense");
    if (r < 0)
        return postern_ctl_complain(CTL_FAILED, "cannot go on: %s", strerror(-r));
    if (postern_ctl_call(watch->ctl, CTL_MEDIATOR1, "Unwatch", NULL, &error, "") < 0)
        return postern_ctl_complain(CTL_FAILED, "%s", error.text);
    return CTL_OK;
}

int postern_ctl_watch(struct postern_ctl *ctl, const struct postern_ctl_arg *args, size_t n)
{
    struct watch watch = {.ctl = ctl, .args = args, .n = n, .left = UINT64_MAX};
    struct postern_error error;
    int status = read_options(&watch), r;
    sigset_t mask;

    if (status != CTL_OK)
        return status;
    if (postern_ctl_connect(ctl, &error) < 0)
        return postern_ctl_complain(CTL_FAILED, "%s", error.text);
    if (start(&watch, &error) < 0)
        return postern_ctl_complain(CTL_FAILED, "%s", error.text);
    catch_signals(&mask);
    if (!ctl->no_legend)
        fputs("posternctl: watching; Ctrl-C ends it\n", stderr);
    r = follow(&watch, &mask);
    release_signals(&mask);
    return finish(&watch, r);
}
