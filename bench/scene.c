/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench/scene.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/rule.h"
#include "wire/header.h"
#include "wire/reader.h"

static void write_rule(struct postern_writer *w, uint32_t flags, const char *name)
{
    postern_writer_open(w, 'r', NULL);
    postern_writer_u32(w, flags);
    postern_writer_string(w, name);
    postern_writer_path(w, "/");
    postern_writer_string(w, "");
    postern_writer_close(w);
}

/* The rule that is needed comes last: who looks at them in turn has to look at all. */
static void write_rules(struct postern_writer *w, unsigned others)
{
    char name[64];

    postern_writer_open(w, 'e', NULL);
    postern_writer_string(w, "Allow");
    postern_writer_open(w, 'v', "a(usos)");
    postern_writer_open(w, 'a', "(usos)");
    for (unsigned i = 0; i < others; i++) {
        snprintf(name, sizeof(name), "org.example.Name%u", i);
        write_rule(w, POSTERN_ALLOW_TALK | POSTERN_ALLOW_PATH_SUBTREE, name);
    }
    write_rule(w, POSTERN_ALLOW_TALK | POSTERN_ALLOW_PATH_SUBTREE | POSTERN_ALLOW_SEND_FDS | POSTERN_ALLOW_RECEIVE_FDS, BENCH_SERVICE);
    postern_writer_close(w);
    postern_writer_close(w);
    postern_writer_close(w);
}

static void read_socket(struct bench_scene *scene, const uint8_t *answer, uint32_t total)
{
    struct postern_header header;
    struct postern_reader r;
    const char *address;

    errno = 0;
    if (postern_header_parse(answer, total, &header) < 0)
        bench_fail("the answer to AddServer is broken");
    postern_reader_init(&r, header.order, "oays", answer + header.body_start, header.body_len);
    postern_reader_skip(&r);
    postern_reader_skip(&r);
    if (postern_reader_string(&r, &address, NULL) < 0 || strncmp(address, "unix:path=", 10) != 0)
        bench_fail("AddServer gave no path");
    snprintf(scene->door, sizeof(scene->door), "%.*s", (int)strcspn(address + 10, ","), address + 10);
}

static void add_container(struct bench_scene *scene, const struct bench_options *options)
{
    struct postern_writer w;
    const uint8_t *answer;

    scene->manager = bench_link_open(options->service);
    postern_writer_init(&w);
    postern_writer_string(&w, "org.bench.Sandbox");
    postern_writer_string(&w, "app");
    postern_writer_open(&w, 'a', "{sv}");
    postern_writer_close(&w);
    postern_writer_open(&w, 'a', "{sv}");
    write_rules(&w, (unsigned)options->container);
    postern_writer_close(&w);
    answer = bench_link_call(scene->manager, "org.freedesktop.DBus.Containers1", "AddServer", &w);
    read_socket(scene, answer, (uint32_t)(scene->manager->in + scene->manager->in_start - answer));
    postern_writer_free(&w);
}

void bench_scene_open(struct bench_scene *scene, const struct bench_options *options)
{
    *scene = (struct bench_scene){.manager = NULL};
    snprintf(scene->door, sizeof(scene->door), "%s", options->address);
    if (options->container >= 0)
        add_container(scene, options);
    scene->service = bench_link_open(options->service);
    bench_link_own(scene->service, BENCH_SERVICE);
}

struct bench_link *bench_scene_enter(struct bench_scene *scene)
{
    struct bench_link *caller = bench_link_open(scene->door);
    struct postern_writer w;

    if (scene->manager == NULL)
        return caller;
    postern_writer_init(&w);
    postern_writer_string(&w, caller->name);
    bench_link_call(scene->manager, "org.freedesktop.DBus.Containers1", "GetConnectionInstance", &w);
    postern_writer_free(&w);
    return caller;
}

void bench_scene_close(struct bench_scene *scene)
{
    bench_link_close(scene->service);
    bench_link_close(scene->manager);
}

void bench_sender_of(const uint8_t *message, char name[64])
{
    struct postern_header header;
    uint32_t total;

    errno = 0;
    if (postern_header_length(message, POSTERN_HEADER_FIXED, POSTERN_MESSAGE_MAX, &total) != 1 ||
        postern_header_parse(message, total, &header) < 0 || header.sender.s == NULL)
        bench_fail("a message without a sender");
    snprintf(name, 64, "%s", header.sender.s);
}
