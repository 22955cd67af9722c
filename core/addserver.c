/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "core/containers1.h"
#include "core/serverargs.h"

static int check_limits(const struct postern_mediator *mediator, const struct postern_party *caller, struct postern_error *error)
{
    const struct postern_settings *settings = &mediator->settings;
    uint64_t mine = 0;

    /* Those that nobody announced cost a connection each, which is limited already. */
    if (HASH_COUNT(mediator->instances) - HASH_CNT(hh_implicit, mediator->implicit) >= settings->max_containers)
        return postern_error_set(error, -EDQUOT, "the bus has %" PRIu64 " containers already, the most it may have",
                                 settings->max_containers);
    for (const struct postern_instance *instance = mediator->instances; instance != NULL; instance = instance->hh.next)
        mine += instance->recognised.len == 0 && instance->creator_uid == caller->uid;
    if (mine >= settings->max_containers_per_user)
        return postern_error_set(error, -EDQUOT, "this user has %" PRIu64 " containers already, the most a user may have", mine);
    return 0;
}

/* Allow without Mode means restrict, whatever the default is: rules that have no effect are nobody's wish. */
static uint32_t mode_of(const struct postern_mediator *mediator, const struct postern_server_args *args)
{
    if (args->mode != POSTERN_MODE_NONE)
        return args->mode;
    return args->has_allow ? POSTERN_MODE_RESTRICT : mediator->settings.default_mode;
}

/* Makes the instance out of the arguments, which lose their rules to it. */
static int make_instance(struct postern_mediator *mediator, const struct postern_call *call, struct postern_server_args *args,
                         struct postern_instance **instance)
{
    struct postern_instance_plan plan = {
        .type = args->type,
        .name = args->name,
        .source = "socket",
        .mode = mode_of(mediator, args),
        .creator = call->caller,
        .tied_to_creator = args->close_fd < 0,
        .quota = args->quota,
    };
    int r = 0;

    if (args->rules.n > 0) {
        r = postern_ruleset_new(args->rules.rules, args->rules.n, &plan.rules);
        args->rules = (struct postern_rulelist){.rules = NULL}; /* taken over in either case */
    }
    if (r == 0)
        r = postern_buf_append(&plan.metadata, args->metadata, args->metadata_len);
    if (r == 0)
        r = postern_containers1_write_creator(plan.source, call->caller, &plan.credentials);
    if (r == 0)
        r = postern_instance_new(mediator, &plan, instance);
    if (r < 0) {
        postern_ruleset_free(plan.rules);
        postern_buf_finish(&plan.metadata);
        postern_buf_finish(&plan.credentials);
    }
    return r;
}

static void write_answer(struct postern_writer *w, const struct postern_instance *instance,
                         const struct postern_socket_place *place)
{
    postern_writer_reset(w);
    postern_writer_path(w, instance->path);
    postern_writer_bytes(w, place->path, (uint32_t)strlen(place->path) + 1);
    postern_writer_string(w, place->address);
}

/* The socket: the manager's own, or one that we make. The answer is written before anybody can connect. */
static int begin_listening(struct postern_instance *instance, struct postern_server_args *args, struct postern_error *error)
{
    struct postern_listening_plan plan = {.fd = args->listen_fd, .ready_fd = args->ready_fd, .close_fd = args->close_fd};
    struct postern_mediator *mediator = instance->mediator;
    int r = 0;

    if (plan.fd < 0) {
        r = postern_socket_make(&mediator->settings, &plan.fd, &args->place, error);
        if (r < 0)
            return r == -ENOMEM ? r : -EIO; /* the file system's reasons are none of the caller's arguments */
        plan.unlink_path = strdup(args->place.path);
    }
    write_answer(&mediator->reply, instance, &args->place);
    if (postern_writer_finish(&mediator->reply) < 0 || (args->listen_fd < 0 && plan.unlink_path == NULL)) {
        if (args->listen_fd < 0) {
            unlink(args->place.path);
            close(plan.fd);
        }
        free(plan.unlink_path);
        return postern_error_set(error, -ENOMEM, "out of memory");
    }
    args->listen_fd = args->ready_fd = args->close_fd = -1; /* taken over in either case */
    return postern_listening_begin(instance, &plan, error);
}

static void tell(struct postern_instance *instance)
{
    postern_mediator_log(instance->mediator, LOG_INFO, "%s: new container of type %s, name \"%s\", for uid %u", instance->path, instance->type,
                         instance->name, instance->creator_uid);
    postern_instance_announce(instance);
}

int postern_containers1_add_server(struct postern_mediator *mediator, const struct postern_call *call,
                                   struct postern_error *error)
{
    struct postern_server_args args;
    struct postern_instance *instance;
    int r;

    if (call->caller->instance != NULL || call->caller->anonymous)
        return postern_error_set(error, -EACCES, "containers and anonymous connections may not make containers");
    r = postern_server_args_read(mediator, call, &args, error);
    if (r < 0)
        return r;
    r = check_limits(mediator, call->caller, error);
    if (r == 0) {
        r = make_instance(mediator, call, &args, &instance);
        if (r < 0)
            postern_error_set(error, r, "out of memory");
    }
    if (r == 0) {
        r = begin_listening(instance, &args, error);
        if (r < 0)
            postern_instance_free(instance);
        else
            tell(instance);
    }
    postern_server_args_finish(&args);
    return r;
}
