/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/reader.h"

#include <errno.h>
#include <string.h>

#include "wire/body.h"
#include "wire/bytes.h"

static struct postern_reader_level *top(struct postern_reader *r)
{
    return &r->levels[r->depth];
}

static int fail(struct postern_reader *r)
{
    r->failed = true;
    return -EBADMSG;
}

void postern_reader_init(struct postern_reader *r, char order, const char *signature, const uint8_t *data, size_t len)
{
    r->data = data;
    r->len = len;
    r->pos = 0;
    r->order = order;
    r->failed = false;
    r->depth = 0;
    r->levels[0] = (struct postern_reader_level){
        .signature = signature,
        .signature_end = signature + strlen(signature),
        .end = len,
    };
    if (!postern_signature_is_valid(signature, strlen(signature)))
        r->failed = true;
}

char postern_reader_type(const struct postern_reader *r)
{
    return postern_reader_more(r) ? *r->levels[r->depth].signature : '\0';
}

bool postern_reader_more(const struct postern_reader *r)
{
    const struct postern_reader_level *level = &r->levels[r->depth];

    if (r->failed)
        return false;
    return level->container == 'a' ? r->pos < level->end : level->signature < level->signature_end;
}

bool postern_reader_is(const struct postern_reader *r, const char *type)
{
    size_t len;

    if (postern_reader_type(r) == '\0')
        return false;
    len = postern_signature_next(r->levels[r->depth].signature);
    return strlen(type) == len && memcmp(r->levels[r->depth].signature, type, len) == 0;
}

/* Past padding up to a multiple of alignment, if then n bytes are left at this level. */
static bool align_for(struct postern_reader *r, size_t alignment, size_t n)
{
    size_t to = postern_align(r->pos, alignment);

    if (to > top(r)->end || n > top(r)->end - to)
        return false;
    r->pos = to;
    return true;
}

/* The value of this level that is n type codes long has been dealt with. */
static void type_done(struct postern_reader *r, size_t n)
{
    if (top(r)->container != 'a')
        top(r)->signature += n;
}

/* The bytes of the next value, of the fixed-size type that begins with one of codes; NULL on failure. */
static const uint8_t *read_fixed(struct postern_reader *r, const char *codes)
{
    char code = postern_reader_type(r);
    size_t size = postern_type_fixed_size(code);

    if (code == '\0' || strchr(codes, code) == NULL || !align_for(r, size, size)) {
        fail(r);
        return NULL;
    }
    type_done(r, 1);
    r->pos += size;
    return r->data + r->pos - size;
}

int postern_reader_byte(struct postern_reader *r, uint8_t *value)
{
    const uint8_t *p = read_fixed(r, "y");

    if (p == NULL)
        return -EBADMSG;
    *value = *p;
    return 0;
}

int postern_reader_bool(struct postern_reader *r, bool *value)
{
    const uint8_t *p = read_fixed(r, "b");

    if (p == NULL)
        return -EBADMSG;
    *value = postern_load32(p, r->order) != 0;
    return 0;
}

int postern_reader_u32(struct postern_reader *r, uint32_t *value)
{
    const uint8_t *p = read_fixed(r, "uh");

    if (p == NULL)
        return -EBADMSG;
    *value = postern_load32(p, r->order);
    return 0;
}

int postern_reader_u64(struct postern_reader *r, uint64_t *value)
{
    const uint8_t *p = read_fixed(r, "t");

    if (p == NULL)
        return -EBADMSG;
    *value = postern_load64(p, r->order);
    return 0;
}

/* Length, text and NUL at pos, the length in `size` bytes. The level's types are left alone. */
static bool read_text(struct postern_reader *r, size_t size, const char **text, size_t *len)
{
    size_t n;

    if (!align_for(r, size, size))
        return false;
    n = size == 1 ? r->data[r->pos] : postern_load32(r->data + r->pos, r->order);
    if (n >= top(r)->end - r->pos - size || r->data[r->pos + size + n] != '\0')
        return false;
    *text = (const char *)r->data + r->pos + size;
    *len = n;
    r->pos += size + n + 1;
    return true;
}

int postern_reader_string(struct postern_reader *r, const char **value, size_t *len)
{
    char code = postern_reader_type(r);
    const char *text;
    size_t n;

    if ((code != 's' && code != 'o' && code != 'g') || !read_text(r, code == 'g' ? 1 : 4, &text, &n))
        return fail(r);
    type_done(r, 1);
    *value = text;
    if (len != NULL)
        *len = n;
    return 0;
}

/* Fills in the level for the elements of the array at pos. */
static bool enter_array(struct postern_reader *r, const char *type, size_t type_len, struct postern_reader_level *level)
{
    uint32_t n;

    if (!align_for(r, 4, 4))
        return false;
    n = postern_load32(r->data + r->pos, r->order);
    r->pos += 4;
    if (n > POSTERN_ARRAY_MAX || !align_for(r, postern_type_alignment(type[1]), n))
        return false;
    level->signature = type + 1;
    level->signature_end = type + type_len;
    level->end = r->pos + n;
    return true;
}

static bool enter_variant(struct postern_reader *r, struct postern_reader_level *level)
{
    const char *text;
    size_t len;

    if (!read_text(r, 1, &text, &len) || !postern_signature_is_single(text, len))
        return false;
    level->signature = text;
    level->signature_end = text + len;
    return true;
}

int postern_reader_enter(struct postern_reader *r, char container)
{
    struct postern_reader_level level = {.container = container, .end = top(r)->end};
    char code = container == 'r' ? '(' : container == 'e' ? '{' : container;
    const char *type = top(r)->signature;
    size_t type_len;
    bool entered;

    if (postern_reader_type(r) != code || strchr("a({v", code) == NULL || r->depth >= POSTERN_NESTING_MAX)
        return fail(r);
    type_len = postern_signature_next(type);
    if (code == 'a') {
        entered = enter_array(r, type, type_len, &level);
    } else if (code == 'v') {
        entered = enter_variant(r, &level);
    } else {
        entered = align_for(r, 8, 0);
        level.signature = type + 1;
        level.signature_end = type + type_len - 1;
    }
    if (!entered)
        return fail(r);
    type_done(r, type_len);
    r->levels[++r->depth] = level;
    return 0;
}

int postern_reader_leave(struct postern_reader *r)
{
    if (r->depth == 0)
        return fail(r);
    if (top(r)->container == 'a')
        r->pos = top(r)->end;
    else
        while (postern_reader_more(r))
            postern_reader_skip(r);
    if (r->failed)
        return -EBADMSG;
    r->depth--;
    return 0;
}

/* Recursion ends where postern_reader_enter() refuses to go deeper. */
int postern_reader_skip(struct postern_reader *r)
{
    char code = postern_reader_type(r);
    const char *text;

    switch (code) {
    case '\0':
        return fail(r);
    case 's':
    case 'o':
    case 'g':
        return postern_reader_string(r, &text, NULL);
    case 'a':
    case 'v':
    case '(':
    case '{':
        if (postern_reader_enter(r, code == '(' ? 'r' : code == '{' ? 'e' : code) < 0)
            return -EBADMSG;
        return postern_reader_leave(r);
    default:
        return read_fixed(r, "ybnqiuxtdh") != NULL ? 0 : -EBADMSG;
    }
}

int postern_reader_raw(struct postern_reader *r, size_t *start, size_t *len)
{
    char code = postern_reader_type(r);
    size_t from;

    if (code == '\0' || !align_for(r, postern_type_alignment(code), 0))
        return fail(r);
    from = r->pos;
    if (postern_reader_skip(r) < 0)
        return -EBADMSG;
    *start = from;
    *len = r->pos - from;
    return 0;
}

int postern_reader_finish(const struct postern_reader *r)
{
    return r->failed || r->depth > 0 || postern_reader_more(r) || r->pos != r->len ? -EBADMSG : 0;
}
