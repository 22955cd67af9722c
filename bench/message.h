/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages that are built once and sent many times with other serial numbers. */
#ifndef POSTERN_BENCH_MESSAGE_H
#define POSTERN_BENCH_MESSAGE_H

#include <stdint.h>

#include "util/buf.h"
#include "wire/message.h"

#define BENCH_SERVICE "org.bench.Service"
#define BENCH_SENDER "org.bench.Sender"
#define BENCH_PATH "/org/bench/Object"
#define BENCH_INTERFACE "org.bench.Interface"

struct bench_message {
    struct postern_buf bytes;
    uint32_t reply_at; /* where the reply serial stands; 0: nowhere */
    uint32_t fds;
};

/* Makes a message of parts, a body of `payload` bytes ("ay") in place of theirs unless it is 0, and a serial that will be another. */
void bench_message_build(struct bench_message *message, struct postern_message_parts *parts, uint32_t payload);
/* Each makes a message with a body of `payload` bytes ("ay"; 0: none) that says it carries fds. */
void bench_message_call(struct bench_message *message, uint32_t payload, uint32_t fds);
void bench_message_return(struct bench_message *message, const char *destination, uint32_t payload);
void bench_message_signal(struct bench_message *message, uint32_t payload);
void bench_message_finish(struct bench_message *message);

/* Fits it with new numbers. reply_serial: only for returns. */
void bench_message_number(struct bench_message *message, uint32_t serial, uint32_t reply_serial);

/* Of a message that has arrived whole. */
uint8_t bench_message_type(const uint8_t *bytes);
uint32_t bench_message_serial(const uint8_t *bytes);

#endif
