/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/mediator1.h"

#include <errno.h>
#include <string.h>

#include "core/facts.h"
#include "core/object.h"

/* ---- what there is ------------------------------------------------------------------------------------------ */

static int list_instances(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    struct postern_writer *w = &mediator->reply;

    if (call->caller->instance != NULL)
        return postern_error_set(error, -EACCES, "containers may not look into containers, change or stop them");
    postern_writer_open(w, 'a', "(osssu)");
    for (const struct postern_instance *instance = mediator->instances; instance != NULL; instance = instance->hh.next) {
        postern_writer_open(w, 'r', NULL);
        postern_writer_path(w, instance->path);
        postern_writer_string(w, instance->type);
        postern_writer_string(w, instance->name);
        postern_writer_string(w, instance->source);
        postern_writer_u32(w, (uint32_t)instance->n_parties);
        postern_writer_close(w);
    }
    postern_writer_close(w);
    return 0;
}

static const struct postern_object_method methods[] = {
    {"ListInstances", "", list_instances},
    {"RequestFacts", "as", postern_facts_request},
};

int postern_mediator1_call(struct postern_mediator *mediator, const struct postern_call *call, struct postern_reply *reply)
{
    return postern_object_call(mediator, call, POSTERN_MEDIATOR1, methods, sizeof(methods) / sizeof(methods[0]), reply);
}

/* ---- properties ---------------------------------------------------------------------------------------------- */

static void write_version(struct postern_mediator *mediator)
{
    postern_writer_string(&mediator->reply, PACKAGE_VERSION);
}

static void write_doors(struct postern_mediator *mediator)
{
    postern_writer_open(&mediator->reply, 'a', "{sv}");
    postern_writer_entry_string(&mediator->reply, "container", "on");
    postern_writer_close(&mediator->reply);
}

static const struct property {
    const char *name;
    const char *type;
    void (*write)(struct postern_mediator *mediator);
} properties[] = {
    {"Version", "s", write_version},
    {"Doors", "a{sv}", write_doors},
};

int postern_mediator1_property(struct postern_mediator *mediator, const char *member, struct postern_reply *reply)
{
    struct postern_writer *w = &mediator->reply;
    bool found = member == NULL;

    postern_writer_reset(w);
    if (member == NULL)
        postern_writer_open(w, 'a', "{sv}");
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        if (member != NULL && strcmp(member, properties[i].name) != 0)
            continue;
        found = true;
        if (member == NULL)
            postern_writer_entry_open(w, properties[i].name, properties[i].type);
        properties[i].write(mediator);
        if (member == NULL)
            postern_writer_entry_close(w);
    }
    if (!found)
        return postern_object_no_property(mediator, POSTERN_MEDIATOR1, reply);
    if (member == NULL)
        postern_writer_close(w);
    return postern_object_answer(mediator, reply);
}
