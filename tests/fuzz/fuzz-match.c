/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A match rule, parsed, written and parsed again; and asked of a message with arguments. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "util/buf.h"
#include "wire/match.h"
#include "wire/message.h"
#include "wire/writer.h"

static void ask(const struct postern_match *match)
{
    struct postern_message_parts parts = {.type = 4, .serial = 1, .path = "/a/b", .interface = "a.b", .member = "M"};
    struct postern_buf message = {0};
    struct postern_match_args args;
    struct postern_header header;
    struct postern_writer w;

    postern_writer_init(&w);
    postern_writer_string(&w, "a.b.c");
    postern_writer_path(&w, "/a/b");
    postern_writer_u32(&w, 5);
    postern_writer_string(&w, "/a/");
    FUZZ_REQUIRE(postern_writer_finish(&w) == 0);
    parts.signature = w.signature;
    parts.body = w.buf.data;
    parts.body_len = (uint32_t)w.buf.len;
    FUZZ_REQUIRE(postern_message_build(&message, &parts) == 0);
    FUZZ_REQUIRE(postern_header_parse(message.data, (uint32_t)message.len, &header) == 0);
    postern_match_args_init(&args, &header, message.data + header.body_start);
    postern_match_matches(match, &header, &args);
    postern_buf_finish(&message);
    postern_writer_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_match *match, *again;
    struct postern_error error;
    char *text;

    if (postern_match_parse((const char *)data, size, &match, &error) < 0)
        return 0;
    ask(match);
    text = postern_match_text(match);
    FUZZ_REQUIRE(text != NULL);
    /* Quotes may make it too long to be taken again. */
    if (postern_match_parse(text, strlen(text), &again, NULL) == 0) {
        FUZZ_REQUIRE(postern_match_equal(match, again));
        FUZZ_REQUIRE(match->eavesdrop == again->eavesdrop);
        postern_match_free(again);
    } else {
        FUZZ_REQUIRE(strlen(text) > POSTERN_MATCH_TEXT_MAX);
    }
    free(text);
    postern_match_free(match);
    return 0;
}
