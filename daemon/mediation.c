/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/mediation.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/host.h"
#include "util/cleanup.h"

#define SIGHTS_PER_WORK 16u /* so many names that one may see, or not, are as much work as a delivery */

int postern_mediation_open(struct postern_bus *bus, const char *path, const char *mediator_config, bool verbose, struct postern_error *error)
{
    struct postern_options options = {.size = sizeof(options)};
    struct postern_fault fault = {.size = sizeof(fault)};
    int r;

#ifdef POSTERN_VERBOSE_MODE
    verbose = true; /* the log itself decides at each line, as it is set by then */
#endif
    if (strcmp(path, "none") == 0) {
        postern_log(&bus->log, LOG_WARNING, "started without a mediator: no policy and no container is enforced on this bus");
        return 0;
    }
    r = postern_loader_open(&bus->loader, path, error);
    if (r < 0)
        return r;
    bus->module = bus->loader.module;
    /* An older one would refuse whole questions for these flags. */
    bus->hints = bus->module->abi.minor >= 4 ? POSTERN_REQUEST_SAME_MESSAGE | POSTERN_REQUEST_SAME_INPUT : 0;
    bus->tells_kinds = bus->module->abi.minor >= 5;
    postern_host_init(bus);
    options.host = &bus->host;
    options.bus_config = bus->config_file;
    options.mediator_config = mediator_config;
    options.flags = verbose ? POSTERN_OPTION_LOG_ALL : 0;
    r = bus->module->open(&options, &bus->mediator, &fault);
    if (r < 0)
        return postern_error_set(error, r, "%s", fault.text);
    postern_log(&bus->log, LOG_INFO, "mediator %s %s from %s", bus->module->name, bus->module->version, bus->loader.path);
    return 0;
}

int postern_mediation_reload(struct postern_bus *bus, struct postern_error *error)
{
    struct postern_fault fault = {.size = sizeof(fault)};
    int r;

    if (bus->module == NULL)
        return 0;
    r = bus->module->reload(bus->mediator, &fault);
    return r < 0 ? postern_error_set(error, r, "%s", fault.text) : 0;
}

static struct postern_activatable activatable_of(const struct postern_service *service)
{
    return (struct postern_activatable){
        .size = sizeof(struct postern_activatable),
        .allow_line = service->allow.line,
        .owner_user_line = service->owner_user.line,
        .access_control_line = service->access_control.line,
        .name = postern_mediation_text(service->name),
        .file = postern_mediation_text(service->file),
        .assumed_label = postern_mediation_text(service->apparmor_label),
        .allow = postern_mediation_text(service->allow.text),
        .owner_user = postern_mediation_text(service->owner_user.text),
        .access_control = postern_mediation_text(service->access_control.text),
    };
}

int postern_mediation_services(struct postern_bus *bus)
{
    const struct postern_module *module = bus->module;
    uint32_t count = HASH_COUNT(bus->services.table), n = 0;
    postern_autofree struct postern_activatable *made = NULL;
    postern_autofree const struct postern_activatable **list = NULL;

    if (module == NULL || module->abi.size < offsetof(struct postern_module, services) + sizeof(module->services) || module->services == NULL)
        return 0; /* it came before 1.3, or does not want to know */
    made = calloc(count + 1, sizeof(*made));
    list = calloc(count + 1, sizeof(*list));
    if (made == NULL || list == NULL)
        return -ENOMEM;
    for (const struct postern_service *service = bus->services.table; service != NULL; service = service->hh.next) {
        made[n] = activatable_of(service);
        list[n] = &made[n];
        n++;
    }
    return module->services(bus->mediator, list, n);
}

void postern_mediation_close(struct postern_bus *bus)
{
    if (bus->module == NULL)
        return;
    bus->module->close(bus->mediator);
    bus->mediator = NULL;
    bus->module = NULL;
    postern_loader_close(&bus->loader);
}

int postern_mediation_enter(struct postern_conn *conn, uint64_t listener)
{
    struct postern_bus *bus = conn->bus;
    struct postern_peer peer = {.size = sizeof(peer), .fd = conn->source.fd, .host_id = conn->id, .listener = listener};
    int r;

    conn->identity.size = sizeof(conn->identity);
    if (bus->module == NULL)
        return 0;
    r = bus->module->party_new(bus->mediator, &peer, &conn->party);
    if (r < 0)
        return r;
    r = bus->module->party_identity(conn->party, &conn->identity);
    if (r < 0)
        return r;
    conn->contained = conn->identity.mode != POSTERN_MODE_NONE;
    if (!conn->contained)
        return 0;
    conn->container = postern_account_get(&bus->containers, conn->identity.account);
    if (conn->container == NULL)
        return -ENOMEM;
    conn->container->limit = conn->identity.quota;
    conn->announced = listener != 0;
    return 0;
}

bool postern_mediation_may_connect(struct postern_conn *conn)
{
    struct postern_mediation question = {.action = POSTERN_ACTION_CONNECT, .from = conn};
    struct postern_bus *bus = conn->bus;
    struct postern_verdict verdict;

    /* Without a mediator nobody else decides: the bus serves its own user, and root, who could take it over anyway. */
    if (bus->module == NULL)
        return conn->uid == geteuid() || conn->uid == 0;
    if (bus->module->party_authenticated(conn->party, conn->uid) < 0)
        return false;
    return postern_mediation_may(bus, &question, &verdict);
}

int postern_mediation_hello(struct postern_conn *conn)
{
    const struct postern_module *module = conn->bus->module;

    return module != NULL ? module->party_hello(conn->party, conn->unique) : 0;
}

void postern_mediation_leaving(struct postern_conn *conn)
{
    if (conn->party != NULL)
        conn->bus->module->party_leave(conn->party);
}

void postern_mediation_leave(struct postern_conn *conn)
{
    if (conn->party != NULL)
        conn->bus->module->party_free(conn->party);
    conn->party = NULL;
}

int postern_mediation_name(struct postern_conn *conn, const char *name, uint32_t state)
{
    const struct postern_module *module = conn->bus->module;

    return module != NULL ? module->party_name(conn->party, name, state) : 0;
}

bool postern_mediation_ask(struct postern_bus *bus, struct postern_request *request, struct postern_verdict *verdict)
{
    *verdict = (struct postern_verdict){.size = sizeof(*verdict)};
    if (bus->module == NULL)
        return true; /* --module=none: the administrator asked for a bus without policy */
    request->flags = (request->flags & ~POSTERN_REQUEST_SAME_INPUT) | (bus->received ? 0 : POSTERN_REQUEST_SAME_INPUT & bus->hints);
    bus->received = false;
    if (bus->module->mediate(bus->mediator, request, verdict) >= 0 && verdict->allowed == 1)
        return true;
    if (verdict->error_name == NULL)
        verdict->error_name = "org.freedesktop.DBus.Error.AccessDenied";
    if (verdict->error_text == NULL)
        verdict->error_text = "The mediator could not decide, so the answer is no";
    return false;
}

bool postern_mediation_may_reach(const struct postern_conn *to, struct postern_request *request, struct postern_verdict *verdict)
{
    struct postern_bus *bus = to->bus;
    bool may;

    request->to = to->party;
    may = postern_mediation_ask(bus, request, verdict);
    request->flags |= POSTERN_REQUEST_SAME_MESSAGE & bus->hints; /* as all questions to come are */
    return may;
}

uint32_t postern_mediation_see(const struct postern_conn *observer, const struct postern_conn *target, const char *name)
{
    const struct postern_module *module = observer->bus->module;

    /* Only what is contained has a limited view; see() would say the same, at a price. */
    if (module == NULL || !observer->contained)
        return POSTERN_SEE_INSPECT;
    if (++observer->bus->sights % SIGHTS_PER_WORK == 0)
        observer->bus->work++;
    return module->see(observer->party, target != NULL ? target->party : NULL, name);
}

const char *postern_mediation_stamp(const struct postern_conn *from, const struct postern_conn *to)
{
    const struct postern_module *module = to->bus->module;
    struct postern_view path = {0};

    if (module == NULL)
        return NULL;
    module->stamp(from != NULL ? from->party : NULL, to->party, &path);
    return path.data;
}

bool postern_mediation_has_facts(const struct postern_bus *bus)
{
    const struct postern_module *module = bus->module;

    return module != NULL && module->abi.size >= offsetof(struct postern_module, sender_facts) + sizeof(module->sender_facts) &&
           module->sender_facts != NULL;
}

int postern_mediation_facts(const struct postern_conn *from, const struct postern_conn *to, char order, struct postern_facts_value *facts)
{
    struct postern_view value = {0};

    if (postern_mediation_has_facts(to->bus) && to->bus->module->sender_facts(from->party, to->party, (uint8_t)order, &value) < 0)
        return -ENOMEM;
    *facts = (struct postern_facts_value){.data = value.data, .len = value.len};
    return 0;
}

void postern_mediation_delivered(const struct postern_conn *from, const struct postern_conn *to)
{
    to->bus->module->delivered(from->party, to->party);
}
