/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Message headers: parsed, validated and rewritten in place of the body, which is never touched. D-Bus Specification,
 * "Message Format", "Header Fields" and "Valid Names".
 */
#ifndef POSTERN_WIRE_HEADER_H
#define POSTERN_WIRE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POSTERN_HEADER_FIXED 16u             /* bytes before the field array's contents */
#define POSTERN_FIELDS_MAX (64u << 20)       /* an array's limit */
#define POSTERN_MESSAGE_MAX (128u << 20)     /* the specification's limit for a whole message */
#define POSTERN_FIELDS_UNKNOWN_MAX 1024u     /* fields that nobody knows, in one message: each may be of any type, which costs to follow */

enum postern_field {
    POSTERN_FIELD_PATH = 1,
    POSTERN_FIELD_INTERFACE = 2,
    POSTERN_FIELD_MEMBER = 3,
    POSTERN_FIELD_ERROR_NAME = 4,
    POSTERN_FIELD_REPLY_SERIAL = 5,
    POSTERN_FIELD_DESTINATION = 6,
    POSTERN_FIELD_SENDER = 7,
    POSTERN_FIELD_SIGNATURE = 8,
    POSTERN_FIELD_UNIX_FDS = 9,
    POSTERN_FIELD_INSTANCE = 10, /* OBJECT_PATH: the sender's container instance */
    POSTERN_FIELD_FACTS = 250,   /* a{sv}: facts about the sender, for receivers that asked for them */
};

/* A string inside the message; s is NULL when the field is absent. NUL-terminated in the message. */
struct postern_field_view {
    const char *s;
    uint32_t len;
};

struct postern_header {
    char order;   /* 'l' or 'B' */
    uint8_t type; /* 1 to 4 of the specification; higher ones are unknown and to be ignored by who receives them */
    uint8_t flags;
    uint32_t serial;
    uint32_t reply_serial; /* 0: absent */
    uint32_t fds;
    uint32_t fields_len; /* of the field array, without padding */
    uint32_t body_len;
    uint32_t body_start; /* fixed part, fields and padding */
    bool clean;          /* no SENDER, no field 10 and no unknown field to remove */
    struct postern_field_view path, interface, member, error, destination, sender, signature;
    uint32_t reply_at, fds_at; /* where in the message reply_serial and fds stand; 0: absent */
    uint64_t kind; /* 0, or a number that only headers of this sender have that differ in nothing but flags, serials and body_len: wire/memo.h */
};

/* How long is the message that begins at p, of which n bytes have arrived? 1 with *total set; 0: more bytes are needed to
 * tell; -EBADMSG: not a D-Bus message of protocol version 1, or longer than max bytes. */
int postern_header_length(const uint8_t *p, size_t n, uint32_t max, uint32_t *total);

/* Parses and validates the header of the whole message p[0..total). 0 with *header, whose views point into p, or -EBADMSG:
 * any breach of the specification, missing required fields of types 1 to 4, fields twice, wrong field types, a field of code 0,
 * padding that is not zero, the local interface or path (org.freedesktop.DBus.Local), a signature without body or the
 * reverse; and more than POSTERN_FIELDS_UNKNOWN_MAX unknown fields, which the specification would let pass. The body is not looked at. SENDER and field 10 of a client must be well-formed, but are otherwise ignored. */
int postern_header_parse(const uint8_t *p, uint32_t total, struct postern_header *header);

/*
 * Takes SENDER, field 10 and unknown fields out of the message p, of which the header was parsed: what the client may not say, or nobody understands. What is
 * left is a whole message that begins so many bytes later as this returns, and ends where it did; it has to be parsed again. Takes time linear in
 * the header, so that it need not be done again for each receiver.
 */
uint32_t postern_header_strip(const struct postern_header *header, uint8_t *p);

/*
 * The fields that a bus adds at the end of a header: SENDER, and field 10 where there is an instance. Built once for a
 * sender, byte order and instance, then copied into each message: header fields begin at multiples of 8, so the bytes do not
 * depend on where they land.
 */
struct postern_stamp {
    uint32_t len; /* without the zeros behind it, up to a multiple of 8 */
    uint8_t bytes[296 + 16];
    uint8_t *large; /* instead of bytes, when the instance path is long */
};

/* sender: a valid bus name. instance: an object path or NULL. order: 'l' or 'B'. 0 or -ENOMEM. */
int postern_stamp_init(struct postern_stamp *stamp, char order, const char *sender, const char *instance);
void postern_stamp_finish(struct postern_stamp *stamp);

/* The value of field 250, which a bus adds behind the stamp: an a{sv} in the byte order of the message, marshalled as if it began at a
 * multiple of 8. It is neither kept nor looked into. */
struct postern_facts_value {
    const void *data; /* NULL: the field is absent */
    uint32_t len;
};

/* Bytes of the rewritten header, padding included: where the body then begins. facts NULL: no field 250. -EMSGSIZE: the header fields, or
 * with body_len the whole message, would exceed the specification's limits; the result is otherwise positive. */
int64_t postern_header_rewritten_length(const struct postern_header *header, const uint8_t *p, const struct postern_stamp *stamp,
                                        const struct postern_facts_value *facts);

/* Writes the header with SENDER, field 10 and unknown fields (field 250 is one, to whoever sends it) removed and the stamp and facts added
 * to `out`, of exactly the length that postern_header_rewritten_length() gave. */
void postern_header_rewrite(const struct postern_header *header, const uint8_t *p, const struct postern_stamp *stamp,
                            const struct postern_facts_value *facts, uint8_t *out);

/* The same, in few steps, for a clean header and without facts. Returns how much it wrote, which is no more than header->body_start and
 * stamp->len, up to a multiple of 8; that it is not too long for a message is up to the caller. */
size_t postern_header_stamp(const struct postern_header *header, const uint8_t *p, const struct postern_stamp *stamp, uint8_t *out);

#endif
