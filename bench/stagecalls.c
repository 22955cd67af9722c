/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rest of a stage: what is asked of the mediator in method calls. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/message.h"
#include "bench/options.h"
#include "bench/stage.h"
#include "core/rule.h"
#include "wire/message.h"
#include "wire/reader.h"

static struct postern_view view(const char *text)
{
    return (struct postern_view){.data = text, .len = (uint32_t)strlen(text)};
}

void stage_call(struct stage *stage, struct postern_party *caller, const char *interface, const char *member, struct postern_writer *args,
                struct postern_reply *reply)
{
    struct postern_message message = {
        .size = sizeof(message),
        .type = POSTERN_MESSAGE_METHOD_CALL,
        .order = (uint8_t)postern_native_order(),
        .serial = 1,
        .body_len = (uint32_t)args->buf.len,
        .path = view("/org/freedesktop/DBus"),
        .interface = view(interface),
        .member = view(member),
        .destination = view("org.freedesktop.DBus"),
        .signature = view(args->signature),
        .body = args->buf.data,
    };
    struct postern_call call = {.size = sizeof(call), .caller = caller, .message = &message};

    *reply = (struct postern_reply){.size = sizeof(*reply)};
    errno = -postern_writer_finish(args);
    if (errno == 0)
        errno = -stage->module->driver_call(stage->mediator, &call, reply);
    if (errno != 0)
        bench_fail("%s", member);
    if (reply->error_name != NULL)
        bench_fail("%s: %s: %s", member, reply->error_name, reply->error_text);
    postern_writer_free(args);
}

static void write_rule(struct postern_writer *w, const char *name)
{
    postern_writer_open(w, 'r', NULL);
    postern_writer_u32(w, POSTERN_ALLOW_TALK | POSTERN_ALLOW_PATH_SUBTREE);
    postern_writer_string(w, name);
    postern_writer_path(w, "/");
    postern_writer_string(w, "");
    postern_writer_close(w);
}

void stage_write_rules(struct postern_writer *w, unsigned rules, bool needed)
{
    char name[64];

    postern_writer_open(w, 'a', "(usos)");
    for (unsigned i = 0; i < rules; i++) {
        snprintf(name, sizeof(name), "org.example.Name%u", i);
        write_rule(w, name);
    }
    if (needed)
        write_rule(w, BENCH_SERVICE);
    postern_writer_close(w);
}

void stage_add_container(struct stage *stage, struct postern_party *manager, unsigned rules, bool needed, struct stage_container *container)
{
    struct postern_reply reply;
    struct postern_writer w;
    struct postern_reader r;
    const char *instance = "", *address = "";

    postern_writer_init(&w);
    postern_writer_string(&w, "org.bench.Sandbox");
    postern_writer_string(&w, "app");
    postern_writer_open(&w, 'a', "{sv}");
    postern_writer_close(&w);
    postern_writer_open(&w, 'a', "{sv}");
    postern_writer_entry_open(&w, "Allow", "a(usos)");
    stage_write_rules(&w, rules, needed);
    postern_writer_entry_close(&w);
    postern_writer_close(&w);
    stage_call(stage, manager, "org.freedesktop.DBus.Containers1", "AddServer", &w, &reply);
    postern_reader_init(&r, postern_native_order(), reply.signature, reply.body, reply.body_len);
    postern_reader_string(&r, &instance, NULL);
    postern_reader_skip(&r);
    postern_reader_string(&r, &address, NULL);
    errno = 0;
    if (postern_reader_finish(&r) < 0 || strncmp(address, "unix:path=", 10) != 0)
        bench_fail("AddServer gave no path");
    snprintf(container->instance, sizeof(container->instance), "%s", instance);
    snprintf(container->socket, sizeof(container->socket), "%.*s", (int)strcspn(address + 10, ","), address + 10);
    container->listener = stage->n_listeners;
}
