/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/systemd.h"

#include <string.h>
#include <syslog.h>

#include "daemon/bus.h"
#include "daemon/emit.h"
#include "wire/name.h"
#include "wire/reader.h"

#define ACTIVATOR "org.freedesktop.systemd1.Activator"

static struct postern_conn *find_systemd(struct postern_bus *bus)
{
    return postern_bus_find(bus, POSTERN_SYSTEMD_NAME, sizeof(POSTERN_SYSTEMD_NAME) - 1);
}

/* Sends what the writer holds, which is freed; systemd NULL: announces it. */
static bool send(struct postern_bus *bus, struct postern_conn *systemd, struct postern_message_parts *parts, struct postern_writer *w)
{
    bool made = postern_writer_finish(w) == 0;

    if (made) {
        parts->signature = w->signature;
        parts->body = w->buf.data;
        parts->body_len = (uint32_t)w->buf.len;
        if (systemd != NULL)
            postern_emit_unicast(systemd, parts, NULL);
        else
            postern_emit_announce(bus, parts);
    } else {
        postern_log(&bus->log, LOG_ERR, "systemd is not told %s: out of memory", parts->member);
    }
    postern_writer_free(w);
    return made;
}

/* ---- starting units ------------------------------------------------------------------------------------- */

/* systemd NULL: it is not there yet. */
static void request(struct postern_conn *systemd, struct postern_activation *activation)
{
    struct postern_message_parts parts = {
        .type = POSTERN_MESSAGE_SIGNAL,
        .serial = activation->serial,
        .path = POSTERN_DRIVER_PATH,
        .interface = ACTIVATOR,
        .member = "ActivationRequest",
        .destination = POSTERN_SYSTEMD_NAME,
    };
    struct postern_writer w;

    activation->asked = systemd != NULL;
    postern_writer_init(&w);
    postern_writer_string(&w, activation->unit);
    send(activation->bus, systemd, &parts, &w);
    activation->serial = parts.serial;
}

void postern_systemd_start(struct postern_bus *bus, struct postern_activation *activation)
{
    request(find_systemd(bus), activation);
}

/* ---- variables ------------------------------------------------------------------------------------------ */

/* Also when nothing has changed: the caller of UpdateActivationEnvironment may look for the call that it leads to. destination: systemd's
 * name when the message was waiting for it. */
static void pass_environment(struct postern_conn *systemd, const char *destination)
{
    struct postern_bus *bus = systemd->bus;
    struct postern_message_parts parts = {
        .type = POSTERN_MESSAGE_METHOD_CALL,
        .path = "/org/freedesktop/systemd1",
        .interface = "org.freedesktop.systemd1.Manager",
        .member = "SetEnvironment",
        .destination = destination,
    };
    struct postern_variable *variable, *last = NULL;
    struct postern_buf text = {0};
    struct postern_writer w;
    bool all;

    postern_writer_init(&w);
    postern_writer_open(&w, 'a', "s");
    for (variable = bus->environment.table; variable != NULL; variable = variable->hh.next) {
        if (variable->passed_on)
            continue;
        text.len = 0;
        if (postern_buf_printf(&text, "%s=%s", variable->name, variable->value) < 0 || postern_buf_append(&text, "", 1) < 0)
            break;
        postern_writer_string(&w, (const char *)text.data);
        last = variable;
    }
    all = variable == NULL;
    postern_buf_finish(&text);
    postern_writer_close(&w);
    if (!send(bus, systemd, &parts, &w))
        return; /* they stay to be told with the next */
    for (variable = bus->environment.table; last != NULL && variable != last->hh.next; variable = variable->hh.next)
        variable->passed_on = true;
    bus->environment.kept = !all;
}

void postern_systemd_pass_environment(struct postern_bus *bus)
{
    struct postern_conn *systemd = find_systemd(bus);

    bus->environment.kept = true;
    if (systemd != NULL)
        pass_environment(systemd, NULL);
}

/* ---- systemd comes -------------------------------------------------------------------------------------- */

void postern_systemd_arrived(struct postern_bus *bus, const char *name)
{
    struct postern_activation *activation;
    struct postern_conn *systemd;

    if (!bus->systemd_activation || strcmp(name, POSTERN_SYSTEMD_NAME) != 0)
        return;
    systemd = find_systemd(bus);
    if (systemd == NULL)
        return;
    if (bus->environment.kept)
        pass_environment(systemd, POSTERN_SYSTEMD_NAME);
    for (activation = bus->activations.table; activation != NULL; activation = activation->hh.next)
        if (activation->unit != NULL && !activation->asked)
            request(systemd, activation);
}

/* ---- a unit has failed ---------------------------------------------------------------------------------- */

static bool field_is(struct postern_field_view field, const char *text)
{
    return field.s != NULL && strcmp(field.s, text) == 0;
}

bool postern_systemd_is_failure(const struct postern_conn *from, const struct postern_header *header)
{
    struct postern_bus *bus = from->bus;

    if (header->type != POSTERN_MESSAGE_SIGNAL || !field_is(header->interface, ACTIVATOR) || !field_is(header->member, "ActivationFailure"))
        return false;
    return bus->systemd_activation && from == find_systemd(bus);
}

void postern_systemd_failure(struct postern_conn *from, const struct postern_incoming *message)
{
    const struct postern_header *header = &message->header;
    const char *unit, *error, *text;
    struct postern_reader r;
    size_t len;

    if (!field_is(header->signature, "sss"))
        return;
    postern_reader_init(&r, header->order, header->signature.s, message->bytes + header->body_start, header->body_len);
    if (postern_reader_string(&r, &unit, NULL) < 0 || postern_reader_string(&r, &error, &len) < 0 || postern_reader_string(&r, &text, NULL) < 0)
        return;
    if (!postern_name_is_error(error, len))
        error = POSTERN_ERROR_PREFIX "Failed";
    postern_activation_unit_failed(from->bus, unit, error, text);
}
