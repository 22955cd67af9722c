/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/facts.h"

#include <errno.h>
#include <string.h>

#include "core/flip.h"
#include "core/see.h"
#include "wire/credentials.h"
#include "wire/message.h"
#include "wire/reader.h"

#define SIGNATURE "a{sv}"
#define HOST_MINOR 3u /* the first version of the module interface whose hosts write the field */

/* ---- what can be told ----------------------------------------------------------------------------------------- */

/* Each adds its entry, or nothing when the fact is not known. */
static void write_uid(struct postern_writer *w, const struct postern_party *from)
{
    if (!from->anonymous && from->uid != UINT32_MAX)
        postern_writer_entry_u32(w, "UnixUserID", from->uid);
}

static void write_pid(struct postern_writer *w, const struct postern_party *from)
{
    if (from->facts.uid != POSTERN_PEER_UNKNOWN && from->facts.pid > 0)
        postern_writer_entry_u32(w, "ProcessID", (uint32_t)from->facts.pid);
}

static void write_label(struct postern_writer *w, const struct postern_party *from)
{
    if (from->facts.label != NULL)
        postern_credentials_write_label(w, &from->facts);
}

static void write_type(struct postern_writer *w, const struct postern_party *from)
{
    if (from->instance != NULL)
        postern_writer_entry_string(w, "ContainerType", from->instance->type);
}

static void write_name(struct postern_writer *w, const struct postern_party *from)
{
    if (from->instance != NULL)
        postern_writer_entry_string(w, "ContainerName", from->instance->name);
}

/* The place in this table is the number of the bit in facts_asked. */
static const struct {
    const char *name;
    bool of_container;
    void (*write)(struct postern_writer *w, const struct postern_party *from);
} facts[] = {
    {"UnixUserID", false, write_uid},
    {"ProcessID", false, write_pid},
    {"LinuxSecurityLabel", false, write_label},
    {"ContainerType", true, write_type},
    {"ContainerName", true, write_name},
};
#define N_FACTS (sizeof(facts) / sizeof(facts[0]))

/* ---- asking ---------------------------------------------------------------------------------------------------- */

/* The bit of the fact with this name; 0: there is none. */
static uint32_t find(const char *name)
{
    for (size_t i = 0; i < N_FACTS; i++)
        if (strcmp(facts[i].name, name) == 0)
            return 1u << i;
    return 0;
}

int postern_facts_request(struct postern_mediator *mediator, const struct postern_call *call, struct postern_error *error)
{
    const struct postern_message *m = call->message;
    struct postern_reader r;
    uint32_t asked = 0, bit;
    const char *name;

    /* A bus that does not know the field would let a caller wait for facts that never come. */
    if (mediator->host->abi.minor < HOST_MINOR)
        return postern_error_set(error, -EOPNOTSUPP, "this bus cannot add facts about the sender to messages");
    postern_reader_init(&r, (char)m->order, m->signature.data, m->body, m->body_len);
    postern_reader_enter(&r, 'a');
    while (postern_reader_more(&r) && postern_reader_string(&r, &name, NULL) == 0) {
        bit = find(name);
        if (bit == 0)
            return postern_error_set(error, -EINVAL, "there is no fact \"%s\" to be told about senders", name);
        asked |= bit;
    }
    postern_reader_leave(&r);
    if (postern_reader_finish(&r) < 0)
        return postern_error_set(error, -EINVAL, "the argument cannot be read");
    call->caller->facts_asked = asked;
    return 0;
}

/* ---- telling --------------------------------------------------------------------------------------------------- */

/* A container is told of the containers of others nothing at all, and the rest only of whom it may inspect: docs/containers.md, "who is calling?". */
static bool may_know(const struct postern_party *to, const struct postern_party *from, bool of_container)
{
    if (to->instance == NULL || to->instance == from->instance)
        return true; /* outside of containers GetConnectionCredentials tells everybody the same; within one it is its own */
    return !of_container && postern_see_may_inspect(to, from);
}

/* In the machine's byte order. */
static int write_facts(struct postern_writer *w, const struct postern_party *from, const struct postern_party *to)
{
    bool about_container = may_know(to, from, true), about_process = may_know(to, from, false);

    postern_writer_reset(w);
    postern_writer_open(w, 'a', "{sv}");
    for (size_t i = 0; i < N_FACTS; i++)
        if ((to->facts_asked & 1u << i) != 0 && (facts[i].of_container ? about_container : about_process))
            facts[i].write(w, from);
    postern_writer_close(w);
    return postern_writer_finish(w);
}

int32_t postern_facts_of_sender(const struct postern_party *from, const struct postern_party *to, uint8_t order, struct postern_view *value)
{
    struct postern_writer *w;
    const uint8_t *data;
    uint8_t *flipped;
    size_t len;
    int r;

    if (from == NULL || to == NULL || to->facts_asked == 0) {
        *value = (struct postern_view){0}; /* the bus's own messages carry none, and nobody gets what it did not ask for */
        return 0;
    }
    w = &from->mediator->facts;
    r = write_facts(w, from, to);
    if (r < 0)
        return r;
    len = w->buf.len;
    if (order != (uint8_t)postern_native_order()) {
        flipped = postern_buf_grow(&w->buf, len);
        if (flipped == NULL)
            return -ENOMEM;
        r = postern_flip(postern_native_order(), SIGNATURE, w->buf.data, len, flipped);
        if (r < 0)
            return r;
    }
    data = w->buf.data + (w->buf.len - len);
    *value = (struct postern_view){.data = (const char *)data, .len = (uint32_t)len};
    return 0;
}
