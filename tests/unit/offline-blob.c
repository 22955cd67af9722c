/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/offline-blob.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

void offline_read(const char *name, struct postern_buf *file)
{
    char path[4096];
    FILE *stream;
    uint8_t *bytes;
    size_t n;

    snprintf(path, sizeof(path), "%s%s", OFFLINE_DATA, name);
    stream = fopen(path, "re");
    ck_assert_msg(stream != NULL, "%s: %m", path);
    do {
        bytes = postern_buf_grow(file, 4096);
        ck_assert_ptr_nonnull(bytes);
        n = fread(bytes, 1, 4096, stream);
        file->len -= 4096 - n;
    } while (n > 0);
    fclose(stream);
}

static void add(struct postern_buf *file, const void *data, size_t n)
{
    ck_assert_int_eq(postern_buf_append(file, data, n), 0);
}

static void add_big(struct postern_buf *file, uint32_t value, size_t width)
{
    for (size_t i = width; i > 0; i--) {
        uint8_t byte = (uint8_t)(value >> (8 * (i - 1)));

        add(file, &byte, 1);
    }
}

static void add_little(struct postern_buf *file, uint32_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));

        add(file, &byte, 1);
    }
}

/* ---- the automaton */

struct offline_dfa offline_dfa_plain(void)
{
    return (struct offline_dfa){
        .magic = 0x1b5e783d,
        .header = 16,
        .states = 3,
        .accept = {0, 0, 0x02},
        .otherwise = {0, 0, 2},
        .n_next = 256,
        .n_check = 256,
        .at = 0x20,
        .next = 2,
        .check = 1,
        .width = 2,
    };
}

/* values: NULL: zeros but for one */
static void table(struct postern_buf *file, const struct offline_dfa *dfa, uint32_t id, uint32_t width, uint32_t n,
                  const uint32_t *values, uint32_t special)
{
    size_t start = file->len;

    if ((dfa->left_out & 1u << id) != 0)
        return;
    add_big(file, id, 2);
    add_big(file, width, 2);
    add_big(file, 0, 4);
    add_big(file, id == 2 && dfa->claimed != 0 ? dfa->claimed : n, 4);
    for (uint32_t i = 0; i < n; i++)
        add_big(file, values != NULL ? values[i] : i == dfa->at ? special : 0, width);
    while ((file->len - start) % 8 != 0)
        add_big(file, 0, 1);
}

static void tables(struct postern_buf *file, const struct offline_dfa *dfa)
{
    table(file, dfa, 1, 4, dfa->states, dfa->accept, 0);
    table(file, dfa, 7, 4, dfa->states, dfa->accept2, 0);
    table(file, dfa, 2, 4, dfa->states, dfa->base, 0);
    table(file, dfa, 4, dfa->width, dfa->states, dfa->otherwise, 0);
    table(file, dfa, 8, dfa->width, dfa->n_next, NULL, dfa->next);
    table(file, dfa, 3, dfa->width, dfa->n_check, NULL, dfa->check);
    if (dfa->n_classes > 0)
        table(file, dfa, 5, 1, dfa->n_classes, NULL, 0x20);
    if (dfa->doubled != 0)
        table(file, dfa, 1, 4, dfa->states, dfa->accept, 0);
    if (dfa->odd_table != 0)
        table(file, dfa, dfa->odd_table, 4, 1, dfa->accept, 0);
}

/* ---- the stream around it */

static void tagged(struct postern_buf *file, const char *name, uint8_t tag)
{
    if (name != NULL) {
        add(file, "\4", 1);
        add_little(file, (uint32_t)strlen(name) + 1, 2);
        add(file, name, strlen(name) + 1);
    }
    add(file, &tag, 1);
}

static void u32(struct postern_buf *file, const char *name, uint32_t value)
{
    tagged(file, name, 2);
    add_little(file, value, 4);
}

static void text(struct postern_buf *file, const char *name, const char *value)
{
    tagged(file, name, 5);
    add_little(file, (uint32_t)strlen(value) + 1, 2);
    add(file, value, strlen(value) + 1);
}

static void perms(struct postern_buf *file, const struct offline_perms *table_of)
{
    tagged(file, "perms", 7);
    u32(file, "version", table_of->version);
    tagged(file, NULL, 11);
    add_little(file, table_of->claimed != 0 ? table_of->claimed : table_of->n, 2);
    for (uint32_t i = 0; i < table_of->n; i++)
        for (size_t word = 0; word < 14; word++)
            u32(file, NULL, table_of->words[i][word]);
    tagged(file, NULL, 12);
    tagged(file, NULL, 8);
}

static void policy(struct postern_buf *file, const struct offline_blob *blob)
{
    struct postern_buf dfa = {0};
    size_t padding = 3; /* as many bytes as the length has beyond a multiple of 8 */

    add_big(&dfa, blob->dfa.magic, 4);
    add_big(&dfa, blob->dfa.header, 4);
    add_big(&dfa, 0, 4);
    add_big(&dfa, blob->dfa.flags, 2);
    add_big(&dfa, 0, 2);
    tables(&dfa, &blob->dfa);
    dfa.len -= blob->dfa.cut;
    tagged(file, "policydb", 7);
    if (blob->perms != NULL)
        perms(file, blob->perms);
    if (blob->permsv != 0)
        u32(file, "permsv", blob->permsv);
    tagged(file, "aadfa", 6);
    add_little(file, (uint32_t)(dfa.len + padding), 4);
    add_little(file, 0, padding);
    add(file, dfa.data, dfa.len);
    if (blob->start != 0)
        u32(file, "start", blob->start);
    tagged(file, NULL, 8);
    postern_buf_finish(&dfa);
}

struct offline_blob offline_blob_plain(void)
{
    return (struct offline_blob){.version = 0x2007, .name = "a", .dfa = offline_dfa_plain(), .policies = 1, .flags = 1};
}

void offline_blob_write(const struct offline_blob *blob, struct postern_buf *file)
{
    u32(file, "version", blob->version);
    if (blob->ns != NULL)
        text(file, "namespace", blob->ns);
    tagged(file, "profile", 7);
    text(file, NULL, blob->name);
    for (unsigned int i = 0; i < blob->flags; i++) {
        tagged(file, "flags", 7);
        u32(file, NULL, 0);
        u32(file, NULL, blob->mode);
        u32(file, NULL, 0);
        tagged(file, NULL, 8);
    }
    for (unsigned int i = 0; i < blob->depth; i++)
        tagged(file, "unheard_of", 7);
    for (unsigned int i = 0; i < blob->depth; i++)
        tagged(file, NULL, 8);
    for (unsigned int i = 0; i < blob->policies; i++)
        policy(file, blob);
    tagged(file, NULL, 8);
}
