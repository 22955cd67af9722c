/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/options.h"
#include "postern/module.h"

#define UNLIKELY_SERIAL 0x7a9be5d3u /* to find its place again */

void bench_message_build(struct bench_message *message, struct postern_message_parts *parts, uint32_t payload)
{
    uint8_t *body = calloc(1, (size_t)payload + 4);
    const uint8_t *place;

    if (body == NULL)
        bench_fail("memory");
    memcpy(body, &payload, sizeof(payload));
    memset(body + 4, 'x', payload);
    parts->serial = 1;
    if (payload > 0) {
        parts->signature = "ay";
        parts->body = body;
        parts->body_len = payload + 4;
    }
    *message = (struct bench_message){.fds = parts->fds};
    errno = -postern_message_build(&message->bytes, parts);
    if (errno != 0)
        bench_fail("building a message");
    free(body);
    if (parts->reply_serial != 0) {
        place = memmem(message->bytes.data, message->bytes.len, &parts->reply_serial, sizeof(parts->reply_serial));
        message->reply_at = (uint32_t)(place - message->bytes.data);
    }
}

void bench_message_call(struct bench_message *message, uint32_t payload, uint32_t fds)
{
    struct postern_message_parts parts = {.type = POSTERN_MESSAGE_METHOD_CALL, .path = BENCH_PATH, .interface = BENCH_INTERFACE,
                                          .member = "Method", .destination = BENCH_SERVICE, .fds = fds};

    bench_message_build(message, &parts, payload);
}

void bench_message_return(struct bench_message *message, const char *destination, uint32_t payload)
{
    struct postern_message_parts parts = {.type = POSTERN_MESSAGE_METHOD_RETURN, .flags = POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED,
                                          .destination = destination, .reply_serial = UNLIKELY_SERIAL};

    bench_message_build(message, &parts, payload);
}

void bench_message_signal(struct bench_message *message, uint32_t payload)
{
    struct postern_message_parts parts = {.type = POSTERN_MESSAGE_SIGNAL, .path = BENCH_PATH, .interface = BENCH_INTERFACE, .member = "Tick"};

    bench_message_build(message, &parts, payload);
}

void bench_message_finish(struct bench_message *message)
{
    postern_buf_finish(&message->bytes);
}

void bench_message_number(struct bench_message *message, uint32_t serial, uint32_t reply_serial)
{
    memcpy(message->bytes.data + 8, &serial, sizeof(serial));
    if (message->reply_at != 0)
        memcpy(message->bytes.data + message->reply_at, &reply_serial, sizeof(reply_serial));
}

uint8_t bench_message_type(const uint8_t *bytes)
{
    return bytes[1];
}

uint32_t bench_message_serial(const uint8_t *bytes)
{
    uint32_t serial; /* what we send ourselves, and no bus turns round: this machine's order */

    memcpy(&serial, bytes + 8, sizeof(serial));
    return serial;
}
