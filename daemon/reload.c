/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <utlist.h>

#include "daemon/bus.h"
#include "daemon/emit.h"
#include "daemon/mediation.h"
#include "daemon/notify.h"
#include "daemon/reload_services.h"
#include "util/console.h"

/* ---- reading --------------------------------------------------------------------------------------------- */

static bool collect_console(void *lookups, const char *name)
{
    uint32_t id;

    postern_lookups_collect(lookups, POSTERN_LOOKUP_USER, name, &id); /* without memory, nobody is known to be there */
    return false;
}

/* Reads the configuration, and what names there are to be looked up. */
static int read_config(struct postern_bus *bus, struct postern_busconfig **config, struct postern_lookups *lookups, struct postern_error *error)
{
    struct postern_busconfig_source source = {.lookup = postern_lookups_collect, .lookup_data = lookups, .in_force = bus->config};
    int r = postern_busconfig_read(bus->config_file, &source, config, error);

    if (r == 0 && (*config)->at_console)
        postern_console_any(POSTERN_CONSOLE_DIR, collect_console, lookups);
    if (r == 0 && postern_reload_services_collect(*config, lookups) < 0)
        r = postern_error_set(error, -ENOMEM, "out of memory");
    return r;
}

void postern_reload_log_warnings(struct postern_bus *bus, const struct postern_busconfig *config)
{
    for (char **warning = config->warnings; bus->module == NULL && warning != NULL && *warning != NULL; warning++)
        postern_log(&bus->log, LOG_ERR, "%s", *warning);
}

static void watch_dirs(struct postern_bus *bus)
{
    static char console_dir[] = POSTERN_CONSOLE_DIR;
    char *const console[] = {console_dir, NULL};
    struct postern_dirwatch *watch = &bus->reload.watch;

    postern_dirwatch_clear(watch);
    postern_dirwatch_add(watch, POSTERN_DIRWATCH_SERVICES, bus->config->servicedirs);
    postern_dirwatch_add(watch, POSTERN_DIRWATCH_CONFIG, bus->config->includedirs);
    if (bus->config->at_console)
        postern_dirwatch_add(watch, POSTERN_DIRWATCH_CONSOLE, console);
    postern_dirwatch_begin(watch);
}

/* ---- trying again what has failed ------------------------------------------------------------------------- */

static void begin(struct postern_bus *bus, bool fresh);
static void refresh(struct postern_bus *bus);

static void await_retry(struct postern_bus *bus)
{
    struct postern_reload *reload = &bus->reload;

    if (postern_lookups_failed(&reload->in_force) > 0)
        postern_timeout_set(&reload->retries, &reload->retry);
}

static void refreshed(struct postern_bus *bus, int r, const struct postern_error *error)
{
    struct postern_reload *reload = &bus->reload;

    (void)r;
    (void)error; /* what failed, failed before, and was told */
    postern_lookups_give_up(&reload->in_force);
    if (reload->refresh_again) {
        reload->refresh_again = false;
        refresh(bus);
    } else if (postern_lookups_improved(&reload->in_force)) {
        postern_log(&bus->log, LOG_INFO, "users and groups that could not be looked up are known now: the configuration is read again");
        begin(bus, false);
    } else {
        await_retry(bus);
    }
}

/* Looks up what is not known yet, while the configuration stays. */
static void refresh(struct postern_bus *bus)
{
    struct postern_reload *reload = &bus->reload;
    struct postern_error error;

    if (postern_resolver_is_busy(&reload->resolver)) {
        reload->refresh_again = true;
        return;
    }
    postern_timeout_clear(&reload->retries, &reload->retry);
    postern_lookups_want_failed(&reload->in_force);
    if (bus->config->at_console)
        postern_console_any(POSTERN_CONSOLE_DIR, collect_console, &reload->in_force);
    if (postern_resolver_start(&reload->resolver, &reload->in_force, refreshed, &error) < 0)
        refreshed(bus, -EAGAIN, &error);
}

static void retry_expired(struct postern_timeout *timeout)
{
    struct postern_reload *reload = (struct postern_reload *)(void *)((char *)timeout - offsetof(struct postern_reload, retry));

    refresh(reload->resolver.bus);
}

/* ---- reading again ---------------------------------------------------------------------------------------- */

/* What was read for a reload that is not to be. */
static void drop(struct postern_reload *reload)
{
    postern_busconfig_free(reload->config);
    reload->config = NULL;
    postern_lookups_finish(&reload->next);
}

/* Is there a folder in `now` that is not in `before`? Both NULL-terminated, or NULL. */
static bool has_more(char *const *now, char *const *before)
{
    for (; now != NULL && *now != NULL; now++) {
        char *const *old = before;

        while (old != NULL && *old != NULL && strcmp(*old, *now) != 0)
            old++;
        if (old == NULL || *old == NULL)
            return true;
    }
    return false;
}

static void put_in_force(struct postern_bus *bus, const struct postern_services *services)
{
    struct postern_reload *reload = &bus->reload;
    bool more = has_more(reload->config->includedirs, bus->config->includedirs) ||
                has_more(reload->config->servicedirs, bus->config->servicedirs) ||
                (reload->config->at_console && !bus->config->at_console);

    postern_reload_log_warnings(bus, reload->config);
    postern_busconfig_free(bus->config);
    bus->config = reload->config;
    reload->config = NULL;
    postern_lookups_finish(&reload->in_force);
    reload->in_force = reload->next;
    reload->next = (struct postern_lookups){0};
    postern_bus_use_limits(bus);
    watch_dirs(bus);
    postern_reload_services_replace(bus, services);
    if (more)
        postern_reload_request(bus); /* nobody watched the new folders since they were read */
}

/* Everything that can fail comes before the first change. */
static int apply(struct postern_bus *bus, struct postern_error *error)
{
    struct postern_reload *reload = &bus->reload;
    struct postern_services services;
    int r = postern_reload_services(bus, reload->config, &services);

    if (r < 0)
        return postern_error_set(error, r, "out of memory");
    reload->answering = &reload->next;
    r = postern_mediation_reload(bus, error);
    reload->answering = &reload->in_force;
    if (r < 0)
        postern_services_finish(&services);
    else
        put_in_force(bus, &services);
    return r;
}

static void call_free(struct postern_reload *reload, struct postern_reload_call *call)
{
    DL_DELETE2(reload->calls, call, prev_call, next_call);
    reload->n_calls--;
    free(call);
}

static void answer_calls(struct postern_bus *bus, int r, const struct postern_error *error)
{
    struct postern_reload_call *call, *next;

    DL_FOREACH_SAFE2(bus->reload.calls, call, next, next_call)
    {
        if (call->next) {
            call->next = false;
            continue;
        }
        if (call->wants_reply && r < 0)
            postern_emit_error(call->conn, call->serial, POSTERN_ERROR_PREFIX "Failed", "%s", error->text);
        else if (call->wants_reply)
            postern_emit_reply(call->conn, call->serial, NULL, NULL);
        call_free(&bus->reload, call);
    }
}

static void end(struct postern_bus *bus, int r, const struct postern_error *error)
{
    struct postern_reload *reload = &bus->reload;
    bool again = reload->again;

    if (r < 0)
        postern_log(&bus->log, LOG_ERR, "reload refused, the configuration in force stays: %s", error->text);
    else
        postern_log(&bus->log, LOG_INFO, "configuration reloaded");
    drop(reload);
    reload->running = reload->again = false;
    postern_notify_ready(bus, r < 0 ? error->text : NULL);
    answer_calls(bus, r, error);
    if (again) {
        begin(bus, true);
    } else if (reload->refresh_again) {
        reload->refresh_again = false;
        refresh(bus);
    } else {
        await_retry(bus);
    }
}

static void attempt(struct postern_bus *bus, bool fresh);

static void resolved(struct postern_bus *bus, int r, const struct postern_error *error)
{
    struct postern_reload *reload = &bus->reload;
    struct postern_error why;

    if (r < 0) {
        end(bus, r, error);
        return;
    }
    r = apply(bus, &why);
    if (r < 0 && reload->missed && !reload->started_over) {
        reload->started_over = true;
        drop(reload);
        attempt(bus, true);
        return;
    }
    end(bus, r, &why);
}

static void attempt(struct postern_bus *bus, bool fresh)
{
    struct postern_reload *reload = &bus->reload;
    struct postern_error error = {.text = ""};
    int r = read_config(bus, &reload->config, &reload->next, &error);

    reload->missed = false;
    if (!fresh)
        postern_lookups_take(&reload->next, &reload->in_force);
    if (r == 0 && bus->module != NULL)
        r = postern_resolver_start(&reload->resolver, &reload->next, resolved, &error);
    if (r < 0)
        end(bus, r, &error);
    else if (r == 0)
        resolved(bus, 0, &error);
}

/* fresh: all users and groups are looked up anew, not only those that were never asked for. */
static void begin(struct postern_bus *bus, bool fresh)
{
    struct postern_reload *reload = &bus->reload;

    /* What else was asked for the configuration in force, this asks for, too. */
    postern_resolver_stop(&reload->resolver);
    postern_lookups_give_up(&reload->in_force);
    postern_timeout_clear(&reload->retries, &reload->retry);
    reload->running = true;
    reload->again = reload->started_over = false;
    postern_notify_reloading();
    attempt(bus, fresh);
}

/* ---- who wants it ----------------------------------------------------------------------------------------- */

void postern_reload_request(struct postern_bus *bus)
{
    if (bus->reload.running)
        bus->reload.again = true; /* what has changed may have been read already */
    else
        begin(bus, true);
}

int postern_reload_call(struct postern_conn *conn, uint32_t serial, bool wants_reply)
{
    struct postern_reload *reload = &conn->bus->reload;
    struct postern_reload_call *call = reload->n_calls < POSTERN_RELOAD_CALLS_MAX ? calloc(1, sizeof(*call)) : NULL;

    if (call == NULL)
        return reload->n_calls < POSTERN_RELOAD_CALLS_MAX ? -ENOMEM : -ENOBUFS;
    *call = (struct postern_reload_call){.conn = conn, .serial = serial, .wants_reply = wants_reply, .next = reload->running};
    DL_APPEND2(reload->calls, call, prev_call, next_call);
    reload->n_calls++;
    postern_reload_request(conn->bus);
    return 0;
}

void postern_reload_leave(struct postern_conn *conn)
{
    struct postern_reload *reload = &conn->bus->reload;
    struct postern_reload_call *call, *next;

    DL_FOREACH_SAFE2(reload->calls, call, next, next_call)
        if (call->conn == conn)
            call_free(reload, call);
}

static void dirs_changed(void *data, unsigned sorts)
{
    struct postern_bus *bus = data;

    if (sorts & POSTERN_DIRWATCH_CONFIG)
        postern_reload_request(bus); /* reads all of it */
    else if (sorts & POSTERN_DIRWATCH_SERVICES)
        postern_reload_services_changed(bus);
    if (sorts & POSTERN_DIRWATCH_CONSOLE)
        refresh(bus);
}

int32_t postern_reload_account(struct postern_bus *bus, uint32_t kind, const char *name, uint32_t *id)
{
    struct postern_reload *reload = &bus->reload;
    int r;

    if (kind != POSTERN_ACCOUNT_USER && kind != POSTERN_ACCOUNT_GROUP)
        return -EINVAL;
    r = postern_lookups_answer(reload->answering, (enum postern_lookup_kind)kind, name, id);
    if (r == -ESTALE)
        reload->missed = true;
    return r;
}

/* ---- start and end ----------------------------------------------------------------------------------------- */

void postern_reload_init(struct postern_bus *bus)
{
    struct postern_reload *reload = &bus->reload;

    reload->retries.length = POSTERN_RELOAD_RETRY;
    reload->retries.expired = retry_expired;
    postern_resolver_init(&reload->resolver, bus);
    postern_dirwatch_init(&reload->watch, &bus->loop, &bus->log, dirs_changed, bus);
}

int postern_reload_first(struct postern_bus *bus, struct postern_error *error)
{
    int r;

    bus->reload.answering = &bus->reload.in_force;
    r = read_config(bus, &bus->config, &bus->reload.in_force, error);
    if (r < 0)
        return r;
    r = postern_resolver_wait(&bus->reload.in_force);
    return r < 0 ? postern_error_set(error, r, "cannot make a process that looks up users and groups: %s", strerror(-r)) : 0;
}

int postern_reload_serve(struct postern_bus *bus)
{
    int r;

    postern_reload_log_warnings(bus, bus->config);
    watch_dirs(bus); /* before they are read, so that nothing is missed */
    r = postern_reload_services(bus, bus->config, &bus->services);
    if (r == 0)
        postern_reload_services_tell(bus);
    await_retry(bus);
    return r;
}

void postern_reload_finish(struct postern_bus *bus)
{
    struct postern_reload *reload = &bus->reload;
    struct postern_reload_call *call, *next;

    postern_lookups_finish(&reload->in_force);
    if (reload->resolver.bus == NULL)
        return; /* it never came to more */
    DL_FOREACH_SAFE2(reload->calls, call, next, next_call)
        call_free(reload, call);
    postern_resolver_stop(&reload->resolver);
    postern_dirwatch_finish(&reload->watch);
    drop(reload);
}
