/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/markup.h"

#include <ctype.h>
#include <errno.h>
#include <expat.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/hash.h"

/* A place in the file, which moves forward. */
struct cursor {
    const char *at;
    struct postern_location where;
};

struct parse {
    XML_Parser expat;
    const struct postern_markup_source *source;
    struct postern_markup_node *root, *open;
    struct postern_buf text[POSTERN_MARKUP_DEPTH_MAX]; /* of the elements that are open */
    size_t depth, n_nodes;
    struct cursor cursor;
    bool plain; /* lines end in LF alone and each byte is a character, so that places can be counted quickly */
    int code; /* the first failure; the parser has been stopped then */
    struct postern_error *error;
};

/* size: what the file is said to have; it may grow or shrink while it is read. */
static int read_all(int fd, off_t size, struct postern_markup_source *source, struct postern_error *error)
{
    struct postern_buf buf = {0};
    size_t room = size >= 0 && size < 65536 ? (size_t)size + 1 : 65536; /* one more, to see the end */
    ssize_t n = 1;

    while (n > 0 && buf.len <= POSTERN_MARKUP_BYTES_MAX) {
        if (buf.len == buf.cap && postern_buf_reserve(&buf, room) < 0) {
            n = -1;
            errno = ENOMEM;
            break;
        }
        n = read(fd, buf.data + buf.len, buf.cap - buf.len);
        if (n > 0) {
            buf.len += (size_t)n;
            room = 65536;
        } else if (n < 0 && errno == EINTR) {
            n = 1;
        }
    }
    if (n < 0) {
        int code = -errno;

        postern_buf_finish(&buf);
        return postern_error_set(error, code, "cannot read \"%s\": %s", source->file, strerror(-code));
    }
    if (buf.len > POSTERN_MARKUP_BYTES_MAX) {
        postern_buf_finish(&buf);
        return postern_error_set(error, -EFBIG, "\"%s\" is larger than %u bytes", source->file, POSTERN_MARKUP_BYTES_MAX);
    }
    source->data = (char *)buf.data;
    source->len = buf.len;
    return 0;
}

int postern_markup_source_read(const char *file, struct postern_markup_source *source, struct postern_error *error)
{
    struct postern_markup_source made = {.file = file};
    struct stat st;
    int code;
    /* O_NONBLOCK: a FIFO must not hang the reader before it is recognised. */
    postern_autoclose int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, &st) < 0) {
        code = -errno;
        return postern_error_set(error, code, "cannot open \"%s\": %s", file, strerror(-code));
    }
    if (!S_ISREG(st.st_mode))
        return postern_error_set(error, -EINVAL, "\"%s\" is not a regular file", file);
    made.dev = st.st_dev;
    made.ino = st.st_ino;
    code = read_all(fd, st.st_size, &made, error);
    if (code < 0)
        return code;
    *source = made;
    return 0;
}

void postern_markup_source_finish(struct postern_markup_source *source)
{
    free(source->data);
    *source = (struct postern_markup_source){0};
}

/* ---- the tree ------------------------------------------------------------------------------------ */

static void stop(struct parse *parse, int code)
{
    if (parse->code == 0)
        parse->code = code;
    XML_StopParser(parse->expat, XML_FALSE);
}

/* Where expat is, as it says. */
static struct postern_location here(struct parse *parse)
{
    return (struct postern_location){
        .file = parse->source->file,
        .line = (uint32_t)XML_GetCurrentLineNumber(parse->expat),
        .column = (uint32_t)XML_GetCurrentColumnNumber(parse->expat) + 1,
    };
}

static void refuse(struct parse *parse, const char *what)
{
    struct postern_location where = here(parse);

    stop(parse, postern_location_error(&where, parse->error, "%s", what));
}

/* Moves `where` over one byte of the file, counting as expat does: characters, and lines that end in LF, CR or both. */
static void advance(struct postern_location *where, const char *p, const char *end)
{
    if (*p == '\n' || (*p == '\r' && (p + 1 == end || p[1] != '\n'))) {
        where->line++;
        where->column = 1;
    } else if (((unsigned char)*p & 0xc0) != 0x80 && *p != '\r') {
        where->column++;
    }
}

static bool is_plain(const struct postern_markup_source *source)
{
    uint64_t all = 0, word;
    size_t i = 0;

    for (; i + sizeof(word) <= source->len; i += sizeof(word)) {
        memcpy(&word, source->data + i, sizeof(word));
        all |= word;
    }
    for (; i < source->len; i++)
        all |= (uint64_t)(unsigned char)source->data[i];
    return (all & UINT64_C(0x8080808080808080)) == 0 && memchr(source->data, '\r', source->len) == NULL;
}

static void move_to(struct parse *parse, const char *p)
{
    struct cursor *cursor = &parse->cursor;
    const char *end = parse->source->data + parse->source->len, *newline;

    for (; !parse->plain && cursor->at < p; cursor->at++)
        advance(&cursor->where, cursor->at, end);
    while (cursor->at < p && (newline = memchr(cursor->at, '\n', (size_t)(p - cursor->at))) != NULL) {
        cursor->at = newline + 1;
        cursor->where.line++;
        cursor->where.column = 1;
    }
    cursor->where.column += (uint32_t)(p - cursor->at);
    cursor->at = p;
}

/* Moves to the element that has just been found. Expat's own answer, which it goes through the bytes a second time for, is asked only where it
 * may differ from a simple count. */
static void move_to_element(struct parse *parse)
{
    const char *p = parse->source->data + XML_GetCurrentByteIndex(parse->expat);

    if (parse->plain)
        move_to(parse, p);
    else
        parse->cursor = (struct cursor){p, here(parse)};
}

static bool is_predefined_reference(const char *p, const char *end)
{
    static const char *const names[] = {"&lt;", "&gt;", "&amp;", "&apos;", "&quot;", "&#"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((size_t)(end - p) >= strlen(names[i]) && memcmp(p, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* The bytes that mean anything in a start tag outside quotes. */
static const bool is_special[UCHAR_MAX + 1] = {
    ['"'] = true, ['\''] = true, ['='] = true, ['/'] = true, ['>'] = true, [' '] = true, ['\t'] = true, ['\n'] = true, ['\r'] = true,
};

/* The value behind the quote at p. Returns its end, the other quote; NULL with the parse's error. */
static const char *check_value(struct parse *parse, const char *p, const char *end)
{
    const char *close = memchr(p + 1, *p, (size_t)(end - p - 1)), *reference = p;

    if (close == NULL)
        return end; /* it cannot be: expat has found the end */
    while ((reference = memchr(reference + 1, '&', (size_t)(close - reference - 1))) != NULL) {
        if (is_predefined_reference(reference, end))
            continue;
        move_to(parse, reference);
        stop(parse, postern_location_error(&parse->cursor.where, parse->error, "undefined entity"));
        return NULL;
    }
    return close;
}

/*
 * Finds out where each attribute stands, from the bytes of the start tag, which expat has found well-formed. On the way it
 * refuses references to entities that do not exist: with a DOCTYPE that names an external DTD, expat drops them from attribute
 * values without a word, and a rule would then say something else than was written.
 */
static void locate_attributes(struct parse *parse, struct postern_markup_node *node)
{
    const char *p = parse->cursor.at;
    const char *end = p + XML_GetCurrentByteCount(parse->expat);
    bool in_name = true; /* of the element */
    size_t i = 0;

    for (; node->n_attributes > 0 && p < end; p++) {
        if (*p == '"' || *p == '\'') {
            p = check_value(parse, p, end);
            if (p == NULL)
                return;
        } else if (is_special[(unsigned char)*p]) {
            in_name = false;
        } else if (!in_name) {
            in_name = true;
            move_to(parse, p);
            if (i < node->n_attributes)
                node->attributes[i++].where = parse->cursor.where;
        }
    }
}

/* Copies text with its NUL to *strings, which has room for it, and moves on behind it. */
static const char *pack(char **strings, const char *text)
{
    const size_t size = strlen(text) + 1;
    const char *copy = memcpy(*strings, text, size);

    *strings += size;
    return copy;
}

/* One block of memory holds the node, its attributes and their strings. */
static struct postern_markup_node *node_new(struct parse *parse, const char *name, const char **attributes)
{
    size_t n = 0, size = strlen(name) + 1;
    struct postern_markup_node *node;
    char *strings;

    for (; attributes[2 * n] != NULL; n++)
        size += strlen(attributes[2 * n]) + strlen(attributes[2 * n + 1]) + 2;
    node = calloc(1, sizeof(*node) + n * sizeof(node->attributes[0]) + size);
    if (node == NULL)
        return NULL;
    node->attributes = (struct postern_markup_attribute *)(node + 1);
    node->n_attributes = n;
    strings = (char *)(node->attributes + n);
    node->name = pack(&strings, name);
    for (size_t i = 0; i < n; i++) {
        node->attributes[i].name = pack(&strings, attributes[2 * i]);
        node->attributes[i].value = pack(&strings, attributes[2 * i + 1]);
    }
    node->text = "";
    move_to_element(parse);
    node->where = parse->cursor.where;
    return node;
}

static void on_start(void *data, const char *name, const char **attributes)
{
    struct parse *parse = data;
    struct postern_markup_node *node;

    if (parse->code != 0)
        return;
    if (parse->depth == POSTERN_MARKUP_DEPTH_MAX) {
        refuse(parse, "elements are nested too deeply");
        return;
    }
    if (parse->n_nodes++ == POSTERN_MARKUP_NODES_MAX) {
        refuse(parse, "too many elements in one file");
        return;
    }
    node = node_new(parse, name, attributes);
    if (node == NULL) {
        stop(parse, -ENOMEM);
        return;
    }
    node->parent = parse->open;
    if (parse->open == NULL)
        parse->root = node;
    else if (parse->open->last == NULL)
        parse->open->children = node;
    else
        parse->open->last->next = node;
    if (parse->open != NULL)
        parse->open->last = node;
    parse->open = node;
    parse->depth++;
    locate_attributes(parse, node);
}

static void on_text(void *data, const char *text, int len)
{
    struct parse *parse = data;

    if (parse->code == 0 && parse->depth > 0 && postern_buf_append(&parse->text[parse->depth - 1], text, (size_t)len) < 0)
        stop(parse, -ENOMEM);
}

static void on_end(void *data, const char *name)
{
    struct parse *parse = data;
    struct postern_markup_node *node = parse->open;
    struct postern_buf *buf;
    const char *start;
    size_t len;

    if (parse->code != 0)
        return;
    buf = &parse->text[--parse->depth];
    start = (const char *)buf->data;
    len = buf->len;
    while (len > 0 && isspace((unsigned char)start[len - 1]))
        len--;
    for (; len > 0 && isspace((unsigned char)*start); len--)
        start++;
    if (len > 0) {
        char *copy = malloc(len + 1);

        if (copy == NULL) {
            stop(parse, -ENOMEM);
        } else {
            memcpy(copy, start, len);
            copy[len] = '\0';
            node->text = copy;
        }
    }
    buf->len = 0;
    parse->open = node->parent;
}

static void on_doctype(void *data, const char *name, const char *system_id, const char *public_id, int has_internal_subset)
{
    if (has_internal_subset)
        refuse(data, "a DOCTYPE with declarations of its own is not accepted");
}

static void on_skipped_entity(void *data, const char *name, int is_parameter)
{
    refuse(data, "undefined entity");
}

static int finish(struct parse *parse, enum XML_Status status)
{
    struct postern_location where;

    if (parse->code == -ENOMEM || (parse->code == 0 && XML_GetErrorCode(parse->expat) == XML_ERROR_NO_MEMORY))
        return postern_error_set(parse->error, -ENOMEM, "out of memory");
    if (parse->code == 0 && status != XML_STATUS_OK) {
        where = here(parse); /* expat goes through all of the file for it */
        parse->code = postern_location_error(&where, parse->error, "%s", XML_ErrorString(XML_GetErrorCode(parse->expat)));
    }
    return parse->code;
}

int postern_markup_parse(const struct postern_markup_source *source, struct postern_markup_node **root, struct postern_error *error)
{
    struct parse parse = {.source = source, .error = error, .plain = is_plain(source)};
    int code;

    parse.cursor = (struct cursor){source->data, {.file = source->file, .line = 1, .column = 1}};
    /* The encoding given here wins over the file's own declaration: all files are UTF-8, whatever they say. */
    parse.expat = XML_ParserCreate("UTF-8");
    if (parse.expat == NULL)
        return postern_error_set(error, -ENOMEM, "out of memory");
    XML_SetHashSalt(parse.expat, (unsigned long)postern_hash("markup", 6));
    XML_SetUserData(parse.expat, &parse);
    XML_SetElementHandler(parse.expat, on_start, on_end);
    XML_SetCharacterDataHandler(parse.expat, on_text);
    XML_SetStartDoctypeDeclHandler(parse.expat, on_doctype);
    XML_SetSkippedEntityHandler(parse.expat, on_skipped_entity);
    code = finish(&parse, XML_Parse(parse.expat, source->data, (int)source->len, XML_TRUE));
    XML_ParserFree(parse.expat);
    for (size_t i = 0; i < POSTERN_MARKUP_DEPTH_MAX; i++)
        postern_buf_finish(&parse.text[i]);
    if (code < 0) {
        postern_markup_free(parse.root);
        return code;
    }
    *root = parse.root;
    return 0;
}

void postern_markup_free(struct postern_markup_node *root)
{
    struct postern_markup_node *next;

    /* Recursion is no deeper than POSTERN_MARKUP_DEPTH_MAX. */
    for (; root != NULL; root = next) {
        next = root->next;
        postern_markup_free(root->children);
        if (*root->text != '\0')
            free((char *)root->text);
        free(root);
    }
}
