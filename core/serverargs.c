/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/serverargs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/flip.h"
#include "wire/body.h"
#include "wire/message.h"
#include "wire/name.h"
#include "wire/reader.h"

#define POSITIONAL "ssa{sv}"
#define SIGNATURE POSITIONAL "a{sv}"

/* What the reading of one argument needs. */
struct reading {
    const struct postern_mediator *mediator;
    const struct postern_call *call;
    struct postern_server_args *args;
    struct postern_reader r;
    struct postern_error *error;
};

/* ---- named arguments --------------------------------------------------------------------------------- */

static int read_allow(struct reading *reading)
{
    reading->args->has_allow = true;
    return postern_rulelist_read(&reading->r, "Allow", reading->mediator->settings.max_rules, &reading->args->rules, reading->error);
}

static int read_mode(struct reading *reading)
{
    static const char *const modes[] = {
        [POSTERN_MODE_RESTRICT] = "restrict", [POSTERN_MODE_COMPLAIN] = "complain", [POSTERN_MODE_IDENTIFY] = "identify"};
    const char *text;

    if (postern_reader_string(&reading->r, &text, NULL) < 0)
        return postern_error_set(reading->error, -EINVAL, "Mode cannot be read");
    for (uint32_t mode = POSTERN_MODE_RESTRICT; mode <= POSTERN_MODE_IDENTIFY; mode++) {
        if (strcmp(modes[mode], text) == 0) {
            reading->args->mode = mode;
            return 0;
        }
    }
    return postern_error_set(reading->error, -EINVAL, "Mode is \"%s\"; it can be restrict, complain or identify", text);
}

static int read_fd(struct reading *reading, const char *key, int *fd)
{
    uint32_t index;

    if (postern_reader_u32(&reading->r, &index) < 0 || index >= reading->call->n_fds)
        return postern_error_set(reading->error, -EINVAL, "%s: no such descriptor came with the message", key);
    *fd = fcntl(reading->call->fds[index], F_DUPFD_CLOEXEC, 3);
    return *fd >= 0 ? 0 : postern_error_set(reading->error, -errno, "%s cannot be duplicated: %s", key, strerror(errno));
}

static int read_listen_fd(struct reading *reading)
{
    return read_fd(reading, "ListenFD", &reading->args->listen_fd);
}

static int read_ready_fd(struct reading *reading)
{
    return read_fd(reading, "ReadyFD", &reading->args->ready_fd);
}

static int read_close_fd(struct reading *reading)
{
    return read_fd(reading, "CloseFD", &reading->args->close_fd);
}

/* The value of a key of Limits, or NULL. */
static uint64_t *find_limit(struct postern_quota *quota, const char *key)
{
    const struct {
        const char *key;
        uint64_t *limit;
    } limits[] = {
        {"connections", &quota->connections},
        {"names", &quota->names},
        {"matches", &quota->matches},
        {"bytes", &quota->bytes},
        {"fds", &quota->fds},
        {"pending-replies", &quota->pending_replies},
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (strcmp(limits[i].key, key) == 0)
            return limits[i].limit;
    return NULL;
}

static int read_limit(struct reading *reading)
{
    struct postern_quota configured = reading->mediator->settings.quota;
    struct postern_quota *quota = &reading->args->quota;
    const char *key = "";
    uint64_t *limit, most;
    uint32_t value = 0;

    postern_reader_enter(&reading->r, 'e');
    postern_reader_string(&reading->r, &key, NULL);
    postern_reader_u32(&reading->r, &value);
    if (postern_reader_leave(&reading->r) < 0)
        return postern_error_set(reading->error, -EINVAL, "Limits cannot be read");
    limit = find_limit(quota, key);
    if (limit == NULL)
        return postern_error_set(
            reading->error, -EINVAL,
            "Limits: there is no limit \"%s\"; connections, names, matches, bytes, fds and pending-replies can be set", key);
    most = *find_limit(&configured, key);
    if (value > most)
        return postern_error_set(reading->error, -EINVAL,
                                 "Limits: %s is %" PRIu32 ", the configuration allows %" PRIu64 " at most", key, value, most);
    if (value == 0 && limit == &quota->connections)
        return postern_error_set(reading->error, -EINVAL, "Limits: 0 connections would make a container that nobody can enter");
    if (value < *limit)
        *limit = value; /* given twice, the lower one counts */
    return 0;
}

static int read_limits(struct reading *reading)
{
    int r = 0;

    postern_reader_enter(&reading->r, 'a');
    while (r == 0 && postern_reader_more(&reading->r))
        r = read_limit(reading);
    if (r == 0)
        postern_reader_leave(&reading->r);
    return r;
}

static const struct named_arg {
    const char *key;
    const char *type;
    int (*read)(struct reading *reading);
} named_args[] = {
    {"Allow", "a(usos)", read_allow}, {"Mode", "s", read_mode},        {"ListenFD", "h", read_listen_fd},
    {"ReadyFD", "h", read_ready_fd},  {"CloseFD", "h", read_close_fd}, {"Limits", "a{su}", read_limits},
};
#define N_NAMED_ARGS (sizeof(named_args) / sizeof(named_args[0]))

const char *const postern_server_arg_names[] = {"Allow", "Mode", "ListenFD", "ReadyFD", "CloseFD", "Limits", NULL};

static int read_named_arg(struct reading *reading, uint32_t *given)
{
    const char *key;
    size_t i = 0;
    int r;

    postern_reader_enter(&reading->r, 'e');
    if (postern_reader_string(&reading->r, &key, NULL) < 0)
        return postern_error_set(reading->error, -EINVAL, "the named arguments cannot be read");
    while (i < N_NAMED_ARGS && strcmp(named_args[i].key, key) != 0)
        i++;
    if (i == N_NAMED_ARGS)
        return postern_error_set(reading->error, -EINVAL,
                                 "there is no named argument \"%s\"; see the property SupportedArguments", key);
    if ((*given & (1u << i)) != 0)
        return postern_error_set(reading->error, -EINVAL, "%s is there twice", key);
    *given |= 1u << i;
    postern_reader_enter(&reading->r, 'v');
    if (!postern_reader_is(&reading->r, named_args[i].type))
        return postern_error_set(reading->error, -EINVAL, "%s must be of type %s", key, named_args[i].type);
    r = named_args[i].read(reading);
    if (r < 0)
        return r;
    postern_reader_leave(&reading->r);
    postern_reader_leave(&reading->r);
    return 0;
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

static int read_positional(struct reading *reading)
{
    struct postern_server_args *args = reading->args;
    uint64_t limit = reading->mediator->settings.max_metadata_bytes;
    size_t start, len, type_len, used;

    postern_reader_string(&reading->r, &args->type, &type_len);
    postern_reader_string(&reading->r, &args->name, NULL);
    if (postern_reader_raw(&reading->r, &start, &len) < 0)
        return postern_error_set(reading->error, -EINVAL, "the arguments cannot be read");
    if (!postern_name_is_interface(args->type, type_len))
        return postern_error_set(reading->error, -EINVAL,
                                 "the container type \"%s\" is no reversed domain name such as org.example.Manager", args->type);
    /* Type, name and dictionary, as they were serialised. */
    if (reading->r.pos > limit)
        return postern_error_set(reading->error, -EDQUOT, "type, name and metadata take %zu bytes, %" PRIu64 " are allowed",
                                 reading->r.pos, limit);
    /* Everything was valid with the descriptors that came along: what is not without them is a handle. It would go out again with
     * answers that carry none, and the client that gets such a message must take the bus for broken. */
    if (postern_body_validate_prefix(postern_native_order(), POSITIONAL, sizeof(POSITIONAL) - 1, args->body, start + len, 0,
                                     &used) < 0)
        return postern_error_set(reading->error, -EINVAL, "the metadata may hold no file descriptors");
    args->metadata = args->body + postern_align(start + 4, 8);
    args->metadata_len = start + len - postern_align(start + 4, 8);
    return 0;
}

static int read_named(struct reading *reading)
{
    uint32_t given = 0;
    int r = 0;

    postern_reader_enter(&reading->r, 'a');
    while (r == 0 && postern_reader_more(&reading->r))
        r = read_named_arg(reading, &given);
    if (r < 0)
        return r;
    postern_reader_leave(&reading->r);
    return postern_reader_finish(&reading->r) == 0 ? 0
                                                   : postern_error_set(reading->error, -EINVAL, "the arguments cannot be read");
}

/* What is right by itself but not together. */
static int check(struct reading *reading)
{
    struct postern_server_args *args = reading->args;
    struct postern_error why = {.text = ""};

    if (args->mode == POSTERN_MODE_IDENTIFY && args->rules.n > 0)
        return postern_error_set(reading->error, -EINVAL, "Allow has rules, but in Mode identify none would have an effect");
    if (args->ready_fd >= 0 && args->listen_fd < 0)
        return postern_error_set(reading->error, -EINVAL, "ReadyFD makes sense with a ListenFD only");
    if (args->listen_fd >= 0 && postern_socket_check(args->listen_fd, args->ready_fd < 0, &args->place, &why) < 0)
        return postern_error_set(reading->error, -EINVAL, "ListenFD: %s", why.text);
    return 0;
}

static int copy_body(const struct postern_message *m, struct postern_server_args *args)
{
    args->body = malloc(m->body_len);
    if (args->body == NULL)
        return -ENOMEM;
    if (m->order != (uint8_t)postern_native_order())
        return postern_flip((char)m->order, SIGNATURE, m->body, m->body_len, args->body);
    memcpy(args->body, m->body, m->body_len);
    return 0;
}

int postern_server_args_read(const struct postern_mediator *mediator, const struct postern_call *call,
                             struct postern_server_args *args, struct postern_error *error)
{
    const struct postern_message *m = call->message;
    struct postern_server_args made = {.listen_fd = -1, .ready_fd = -1, .close_fd = -1, .quota = mediator->settings.quota};
    struct reading reading = {.mediator = mediator, .call = call, .args = &made, .error = error};
    int r;

    if (m->signature.data == NULL || strcmp(m->signature.data, SIGNATURE) != 0)
        return postern_error_set(error, -EINVAL, "AddServer takes " SIGNATURE);
    r = copy_body(m, &made);
    if (r < 0)
        postern_error_set(error, r, "the arguments cannot be read: %s", strerror(-r));
    postern_reader_init(&reading.r, postern_native_order(), SIGNATURE, made.body, m->body_len);
    if (r == 0)
        r = read_positional(&reading);
    if (r == 0)
        r = read_named(&reading);
    if (r == 0)
        r = check(&reading);
    if (r < 0) {
        postern_server_args_finish(&made);
        return r;
    }
    *args = made;
    return 0;
}

static void close_one(int fd)
{
    if (fd >= 0)
        close(fd);
}

void postern_server_args_finish(struct postern_server_args *args)
{
    postern_rulelist_finish(&args->rules);
    free(args->body);
    close_one(args->listen_fd);
    close_one(args->ready_fd);
    close_one(args->close_fd);
    *args = (struct postern_server_args){.listen_fd = -1, .ready_fd = -1, .close_fd = -1};
}
