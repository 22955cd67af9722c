/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client's connection to a bus, or to a relay. Whatever goes wrong ends the program. */
#ifndef POSTERN_BENCH_LINK_H
#define POSTERN_BENCH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/message.h"
#include "wire/writer.h"

struct bench_link {
    int fd;
    uint8_t *in;
    size_t in_start, in_end, in_cap;
    uint8_t *out;
    size_t out_start, out_end, out_cap;
    uint32_t serial; /* the last one used */
    bool takes_fds;  /* fds come with messages; they are closed */
    char name[64];   /* unique */
};

struct bench_link *bench_link_connect(const char *path); /* only the socket */
struct bench_link *bench_link_open(const char *path);    /* authenticated, and Hello said */
void bench_link_authenticate(struct bench_link *link);
/* To a relay: what we shall send comes in frames of this many bytes; 0: we only receive. */
struct bench_link *bench_link_open_raw(const char *path, uint32_t frame);
void bench_link_close(struct bench_link *link);
void bench_link_nonblocking(struct bench_link *link);
/* Frees the buffers of one that is idle. */
void bench_link_rest(struct bench_link *link);

/* Calls a method of the driver and waits for its answer, which must be a return; NULL: no arguments. The answer is valid until the next use. */
const uint8_t *bench_link_call(struct bench_link *link, const char *interface, const char *member, const struct postern_writer *args);
void bench_link_own(struct bench_link *link, const char *name);
void bench_link_match(struct bench_link *link, const char *rule);

/* Reads once. False: nothing there (nonblocking). */
bool bench_link_fill(struct bench_link *link);
/* The next whole message that was read, or NULL. */
const uint8_t *bench_link_next(struct bench_link *link);
/* Waits for a message of this type, drops others; an error reply ends the program. */
const uint8_t *bench_link_wait(struct bench_link *link, uint8_t type);

/* Sends the message: with what is queued, at the next flush, or (each) at once by a call of its own. Its fds are all `fd`. */
void bench_link_send(struct bench_link *link, struct bench_message *message, uint32_t reply_serial, bool each);
void bench_link_send_fds(struct bench_link *link, struct bench_message *message, int fd);
/* Writes what is queued, as far as it goes. */
void bench_link_flush(struct bench_link *link);
static inline bool bench_link_has_output(const struct bench_link *link)
{
    return link->out_end > link->out_start;
}

#endif
