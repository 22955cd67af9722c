/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module interface of Postern: the only contract between a message bus daemon (the host) and the
 * mediator it loads. This header includes nothing of ours and is all that either side may know of the other.
 *
 * A host opens the shared object with dlopen(RTLD_NOW | RTLD_LOCAL), looks up the one exported symbol
 * POSTERN_MODULE_SYMBOL, calls it, and gets the module's table. From then on:
 *
 *   - Everything happens on one thread. The module never blocks, never forks, never changes process-wide
 *     state (locale, signal handlers, environment, umask, credentials).
 *   - Zero is deny. A verdict is never an errno; an errno is never a verdict. A failed question is a deny.
 *   - Functions that can fail return 0 or a negative errno value, and touch outputs only on success.
 *   - Strings are UTF-8 and NUL-terminated; a postern_view also carries the length without that NUL.
 *   - Memory belongs to who made it. A pointer that is handed over is valid during the call, unless its
 *     comment says more.
 *
 * Versions. Every struct begins with its size in bytes as its maker knows it. Structs grow only at their end.
 * A reader that knows a shorter struct accepts the longer one only when all surplus bytes are zero, and
 * otherwise refuses with -E2BIG; a reader that knows a longer struct treats the missing end as zero; a struct
 * shorter than the version 1.0 one is refused with -EINVAL. Tables also carry a version: majors must be
 * equal, and a member may be called only if the table's size says that it is there and the pointer is not NULL.
 */
#ifndef POSTERN_MODULE_H
#define POSTERN_MODULE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define POSTERN_ABI_MAJOR 1u
#define POSTERN_ABI_MINOR 5u

/* The name of the one function a module exports; its type is postern_module_fn. */
#define POSTERN_MODULE_SYMBOL "postern_module_v1"

/* The first member of both tables. */
struct postern_abi {
    uint32_t size; /* of the whole table, in bytes */
    uint16_t major;
    uint16_t minor;
};

/* Bytes with a length. data is NULL when absent; len does not count the terminating NUL. */
struct postern_view {
    const char *data;
    uint32_t len;
    uint32_t reserved; /* 0 */
};

/* Where a failing call explains itself to a person: one line, without a newline, NUL-terminated. */
struct postern_fault {
    uint32_t size;
    uint32_t reserved;
    char text[1016];
};

/* Opaque: one loaded mediator; one connection as the mediator sees it. */
struct postern_mediator;
struct postern_party;

/* ---- what is asked -------------------------------------------------------------------------- */

/* What somebody wants to do. Zero is no action: a zeroed request is denied. */
enum postern_action {
    POSTERN_ACTION_NONE = 0,
    POSTERN_ACTION_CONNECT = 1,  /* `from` has authenticated and wants to stay (before Hello) */
    POSTERN_ACTION_OWN = 2,      /* `from` wants to own `name`; with RELEASE: to give it up */
    POSTERN_ACTION_SEND = 3,     /* `message` goes from `from` to `to`; both ends are asked */
    POSTERN_ACTION_RECEIVE = 4,  /* `to` wants an eavesdropped copy of `message`, sent by `from` to `addressed` */
    POSTERN_ACTION_SEE = 5,      /* `from` wants to know of `name` or `to`; ask with see() */
    POSTERN_ACTION_ACTIVATE = 6, /* `from` wants the service `name` started */
    POSTERN_ACTION_MONITOR = 7,  /* `from` wants to become a monitor or to add an eavesdropping match rule */
};

/* Facts of a request that only the host knows. */
#define POSTERN_REQUEST_TO_DRIVER 0x01u  /* SEND: the receiver is org.freedesktop.DBus; `to` is NULL */
#define POSTERN_REQUEST_FROM_DRIVER 0x02u /* SEND, RECEIVE: the sender is org.freedesktop.DBus; `from` is NULL */
#define POSTERN_REQUEST_REPLY 0x04u      /* SEND, RECEIVE: this is the one reply `to` is waiting for from `from` */
#define POSTERN_REQUEST_BROADCAST 0x08u  /* SEND, RECEIVE: the message has no destination, `to` is there by a match rule */
#define POSTERN_REQUEST_RELEASE 0x10u    /* OWN: ReleaseName, not RequestName */
#define POSTERN_REQUEST_EAVESDROP 0x20u   /* MONITOR: only to add a match rule with eavesdrop=true; each copy is asked for as RECEIVE */
/*
 * Since 1.4, and only to a module of 1.4 or later: an older one refuses the question. Neither has to be set; each lets the module spare what it has
 * done for the question before, which was the last call of mediate().
 *
 * SEND and RECEIVE: action, `from`, `message` (the pointer, and all behind it) and the other flags are the same as in the question before: only who
 * gets it may be another.
 */
#define POSTERN_REQUEST_SAME_MESSAGE 0x40u
/* The host has received nothing since it asked the question before: a message that this one is about was complete by then. What the module had to
 * make sure of for that question, as that no policy was loaded since, holds for this one. */
#define POSTERN_REQUEST_SAME_INPUT 0x80u

/* The message type numbers of the D-Bus specification, "Message Format". */
#define POSTERN_MESSAGE_METHOD_CALL 1u
#define POSTERN_MESSAGE_METHOD_RETURN 2u
#define POSTERN_MESSAGE_ERROR 3u
#define POSTERN_MESSAGE_SIGNAL 4u
#define POSTERN_MESSAGE_FLAG_NO_REPLY_EXPECTED 0x1u
#define POSTERN_MESSAGE_FLAG_NO_AUTO_START 0x2u

/* A message as the doors see it: its header, already validated by the host. */
struct postern_message {
    uint32_t size;
    uint8_t type;   /* POSTERN_MESSAGE_... */
    uint8_t flags;  /* POSTERN_MESSAGE_FLAG_... */
    uint8_t order;  /* 'l' or 'B': the byte order of the body */
    uint8_t reserved;
    uint32_t serial;
    uint32_t reply_serial; /* 0 when absent */
    uint32_t fds;          /* number of file descriptors attached */
    uint32_t body_len;
    struct postern_view path;
    struct postern_view interface;
    struct postern_view member;
    struct postern_view error;
    struct postern_view destination; /* as the sender wrote it; absent in a broadcast */
    struct postern_view signature;
    const void *body; /* body_len bytes; only for driver_call(), else NULL */
};

struct postern_request {
    uint32_t size;
    uint32_t action; /* enum postern_action */
    uint32_t flags;  /* POSTERN_REQUEST_... */
    uint32_t reserved;
    const struct postern_party *from;      /* NULL only with FROM_DRIVER */
    const struct postern_party *to;        /* NULL: the driver (TO_DRIVER), or nobody owns the destination */
    const struct postern_party *addressed; /* RECEIVE: to whom the message really went; NULL: driver or broadcast */
    const struct postern_message *message; /* SEND, RECEIVE */
    struct postern_view name;              /* OWN, ACTIVATE: the bus name */
    /* Since 1.2. ACTIVATE: the label that AssumedAppArmorLabel of the service's file gives; absent: it says nothing. */
    struct postern_view assumed_label;
    /* Since 1.5, and 0 to an older module. SEND: two questions with the same number are about messages of the same `from` that differ at most in
     * flags, serials and body: type, number of descriptors and all texts are the same. The host gives a number once. 0: it does not say. */
    uint64_t kind;
};

/* ---- what is answered ------------------------------------------------------------------------ */

enum postern_door {
    POSTERN_DOOR_NONE = 0, /* no door had an opinion, or the question itself was faulty */
    POSTERN_DOOR_XML = 1,
    POSTERN_DOOR_CONTAINER = 2,
    POSTERN_DOOR_LSM = 3,
};

/* The host calls delivered() for this message once it is queued for `to`. */
#define POSTERN_VERDICT_TELL_DELIVERED 0x01u
/* Since 1.4: neither stamp() nor sender_facts() has anything to add to this message for `to`; the host need not ask them. */
#define POSTERN_VERDICT_PLAIN 0x02u
/* Since 1.4: sender_facts() has nothing to add to this message for `to`. PLAIN is never set without it. */
#define POSTERN_VERDICT_NO_FACTS 0x04u
/* Since 1.5: stamp() would give the path of the instance of `from`, as party_identity() gave it; the host need not ask. Never with PLAIN. */
#define POSTERN_VERDICT_INSTANCE 0x08u

struct postern_verdict {
    uint32_t size;    /* set by the host before the call */
    uint8_t allowed;  /* 1: allowed; 0: denied. Nothing else. */
    uint8_t door;     /* enum postern_door: the door that denied first */
    uint8_t reserved[2];
    uint32_t flags;   /* POSTERN_VERDICT_... */
    uint32_t reserved2;
    /* For a deny: what the sender is told, both valid until the next call into the module. The text tells a
     * contained sender nothing about what exists. */
    const char *error_name;
    const char *error_text;
};

/* How much of a peer or name an observer gets to know; the answers of see(). */
#define POSTERN_SEE_HIDDEN 0   /* answer as if it did not exist */
#define POSTERN_SEE_EXISTS 1   /* it exists, but inspecting it is AccessDenied */
#define POSTERN_SEE_INSPECT 2  /* credentials and the like may be told */

/* ---- who is who ------------------------------------------------------------------------------ */

/* A new connection, straight after accept(). */
struct postern_peer {
    uint32_t size;
    int32_t fd;        /* the connected socket; the module reads its facts now and keeps no copy of the number */
    uint64_t host_id;  /* what the host calls this connection in its own functions; never reused */
    uint64_t listener; /* what listener_add() gave for the listener it came in by; 0: one of the host's own */
};

/* What one connection or container may use at most. UINT64_MAX: no limit. */
struct postern_quota {
    uint64_t connections;
    uint64_t names;           /* well-known names owned or queued for */
    uint64_t matches;         /* match rules */
    uint64_t bytes;           /* queued to and from its connections at a time */
    uint64_t fds;             /* queued to and from its connections at a time */
    uint64_t pending_replies; /* calls of its connections that wait for a reply */
};

enum postern_container_mode {
    POSTERN_MODE_NONE = 0, /* not in a container */
    POSTERN_MODE_RESTRICT = 1,
    POSTERN_MODE_COMPLAIN = 2,
    POSTERN_MODE_IDENTIFY = 3,
};

/* Who the mediator says a party is. The strings live as long as the party. */
struct postern_identity {
    uint32_t size;    /* set by the host before the call */
    uint32_t mode;    /* enum postern_container_mode */
    uint64_t account; /* the container instance's number, never reused; 0: not in a container */
    struct postern_quota quota; /* the sum over all connections of the instance; meaningless without one */
    struct postern_view instance; /* object path of the instance */
    struct postern_view type;
    struct postern_view name;
    struct postern_view source; /* "socket", "selinux", "apparmor" or "cgroup" */
};

/* States of a bus name towards a party, for party_name(). */
#define POSTERN_NAME_GONE 0    /* neither owned nor queued for any more */
#define POSTERN_NAME_QUEUED 1  /* waiting in the queue */
#define POSTERN_NAME_PRIMARY 2 /* the primary owner */

/* ---- what the module may call: the host's table ---------------------------------------------- */

/* Which sort of name account() is asked about. */
#define POSTERN_ACCOUNT_USER 1u
#define POSTERN_ACCOUNT_GROUP 2u

/* A signal of the driver, from /org/freedesktop/DBus. */
struct postern_signal {
    uint32_t size;
    uint32_t body_len;
    uint64_t to;          /* host_id of its one receiver, or 0: broadcast */
    const char *interface;
    const char *member;
    const char *signature;
    const void *body;     /* marshalled in the machine's byte order */
};

/* Called when a watched fd is ready. `events` are poll(2) bits; POLLHUP and POLLERR are always reported. */
typedef void postern_watch_fn(void *fn_data, int32_t fd, uint32_t events);

struct postern_host {
    struct postern_abi abi;
    void *data; /* first argument of every function below */

    /* Writes one line to the host's log. priority: syslog(3) severity, 0 to 7. Never fails. */
    void (*log)(void *data, int32_t priority, const char *text);

    /* Watches fd until watch_remove(). The fd stays the module's. Level-triggered. -ENOMEM, -EBADF, -EPERM. */
    int32_t (*watch_add)(void *data, int32_t fd, uint32_t events, postern_watch_fn *fn, void *fn_data, uint64_t *watch);
    /* Ends a watch; safe from inside its own callback. */
    void (*watch_remove)(void *data, uint64_t watch);

    /* Accepts connections on a listening socket, and hands each to party_new() with *listener set. On success the
     * fd belongs to the host, which closes it in listener_remove(). Never called back before it has returned. */
    int32_t (*listener_add)(void *data, int32_t fd, uint64_t *listener);
    /* Stops accepting and closes the socket. Connections made through it live on. */
    void (*listener_remove)(void *data, uint64_t listener);

    /* Closes a connection soon: not before the current call into the module returns. Unknown ids are ignored. */
    void (*disconnect)(void *data, uint64_t host_id, const char *why);

    /* Queues a signal of the driver, to one connection or, by match rules, to all that may receive it. To one: -ENOTCONN when there is no such
     * connection, -ENOBUFS when it has more than a mebibyte to read already; then nothing was queued. */
    int32_t (*emit)(void *data, const struct postern_signal *signal);

    /* Takes a name away from a connection, with the usual signals, as if it had called ReleaseName. */
    void (*release_name)(void *data, uint64_t host_id, const char *name);

    /* Since 1.1. Like log(), for a log that holds fields beside the text: n keys and their n values, which say the same as the text and more. Keys
     * are made of A-Z, 0-9 and _; they begin with POSTERN_ or are among the well-known ones of systemd.journal-fields(7). */
    void (*log_fields)(void *data, int32_t priority, const char *text, uint32_t n, const char *const *keys, const char *const *values);

    /* Since version 1.1; may be NULL. The number of a user or group (POSTERN_ACCOUNT_...), without blocking: 1 with *id; 0 when there is none;
     * -ESTALE when the host has not looked this name up, because it was not in the files when the host read them: a reload must then fail,
     * and the host will try again; another negative errno when the look-up failed. Without it the module asks the system itself, and
     * only in open(), reload() and services(). */
    int32_t (*account)(void *data, uint32_t kind, const char *name, uint32_t *id);
};

/* ---- what the host may call: the module's table ----------------------------------------------- */

#define POSTERN_OPTION_LOG_ALL 0x1u /* log every verdict, not only denials; at severity 7 (debug) */
#define POSTERN_OPTION_NO_CACHE 0x2u /* since 1.4, older modules do not open with it: decide every question anew, to measure what that costs, or to compare */

/* How to open a mediator. */
struct postern_options {
    uint32_t size;
    uint32_t flags;                   /* POSTERN_OPTION_... */
    const struct postern_host *host; /* must outlive the mediator */
    const char *bus_config;          /* path of the busconfig file, needed */
    const char *mediator_config;     /* path of mediator.conf; NULL: the default places (semantics of the manual) */
};

/* A method call to the driver on an interface of the module (Containers1, Mediator1). */
struct postern_call {
    uint32_t size;
    uint32_t n_fds;
    struct postern_party *caller;
    const struct postern_message *message; /* with its body, already validated */
    const int32_t *fds; /* those attached; they stay the host's: what the module keeps it duplicates */
};

/* The answer to a driver_call() or get_property(); valid until the next call into the module. */
struct postern_reply {
    uint32_t size; /* set by the host before the call */
    uint32_t body_len;
    const char *signature; /* of a successful answer; "" when it has no body */
    const void *body;      /* marshalled in the machine's byte order, 8-aligned start */
    const char *error_name; /* not NULL: an error reply instead */
    const char *error_text;
};

/* One D-Bus interface that the module implements on /org/freedesktop/DBus. */
struct postern_interface {
    uint32_t size;
    uint32_t reserved;
    const char *name;
    const char *introspection; /* an <interface> element */
};

/*
 * Since 1.3. A service that can be activated, and what its service file says to the mediator in the group [X-Postern]: the texts of the keys,
 * unescaped, and the lines they stand in (0: the host does not know). Absent: the file has no such key.
 */
struct postern_activatable {
    uint32_t size;
    uint32_t allow_line;
    uint32_t owner_user_line;
    uint32_t access_control_line;
    struct postern_view name; /* the well-known bus name */
    struct postern_view file; /* path of the service file */
    struct postern_view assumed_label; /* AssumedAppArmorLabel */
    struct postern_view allow;          /* Allow */
    struct postern_view owner_user;     /* OwnerUser */
    struct postern_view access_control; /* AccessControl */
};

/* One entry of the a{sv} of GetConnectionCredentials. `variant` is the marshalled value, of one complete type, with
 * alignment counted from a multiple of 8. */
typedef int32_t postern_credential_fn(void *fn_data, const char *key, const char *signature, const void *value, uint32_t value_len);

struct postern_module {
    struct postern_abi abi;
    const char *name;     /* short, for logs */
    const char *version;

    /* Opens a mediator: reads the configuration, checks the machine. Fails closed: on any error no mediator exists, and
     * fault says why in words that name the file, line and column. */
    int32_t (*open)(const struct postern_options *options, struct postern_mediator **mediator, struct postern_fault *fault);
    /* Frees everything; NULL is allowed. All parties must have been freed before. Removes sockets it made. */
    void (*close)(struct postern_mediator *mediator);
    /* Reads the configuration again. On error what was in force stays in force, whole, and fault says why. */
    int32_t (*reload)(struct postern_mediator *mediator, struct postern_fault *fault);

    /* Identifies a new connection. On error no party exists and the host closes the socket: -EPERM (identity could not be
     * established), -EMFILE (a limit of the container), -ENOMEM. */
    int32_t (*party_new)(struct postern_mediator *mediator, const struct postern_peer *peer, struct postern_party **party);
    /* Tells who it is. */
    int32_t (*party_identity)(const struct postern_party *party, struct postern_identity *identity);
    /* Tells the outcome of authentication; before it, only CONNECT may be asked of the party, after it, never again
     * party_authenticated(). uid is UINT32_MAX for ANONYMOUS. */
    int32_t (*party_authenticated)(struct postern_party *party, uint32_t uid);
    /* Hello succeeded: the unique name, given once. */
    int32_t (*party_hello)(struct postern_party *party, const char *unique_name);
    /* A well-known name changed its state towards the party (POSTERN_NAME_...). Told before anybody hears of it, the loser
     * before the winner. -ENOMEM: the host must refuse the change, when it is a gain. */
    int32_t (*party_name)(struct postern_party *party, const char *name, uint32_t state);
    /* The connection is going: what it owns will be released now; who could see it goes on seeing it until party_free(). */
    void (*party_leave)(struct postern_party *party);
    /* The connection is gone; NULL is allowed. */
    void (*party_free)(struct postern_party *party);

    /* Answers one question of any action but SEE. Returns 0 with *verdict filled, or a negative errno: then it is a deny. */
    int32_t (*mediate)(struct postern_mediator *mediator, const struct postern_request *request, struct postern_verdict *verdict);
    /* May `observer` know of the connection `target` (when not NULL), or of the bus name `name`? When both are given,
     * of target by that name. Answers POSTERN_SEE_..., and HIDDEN on any error. name "org.freedesktop.DBus": the driver. */
    uint32_t (*see)(const struct postern_party *observer, const struct postern_party *target, const char *name);
    /* A unicast message whose verdict carried TELL_DELIVERED was queued for `to`. */
    void (*delivered)(const struct postern_party *from, struct postern_party *to);
    /* Which object path header field 10 (the sender's container instance) carries on messages of `from` (NULL: the driver)
     * that go to `to`; *path is absent when the field must be absent. The path lives as long as `from`. */
    void (*stamp)(const struct postern_party *from, const struct postern_party *to, struct postern_view *path);

    /* The interfaces of the module on /org/freedesktop/DBus; the array and its strings live as long as the module. */
    uint32_t (*interfaces)(const struct postern_interface **list);
    /* Answers a method call on one of them. mediate(SEND, TO_DRIVER) has allowed it before. */
    int32_t (*driver_call)(struct postern_mediator *mediator, const struct postern_call *call, struct postern_reply *reply);
    /* The value of a property of one of them, as signature and marshalled value of one complete type. Properties are
     * read-only. member NULL: all of the interface, as a{sv}. An unknown property: error_name UnknownProperty. */
    int32_t (*get_property)(struct postern_mediator *mediator, const char *interface, const char *member, struct postern_reply *reply);
    /* Calls fn for each entry that the mediator adds to the credentials of `party`; stops when fn returns non-zero. */
    int32_t (*credentials)(const struct postern_party *party, postern_credential_fn *fn, void *fn_data);
    /* The driver's Features entries that the mediator provides, NULL-terminated; lives as long as the module. */
    const char *const *(*features)(void);

    /* Since 1.3; may be NULL. Tells which services can be activated, all of them: list[0..n) takes the place of what was told before. To be called
     * when serving begins, after every reload() and whenever the service files change. What is wrong in a file is logged and gives nothing.
     * -EAGAIN: a user that some file names is not known to the host's account(), as with -ESTALE there: what could be is in force, and the host
     * should look it up and call again. Another error, such as -ENOMEM: all is as before. */
    int32_t (*services)(struct postern_mediator *mediator, const struct postern_activatable *const *list, uint32_t n);
    /* Since 1.3; may be NULL. What header field 250 (type a{sv}: facts about the sender) carries on messages of `from` that go to `to`: the marshalled
     * value in the byte order `order` ('l' or 'B'), as if it began at an offset that is a multiple of 8; absent when the field must be absent.
     * Valid until the next call into the module. Only the host writes this field; what a client puts there never passes. A host that
     * calls this lists org.postern.SenderFacts in its Features. -ENOMEM: the message must not be delivered. */
    int32_t (*sender_facts)(const struct postern_party *from, const struct postern_party *to, uint8_t order, struct postern_view *value);
};

/* The type of the one exported function. It returns the module's table, or NULL if it cannot serve this host version. */
typedef const struct postern_module *postern_module_fn(uint16_t host_major, uint16_t host_minor);

#ifdef __cplusplus
}
#endif

#endif
