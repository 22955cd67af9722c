/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A message as it comes from a client: what the bus makes of its header must be valid again and say the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "wire/memo.h"

static void require_same(const struct postern_field_view *a, const struct postern_field_view *b)
{
    FUZZ_REQUIRE((a->s == NULL) == (b->s == NULL));
    FUZZ_REQUIRE(a->s == NULL || (a->len == b->len && memcmp(a->s, b->s, a->len + 1) == 0));
}

static void require_same_header(const struct postern_header *a, const struct postern_header *b)
{
    FUZZ_REQUIRE(a->order == b->order && a->type == b->type && a->flags == b->flags && a->serial == b->serial);
    FUZZ_REQUIRE(a->reply_serial == b->reply_serial && a->fds == b->fds && a->body_len == b->body_len);
    require_same(&a->path, &b->path);
    require_same(&a->interface, &b->interface);
    require_same(&a->member, &b->member);
    require_same(&a->error, &b->error);
    require_same(&a->destination, &b->destination);
    require_same(&a->signature, &b->signature);
}

static void rewrite(const struct postern_header *header, const uint8_t *data, const char *sender, const char *instance,
                    const struct postern_facts_value *facts)
{
    struct postern_header again;
    struct postern_stamp stamp;
    int64_t len;
    uint8_t *out;

    FUZZ_REQUIRE(postern_stamp_init(&stamp, header->order, sender, instance) == 0);
    len = postern_header_rewritten_length(header, data, &stamp, facts);
    FUZZ_REQUIRE(len > 0);
    out = malloc((size_t)len + header->body_len);
    FUZZ_REQUIRE(out != NULL);
    postern_header_rewrite(header, data, &stamp, facts, out);
    memcpy(out + len, data + header->body_start, header->body_len);
    FUZZ_REQUIRE(postern_header_parse(out, (uint32_t)len + header->body_len, &again) == 0);
    FUZZ_REQUIRE(again.body_start == len);
    FUZZ_REQUIRE(again.sender.s != NULL && strcmp(again.sender.s, sender) == 0);
    require_same_header(header, &again);
    /* Once more changes nothing: nothing unknown, forged or doubled was left. */
    FUZZ_REQUIRE(postern_header_rewritten_length(&again, out, &stamp, facts) == len);
    postern_stamp_finish(&stamp);
    free(out);
}

/* Without what clients may not say it is the same message, and what the bus makes of it is the same. */
static void strip(const struct postern_header *header, const uint8_t *data, uint32_t total)
{
    struct postern_header own, again;
    uint8_t *copy = malloc(total);
    uint32_t stripped;

    FUZZ_REQUIRE(copy != NULL);
    memcpy(copy, data, total);
    FUZZ_REQUIRE(postern_header_parse(copy, total, &own) == 0);
    stripped = postern_header_strip(&own, copy);
    FUZZ_REQUIRE(stripped % 8 == 0 && (!header->clean || stripped == 0));
    FUZZ_REQUIRE(postern_header_parse(copy + stripped, total - stripped, &again) == 0 && again.clean);
    FUZZ_REQUIRE(again.body_start == header->body_start - stripped && again.sender.s == NULL);
    FUZZ_REQUIRE(memcmp(copy + stripped + again.body_start, data + header->body_start, header->body_len) == 0);
    require_same_header(header, &again);
    free(copy);
}

/* The first time it is not yet there, or something like it is; the second time it is. The answer is always the same. */
static void remember(const struct postern_header *header, const uint8_t *data, uint32_t total, int r)
{
    static struct postern_memo memo;
    struct postern_header again;

    for (int i = 0; i < 2; i++) {
        FUZZ_REQUIRE(postern_memo_parse(&memo, 7, data, total, &again) == r);
        if (r == 0) {
            FUZZ_REQUIRE(again.body_start == header->body_start && again.clean == header->clean && again.reply_at == header->reply_at && again.fds_at == header->fds_at);
            require_same_header(header, &again);
            require_same(&header->sender, &again.sender);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_header header;
    uint32_t total = 0;
    int r;

    if (postern_header_length(data, size, 1u << 20, &total) != 1)
        return 0;
    if (total > size)
        return 0;
    r = postern_header_parse(data, total, &header);
    remember(&header, data, total, r);
    if (r < 0)
        return 0;
    strip(&header, data, total);
    rewrite(&header, data, ":1.5", NULL, NULL);
    rewrite(&header, data, ":1.12345", "/org/freedesktop/DBus/Containers1/c7", NULL);
    rewrite(&header, data, ":1.12345", "/org/freedesktop/DBus/Containers1/c7", &(struct postern_facts_value){.data = "\0\0\0\0\0\0\0", .len = 8});
    return 0;
}
